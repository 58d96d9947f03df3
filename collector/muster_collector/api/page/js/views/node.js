// One node: its score and why, every indicator, live plots, inventory, and what became of its reports.

import { get } from "../api.js";
import { setTitles, titleOf } from "../card.js";
import { now } from "../clock.js";
import { fill, h, put } from "../dom.js";
import { ago, bytes, known, lost, moment, nameOf, share, span, withUnit } from "../format.js";
import { maybe, t } from "../i18n.js";
import { loadAlerts, loadPlaces, nodeRow, ofNode } from "../feeds.js";
import { find } from "../model.js";
import { openAlerts } from "../parts/alerts.js";
import { totals } from "../parts/completeness.js";
import { hero } from "../parts/hero.js";
import { panel } from "../parts/panel.js";
import { path } from "../parts/path.js";
import { account } from "../parts/account.js";
import { axis, losses } from "../parts/pillars.js";
import { scale, scoreCell } from "../parts/score.js";
import { simulatedBadge, statusChip } from "../parts/status.js";
import { machinePlots } from "../parts/machine.js";
import { hourOf } from "../trend.js";

function indicatorRow(one) {
  return h(
    "tr",
    { class: "sub" },
    h("th", { scope: "row", title: one.meaning }, titleOf(one.id)),
    h("td", { class: "number" }, withUnit(one.value, one.unit)),
    h("td", { class: "wide" }, scale(one, "small")),
    h("td", { class: "number" }, scoreCell(one)),
    h("td", { class: "number" }, lost(one.lost, 2)),
  );
}

/** What has no data, in one row: it matters, and it must not bury what has. */
function absentRow(absent) {
  const names = absent.map((one) => titleOf(one.id)).join(" · ");
  return h("tr", { class: "absent" }, h("td", { colspan: 5 }, t("not_measured", { names })));
}

function pillarRows(pillar) {
  const absent = pillar.indicators.filter((one) => !known(one.score) && !known(one.value));
  const measured = pillar.indicators.filter((one) => !absent.includes(one));
  return h(
    "tbody",
    {},
    h(
      "tr",
      { class: "pillar" },
      h("th", { scope: "row" }, titleOf(pillar.id)),
      h("td", { class: "number soft" }, `${t("coverage")} ${share(pillar.coverage)}`),
      h("td", { class: "wide" }, scale(pillar, "small")),
      h("td", { class: "number" }, scoreCell(pillar)),
      h("td", { class: "number" }, lost(pillar.lost, 2)),
    ),
    measured.map(indicatorRow),
    absent.length ? absentRow(absent) : null,
  );
}

function explanation(pillars) {
  const heads = [
    [t("indicator"), ""],
    [t("value"), "number"],
    [axis(), "wide axis"],
    [t("score"), "number"],
    [t("lost"), "number"],
  ];
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "ledger deep" },
      h("caption", { class: "offscreen" }, t("indicators")),
      h("thead", {}, h("tr", {}, heads.map(([text, kind]) => h("th", { scope: "col", class: kind }, text)))),
      pillars.map(pillarRows),
    ),
  );
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (value && typeof value === "object") {
    return Object.entries(value)
      .map(([key, inner]) => `${key} ${plain(inner)}`)
      .join(", ");
  }
  return String(value);
}

function inventoryList(about) {
  const own = [
    [t("agent"), about.agent],
    [t("every"), known(about.every) ? span(about.every) : null],
    [t("first_seen"), about.first_seen ? moment(Date.parse(about.first_seen)) : null],
  ];
  const sent = Object.entries(about.inventory ?? {}).map(([key, value]) => [
    maybe(`inventory_${key}`, key),
    key === "memory" ? bytes(value) : plain(value),
  ]);
  const rows = [...own, ...sent].filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!rows.length) return h("p", { class: "quiet" }, t("inventory_none"));
  return h("dl", { class: "inventory" }, rows.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, value))));
}

/** The view of a node; see `unitView` for what a view is. */
export function nodeView(id) {
  const heading = h("h1", { tabindex: "-1" });
  const trail = h("div", {});
  const state = h("p", { class: "state" });
  const top = hero();
  const why = h("div", {});
  const about = h("div", {});
  const reports = h("div", {});
  const missing = panel(
    t("not_found"),
    t("not_found_more", { level: t("level_node"), id }),
    h("p", {}, t("not_found_node"), " ", h("code", {}, "muster-agent doctor")),
  );
  missing.hidden = true;
  const story = account("node", id, why);
  const machine = machinePlots(id);
  const alerts = openAlerts();
  let shown = null;
  const body = h(
    "div",
    { class: "stacked" },
    top.node,
    alerts.node,
    story.node,
    panel(t("live_plots"), null, machine.node),
    h("div", { class: "pair" }, panel(t("completeness"), t("completeness_help"), reports), panel(t("inventory"), null, about)),
  );
  const node = h("main", { id: "main" }, h("div", { class: "heading" }, trail, heading, state), missing, body);

  function showPath() {
    if (shown) fill(trail, path(find("node", id) ?? { ...find("site", shown.site), ...shown }));
  }

  function show(unit) {
    shown = unit;
    put(heading, nameOf(unit));
    showPath();
    fill(
      state,
      unit.status ? statusChip(unit.status) : null,
      simulatedBadge(unit),
      known(unit.lastReport)
        ? h("span", { class: "soft" }, t("last_report"), " ", h("span", { data: { since: unit.lastReport } }, ago(unit.lastReport, now())))
        : null,
    );
    top.update(unit, null);
  }

  function showNode(answer) {
    missing.hidden = true;
    body.hidden = false;
    const pillars = answer.pillars ?? [];
    setTitles(pillars);
    const indicators = pillars.flatMap((pillar) => pillar.indicators);
    setTitles(indicators);
    machine.reportsEvery(answer.every);
    const unit = { ...nodeRow(answer), time: answer.time && Date.parse(answer.time) };
    show(unit);
    fill(why, losses(unit, indicators), explanation(pillars));
    story.fresh();
    fill(about, inventoryList(answer));
    fill(reports, totals(answer));
    alerts.rename();
  }

  function gone() {
    missing.hidden = false;
    body.hidden = true;
  }

  // Its site is known once the node is: its alerts are asked for then.
  const watch = async (signal) => shown?.site && ofNode(await loadAlerts(signal, { site: shown.site }), id);

  async function load(signal) {
    try {
      return await get(`nodes/${encodeURIComponent(id)}`, {}, signal);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  const feeds = [
    { load, show: (answer) => (answer ? showNode(answer) : gone()) },
    { load: loadPlaces, show: showPath },
    { load: (signal) => hourOf("node", id, signal), show: top.trend },
    { load: watch, show: alerts.update, later: true },
    ...machine.feeds,
  ];
  put(heading, id);
  const knownUnit = find("node", id);
  if (knownUnit) show(knownUnit);
  return {
    node,
    heading,
    feeds,
    title: () => heading.textContent,
    says: top.says,
    close: () => {
      top.close();
      machine.close();
    },
  };
}
