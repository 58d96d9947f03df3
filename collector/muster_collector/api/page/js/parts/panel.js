// A titled card.

import { h } from "../dom.js";

/** A section with a heading, a soft remark beside it (or null), and content. */
export const panel = (title, remark, ...content) =>
  h(
    "section",
    { class: "card" },
    h("div", { class: "bar" }, h("h2", {}, title), remark ? h("p", { class: "soft" }, remark) : null),
    content,
  );
