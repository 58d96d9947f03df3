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

/** The API token of this tab, or null. */
export const getToken = () => token;

/** Remembers a token for this tab only. */
export function setToken(value) {
  token = value;
  attempt(() => sessionStorage.setItem("muster.token", value));
}
