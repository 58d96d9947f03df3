// Sets theme and language before the first paint, so that nothing flashes, and asks for the first
// score, so that its answer comes while the page's script is still being read (`js/early.js`).
(() => {
  const kept = (name, where = "localStorage") => {
    try {
      return window[where].getItem(`muster.${name}`);
    } catch {
      return null; // a browser that keeps nothing
    }
  };
  const root = document.documentElement;
  const theme = kept("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = theme === "light" || theme === "dark" ? theme : dark ? "dark" : "light";
  const language = kept("language") ?? navigator.language;
  root.lang = language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";

  const token = kept("token", "sessionStorage");
  const ask = (path) => {
    const url = new URL(`api/v1/${path}`, document.baseURI);
    const answer = fetch(url, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      signal: AbortSignal.timeout(10_000),
    });
    answer.catch(() => {}); // whoever takes it sees that
    return [url.href, answer];
  };
  const [, level, id] = /^#\/(region|district|site|node|runbook)\/([^%]+)$/.exec(location.hash) ?? [];
  const unit = new URLSearchParams(level ? { level, id } : { level: "fleet", id: "fleet" });
  const wanted = ["scorecard", ...(level === "runbook" ? [] : [`explain?${unit}`])];
  window.early = new Map(wanted.map(ask));
})();
