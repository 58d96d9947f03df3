// The way down to where one is: fleet, region, district, site.

import { h } from "../dom.js";
import { nameOf } from "../format.js";
import { t } from "../i18n.js";
import { find } from "../model.js";
import { hrefOf } from "../route.js";

/** Links to all levels above a unit; places that nobody assigned are left out. */
export function path(unit) {
  if (unit.level === "fleet") return null;
  const above = ["region", "district", "site"]
    .filter((level) => level !== unit.level && unit[level] && unit[level] !== "unassigned")
    .map((level) => find(level, unit[level]) ?? { level, id: unit[level] });
  const fleet = find("fleet", "fleet") ?? { level: "fleet", id: "fleet" };
  const links = [fleet, ...above].map((one) =>
    h("li", {}, h("a", { href: hrefOf(one.level, one.id) }, nameOf(one))),
  );
  return h("nav", { class: "path", "aria-label": t("path") }, h("ol", {}, links));
}
