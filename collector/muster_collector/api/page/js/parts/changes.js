// What moved a score between two times: parts that sum to the change.

import { fill, h } from "../dom.js";
import { known, score as figure, signed } from "../format.js";
import { pick, t } from "../i18n.js";
import { asker } from "./ask.js";

const SPANS = [
  ["now-10m", "back_10m"],
  ["now-1h", "back_1h"],
  ["now-1d", "back_1d"],
  ["now-7d", "back_7d"],
];

function parts(answer) {
  const others = [
    { title: t("coverage_change"), points: answer.coverage },
    { title: t("members_change"), points: answer.members },
  ];
  const own = answer.indicators.map((one) => ({ title: pick(one.title, one.id), points: one.points }));
  return [...own, ...others]
    .filter((one) => Math.abs(one.points) >= 0.005)
    .sort((a, b) => Math.abs(b.points) - Math.abs(a.points));
}

function row(part, most) {
  const side = part.points < 0 ? "fall" : "rise";
  const width = (50 * Math.abs(part.points)) / most;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, part.title),
    h("td", { class: "wide" }, h("span", { class: `swing ${side}`, vars: { part: width } })),
    h("td", { class: "number" }, h("span", { class: "figure" }, signed(part.points, 2))),
  );
}

function shown(answer) {
  if (!known(answer.change)) return h("p", { class: "quiet" }, t("change_none"));
  const { before, after, change } = answer;
  const sum = t("change_sum", {
    before: figure(before, 2),
    after: figure(after, 2),
    change: signed(change, 2),
  });
  const rows = parts(answer);
  return [
    h("p", { class: "sum" }, sum),
    rows.length
      ? h(
          "table",
          { class: "ledger" },
          h("caption", { class: "offscreen" }, t("account_changes")),
          h("tbody", {}, rows.map((part) => row(part, Math.abs(rows[0].points)))),
        )
      : h("p", { class: "quiet" }, t("change_little")),
  ];
}

/** A part of the account. */
export function changes(level, id) {
  let from = "now-10m";
  const body = h("div", {});
  const ask = asker(body, (answer) => fill(body, shown(answer)));
  const buttons = SPANS.map(([span, key]) =>
    h("button", { class: "chip", data: { span }, on: { click: () => choose(span) } }, t(key)),
  );
  const node = h(
    "div",
    {},
    h("div", { class: "chips spaced", role: "group", "aria-label": t("account_changes") }, buttons),
    body,
  );

  function choose(span) {
    from = span;
    open();
  }

  function open() {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.span === from));
    ask("change", { level, id, from });
  }

  return { node, open, fresh: open };
}
