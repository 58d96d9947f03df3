// What a score would be if the pillars weighed otherwise: one slider each.

import { weightsOf } from "../card.js";
import { fill, h, put } from "../dom.js";
import { known, score as figure, signed } from "../format.js";
import { pick, t } from "../i18n.js";
import { asker } from "./ask.js";
import { gradeChip, scale } from "./score.js";

const WAIT = 150; // ms after the last move of a slider

function side(label, unit) {
  return h(
    "div",
    { class: "side" },
    h("p", { class: "soft" }, label),
    h(
      "p",
      { class: "big small" },
      h("span", { class: "figure" }, known(unit.score) ? figure(unit.score) : t("no_score")),
      gradeChip(unit, true),
    ),
    scale(unit, "small"),
  );
}

/** A part of the account. */
export function whatIf(level, id) {
  let sliders = [];
  let timer = 0;
  const result = h("div", { class: "sides", "aria-live": "polite" });
  const controls = h("div", { class: "sliders" });
  const node = h("div", {}, h("p", { class: "sum" }, t("whatif_help")), h("div", { class: "whatif" }, controls, result));
  const ask = asker(result, ({ before, after }) => {
    const both = known(before.score) && known(after.score);
    const change = both ? signed(after.score - before.score, 2) : "0";
    fill(result, side(t("whatif_now"), before), side(change === "0" ? t("whatif_then") : `${t("whatif_then")} ${change}`, after));
  });

  const request = () =>
    ask("what-if", { level, id, weight: sliders.map(({ key, input }) => `${key}:${input.value}`) });

  function moved() {
    for (const { input, output } of sliders) put(output, figure(Number(input.value)));
    clearTimeout(timer);
    timer = setTimeout(request, WAIT);
  }

  function slider({ id: key, title, weight }) {
    const top = Math.max(5, Math.ceil(weight * 2));
    const props = { type: "range", min: 0, max: top, step: 0.5, value: weight, id: `weight-${key}` };
    const input = h("input", { ...props, on: { input: moved } });
    const output = h("output", { for: props.id }, figure(weight));
    return { key, input, output, label: h("label", { for: props.id }, pick(title, key)), weight };
  }

  function open() {
    if (!sliders.length) {
      sliders = weightsOf().map(slider);
      const reset = h("button", { class: "switch", on: { click: asBefore } }, t("whatif_reset"));
      fill(controls, sliders.map((one) => [one.label, one.input, one.output]), reset);
    }
    request();
  }

  function asBefore() {
    for (const one of sliders) one.input.value = one.weight;
    moved();
  }

  return { node, open, fresh: request };
}
