// What the page knows of the fleet, in its own terms, kept between views so that going from one to
// the next shows something at once. Times are ms of Unix time.

export const LEVELS = ["fleet", "region", "district", "site", "node"];

const model = {
  head: null,
  units: Object.fromEntries(LEVELS.map((level) => [level, new Map()])),
  about: new Map(),
  sites: new Map(),
};

/** Time, window, every (ms), method and pillars of the newest scores; null before there are any. */
export const head = () => model.head;

export const find = (level, id) => model.units[level].get(id) ?? null;

/** A unit with what is known of it as a node: status, last report, simulated. */
const whole = (unit) =>
  unit.level === "node" ? { status: "unknown", ...model.about.get(unit.id), ...unit } : unit;

function ancestors(level, parent) {
  const above = {};
  for (let at = LEVELS.indexOf(level) - 1; at > 0 && parent; at -= 1) {
    above[LEVELS[at]] = parent;
    parent = model.units[LEVELS[at]].get(parent)?.parent;
  }
  return above;
}

/**
 * Takes over `/api/v1/tree`: the levels that it holds replace what was known of them; with `within`
 * ({level: id}) it holds only what lies there.
 */
export function setTree(tree, within = {}) {
  const time = Date.parse(tree.time);
  const { method, pillars, estate } = tree;
  model.head = { time, window: tree.window * 1000, every: tree.every * 1000, method, pillars, estate };
  for (const level of LEVELS.filter((one) => tree[one])) {
    const rows = tree[level].rows.map((row) => ({
      ...row,
      level,
      time,
      ...ancestors(level, row.parent),
      pillars: named(row.pillars),
    }));
    model.units[level] = renewed(model.units[level], rows, within);
  }
}

/** Rows by id; those of other places stay when only one place was asked for. */
function renewed(old, rows, within) {
  const [place] = Object.entries(within);
  const others = place ? [...old.values()].filter((one) => one[place[0]] !== place[1]) : [];
  return new Map([...others, ...rows].map((row) => [row.id, row]));
}

const named = (scores) =>
  scores.map((score, index) => ({ id: model.head.pillars[index].id, score }));

/** Takes over rows of `/api/v1/nodes`, all or a site's: what is known of nodes beside their scores. */
export function setNodes(rows, { site }) {
  model.about = renewed(model.about, rows, site === undefined ? {} : { site });
  model.sites = makeUp();
}

/** By site, how many nodes there are and how many of them are simulated. */
function makeUp() {
  const sites = new Map();
  for (const { site, simulated } of model.about.values()) {
    const one = sites.get(site) ?? { nodes: 0, simulated: 0 };
    one.nodes += 1;
    one.simulated += simulated ? 1 : 0;
    sites.set(site, one);
  }
  return sites;
}

function marked(site) {
  const { nodes, simulated } = model.sites.get(site.id) ?? { nodes: 0, simulated: 0 };
  return { ...site, simulated: nodes > 0 && nodes === simulated };
}

/** How many nodes a unit has, and how many of them are simulated. */
export function madeOf(level, id) {
  const own = level === "site" ? [{ id }] : below(level, id).site;
  const counts = own.map((site) => model.sites.get(site.id)).filter(Boolean);
  const sum = (name) => counts.reduce((total, one) => total + one[name], 0);
  return { nodes: sum("nodes"), simulated: sum("simulated") };
}

function allOf(level) {
  const scored = [...model.units[level].values()].map(whole);
  if (level === "site") return scored.map(marked);
  if (level !== "node") return scored;
  const unscored = [...model.about.values()].filter((row) => !model.units.node.has(row.id));
  return [...scored, ...unscored.map((row) => ({ ...row, ...ancestors("node", row.site) }))];
}

/** What lies below a unit, by level. */
export function below(level, id) {
  const inside = (unit) => level === "fleet" || unit[level] === id;
  const under = LEVELS.slice(LEVELS.indexOf(level) + 1);
  return Object.fromEntries(under.map((one) => [one, allOf(one).filter(inside)]));
}

/** Nodes scored and planned below a unit, from its sites; null while they are not known. */
export function nodesOf(level, id) {
  const own = level === "site" ? [find("site", id)].filter(Boolean) : below(level, id).site;
  if (!own?.length) return null;
  const sum = (name) => own.reduce((total, site) => total + site[name], 0);
  return { scored: sum("scored"), planned: sum("planned") };
}

/** How many nodes are known at all. */
export const nodeCount = () => Math.max(model.about.size, model.units.node.size);
