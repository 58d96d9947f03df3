// Numbers, times and names as people read them. What is not known is an en dash, never a zero.

import { language, locale, t } from "./i18n.js";

export const NONE = "–";
export const known = (value) => typeof value === "number" && Number.isFinite(value);

const formats = new Map();

function number(value, digits) {
  const key = `${locale()} ${digits}`;
  if (!formats.has(key)) {
    formats.set(
      key,
      new Intl.NumberFormat(locale(), {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }),
    );
  }
  return formats.get(key).format(value);
}

export const count = (value) => (known(value) ? number(value, 0) : NONE);
export const score = (value, digits = 1) => (known(value) ? number(value, digits) : NONE);

/** With its sign, a true minus; what rounds to nothing is 0. */
export function signed(value, digits) {
  if (!known(value)) return NONE;
  const text = number(Math.abs(value), digits);
  return Number(Math.abs(value).toFixed(digits)) === 0 ? "0" : `${value < 0 ? "−" : "+"}${text}`;
}

/** Points lost, always with a minus before what is lost: exact zero is "0". */
export function lost(value, digits = 1) {
  if (!known(value)) return NONE;
  if (value === 0) return "0";
  if (Math.abs(value) < 0.005) return "≈ 0";
  const shown = Math.abs(value) < 0.5 * 10 ** -digits ? Math.max(digits + 1, 2) : digits;
  return `${value > 0 ? "−" : "+"}${number(Math.abs(value), shown)}`;
}

/** A share of 1 as a percentage, rounded down: only all of it is 100 %. */
export function share(value) {
  if (!known(value)) return NONE;
  const tenths = Math.floor(value * 1000 + 1e-9) / 10;
  return `${number(tenths, Number.isInteger(tenths) ? 0 : 1)} %`;
}

/** A probability as a percentage: only the impossible has 0 %, only the certain 100 %. */
export function chance(value) {
  if (value > 0 && value < 0.001) return `< ${share(0.001)}`;
  return value > 0.999 && value < 1 ? `> ${share(0.999)}` : share(value);
}

export const range = (low, high) =>
  known(low) && known(high) ? `${score(low)} – ${score(high)}` : NONE;

/** Three digits that count; what is whole (a count) has no decimals. */
function significant(value, digits = 3) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(digits - 1);
  if (Number.isInteger(value)) return number(value, 0);
  const decimals = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return number(value, decimals);
}

const STEPS = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];

/** Bytes in binary steps; `suffix` is "B" or "B/s". */
export function bytes(value, suffix = "B") {
  if (!known(value)) return NONE;
  let step = 0;
  let amount = value;
  while (Math.abs(amount) >= 1024 && step < STEPS.length - 1) {
    amount /= 1024;
    step += 1;
  }
  return `${step ? significant(amount) : number(amount, 0)} ${STEPS[step]}${suffix}`;
}

const UNIT_NAMES = { percent: "%", Cel: "°C", "1/s": "/s", "1/h": "/h" };

/** A value with its unit. */
export function withUnit(value, unit) {
  if (!known(value)) return NONE;
  if (unit === "bytes" || unit === "B") return bytes(value);
  if (unit === "bytes/s" || unit === "B/s") return bytes(value, "B/s");
  if (unit === "s" && value >= 120) return span(value);
  if (unit === "d") return span(value * 86400);
  if (unit === "1" || !unit) return significant(value);
  return `${significant(value)} ${UNIT_NAMES[unit] ?? unit}`;
}

export const percent = (value) => (known(value) ? `${number(value, 1)} %` : NONE);

const SPANS = [
  [86400, "days"],
  [3600, "hours"],
  [60, "minutes"],
];

/** A span of seconds in its greatest whole unit. */
export function span(seconds) {
  if (!known(seconds)) return NONE;
  for (const [size, key] of SPANS) {
    if (seconds >= size) return t(`span_${key}`, { n: count(Math.floor(seconds / size)) });
  }
  return t("span_seconds", { n: count(Math.max(0, Math.floor(seconds))) });
}

export const ago = (time, now) =>
  known(time) ? t("ago", { span: span((now - time) / 1000) }) : NONE;

/** Clock time of the visitor's zone, 24 hours. */
export function clock(time, seconds = true) {
  if (!known(time)) return NONE;
  const options = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (seconds) options.second = "2-digit";
  return new Date(time).toLocaleTimeString(locale(), options);
}

/** A calendar day as it is written, such as a due date: the same in every zone. */
export function day(text) {
  if (!text) return NONE;
  const options = { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" };
  return new Date(`${text}T00:00:00Z`).toLocaleDateString(locale(), options);
}

/** Date and clock time. */
export const moment = (time) =>
  known(time)
    ? new Date(time).toLocaleString(locale(), {
        year: "numeric",
        month: "short",
        day: "numeric",
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
        hour12: false,
      })
    : NONE;

/** What a unit is called in the chosen language; its id where it has no name. */
export function nameOf(unit) {
  const own = language() === "zh" ? unit.name_zh || unit.name : unit.name || unit.name_zh;
  if (own) return own;
  return unit.level === "fleet" ? t("fleet") : unit.id === "unassigned" ? t("unassigned") : unit.id;
}
