// How it is with a node, an alert or a target, as a shape with its word: no meaning rests on colour.

import { h } from "../dom.js";
import { maybe, t } from "../i18n.js";

/** States of a node by the collector's own rule, worst first; unknown where it does not say. */
export const STATUSES = ["silent", "refused", "late", "unknown", "healthy"];

export const statusText = (status) => maybe(`status_${status.replace(" ", "_")}`, status);

export const statusChip = (status) =>
  h("span", { class: "status", data: { status } }, statusText(status));

export const simulatedBadge = (unit) =>
  unit.simulated ? h("span", { class: "badge" }, t("simulated")) : null;
