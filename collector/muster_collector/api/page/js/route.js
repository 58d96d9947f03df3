// Addresses within the page: #/site/ID, #/node/ID, #/runbook/RULE; none of them is the fleet.

const KINDS = ["region", "district", "site", "node", "runbook"];

export const hrefOf = (level, id) =>
  level === "fleet" ? "#/" : `#/${level}/${encodeURIComponent(id)}`;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % sign: taken as it stands
  }
}

/** The level (or "runbook") and id that an address names. */
export function parse(hash) {
  const [, level, ...rest] = hash.replace(/^#/, "").split("/");
  if (!KINDS.includes(level) || !rest.length) return { level: "fleet", id: "fleet" };
  return { level, id: decoded(rest.join("/")) };
}
