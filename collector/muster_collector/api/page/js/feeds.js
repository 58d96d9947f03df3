// What several views load from the API.

import { get } from "./api.js";
import { setNodes, setTree } from "./model.js";

/** Answers that are no failure: there are no scores yet, or there is no such unit. */
export const absent = { scores: Symbol("no scores yet"), unit: Symbol("no such unit") };

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
  status: statusOf(row),
});

/** What a node does now. Late is half an interval beyond due, silent three intervals. */
function statusOf({ online, every, silent_s: silent, refused }) {
  const patience = 3 * every + 5;
  if (silent === null || silent > patience) return refused > 0 && online ? "refused" : "silent";
  if (!online) return "silent";
  return silent > 1.5 * every + 2 ? "late" : "healthy";
}
