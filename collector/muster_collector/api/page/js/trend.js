// Scores and samples of the last hour, as columns for a plot.

import { get } from "./api.js";
import { now } from "./clock.js";

const HOUR = 3_600_000;
const LEAST = 120_000;

/** The time axis: the last hour, or since the first sample where that is younger. */
export function axisOf(times) {
  const to = now();
  const first = times[0] ?? to;
  return { from: Math.max(to - HOUR, Math.min(first, to - LEAST)), to };
}

/** Score, low and high of a unit over the last hour. */
export async function hourOf(level, id, signal) {
  const answer = await get("readiness", { level, id, from: "now-1h" }, signal);
  const rows = answer.rows;
  const column = (name) => rows.map((row) => row[name] ?? null);
  const times = rows.map((row) => Date.parse(row.time));
  return { times, values: [column("low"), column("high"), column("score")], ...axisOf(times) };
}
