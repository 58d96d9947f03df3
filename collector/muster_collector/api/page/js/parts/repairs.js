// Which indicators, put right, would lift a score most.

import { fill, h } from "../dom.js";
import { count, score as figure, signed } from "../format.js";
import { pick, t } from "../i18n.js";
import { asker } from "./ask.js";

function row(repair, most) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, pick(repair.title, repair.indicator)),
    h("td", { class: "wide" }, h("span", { class: "gain", vars: { part: (100 * repair.gain) / most } })),
    h("td", { class: "number" }, h("span", { class: "figure" }, signed(repair.gain, 2))),
    h("td", { class: "number" }, figure(repair.score)),
    h("td", { class: "number minor" }, count(repair.nodes)),
  );
}

function listOf(rows) {
  const heads = [
    [t("indicator"), ""],
    ["", "wide"],
    [t("gain"), "number"],
    [t("score_then"), "number"],
    [t("nodes"), "number minor"],
  ];
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "ledger" },
      h("caption", { class: "offscreen" }, t("account_repairs")),
      h("thead", {}, h("tr", {}, heads.map(([text, kind]) => h(text ? "th" : "td", { class: kind }, text)))),
      h("tbody", {}, rows.map((repair) => row(repair, rows[0].gain))),
    ),
  );
}

/** A part of the account. */
export function repairs(level, id) {
  const node = h("div", {});
  const ask = asker(node, (answer) =>
    fill(
      node,
      h("p", { class: "sum" }, t("repairs_help")),
      answer.rows.length ? listOf(answer.rows) : h("p", { class: "quiet" }, t("repairs_none")),
    ),
  );
  const open = () => ask("repairs", { level, id });
  return { node, open, fresh: open };
}
