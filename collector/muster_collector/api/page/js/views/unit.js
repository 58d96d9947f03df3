// The fleet, a region, a district or a site: its score, its pillars, and what lies below it.

import { get } from "../api.js";
import { setTitles } from "../card.js";
import { fill, h, put } from "../dom.js";
import { count, nameOf } from "../format.js";
import { t } from "../i18n.js";
import { below, find, head, LEVELS, madeOf, nodesOf } from "../model.js";
import { hero } from "../parts/hero.js";
import { account } from "../parts/account.js";
import { openAlerts } from "../parts/alerts.js";
import { siteMap } from "../parts/map.js";
import { listing } from "../parts/listing.js";
import { panel, panelWith } from "../parts/panel.js";
import { path } from "../parts/path.js";
import { losses, pillarTable } from "../parts/pillars.js";
import { saver } from "../parts/saver.js";
import { totals } from "../parts/completeness.js";
import { waiting } from "../parts/waiting.js";
import { absent, loadAlerts, loadNodes, loadPlaces, loadScores } from "../feeds.js";
import { hourOf } from "../trend.js";

/**
 * A view: `node`, `heading`, `feeds` of {load(signal), show(answer)}, `title()`, `says()` (what a screen
 * reader hears when it changes), `close()`.
 */
export function unitView(level, id) {
  const heading = h("h1", { tabindex: "-1" }, level === "fleet" ? t("fleet") : id);
  const trail = h("div", {});
  const state = h("p", { class: "state soft" });
  const top = hero();
  const ledger = h("div", {});
  const within = level === "fleet" ? {} : { [level]: id };
  const alerts = openAlerts(within.site);
  const why = account(level, id, ledger);
  const list = listing(level);
  const reports = h("div", {});
  const save = saver(t("completeness"), (format) => ({
    path: "completeness",
    query: { ...accounts(), format, limit: 100_000 },
    name: `completeness-${accounts().level}`,
  }));
  const complete = panelWith(t("completeness"), t("completeness_help"), save.node, reports);
  const lost = panel(t("not_found"), t("not_found_more", { level: t(`level_${level}`), id }));
  const first = waiting();
  const loading = h("p", { class: "quiet loading" }, t("loading"));
  const map = siteMap();
  const last = h("div", { class: "pair uneven" }, map.node, complete);
  let scored = null;
  const parts = [top.node, alerts.node, why.node, list.node, last];
  const node = h(
    "main",
    { id: "main" },
    h("div", { class: "heading" }, trail, heading, state),
    loading,
    lost,
    first.node,
    parts,
  );

  /** The accounts that the file has: of a site each node's, above it each site's. */
  function accounts() {
    if (level === "site") return { level: "node", site: id };
    return { level: "site", id: level === "fleet" ? null : below(level, id).site.map((site) => site.id) };
  }

  function only(...shown) {
    for (const part of [lost, first.node, ...parts]) part.hidden = !shown.includes(part);
    loading.hidden = shown.length > 0;
  }

  function showScore(answer) {
    if (answer === absent.unit) {
      only(lost);
      return;
    }
    if (answer === absent.scores || (level === "fleet" && answer.planned === 0)) {
      first.update();
      only(first.node, alerts.node);
      return;
    }
    setTitles(answer.pillars);
    const unit = { ...answer, level, time: Date.parse(answer.time) };
    scored = unit;
    named(unit);
    top.update(unit, nodesOf(level, id));
    fill(ledger, losses(unit, unit.pillars), pillarTable(unit.pillars));
    why.fresh();
    only(...parts);
  }

  function named(unit) {
    put(heading, nameOf(unit));
    fill(trail, path({ ...find(level, id), ...unit }));
    const { nodes, simulated } = madeOf(level, id);
    const badge = (text) => h("span", { class: "badge" }, text);
    fill(
      state,
      nodes ? t(nodes === 1 ? "made_of_one" : "made_of", { nodes: count(nodes) }) : null,
      simulated ? badge(t("made_of_simulated", { n: count(simulated) })) : null,
      level === "fleet" && head()?.estate.example ? badge(t("example")) : null,
    );
  }

  function showList() {
    const under = below(level, id);
    list.update(under);
    alerts.rename();
    if (under.site) map.update(under.site);
    if (scored) top.update(scored, nodesOf(level, id));
    const unit = find(level, id);
    if (unit) named(unit);
  }

  function showReports(sum) {
    fill(reports, totals(sum));
    complete.hidden = false;
  }

  complete.hidden = true;
  only();
  if (head()) showList();
  const feeds = [
    { load: (signal) => loadScores(level, id, signal), show: showScore },
    { load: loadPlaces, show: showList },
    {
      load: (signal) => loadNodes(signal, within),
      show: showList,
      later: true,
      costly: true,
    },
    { load: (signal) => hourOf(level, id, signal), show: top.trend },
  ];
  feeds.push({ load: (signal) => loadAlerts(signal, within), show: alerts.update });
  const sum = (signal) => get("completeness", { level, id, limit: 1 }, signal);
  feeds.push({ load: sum, show: (answer) => showReports(answer.sum), later: true, costly: true });
  return {
    node,
    heading,
    feeds,
    search: list.search,
    title: () => heading.textContent,
    says: top.says,
    close: top.close,
  };
}
