// Sites, nodes and what else lies below a level: tabs, a filter, counts by status, a table.

import { fill, h, put } from "../dom.js";
import { now } from "../clock.js";
import { ago, count, known, nameOf, score as figure, share } from "../format.js";
import { t } from "../i18n.js";
import { find, LEVELS, nodesOf } from "../model.js";
import { hrefOf } from "../route.js";
import { titleOf } from "../card.js";
import { saver } from "./saver.js";
import { gradeChip, scale, scoreCell } from "./score.js";
import { simulatedBadge, statusChip, STATUSES, statusText } from "./status.js";
import { table } from "./table.js";
import { tabs } from "./tabs.js";

function weakest(unit) {
  const scored = (unit.pillars ?? []).filter((pillar) => known(pillar.score) && pillar.score < 100);
  return scored.reduce((worst, one) => (worst && worst.score <= one.score ? worst : one), null);
}

function weakestCell(unit) {
  const worst = weakest(unit);
  return worst ? [titleOf(worst.id), " ", h("span", { class: "soft" }, figure(worst.score))] : null;
}

const worstFirst = (unit) => (known(unit.score) ? unit.score : -1);

const siteName = (unit) => {
  const site = unit.site && find("site", unit.site);
  return site ? nameOf(site) : (unit.site ?? null);
};

const link = (unit) => [
  h("a", { href: hrefOf(unit.level, unit.id) }, nameOf(unit)),
  simulatedBadge(unit),
];

const scoreColumns = () => [
  {
    key: "score",
    label: t("score"),
    value: worstFirst,
    mark: (unit) => `${unit.score} ${unit.why}`,
    cell: scoreCell,
    numeric: true,
  },
  {
    key: "grade",
    label: t("grade"),
    value: (unit) => unit.grade ?? null,
    cell: (unit) => gradeChip(unit),
  },
  {
    key: "interval",
    label: t("interval"),
    value: (unit) => (known(unit.low) && known(unit.high) ? unit.high - unit.low : null),
    mark: (unit) => `${unit.low} ${unit.high} ${unit.score}`,
    cell: (unit) => scale(unit),
    wide: true,
    minor: true,
    first: -1,
  },
  {
    key: "coverage",
    label: t("coverage"),
    value: (unit) => unit.coverage ?? null,
    cell: (unit) => share(unit.coverage),
    numeric: true,
    minor: true,
  },
  {
    key: "weakest",
    label: t("weakest"),
    value: (unit) => weakest(unit)?.score ?? null,
    mark: (unit) => JSON.stringify(weakest(unit)),
    cell: weakestCell,
    minor: true,
  },
];

const nodeColumns = () => [
  { key: "name", label: t("node"), value: nameOf, mark: (u) => `${nameOf(u)} ${u.simulated}`, cell: link },
  {
    key: "status",
    label: t("status"),
    value: (unit) => STATUSES.indexOf(unit.status),
    mark: (unit) => unit.status,
    cell: (unit) => statusChip(unit.status),
  },
  ...scoreColumns(),
  {
    key: "site",
    label: t("site"),
    value: siteName,
    cell: (unit) => (unit.site ? h("a", { href: hrefOf("site", unit.site) }, siteName(unit)) : null),
    minor: true,
  },
  {
    key: "report",
    label: t("last_report"),
    value: (unit) => unit.lastReport ?? null,
    cell: (unit) => h("span", { data: { since: unit.lastReport } }, ago(unit.lastReport, now())),
    numeric: true,
    minor: true,
  },
];

function nodesCell(unit) {
  const nodes = nodesOf(unit.level, unit.id);
  return nodes && t("scored_of", { scored: count(nodes.scored), planned: count(nodes.planned) });
}

const placeColumns = (level) => [
  { key: "name", label: t(level), value: nameOf, mark: (u) => `${nameOf(u)} ${u.simulated}`, cell: link },
  ...scoreColumns(),
  {
    key: "scored",
    label: t("nodes_scored"),
    value: (unit) => nodesOf(unit.level, unit.id)?.scored ?? null,
    mark: (unit) => JSON.stringify(nodesOf(unit.level, unit.id)),
    cell: nodesCell,
    numeric: true,
    minor: true,
  },
  {
    key: "worst",
    label: t("worst"),
    value: (unit) => unit.worst ?? null,
    cell: (unit) => scoreCell({ score: unit.worst }),
    numeric: true,
    minor: true,
  },
];

// As many ids as one request may name.
const within = (amount) => amount > 0 && amount <= 200;

const TITLES = { region: "regions", district: "districts", site: "sites", node: "nodes" };

/** Tabs over the levels below one; `update({region: [...], ..., node: [...]})`. */
export function listing(above) {
  const levels = LEVELS.slice(LEVELS.indexOf(above) + 1);
  const whole = above === "fleet";
  let picked = null;
  let chosen = null;
  let units = {};
  let status = null;
  let wanted = "";
  const tables = new Map(
    levels.map((level) => [
      level,
      table({
        caption: t(TITLES[level]),
        columns: (level === "node" ? nodeColumns() : placeColumns(level)).filter((one) => one.key !== above),
        key: (unit) => unit.id,
        sort: { key: "score", direction: 1 },
        empty: t("rows_empty"),
      }),
    ]),
  );
  const items = levels.map((level) => ({ id: level, label: t(TITLES[level]) }));
  const bar = tabs(t("below"), items, pickTab);
  const search = h("input", {
    type: "search",
    class: "search",
    placeholder: t("filter"),
    "aria-label": t("filter"),
    title: t("filter_hint"),
    on: { input: () => filtered(search.value) },
  });
  const chips = h("div", { class: "chips", role: "group", "aria-label": t("status") });
  const save = saver(t("readiness"), (format) => ({
    path: "readiness",
    query: { level: chosen, id: whole ? null : ids(), format, limit: 100_000 },
    name: `readiness-${chosen}`,
  }));
  const node = h(
    "section",
    { class: "card listing" },
    h("div", { class: "bar" }, bar.list, chips, search, save.node),
    bar.panel,
  );

  const ids = () => units[chosen].map((unit) => unit.id);

  function pickTab(level) {
    picked = level;
    choose(level);
  }

  function choose(level) {
    chosen = level;
    bar.choose(level);
    fill(bar.panel, tables.get(level).node);
    show();
  }

  function filtered(text) {
    wanted = text.trim().toLowerCase();
    tables.get(chosen).first();
    show();
  }

  function byStatus(next) {
    status = status === next && chosen === "node" ? null : next;
    tables.get("node").first();
    pickTab("node");
  }

  const matches = (unit) =>
    (!wanted || `${nameOf(unit)} ${unit.id} ${unit.site ?? ""}`.toLowerCase().includes(wanted)) &&
    (chosen !== "node" || !status || unit.status === status);

  function showChips() {
    const counts = new Map();
    for (const unit of units.node ?? []) counts.set(unit.status, (counts.get(unit.status) ?? 0) + 1);
    const present = STATUSES.filter((one) => counts.has(one));
    if (chips.children.length !== present.length || chips.dataset.of !== present.join()) {
      chips.dataset.of = present.join();
      fill(chips, present.map((one) => chip(one)));
    }
    for (const button of chips.children) {
      put(button.lastElementChild, count(counts.get(button.dataset.status)));
      button.setAttribute("aria-pressed", String(chosen === "node" && button.dataset.status === status));
    }
    chips.hidden = !present.length;
  }

  function chip(one) {
    const props = { class: "chip status", data: { status: one }, on: { click: () => byStatus(one) } };
    return h("button", props, statusText(one), " ", h("b", {}));
  }

  function show() {
    if (!chosen) return;
    save.node.hidden = !whole && !within(units[chosen]?.length ?? 0);
    showChips();
    const all = units[chosen] ?? [];
    tables.get(chosen).update(all.filter(matches), t(all.length ? "rows_none" : "rows_empty"));
  }

  // Of places, only those that somebody assigned or that hold something are worth a tab.
  const worthwhile = (level) =>
    level === "node" || (units[level] ?? []).some((unit) => unit.id !== "unassigned");

  function update(next) {
    units = next;
    for (const level of levels) {
      bar.amount(level, count(next[level]?.length ?? 0));
      bar.hide(level, !worthwhile(level));
    }
    const open = bar.open();
    const wish = picked ?? ((next.site?.length ?? 0) > 1 ? "site" : "node");
    const level = open.includes(wish) ? wish : open.at(-1);
    if (level === chosen) show();
    else choose(level);
  }

  return { node, update, search };
}
