// The head of a level: name, large score, grade, scale, facts, and the trend of the last hour.

import { gradeChip, intervalText, scale, whyOf } from "./score.js";
import { around, plot } from "./plot.js";
import { fill, h } from "../dom.js";
import { clock, count, known, score as figure, share, span } from "../format.js";
import { t } from "../i18n.js";
import { head } from "../model.js";

const fact = (label, value, title) =>
  h("div", {}, h("dt", { title }, label), h("dd", {}, value));

function facts(unit, nodes) {
  const window = head()?.window;
  return h(
    "dl",
    { class: "facts" },
    fact(t("interval"), intervalText(unit), t("interval_help")),
    fact(t("coverage"), share(unit.coverage)),
    nodes
      ? fact(
          t("nodes_scored"),
          t("scored_of", { scored: count(nodes.scored), planned: count(nodes.planned) }),
          t("nodes_scored_help"),
        )
      : null,
    known(unit.time) && known(window)
      ? fact(t("window"), t("window_to", { span: span(window / 1000), time: clock(unit.time) }))
      : null,
  );
}

function figures(unit, nodes) {
  const has = known(unit.score);
  return [
    h(
      "p",
      { class: "big" },
      has
        ? [h("span", { class: "figure" }, figure(unit.score)), gradeChip(unit, true)]
        : h("span", { class: "noscore" }, t("no_score")),
    ),
    has ? null : h("p", { class: "why" }, t("no_score_why", { why: whyOf(unit) })),
    scale(unit, "large"),
    h("span", { class: "ruler", "aria-hidden": "true" }, ["0", "25", "50", "75", "100"].map((x) => h("i", {}, x))),
    facts(unit, nodes),
  ];
}

/** `update(unit, {scored, planned})` for the figures, `trend(series)` for the plot. */
export function hero() {
  const left = h("div", { class: "score" });
  const chart = plot({
    title: t("trend"),
    heading: "h2",
    series: [
      { label: t("low"), color: "plot-1", hidden: true },
      { label: t("high"), color: "plot-1", hidden: true },
      { label: t("score"), color: "plot-1" },
    ],
    band: [1, 0],
    format: (value) => figure(value),
    tick: count,
    bounds: around(10),
    height: 208,
    axisWidth: 40,
    empty: t("trend_empty"),
  });
  const node = h("section", { class: "card hero", "aria-label": t("readiness") }, left, chart.node);
  let said = "";
  function update(unit, nodes) {
    fill(left, figures(unit, nodes));
    said = known(unit.score) ? `${t("score")} ${figure(unit.score)} ${unit.grade ?? ""}` : t("no_score");
  }
  return {
    node,
    update,
    says: () => said,
    trend: chart.update,
    close: chart.close,
  };
}
