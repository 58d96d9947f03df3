// A plot over time: uPlot in the page's colours and language, with a legend that can be read aloud.

import { fill, h, put } from "../dom.js";
import { clock, known, NONE } from "../format.js";
import { t } from "../i18n.js";
import { onTheme, token } from "../theme.js";

let loading = null;
// The plots are not needed for the first score: they load behind it. A collector that is gone by then
// gives null; the next data try again.
const library = () =>
  (loading ??= import("../../vendor/uplot/uPlot.esm.js").catch(() => (loading = null)));

const FONT = () => `11px ${getComputedStyle(document.body).fontFamily}`;

// Steps for bytes: whole in KiB, MiB, GiB.
const BINARY = Array.from({ length: 60 }, (_, power) => 2 ** power);

function axes({ tick, size, binary }) {
  const common = {
    stroke: token("ink-3"),
    font: FONT(),
    grid: { stroke: token("plot-grid"), width: 1 },
    ticks: { show: false },
  };
  const times = (_, splits, _axis, _space, step) => splits.map((at) => clock(at * 1000, step < 60));
  return [
    { ...common, values: times, size: 28, space: 76, grid: { show: false } },
    { ...common, values: (_, splits) => splits.map((at) => tick(at)), size, space: 34, gap: 8, incrs: binary ? BINARY : undefined },
  ];
}

function seriesOf(one) {
  const stroke = one.hidden ? "transparent" : token(one.color);
  return {
    label: one.label,
    stroke,
    width: one.hidden ? 0 : 1.75,
    fill: one.area ? `${token(one.color)}22` : undefined,
    points: { show: (u, index) => isolated(u.data[index]), size: 4, fill: stroke },
    spanGaps: false,
  };
}

// A lone sample between gaps has no line, so it gets its dots.
function isolated(values) {
  let alone = values.length < 3;
  for (let i = 0; !alone && i < values.length; i += 1) {
    alone = known(values[i]) && !known(values[i - 1]) && !known(values[i + 1]);
  }
  return alone;
}

/**
 * A plot with `update({times, values})`: ms, and one list per series (null is a gap).
 * `series` are {label, color, area, hidden}; `band` fills between two of them; `format` writes a
 * value, `tick` one on the axis; `heading` is the tag of the title; `bounds(min, max)` gives the axis; `empty` stands there while there is nothing.
 */
export function plot({ title, heading = "h3", series, format, tick, binary, bounds, band, height = 180, axisWidth = 46, empty }) {
  const legend = h("p", { class: "legend" });
  const canvas = h("div", { class: "canvas", role: "img", vars: { height: `${height}px` } });
  const nothing = h("p", { class: "quiet none" }, empty ?? t("plot_none"));
  const shown = series.map((one, index) => ({ ...one, index })).filter((one) => !one.hidden);
  const readings = shown.map(() => h("b", {}, NONE));
  const when = h("time", { class: "at" });
  fill(
    legend,
    shown.map((one, i) =>
      h("span", { class: "key", vars: { swatch: `var(--${one.color})` } }, one.label, " ", readings[i]),
    ),
    when,
  );
  const node = h(
    "figure",
    { class: "plot" },
    h("figcaption", {}, h(heading, {}, title), legend),
    canvas,
    nothing,
  );
  let chart = null;
  let data = null;
  let gone = false;

  function read(index) {
    const at = index ?? newest();
    shown.forEach((one, i) => put(readings[i], format(data.values[one.index][at], true)));
    put(when, index === null || index === undefined ? "" : clock(data.times[at]));
  }

  function newest() {
    for (let i = data.times.length - 1; i >= 0; i -= 1) {
      if (shown.some((one) => known(data.values[one.index][i]))) return i;
    }
    return data.times.length - 1;
  }

  async function draw() {
    const found = await library();
    if (!found || gone || !data?.times.length) return;
    const UPlot = found.default;
    chart?.destroy();
    chart = new UPlot(
      {
        width: canvas.clientWidth || 300,
        height,
        padding: [8, 6, 0, 0],
        cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
        legend: { show: false },
        scales: {
          x: { time: true, range: () => [data.from / 1000, data.to / 1000] },
          y: { range: (_, min, max) => bounds(min, max) },
        },
        axes: axes({ tick: tick ?? format, size: axisWidth, binary }),
        series: [{}, ...series.map(seriesOf)],
        bands: band ? [{ series: [band[0] + 1, band[1] + 1], fill: token("plot-band") }] : [],
        hooks: { setCursor: [(u) => read(u.cursor.idx)] },
      },
      columns(),
      canvas,
    );
  }

  const columns = () => [data.times.map((time) => time / 1000), ...data.values];

  function describe() {
    const last = newest();
    const texts = shown.map((one) => `${one.label} ${format(data.values[one.index][last], true)}`);
    const [from, to] = [clock(data.times[0], false), clock(data.times.at(-1), false)];
    canvas.setAttribute(
      "aria-label",
      t("plot_label", { title, series: texts.join(", "), from, to }),
    );
  }

  function update(next) {
    data = next;
    const some = next.values.some((values) => values.some(known));
    canvas.hidden = !some;
    nothing.hidden = some;
    legend.hidden = !some;
    if (!some) return;
    describe();
    if (chart) chart.setData(columns());
    else draw();
    read(chart?.cursor.idx);
  }

  const sizes = new ResizeObserver(() => {
    if (chart && canvas.clientWidth) chart.setSize({ width: canvas.clientWidth, height });
  });
  sizes.observe(canvas);
  const forget = onTheme(() => chart && draw());
  canvas.hidden = true;
  legend.hidden = true;
  nothing.hidden = true;

  function close() {
    gone = true;
    sizes.disconnect();
    forget();
    chart?.destroy();
  }
  return { node, update, close };
}

/** From 0 to a rounded top, for amounts. */
export const fromZero = (_, max) => [0, max > 0 ? max * 1.12 : 1];

/** 0 to 100, for shares whose whole matters. */
export const whole = () => [0, 100];

/** Around the values, at least `span` high, within 0 to 100. */
export function around(span) {
  return (min, max) => {
    const room = Math.max((max - min) * 0.08, (span - (max - min)) / 2);
    return [Math.max(0, min - room), Math.min(100, max + room)];
  };
}
