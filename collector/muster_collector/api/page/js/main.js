// Starts the page: the frame around every view, which view an address means, and what keeps it live.

import { ApiError, get } from "./api.js";
import { setCard } from "./card.js";
import { fill, h, put } from "./dom.js";
import { now } from "./clock.js";
import { ago, clock, span } from "./format.js";
import { language, onLanguage, setLanguage, t } from "./i18n.js";
import { createLive, POLL } from "./live.js";
import { head } from "./model.js";
import { parse } from "./route.js";
import { awaitToken, getToken, setToken } from "./settings.js";
import { onTheme, theme, toggleTheme } from "./theme.js";
import { nodeView } from "./views/node.js";
import { runbookView } from "./views/runbook.js";
import { unitView } from "./views/unit.js";

const VIEWS = { node: (_, id) => nodeView(id), runbook: (_, id) => runbookView(id) };

const pulse = h("span", { class: "pulse", data: { state: "connecting" } });
const spoken = h("p", { class: "offscreen", role: "status" });
const stale = h("p", { class: "banner", role: "alert", hidden: true });
const problem = h("p", { class: "banner", role: "alert", hidden: true });
const slot = h("div", {});
const foot = h("footer", { class: "foot" });
let view = null;
let heard = "";
let status = { state: "connecting", since: null, error: null };
let haveCard = false;

function frame() {
  const other = h(
    "button",
    {
      class: "switch",
      lang: language() === "zh" ? "en" : "zh-CN",
      "aria-label": t("to_chinese_label"),
      on: { click: () => setLanguage(language() === "zh" ? "en" : "zh") },
    },
    t("to_chinese"),
  );
  const shade = h("button", { class: "switch", on: { click: toggleTheme } }, h("i", { class: "halfmoon" }));
  const label = () => {
    const text = t(theme() === "dark" ? "to_light" : "to_dark");
    shade.setAttribute("aria-label", text);
    shade.title = text;
  };
  label();
  onTheme(label);
  fill(
    document.body,
    h("a", { class: "skip", href: "#main", on: { click: skip } }, t("skip")),
    h(
      "header",
      { class: "top" },
      h(
        "a",
        { class: "brand", href: "#/", "aria-label": t("home") },
        h("img", { src: "./icon.svg", alt: "" }),
        "Muster",
      ),
      h("span", { class: "spring" }),
      pulse,
      h("div", { class: "switches" }, other, shade),
    ),
    stale,
    problem,
    slot,
    foot,
    spoken,
  );
}

function skip(event) {
  event.preventDefault();
  view?.heading.focus();
}

function go({ focus }) {
  const { level, id } = parse(location.hash);
  view?.close();
  heard = "";
  view = (VIEWS[level] ?? unitView)(level, id);
  fill(slot, view.node);
  entitle();
  if (focus) {
    view.heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  live.restart();
}

function entitle() {
  document.title = `${view.title()} · Muster`;
  const says = view.says();
  // The first score is read with the page; only a change is news.
  if (heard && says && says !== heard) put(spoken, `${view.title()}: ${says}`);
  heard = says;
}

async function card(signal) {
  if (haveCard) return;
  setCard(await get("scorecard", {}, signal));
  haveCard = true;
}

// What is costly for the collector (ten thousand nodes) takes a tenth of its time at most.
const rest = ({ last }) => (last ? Math.max(0, last.end + 9 * last.took - performance.now()) : 0);
const restingOnes = (feeds) => feeds.filter((one) => one.costly && rest(one) > 0);

async function feed(one, signal, shown, named) {
  const began = performance.now();
  const answer = await one.load(signal);
  await named;
  if (signal.aborted || shown !== view) return;
  one.show(answer);
  entitle();
  const end = performance.now();
  one.last = { end, took: end - began };
}

/**
 * Loads what is due; fails when the collector does not answer, tells of single failures. Returns
 * after how many ms there is more to load.
 */
async function load(signal) {
  const shown = view;
  const resting = restingOnes(shown.feeds);
  // Names and colours are awaited, but their failure must not hold back the figures.
  const named = Promise.allSettled([card(signal)]);
  const stage = (later) =>
    Promise.allSettled(
      shown.feeds
        .filter((one) => Boolean(one.later) === later && !resting.includes(one))
        .map((one) => feed(one, signal, shown, named)),
    );
  const done = [...(await stage(false)), ...(await stage(true))];
  if (signal.aborted) return Infinity;
  const failures = done.filter((one) => one.status === "rejected").map((one) => one.reason);
  const bug = failures.find((reason) => !(reason instanceof ApiError));
  if (bug) throw bug;
  const refused = [...failures, (await named)[0].reason].find((one) => one?.status === 401);
  if (refused) askForToken();
  const [first] = failures;
  if (first && (failures.length === done.length || !first.status)) throw first;
  problem.hidden = !first;
  if (first) put(problem, t("part_failed", { reason: first.message }));
  return Math.min(...resting.map(rest));
}

function askForToken() {
  awaitToken(() => go({ focus: true }));
  if (slot.querySelector(".token")) return;
  const field = h("input", { type: "password", class: "search", autocomplete: "off", id: "token" });
  const form = h(
    "form",
    { class: "card token" },
    h("h1", {}, t("token_title")),
    h("label", { for: "token" }, t("token_label")),
    field,
    h("button", { class: "switch" }, t("token_go")),
    getToken() ? h("p", { role: "alert" }, t("token_wrong")) : null,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    setToken(field.value.trim());
    go({ focus: true });
  });
  fill(slot, h("main", { id: "main" }, form));
  field.focus();
}

function showState(next) {
  const changed = next.state !== status.state;
  status = next;
  const time = clock(next.since);
  const text = t(`state_${next.state}`, { time, n: POLL / 1000 });
  put(pulse, text);
  pulse.dataset.state = next.state;
  stale.hidden = !next.error || next.error.status === 401;
  if (next.error) {
    put(stale, t("stale_banner", { time, reason: next.error.message }));
    problem.hidden = true;
  }
  // The banner says it itself.
  if (changed && !next.error) put(spoken, text);
  about();
}

function about() {
  const { time, window, every, method } = head() ?? {};
  const old = !status.error && time && every && now() - time > Math.max(3 * every, 60_000);
  if (old) {
    problem.hidden = false;
    put(problem, t("old_scores", { time: clock(time) }));
  }
  fill(
    foot,
    method ? h("span", {}, t("method"), " ", h("code", {}, method)) : null,
    window ? h("span", {}, t("window"), " ", span(window / 1000)) : null,
  );
}

function tick() {
  for (const element of document.querySelectorAll("[data-since]")) {
    put(element, ago(Number(element.dataset.since), now()));
  }
}

const live = createLive({ load, onState: showState });
frame();
go({ focus: false });
addEventListener("hashchange", () => go({ focus: true }));
onLanguage(() => {
  frame();
  go({ focus: false });
  showState(status);
});
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea") || !view.search) return;
  event.preventDefault();
  view.search.focus();
});
setInterval(tick, 1000);
