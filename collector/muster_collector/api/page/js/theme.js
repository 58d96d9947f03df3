// Light or dark: the system's wish until the visitor chooses.

import { keep, kept } from "./settings.js";

const root = document.documentElement;
const listeners = new Set();

export const theme = () => root.dataset.theme;

function show(next) {
  root.dataset.theme = next;
  for (const listener of listeners) listener();
}

export function toggleTheme() {
  const next = theme() === "dark" ? "light" : "dark";
  keep("theme", next);
  show(next);
}

/** Calls back after a change; returns how to stop. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
  if (!kept("theme")) show(event.matches ? "dark" : "light");
});

/** The value of a colour token now. */
export const token = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
