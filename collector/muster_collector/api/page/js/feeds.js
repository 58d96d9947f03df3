// What several views load from the API.

import { get } from "./api.js";
import { language } from "./i18n.js";
import { setNodes, setTree } from "./model.js";

/** Answers that are no failure: no scores yet, no such unit, or alerts that another process has. */
export const absent = {
  scores: Symbol("no scores yet"),
  unit: Symbol("no such unit"),
  alerts: Symbol("no alerts here"),
};

/** `orElse` for the given statuses instead of a failure. */
async function unless(promise, outcomes) {
  try {
    return await promise;
  } catch (error) {
    if (error.isApi && error.status in outcomes) return outcomes[error.status];
    throw error;
  }
}

const MOST = 100_000;
const MOST_ALERTS = 500;
const SELDOM = 60_000;
const NONE_YET = { 503: absent.scores };

/** Why a unit's score is what it is. */
export const loadScores = (level, id, signal) =>
  unless(get("explain", { level, id }, signal), { ...NONE_YET, 404: absent.unit });

/** All places above nodes. */
export async function loadPlaces(signal) {
  const query = { levels: "fleet,region,district,site" };
  const tree = await unless(get("tree", query, signal), NONE_YET);
  if (tree !== absent.scores) setTree(tree);
}

/** All nodes, or those of a site: their scores, and what the collector knows of them. */
export async function loadNodes(signal, site) {
  const [tree, nodes] = await Promise.all([
    unless(get("tree", { levels: "node", site, limit: MOST }, signal), NONE_YET),
    get("nodes", { site, limit: MOST }, signal),
  ]);
  if (tree !== absent.scores) setTree(tree, site);
  setNodes(nodes.rows.map(nodeRow), site);
}

/** A node of `/api/v1/nodes` in the page's terms. */
export const nodeRow = (row) => ({
  ...row,
  id: row.node,
  level: "node",
  lastReport: row.last_report === null ? null : Date.parse(row.last_report),
  status: row.state ?? "unknown",
});

let askAgain = -Infinity;

/** What fires in the fleet or at a site; a process without alerts is asked again only seldom. */
export async function loadAlerts(signal, site) {
  if (performance.now() < askAgain) return null;
  const query = { state: "firing", language: language(), site, limit: MOST_ALERTS };
  const answer = await unless(get("alerts", query, signal), { 503: absent.alerts });
  if (answer !== absent.alerts) return answer;
  askAgain = performance.now() + SELDOM;
  return null;
}
