// Open alerts, the critical ones first; those that nobody is told of stand last, and say why.

import { fill, h, put, reconcile } from "../dom.js";
import { now } from "../clock.js";
import { ago, clock, count, moment, nameOf } from "../format.js";
import { t } from "../i18n.js";
import { find } from "../model.js";
import { hrefOf } from "../route.js";
import { statusChip } from "./status.js";

const FEW = 5; // more would push the fleet itself off the screen

const hidden = (alert) => Boolean(alert.silenced || alert.inhibited);

function badge(alert) {
  if (alert.inhibited) return h("span", { class: "badge", title: t("alert_inhibited_help") }, t("alert_inhibited"));
  return alert.silenced ? h("span", { class: "badge", title: alert.silenced }, t("alert_silenced")) : null;
}

const siteName = (id) => nameOf(find("site", id) ?? { level: "site", id });

function links(alert, ownSite) {
  const { host } = alert.labels;
  const site = alert.site !== ownSite && alert.site;
  return [
    host ? h("a", { href: hrefOf("node", host) }, host) : null,
    site ? h("a", { href: hrefOf("site", site) }, siteName(site)) : null,
    h("a", { class: "soft", href: hrefOf("runbook", alert.rule), "aria-label": t("runbook_of", { title: alert.title }) }, t("runbook")),
  ];
}

const row = (ownSite) => (alert) => {
  const since = Date.parse(alert.since);
  return h(
    "li",
    { class: hidden(alert) ? "hushed" : "" },
    statusChip(alert.severity),
    h("p", {}, h("span", { class: "says" }, alert.summary), badge(alert)),
    h("span", { class: "where" }, links(alert, ownSite)),
    h("span", { class: "soft since", title: moment(since) }, h("span", { data: { since } }, ago(since, now()))),
  );
};

function sumOf(alerts, total) {
  if (total > alerts.length) return count(total);
  const parts = ["critical", "warning"].map((severity) => {
    const n = alerts.filter((one) => one.severity === severity && !hidden(one)).length;
    return n ? `${count(n)} ${t(`status_${severity}`)}` : null;
  });
  return parts.filter(Boolean).join(" · ");
}

/**
 * A card; `update(answer)` of `/api/v1/alerts`, or null where this process evaluates none; `rename()`
 * when sites have got their names.
 */
export function openAlerts(site) {
  let alerts = [];
  let whole = false;
  const sum = h("p", { class: "soft" });
  const note = h("p", { class: "quiet" });
  const list = h("ul", { class: "alerts" });
  const more = h("button", { class: "switch", on: { click: () => show(!whole) } });
  const card = h("section", { class: "card" }, h("div", { class: "bar" }, h("h2", {}, t("alerts")), sum), note, list, more);
  const node = h("div", { class: "contents" });

  function show(next) {
    whole = next;
    const key = (one) => `${one.rule} ${JSON.stringify(one.labels)}`;
    const mark = (one) => JSON.stringify([one, siteName(one.site)]);
    reconcile(list, whole ? alerts : alerts.slice(0, FEW), key, mark, row(site));
    more.hidden = alerts.length <= FEW;
    more.setAttribute("aria-expanded", String(whole));
    put(more, whole ? t("alerts_few") : t("alerts_all", { n: count(alerts.length) }));
  }

  function update(answer) {
    fill(node, answer ? card : null);
    if (!answer) return;
    alerts = answer.rows.toSorted((a, b) => hidden(a) - hidden(b));
    put(sum, sumOf(alerts, answer.total));
    const evaluated = answer.evaluated && Date.parse(answer.evaluated);
    put(note, evaluated ? t("alerts_none", { time: clock(evaluated) }) : t("alerts_unknown"));
    note.hidden = alerts.length > 0;
    list.hidden = alerts.length === 0;
    show(whole);
  }

  return { node, update, rename: () => show(whole) };
}
