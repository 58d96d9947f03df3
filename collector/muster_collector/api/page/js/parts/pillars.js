// Pillars on one common scale, and the bar that shows where the points went.

import { titleOf } from "../card.js";
import { h } from "../dom.js";
import { known, lost, score as figure, share } from "../format.js";
import { t } from "../i18n.js";
import { scale, scoreCell } from "./score.js";

const costing = (parts) =>
  parts.filter((part) => known(part.lost) && part.lost > 0).sort((a, b) => b.lost - a.lost);

/** A bar of all points that are missing from 100, divided by what costs them, greatest first. */
function lostBar(parts, total) {
  const segment = (part) =>
    h(
      "li",
      { vars: { share: (100 * part.lost) / total }, title: `${titleOf(part.id)} ${lost(part.lost, 2)}` },
      h("span", { class: "name" }, titleOf(part.id)),
      h("span", { class: "points" }, lost(part.lost, 2)),
    );
  return h("ul", { class: "stack", "aria-label": t("explained") }, parts.map(segment));
}

/** Where the points went, in figures (100 minus the losses is the score) and as a bar. */
export function losses(unit, parts) {
  if (!known(unit.score) || !parts.some((part) => known(part.lost))) return null;
  const total = parts.reduce((sum, part) => sum + (known(part.lost) ? part.lost : 0), 0);
  const sum = t("explained_sum", { lost: figure(total, 2), score: figure(100 - total, 2) });
  const costly = costing(parts);
  return [
    h("p", { class: "sum" }, costly.length ? sum : t("explained_none")),
    costly.length ? lostBar(costly, total) : null,
  ];
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
