// Asks the collector's public API. Every failure is an ApiError with a reason that people can read.

import { setClock } from "./clock.js";
import { early } from "./early.js";
import { t } from "./i18n.js";
import { getToken } from "./settings.js";

// Relative to the page, so that it also works below a path of a reverse proxy.
const BASE = new URL("api/v1/", document.baseURI);
export const PATIENCE = 10;

export class ApiError extends Error {
  constructor(reason, status = 0) {
    super(reason);
    this.status = status;
    this.isApi = true;
  }
}

export function address(path, query = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) {
      if (one !== undefined && one !== null) url.searchParams.append(name, one);
    }
  }
  return url;
}

export function headers() {
  const token = getToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function reasonOf(answer) {
  try {
    const body = await answer.json();
    return body.error ?? body.detail ?? t("reason_status", { status: answer.status });
  } catch {
    return t("reason_status", { status: answer.status });
  }
}

async function ask(path, query, signal, limit) {
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  const url = address(path, query);
  let answer;
  try {
    answer = await (early(url) ?? fetch(url, { headers: headers(), signal: either }));
  } catch (error) {
    if (signal?.aborted) throw error;
    const late = limit.aborted || error.name === "TimeoutError";
    throw new ApiError(late ? t("reason_timeout", { n: PATIENCE }) : t("reason_network"));
  }
  setClock(answer.headers.get("Date"));
  if (!answer.ok) throw new ApiError(String(await reasonOf(answer)), answer.status);
  return answer;
}

/** The JSON answer of `/api/v1/` + path; `signal` gives the request up. */
export async function get(path, query, signal) {
  const limit = AbortSignal.timeout(PATIENCE * 1000);
  const answer = await ask(path, query, signal, limit);
  try {
    return await answer.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(limit.aborted ? t("reason_timeout", { n: PATIENCE }) : t("reason_shape"));
  }
}

/** The answer as a file. */
export async function download(path, query) {
  const answer = await ask(path, query, null, AbortSignal.timeout(6 * PATIENCE * 1000));
  return answer.blob();
}
