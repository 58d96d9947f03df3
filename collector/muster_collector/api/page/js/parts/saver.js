// Saves a table as a file, in the format that the visitor chooses.

import { ApiError } from "../api.js";
import { h, put } from "../dom.js";
import { save } from "../download.js";
import { t } from "../i18n.js";

const FORMATS = { csv: "CSV", xlsx: "XLSX", json: "JSON", parquet: "Parquet" };

/**
 * `what` is the table's name, for who cannot see which one the button stands beside; `wanted(format)`
 * is {path, query, name}: what to ask for, and the file's name without its ending.
 */
export function saver(what, wanted) {
  const button = h("button", { class: "switch", on: { click: run } }, t("save"));
  const choice = h(
    "select",
    { class: "switch", "aria-label": t("save_format", { what }), on: { change: label } },
    Object.entries(FORMATS).map(([id, name]) => h("option", { value: id }, name)),
  );
  const failure = h("span", { class: "soft", role: "alert" });
  const node = h("span", { class: "saver" }, failure, button, choice);

  function label() {
    button.setAttribute("aria-label", t("save_as", { format: FORMATS[choice.value], what }));
  }

  async function run() {
    const { path, query, name } = wanted(choice.value);
    put(failure, "");
    button.disabled = true;
    try {
      await save(path, query, `${name}.${choice.value}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      put(failure, t("save_failed", { reason: error.message }));
    } finally {
      button.disabled = false;
    }
  }

  label();
  return { node };
}
