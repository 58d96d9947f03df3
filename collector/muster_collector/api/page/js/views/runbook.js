// The runbook of an alert rule: what it means, what to look at first, and what cures it.

import { get } from "../api.js";
import { fill, h, put } from "../dom.js";
import { t } from "../i18n.js";
import { panel } from "../parts/panel.js";
import { path } from "../parts/path.js";

/** Text with `code` and *emphasis*, the only marks that runbooks have. */
const inline = (text) =>
  text.split(/(`[^`]+`|\*[^*]+\*)/).map((part) => {
    if (part.startsWith("`")) return h("code", {}, part.slice(1, -1));
    return part.startsWith("*") && part.length > 2 ? h("em", {}, part.slice(1, -1)) : part;
  });

/** Headings, paragraphs and lists of Markdown as elements. */
function blocks(markdown) {
  const found = [];
  for (const line of markdown.split("\n")) {
    const [, mark, text] = /^(##|-|\d+\.)\s+(.*)/.exec(line) ?? [null, "", line];
    const tag = mark === "-" ? "ul" : "ol";
    if (mark === "##") found.push(h("h2", {}, inline(text)));
    else if (mark && found.at(-1)?.localName === tag) found.at(-1).append(h("li", {}, inline(text)));
    else if (mark) found.push(h(tag, {}, h("li", {}, inline(text))));
    else if (text.trim()) found.push(h("p", {}, inline(text)));
  }
  return found;
}

/** The view of a runbook; see `unitView` for what a view is. */
export function runbookView(name) {
  const heading = h("h1", { tabindex: "-1" }, name);
  const body = h("article", { class: "card runbook", lang: "en" });
  const lost = panel(t("not_found"), t("runbook_none", { name }));
  lost.hidden = true;
  const head = h("div", { class: "heading" }, path({ level: "runbook" }), heading, h("p", { class: "state soft" }, t("runbook")));

  function show(answer) {
    lost.hidden = Boolean(answer);
    body.hidden = !answer;
    if (!answer) return;
    const [, title, rest] = /^# (.*)\n([^]*)/.exec(answer.markdown) ?? [null, name, answer.markdown];
    put(heading, title);
    if (!body.children.length) fill(body, blocks(rest));
  }

  async function load(signal) {
    try {
      return await get(`runbooks/${encodeURIComponent(name)}`, {}, signal);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  return {
    node: h("main", { id: "main" }, head, lost, body),
    heading,
    feeds: [{ load, show }],
    title: () => heading.textContent,
    says: () => "",
    close: () => {},
  };
}
