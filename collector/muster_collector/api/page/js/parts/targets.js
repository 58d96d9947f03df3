// Dated targets: where each stands, at which pace, and whether it will be reached in time.

import { titleOf } from "../card.js";
import { now } from "../clock.js";
import { fill, h } from "../dom.js";
import { chance, day, known, NONE, nameOf, score as figure, signed, withUnit } from "../format.js";
import { t } from "../i18n.js";
import { find } from "../model.js";
import { asker } from "./ask.js";
import { saver } from "./saver.js";
import { statusChip } from "./status.js";
import { table } from "./table.js";

const MONTH = 365.25 / 12; // paces come per day; as boards and reports have them, they are shown per month
const PATIENCE = 300_000; // what rests on days need not be asked for every minute

const figured = (value, row) => (row.unit === "points" ? figure(value) : withUnit(value, row.unit));
const monthly = (pace) => (known(pace) ? signed(pace * MONTH, 1) : NONE);
// What is reached needs no pace.
const needed = (row) => monthly(row.gap > 0 ? row.pace_needed : null);

const place = (row) => (row.level === "imported" ? row.id : nameOf(find(row.level, row.id) ?? { level: row.level, id: row.id }));
const part = (row) => (row.part === "overall" || row.level === "imported" ? null : titleOf(row.part));
const about = (row) => [place(row), part(row)].filter(Boolean).join(" · ");
const named = (row) => Boolean(row.name || row.name_zh);

function nameCell(row) {
  if (!named(row)) return about(row);
  return [h("span", {}, nameOf(row)), h("span", { class: "soft below" }, about(row))];
}

function likelyCell(row) {
  const between = row.earliest && row.latest ? `${day(row.earliest)} – ${day(row.latest)}` : null;
  return [h("span", {}, day(row.likely)), between ? h("span", { class: "soft below" }, between) : null];
}

function chanceCell(row) {
  if (!known(row.probability)) return NONE;
  return h(
    "span",
    { class: "chance" },
    h("span", { class: "gauge", "aria-hidden": "true", vars: { part: 100 * row.probability } }),
    h("span", { class: "figure" }, chance(row.probability)),
  );
}

const columns = () => [
  {
    key: "name",
    label: t("target"),
    value: (row) => (named(row) ? nameOf(row) : about(row)),
    mark: (row) => JSON.stringify([row, about(row)]),
    cell: nameCell,
  },
  { key: "due", label: t("target_due"), value: (row) => row.due, cell: (row) => day(row.due) },
  { key: "score", label: t("target_now"), value: (row) => row.score, cell: (row) => figured(row.score, row), numeric: true },
  { key: "target", label: t("target_wanted"), value: (row) => row.target, cell: (row) => figured(row.target, row), numeric: true },
  {
    key: "pace",
    label: t("target_pace"),
    value: (row) => row.pace_seen,
    cell: (row) => `${monthly(row.pace_seen)} / ${needed(row)}`,
    numeric: true,
    minor: true,
  },
  { key: "likely", label: t("target_likely"), value: (row) => row.likely, cell: likelyCell, minor: true },
  { key: "probability", label: t("target_chance"), value: (row) => row.probability, cell: chanceCell },
  { key: "status", label: t("status"), value: (row) => row.status, cell: (row) => statusChip(row.status) },
];

/** A part of the account of the fleet. */
export function targets() {
  let asked = -Infinity;
  const rows = table({
    caption: t("account_targets"),
    columns: columns(),
    key: (row) => row.key,
    sort: { key: "due", direction: 1 },
    empty: t("targets_none"),
  });
  const save = saver(t("account_targets"), (format) => ({ path: "targets", query: { format }, name: "targets" }));
  const body = h("div", {}, h("div", { class: "bar" }, h("p", { class: "sum" }, t("targets_help")), save.node), rows.node);
  const node = h("div", { class: "targets" }, h("p", { class: "quiet loading" }, t("loading")));
  const ask = asker(node, (answer) => {
    rows.update(answer.rows.map((row, index) => ({ ...row, key: String(index) })));
    save.node.hidden = answer.rows.length === 0;
    if (!node.contains(body)) fill(node, body);
  });

  function open() {
    asked = now();
    ask("targets", {});
  }

  const fresh = () => {
    if (now() - asked > PATIENCE) open();
  };
  return { node, open, fresh };
}
