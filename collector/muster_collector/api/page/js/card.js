// The scorecard in force: what its pillars, indicators and grades are called, and grades' colours.

import { pick } from "./i18n.js";

const titles = new Map();
let bands = [];
let pillars = [];

/** Takes over names that an answer brought along. */
export function setTitles(parts) {
  for (const part of parts) titles.set(part.id, part.title);
}

/** The pillars with their weights, as {id, title, weight}. */
export const weightsOf = () => pillars;

/** Takes over `/api/v1/scorecard`. */
export function setCard(card) {
  pillars = card.levels.filter((level) => !level.parent);
  setTitles([...card.levels, ...card.indicators]);
  bands = [...card.bands].sort((a, b) => b.at_least - a.at_least);
}

export const titleOf = (id) => pick(titles.get(id), id);
export const gradeBands = () => bands;

/** What a grade means, in words. */
export function gradeTitle(grade) {
  const band = bands.find((one) => one.grade === grade);
  return pick(band?.title);
}

/** Which of the five colours a grade has: 1 is the best; "none" where there is none. */
export function toneOf(grade) {
  const place = bands.findIndex((band) => band.grade === grade);
  if (place < 0) return "none";
  return String(1 + Math.round((place * 4) / Math.max(1, bands.length - 1)));
}

/** The colour of the band that a score falls in. */
export function toneAt(score) {
  const band = bands.find((one) => score >= one.at_least);
  return band ? toneOf(band.grade) : "none";
}
