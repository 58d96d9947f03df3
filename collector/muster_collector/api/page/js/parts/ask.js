// One request at a time for a part of its own: a newer one gives the older one up.

import { ApiError, get } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";

/** `ask(path, query)`: `show(answer)` or a line in `node` that says what went wrong. */
export function asker(node, show) {
  let running = null;
  return async function ask(path, query) {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    if (!node.children.length) fill(node, h("p", { class: "quiet loading" }, t("loading")));
    try {
      const answer = await get(path, query, mine.signal);
      if (!mine.signal.aborted) show(answer);
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      fill(node, h("p", { class: "quiet" }, t("part_failed", { reason: error.message })));
    }
  };
}
