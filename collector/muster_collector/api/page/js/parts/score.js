// A score as people see it: figure, grade, and a scale from 0 to 100 with its interval as a band.

import { gradeBands, gradeTitle, toneAt, toneOf } from "../card.js";
import { h } from "../dom.js";
import { known, range, score as figure } from "../format.js";
import { language, t } from "../i18n.js";

/** The grade's letter on its colour; with `words`, its meaning beside it. */
export function gradeChip(unit, words = false) {
  if (!unit.grade) return null;
  const title = gradeTitle(unit.grade);
  const chip = h("b", { class: "grade", data: { tone: toneOf(unit.grade) }, title }, unit.grade);
  return words && title ? h("span", { class: "graded" }, chip, h("span", {}, title)) : chip;
}

function spoken(unit) {
  const { low, high } = unit;
  if (known(unit.score) && known(low) && known(high)) {
    return t("scale_label", { score: figure(unit.score), low: figure(low), high: figure(high) });
  }
  if (known(unit.score)) return `${t("score")} ${figure(unit.score)}`;
  return known(low) && known(high)
    ? t("scale_none", { low: figure(low), high: figure(high) })
    : t("scale_empty");
}

/** The scale; without a score there is a hatched band and no mark. */
export function scale(unit, size = "") {
  const has = known(unit.score);
  const bounded = known(unit.low) && known(unit.high);
  const tone = unit.grade ? toneOf(unit.grade) : toneAt(unit.score);
  const ticks = gradeBands()
    .filter((band) => band.at_least > 0)
    .map((band) => h("i", { class: "tick", vars: { at: band.at_least } }));
  return h(
    "span",
    { class: `scale ${size}`, role: "img", "aria-label": spoken(unit), data: { tone } },
    size ? ticks : null,
    bounded
      ? h("i", {
          class: has ? "interval" : "interval open",
          vars: { low: unit.low, high: unit.high },
        })
      : null,
    has ? h("i", { class: "mark", vars: { at: unit.score } }) : null,
  );
}

/** Why there is no score, in the chosen language. */
export const whyOf = (unit) => (language() === "zh" && unit.why_zh) || unit.why || t("why_unknown");

/** Figure and grade for a table's cell, or "no score". */
export function scoreCell(unit) {
  if (!known(unit.score)) {
    return h("span", { class: "noscore", title: whyOf(unit) }, t("no_score"));
  }
  return h("span", { class: "figure" }, figure(unit.score));
}

/** The interval as text, for a table's cell or a list of facts. */
export const intervalText = (unit) => range(unit.low, unit.high);
