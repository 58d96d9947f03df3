// Texts in the chosen language, from the one table in strings.js.

import { keep } from "./settings.js";
import { STRINGS } from "./strings.js";

const root = document.documentElement;
const listeners = new Set();

/** "en" or "zh". */
export const language = () => (root.lang.startsWith("zh") ? "zh" : "en");

/** The locale for numbers and dates. */
export const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");

/** The text of a key, with {names} filled in. */
export function t(key, values = {}) {
  const text = STRINGS[key][language() === "zh" ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** A translated text, or the fallback where the table has no such key. */
export const maybe = (key, fallback) => (Object.hasOwn(STRINGS, key) ? t(key) : fallback);

/** Picks from {en, zh}. */
export const pick = (title, fallback = "") => title?.[language()] || title?.en || fallback;

export function setLanguage(next) {
  root.lang = next === "zh" ? "zh-CN" : "en";
  keep("language", next);
  for (const listener of listeners) listener();
}

export const onLanguage = (listener) => listeners.add(listener);
