// A table that sorts and pages, so that ten thousand rows stay quick, and keeps focus on updates.

import { fill, h, put, reconcile } from "../dom.js";
import { count } from "../format.js";
import { t } from "../i18n.js";

const PAGE = 25; // so that what stands below a table is not out of reach

function compare(a, b) {
  const [none, other] = [a === null || a === undefined, b === null || b === undefined];
  if (none || other) return none - other;
  return typeof a === "string" ? a.localeCompare(b) : a - b;
}

/**
 * `columns`: {key, label, value(row) to sort by, cell(row) to show, numeric, minor, first: -1 when
 * the first click sorts downwards}. `key(row)` names a row. `sort` is {key, direction}.
 * What has no value to sort by stands last in either direction.
 */
export function table({ caption, columns, key, sort, empty }) {
  let rows = [];
  let page = 0;
  let order = { ...sort };
  const body = h("tbody");
  const heads = columns.map((column) => head(column));
  const note = h("p", { class: "quiet none" });
  const place = h("span", { class: "place" });
  const back = h("button", { class: "switch", on: { click: () => turn(-1) } }, t("previous"));
  const forth = h("button", { class: "switch", on: { click: () => turn(1) } }, t("next"));
  const pager = h("nav", { class: "pager", "aria-label": caption }, place, back, forth);
  const grid = h(
    "table",
    { class: "grid" },
    h("caption", { class: "offscreen" }, caption),
    h("thead", {}, h("tr", {}, heads.map((one) => one.cell))),
    body,
  );
  const node = h("div", { class: "tabled" }, h("div", { class: "scroll" }, grid), note, pager);

  function head(column) {
    const button = h("button", { on: { click: () => by(column) } }, column.label);
    const classes = [column.numeric && "number", column.minor && "minor", column.wide && "wide"];
    const cell = h("th", { scope: "col", class: classes.filter(Boolean).join(" ") }, button);
    return { column, cell };
  }

  function by(column) {
    const again = order.key === column.key;
    order = { key: column.key, direction: again ? -order.direction : (column.first ?? 1) };
    page = 0;
    show();
  }

  function turn(step) {
    page += step;
    show();
  }

  function sorted() {
    const column = columns.find((one) => one.key === order.key);
    const decorated = rows.map((row) => [column.value(row), row]);
    const blank = (value) => value === null || value === undefined;
    decorated.sort(([a, x], [b, y]) => {
      const apart = blank(a) || blank(b) ? compare(a, b) : order.direction * compare(a, b);
      return apart || compare(key(x), key(y));
    });
    return decorated.map(([, row]) => row);
  }

  function line(row) {
    return h(
      "tr",
      {},
      columns.map((column, index) => {
        const classes = [column.numeric && "number", column.minor && "minor", column.wide && "wide"];
        const props = { class: classes.filter(Boolean).join(" ") };
        return index === 0
          ? h("th", { scope: "row", ...props }, column.cell(row))
          : h("td", props, column.cell(row));
      }),
    );
  }

  const mark = (row) => columns.map((column) => column.mark?.(row) ?? column.value(row)).join("\t");

  function show() {
    const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1);
    page = Math.min(Math.max(0, page), last);
    const part = sorted().slice(page * PAGE, (page + 1) * PAGE);
    reconcile(body, part, key, mark, line);
    for (const { column, cell } of heads) {
      const direction = order.direction > 0 ? "ascending" : "descending";
      if (column.key === order.key) cell.setAttribute("aria-sort", direction);
      else cell.removeAttribute("aria-sort");
    }
    pager.hidden = rows.length <= PAGE;
    const from = page * PAGE + 1;
    const [first, to] = [count(from), count(from + part.length - 1)];
    put(place, t("rows_of", { from: first, to, all: count(rows.length) }));
    back.disabled = page === 0;
    forth.disabled = page === last;
    grid.hidden = rows.length === 0;
    note.hidden = rows.length > 0;
  }

  /** Shows these rows; `none` says why there are none. */
  function update(next, none = empty) {
    rows = next;
    fill(note, none);
    show();
  }

  return { node, update, first: () => (page = 0) };
}
