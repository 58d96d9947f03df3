// What several views load from the API.

import { get } from "./api.js";
import { language } from "./i18n.js";
import { head, setNodes, setTree } from "./model.js";

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

// What lists of nodes show beside the scores; a node's own view asks for all.
const OF_NODES = "node,site,state,simulated,last_report";

/** The window and the place whose nodes' scores were loaded last: they do not change within it. */
let scoresOf = null;

/**
 * The nodes of the fleet, or below a region, district or site (`within` is {level: id}): their scores,
 * and what is known of them.
 */
export async function loadNodes(signal, within = {}) {
  const wanted = JSON.stringify([head()?.time, within]);
  const tree =
    wanted === scoresOf
      ? null
      : unless(get("tree", { levels: "node", ...within, limit: MOST }, signal), NONE_YET);
  const nodes = get("nodes", { site: within.site, columns: OF_NODES, limit: MOST }, signal);
  const [scores, known] = await Promise.all([tree, nodes]);
  if (scores && scores !== absent.scores) {
    setTree(scores, within);
    scoresOf = JSON.stringify([head().time, within]);
  }
  setNodes(known.rows.map(nodeRow), within);
}

/** A node of `/api/v1/nodes` in the page's terms. */
export const nodeRow = (row) => ({
  ...row,
  id: row.node,
  level: "node",
  lastReport: row.last_report === null ? null : Date.parse(row.last_report),
  status: row.state ?? "unknown",
});

/** What `/api/v1/alerts` says of a node: its own, and what is wrong with its whole site. */
export function ofNode(answer, node) {
  const rows = answer?.rows.filter((one) => [undefined, node].includes(one.labels.host));
  return answer && { ...answer, rows, total: rows.length };
}

let askAgain = -Infinity;

/** What fires in the fleet or `within` a place; a process without alerts is asked again only seldom. */
export async function loadAlerts(signal, within) {
  if (performance.now() < askAgain) return null;
  const query = { state: "firing", language: language(), ...within, limit: MOST_ALERTS };
  const answer = await unless(get("alerts", query, signal), { 503: absent.alerts });
  if (answer !== absent.alerts) return answer;
  askAgain = performance.now() + SELDOM;
  return null;
}
