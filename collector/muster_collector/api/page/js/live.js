// Keeps a view fresh: server-sent events say when, polling stands in, and staleness is never hidden.
//
// Invariants: at most one load runs at a time; events during a load make exactly one more; the wait
// after a load is at least as long as the load took, so a slow collector is not pressed.

import { address, headers } from "./api.js";

export const POLL = 5000;
const SLOWEST = 15_000; // with a stream, look this often all the same: a dead stream says nothing
const RETRY = 5000;

async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value.replace(/\r\n?/g, "\n")).split("\n\n");
    rest = parts.pop();
    for (const part of parts) if (/^(data|event):/m.test(part)) yield part;
  }
}

/** `load(signal)` fetches and shows, and returns after how many ms there is more; `onState({state, since, error})` after every change. */
export function createLive({ load, onState }) {
  let stream = null;
  let retry = 0;
  let streaming = false;
  let since = null;
  let error = null;
  let running = null;
  let again = false;
  let timer = 0;

  const state = () => (error ? "stale" : since === null ? "connecting" : streaming ? "live" : "polling");
  const tell = () => onState({ state: state(), since, error });

  function later(wait) {
    clearTimeout(timer);
    timer = setTimeout(request, wait);
  }

  async function run(controller) {
    const began = performance.now();
    let next = Infinity;
    try {
      const wait = await load(controller.signal);
      if (controller.signal.aborted) return;
      since = Date.now();
      error = null;
      next = wait;
    } catch (reason) {
      if (controller.signal.aborted) return;
      if (!reason.isApi) throw reason;
      error = reason;
    } finally {
      if (running === controller) finish(performance.now() - began, next);
    }
  }

  function finish(took, next) {
    running = null;
    tell();
    const pause = Math.max(500, took);
    const usual = streaming && !error ? SLOWEST : POLL;
    later(again ? pause : Math.max(pause, Math.min(usual, next)));
    again = false;
  }

  function request() {
    if (document.hidden) return;
    if (running) {
      again = true;
      return;
    }
    clearTimeout(timer);
    running = new AbortController();
    run(running);
  }

  /** Forgets what runs (the visitor went elsewhere, or gave a token) and loads at once. */
  function restart() {
    running?.abort();
    running = null;
    again = false;
    listen();
    request();
  }

  async function listen() {
    if (stream || document.hidden) return;
    clearTimeout(retry);
    stream = new AbortController();
    const { signal } = stream;
    try {
      const answer = await fetch(address("live"), {
        headers: { ...headers(), Accept: "text/event-stream" },
        signal,
      });
      if (answer.ok && answer.body) {
        streaming = true;
        if (error) request();
        for await (const _ of messages(answer.body)) request();
      }
    } catch {
      // The stream is a convenience: without it the polling goes on, and says so.
    }
    const lost = streaming;
    streaming = false;
    stream = null;
    if (lost) request();
    retry = setTimeout(listen, signal.aborted ? 0 : RETRY);
  }

  // A browser opens six connections to a host: the streams of tabs that nobody sees would take all.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stream?.abort();
    listen();
    request();
  });
  listen();
  return { restart };
}
