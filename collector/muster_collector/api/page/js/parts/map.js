// Sites where they stand: a map without outside tiles, in true proportion, each with its grade.

import { gradeTitle, toneOf } from "../card.js";
import { fill, h, s } from "../dom.js";
import { known, nameOf, score as figure } from "../format.js";
import { t } from "../i18n.js";
import { hrefOf } from "../route.js";

// The drawing is scaled to its place: a narrow one is drawn narrow, so that names stay readable.
const NARROW = matchMedia("(max-width: 640px)");
const HEIGHT = 330;
const EDGE = 46;
const NAMED = 40; // more names than this would only cover each other

/** Degrees to places in the drawing: equirectangular about the middle latitude. */
function projection(sites, width) {
  const lats = sites.map((site) => site.lat);
  const lons = sites.map((site) => site.lon);
  const [south, north] = [Math.min(...lats), Math.max(...lats)];
  const [west, east] = [Math.min(...lons), Math.max(...lons)];
  const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const [wide, high] = [Math.max((east - west) * squeeze, 1e-3), Math.max(north - south, 1e-3)];
  const size = Math.min((width - 2 * EDGE) / wide, (HEIGHT - 2 * EDGE) / high);
  return (site) => ({
    x: width / 2 + (site.lon - (west + east) / 2) * squeeze * size,
    y: HEIGHT / 2 - (site.lat - (south + north) / 2) * size,
  });
}

// The name as it stands in the drawing comes first: who speaks to the page says what is seen.
function spoken(site) {
  const score = known(site.score) ? `${site.grade} ${figure(site.score)}` : `– ${t("no_score")}`;
  return `${nameOf(site)} ${score} ${gradeTitle(site.grade)}`.trim();
}

/** On which side of its place a name can stand without covering another place; null for neither. */
function sideOf(site, places, drawn) {
  const own = places.get(site);
  const width = 22 + 8 * [...short(nameOf(site))].length;
  const free = (sign) =>
    [...places.values()].every(({ x, y }) => {
      const along = sign * (x - own.x);
      return Math.abs(y - own.y) > 17 || along <= 0 || along > width;
    });
  return free(1) && own.x + width < drawn ? 1 : free(-1) && own.x > width ? -1 : null;
}

function mark(site, { x, y }, side, radius) {
  const own = { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` };
  const shape = known(site.score)
    ? s("circle", { r: radius })
    : s("circle", { r: radius - 1, class: "hollow" });
  return s(
    "a",
    { href: hrefOf("site", site.id), "aria-label": spoken(site) },
    s("title", {}, spoken(site)),
    s(
      "g",
      { ...own, class: "place", data: { tone: known(site.score) ? toneOf(site.grade) : "none" } },
      shape,
      side
        ? s("text", { class: side < 0 ? "label left" : "label", x: 16 * side, dy: "0.34em" }, short(nameOf(site)))
        : null,
      " ",
      s("text", { class: "letter", dy: "0.36em" }, site.grade || "–"),
    ),
  );
}

const short = (name) => ([...name].length > 18 ? `${[...name].slice(0, 17).join("")}…` : name);

/** `update(sites)`; hidden while no site has coordinates. */
export function siteMap() {
  const drawing = s("svg", { class: "map", role: "group", "aria-label": t("map") });
  const node = h("section", { class: "card" }, h("div", { class: "bar" }, h("h2", {}, t("map"))), drawing);
  function update(sites) {
    const placed = sites.filter((site) => known(site.lat) && known(site.lon));
    node.hidden = placed.length < 2;
    if (node.hidden || drawing.contains(document.activeElement)) return;
    const width = NARROW.matches ? 360 : 720;
    drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const at = projection(placed, width);
    const places = new Map(placed.map((site) => [site, at(site)]));
    const side = (site) => (placed.length <= NAMED ? sideOf(site, places, width) : null);
    drawing.classList.toggle("crowded", placed.length > NAMED);
    const radius = placed.length > NAMED ? 8 : 11;
    // The worst are drawn last, so that they lie on top.
    const order = placed.toSorted((a, b) => (b.score ?? -1) - (a.score ?? -1));
    fill(drawing, order.map((site) => mark(site, places.get(site), side(site), radius)));
  }
  node.hidden = true;
  return { node, update };
}
