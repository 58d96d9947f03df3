// What a node does now, as a shape with its word: no meaning rests on colour.

import { h } from "../dom.js";
import { maybe, t } from "../i18n.js";

/** Worst first: the order in which tables list them. */
export const STATUSES = ["refused", "silent", "late", "planned", "unknown", "healthy"];

export const statusText = (status) => maybe(`status_${status}`, status);

export const statusChip = (status) =>
  h("span", { class: "status", data: { status } }, statusText(status));

export const simulatedBadge = (unit) =>
  unit.simulated ? h("span", { class: "badge" }, t("simulated")) : null;
