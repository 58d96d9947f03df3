// What a visitor chose (language, theme) and the token of this tab, kept where the browser lets us.

function attempt(action) {
  try {
    return action();
  } catch {
    return null; // storage is switched off: choices last as long as the page
  }
}

export const keep = (name, value) => attempt(() => localStorage.setItem(`muster.${name}`, value));
export const kept = (name) => attempt(() => localStorage.getItem(`muster.${name}`));

let token = attempt(() => sessionStorage.getItem("muster.token"));
let awaited = null;

/** The API token of this tab, or null. */
export const getToken = () => token;

/** Remembers a token for this tab only, as long as it is open. */
export function setToken(value) {
  token = value;
  awaited = null;
  attempt(() => sessionStorage.setItem("muster.token", value));
}

// A visitor types the token once: a tab that has none, or one that is refused, asks the others.
const tabs = attempt(() => new BroadcastChannel("muster.token"));

/** Takes the token of another tab of this page that has one in use, and then calls `then`. */
export function awaitToken(then) {
  awaited = then;
  tabs?.postMessage({ ask: true });
}

tabs?.addEventListener("message", ({ data }) => {
  if (data.ask && token && !awaited) tabs.postMessage({ token });
  if (!data.token || !awaited || data.token === token) return;
  const then = awaited;
  setToken(data.token);
  then();
});
