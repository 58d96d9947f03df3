// A titled card.

import { h } from "../dom.js";

/** A section with a heading, a soft remark beside it (or null), what stands at its end, and content. */
export const panelWith = (title, remark, end, ...content) =>
  h(
    "section",
    { class: "card" },
    h("div", { class: "bar" }, h("h2", {}, title), remark ? h("p", { class: "soft" }, remark) : null, end),
    content,
  );

/** The same with nothing at the end. */
export const panel = (title, remark, ...content) => panelWith(title, remark, null, ...content);
