// Saves an answer of the API as a file, with the token where there is one.

import { download as fetchFile } from "./api.js";
import { h } from "./dom.js";

/** Fetches and hands the file to the browser; fails as `get` does. */
export async function save(path, query, name) {
  const url = URL.createObjectURL(await fetchFile(path, query));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
