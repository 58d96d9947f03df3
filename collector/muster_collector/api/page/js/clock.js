// The collector's clock, so that a browser whose own clock is off shows true ages.

let skew = 0;

/** ms of Unix time by the collector, as its last answer's Date header says. */
export const now = () => Date.now() + skew;

/** Takes over an answer's Date header; it has whole seconds, so small differences are left alone. */
export function setClock(date) {
  const difference = Date.parse(date) + 500 - Date.now();
  if (Number.isFinite(difference)) skew = Math.abs(difference) > 1500 ? difference : 0;
}
