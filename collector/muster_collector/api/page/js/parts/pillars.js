// Pillars on one common scale, and the bar that shows where the points went.

import { titleOf, toneAt } from "../card.js";
import { h } from "../dom.js";
import { known, lost, score as figure, share } from "../format.js";
import { t } from "../i18n.js";
import { scale, scoreCell } from "./score.js";

/** One bar of 100 points: what is kept, then what each part costs, greatest first. */
export function waterfall(unit, parts) {
  if (!known(unit.score)) return null;
  const costly = parts.filter((part) => known(part.lost) && part.lost > 0);
  costly.sort((a, b) => b.lost - a.lost);
  const segment = (label, points, kind, text) =>
    h(
      "li",
      { class: kind, vars: { points }, title: `${label} ${text}` },
      h("span", { class: "name" }, label),
      h("span", { class: "points" }, text),
    );
  return h(
    "ul",
    { class: "stack", data: { tone: toneAt(unit.score) }, "aria-label": t("explained") },
    segment(t("kept"), unit.score, "kept", figure(unit.score)),
    costly.map((part) => segment(titleOf(part.id), part.lost, "cost", lost(part.lost))),
  );
}

/** 100 minus the losses is the score: said in figures. */
export function sumLine(unit, parts) {
  if (!known(unit.score) || !parts.some((part) => known(part.lost))) return null;
  const total = parts.reduce((sum, part) => sum + (known(part.lost) ? part.lost : 0), 0);
  return h(
    "p",
    { class: "sum" },
    t("explained_sum", { lost: figure(total), score: figure(100 - total) }),
  );
}

function pillarRow(pillar) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, titleOf(pillar.id)),
    h("td", { class: "wide" }, scale(pillar, "small")),
    h("td", { class: "number" }, scoreCell(pillar)),
    h("td", { class: "number minor" }, share(pillar.coverage)),
    h("td", { class: "number" }, lost(pillar.lost)),
  );
}

/** The table of pillars. */
export function pillarTable(pillars) {
  if (!pillars.length) return h("p", { class: "quiet" }, t("no_pillars"));
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "ledger" },
      h("caption", { class: "offscreen" }, t("pillars")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, t("pillar")),
          h("th", { scope: "col", class: "wide axis" }, axis()),
          h("th", { scope: "col", class: "number" }, t("score")),
          h("th", { scope: "col", class: "number minor" }, t("coverage")),
          h("th", { scope: "col", class: "number" }, t("lost")),
        ),
      ),
      h("tbody", {}, pillars.map(pillarRow)),
    ),
  );
}

/** The figures 0, 50, 100 above a column of scales. */
export function axis() {
  return h(
    "span",
    { class: "ruler", "aria-label": `${t("interval")} 0 – 100` },
    ["0", "50", "100"].map((text) => h("i", {}, text)),
  );
}
