// Tabs that the arrow keys walk through.

import { h, put } from "../dom.js";

let made = 0;

/**
 * `items` are {id, label}; `onPick(id)` is called when the visitor picks one. `choose(id)` marks a
 * tab as open, `amount(id, text)` sets the soft figure beside a label, `hide(id, yes)` takes it away.
 */
export function tabs(label, items, onPick) {
  made += 1;
  const name = `tabs-${made}`;
  const panel = h("div", { class: "panelled", role: "tabpanel", id: name });
  const buttons = items.map(({ id, label: text }) => {
    const amount = h("span", { class: "soft" });
    const props = { role: "tab", id: `${name}-${id}`, "aria-controls": name };
    const button = h("button", { ...props, on: { click: () => onPick(id) } }, text, " ", amount);
    return { id, button, amount };
  });
  const list = h(
    "div",
    { role: "tablist", class: "tabs", "aria-label": label, on: { keydown: walk } },
    buttons.map((one) => one.button),
  );
  const of = (id) => buttons.find((one) => one.id === id);

  function walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const open = buttons.filter((one) => !one.button.hidden);
    const at = open.findIndex((one) => one.button === document.activeElement);
    const next = open[(at + step + open.length) % open.length];
    onPick(next.id);
    next.button.focus();
  }

  function choose(id) {
    panel.setAttribute("aria-labelledby", `${name}-${id}`);
    for (const one of buttons) {
      one.button.setAttribute("aria-selected", String(one.id === id));
      one.button.tabIndex = one.id === id ? 0 : -1;
    }
  }

  return {
    list,
    panel,
    choose,
    amount: (id, text) => put(of(id).amount, text),
    hide: (id, yes) => (of(id).button.hidden = yes),
    open: () => buttons.filter((one) => !one.button.hidden).map((one) => one.id),
  };
}
