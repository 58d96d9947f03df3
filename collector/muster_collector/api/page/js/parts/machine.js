// What the machine itself did in the last hour: CPU, memory, network, disk.

import { get } from "../api.js";
import { h } from "../dom.js";
import { bytes, count, percent } from "../format.js";
import { t } from "../i18n.js";
import { axisOf } from "../trend.js";
import { fromZero, plot, whole } from "./plot.js";

const rate = (value) => bytes(value, "B/s");

// Each line: what it reads, which series of the node it keeps and adds up, its colour and label.
const PLOTS = [
  {
    title: "plot_cpu",
    format: percent,
    bounds: whole,
    lines: [
      { of: ["cpu", "usage_idle", "mean"], where: "cpu=cpu-total", turn: (x) => 100 - x, color: "plot-1", label: "cpu_used", area: true },
      { of: ["cpu", "usage_iowait", "mean"], where: "cpu=cpu-total", color: "plot-2", label: "cpu_iowait" },
    ],
  },
  {
    title: "plot_memory",
    format: percent,
    bounds: whole,
    lines: [
      { of: ["mem", "available_percent", "mean"], turn: (x) => 100 - x, color: "plot-1", label: "memory_used", area: true },
      { of: ["swap", "used_percent", "mean"], color: "plot-2", label: "swap_used" },
    ],
  },
  {
    title: "plot_network",
    format: rate,
    bounds: fromZero,
    lines: [
      { of: ["net", "bytes_recv", "rate"], by: "interface", color: "plot-1", label: "net_in", area: true },
      { of: ["net", "bytes_sent", "rate"], by: "interface", color: "plot-2", label: "net_out" },
    ],
  },
  {
    title: "plot_disk",
    format: rate,
    bounds: fromZero,
    lines: [
      { of: ["diskio", "read_bytes", "rate"], by: "name", color: "plot-1", label: "disk_read", area: true },
      { of: ["diskio", "write_bytes", "rate"], by: "name", color: "plot-2", label: "disk_write" },
    ],
  },
];

// Layers upon other devices, and partitions of one that is there itself, would count twice.
const LAYER = /^(lo$|veth|docker|br-|virbr|dm-|md|loop|ram|zram|all$)/;
const partOf = (name, whole) => /^p?\d+$/.test(name.slice(whole.length)) && name.startsWith(whole);

function wholes(names) {
  return names.filter(
    (name) => !LAYER.test(name) && !names.some((other) => other !== name && partOf(name, other)),
  );
}

/** Time to value of one line; series that `by` tells apart are added up. */
async function line({ of: [measurement, field, statistic], where, by, turn }, node, bucket, signal) {
  const every = `${bucket}s`;
  const query = { measurement, field, statistic, node, where, by, from: "now-1h", every };
  const { rows } = await get("series", query, signal);
  const kept = by ? new Set(wholes([...new Set(rows.map((row) => row[by]))])) : null;
  const points = new Map();
  for (const row of rows) {
    if (row.value === null || (kept && !kept.has(row[by]))) continue;
    const time = Date.parse(row.time);
    points.set(time, (points.get(time) ?? 0) + (turn ? turn(row.value) : row.value));
  }
  return points;
}

/** Columns on one time axis for lines whose buckets may differ; a missing bucket is a gap. */
function together(lines, bucket) {
  const seen = new Set(lines.flatMap((points) => [...points.keys()]));
  const times = withGaps([...seen].sort((a, b) => a - b), bucket * 1000);
  const values = lines.map((points) => times.map((time) => points.get(time) ?? null));
  return { times, values, ...axisOf(times) };
}

/** A time within every gap of more than two buckets, so that no line is drawn across it. */
const withGaps = (times, bucket) =>
  times.flatMap((time, i) =>
    i && time - times[i - 1] > 2.5 * bucket ? [time - bucket, time] : [time],
  );

/** The four plots of a node and the feeds that fill them. */
export function machinePlots(node) {
  let bucket = 10;
  const plots = PLOTS.map((spec) => ({
    spec,
    chart: plot({
      title: t(spec.title),
      format: spec.format,
      bounds: spec.bounds,
      tick: spec.format === percent ? (value) => `${count(value)} %` : rate,
      binary: spec.format === rate,
      axisWidth: spec.format === rate ? 74 : 50,
      series: spec.lines.map(({ color, label, area }) => ({ color, area, label: t(label) })),
    }),
  }));
  return {
    node: h("div", { class: "plots" }, plots.map((one) => one.chart.node)),
    feeds: plots.map(({ spec, chart }) => ({
      load: (signal) => Promise.all(spec.lines.map((one) => line(one, node, bucket, signal))),
      show: (lines) => chart.update(together(lines, bucket)),
      later: true,
    })),
    // A rate needs at least two samples in a bucket: four intervals leave room for a late one.
    reportsEvery: (seconds) => (bucket = Math.max(10, Math.ceil(seconds * 4))),
    close: () => plots.forEach((one) => one.chart.close()),
  };
}
