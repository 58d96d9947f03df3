// Answers that `boot.js` asked for before this script was there. They are taken once and early: after a
// while the same question wants a new answer.

const LIFE = 10_000;

/** The answer to come for an address, null where it was not asked for. */
export function early(url) {
  const answer = performance.now() < LIFE ? window.early?.get(url.href) : null;
  window.early?.delete(url.href);
  return answer ?? null;
}
