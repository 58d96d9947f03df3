// What became of the reports: how many ended in what.

import { h } from "../dom.js";
import { count, known, share } from "../format.js";
import { t } from "../i18n.js";

const KINDS = [
  ["stored", "stored"],
  ["duplicate", "duplicate"],
  ["late", "late"],
  ["refused", "refused"],
  ["lost", "lost_reports"],
  ["missing", "missing_reports"],
];
const BAD = new Set(["refused", "lost", "missing"]);

/** The share that is stored, and counts; those that should be zero and are not stand out, with a mark. */
export function totals(numbers) {
  return h(
    "dl",
    { class: "totals" },
    known(numbers.complete) ? h("div", {}, h("dt", {}, t("complete")), h("dd", {}, share(numbers.complete))) : null,
    KINDS.filter(([kind]) => known(numbers[kind])).map(([kind, key]) =>
      h(
        "div",
        { data: { bad: BAD.has(kind) && numbers[kind] > 0 ? "yes" : null } },
        h("dt", {}, t(key)),
        h("dd", {}, count(numbers[kind])),
      ),
    ),
  );
}
