// Scores and samples of the last hour, as columns for a plot.

import { get } from "./api.js";
import { now } from "./clock.js";

const HOUR = 3_600_000;

/** Score, low and high of a unit over the last hour. */
export async function hourOf(level, id, signal) {
  const answer = await get("readiness", { level, id, from: "now-1h" }, signal);
  const rows = answer.rows;
  const column = (name) => rows.map((row) => row[name] ?? null);
  const to = now();
  return {
    times: rows.map((row) => Date.parse(row.time)),
    values: [column("low"), column("high"), column("score")],
    from: to - HOUR,
    to,
  };
}
