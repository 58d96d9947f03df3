// The account of a score: where its points went, what would help, what changed it, and what if the
// pillars weighed otherwise; of the fleet also its targets. Only what is open is asked for.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { changes } from "./changes.js";
import { repairs } from "./repairs.js";
import { tabs } from "./tabs.js";
import { targets } from "./targets.js";
import { whatIf } from "./whatif.js";

/** `why` is the node of the first tab; `fresh()` says that there are newer scores. */
export function account(level, id, why) {
  const parts = {
    why: { node: why, open: () => {}, fresh: () => {} },
    repairs: repairs(level, id),
    changes: changes(level, id),
    whatif: whatIf(level, id),
    ...(level === "fleet" ? { targets: targets() } : {}),
  };
  const items = Object.keys(parts).map((key) => ({ id: key, label: t(`account_${key}`) }));
  const bar = tabs(t("explained"), items, pick);
  let chosen = "why";

  function pick(next) {
    chosen = next;
    bar.choose(next);
    fill(bar.panel, parts[next].node);
    parts[next].open();
  }

  pick("why");
  const node = h("section", { class: "card" }, h("div", { class: "bar" }, bar.list), bar.panel);
  return { node, fresh: () => parts[chosen].fresh() };
}
