// The first minute: what is happening while there is no score yet.

import { fill, h } from "../dom.js";
import { count } from "../format.js";
import { t } from "../i18n.js";
import { nodeCount } from "../model.js";

/** A card whose `update()` says how far it has come. */
export function waiting() {
  const steps = h("dl", { class: "steps" });
  const node = h(
    "section",
    { class: "card waiting" },
    h("h2", {}, t("waiting")),
    h("p", {}, t("waiting_more")),
    steps,
    h("p", { class: "soft" }, t("waiting_help"), " ", h("code", {}, "muster-agent doctor")),
  );
  const step = (label, value, done) =>
    h("div", { data: { done: done ? "yes" : "no" } }, h("dt", {}, label), h("dd", {}, value));
  function update() {
    const nodes = nodeCount();
    fill(
      steps,
      step(t("waiting_collector"), t("yes"), true),
      step(t("waiting_nodes"), count(nodes), nodes > 0),
      step(t("waiting_score"), t("waiting_score_no"), false),
    );
  }
  return { node, update };
}
