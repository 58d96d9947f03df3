// Makes and changes elements. Text enters as text only, so no name can become markup.

const SVG = "http://www.w3.org/2000/svg";

function apply(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "vars") {
      for (const [key, amount] of Object.entries(value)) element.style.setProperty(`--${key}`, amount);
    } else if (name === "data") {
      for (const [key, text] of Object.entries(value)) {
        if (text !== undefined && text !== null) element.dataset[key] = text;
      }
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
}

/** An element; `props` are attributes, beside `on` (listeners), `data` and `vars` (CSS variables). */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  apply(element, props);
  fill(element, ...children);
  return element;
}

/** An SVG element; its texts are text nodes too. */
export function s(tag, props = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  apply(element, props);
  fill(element, ...children);
  return element;
}

/** Replaces what an element holds. */
export function fill(element, ...children) {
  const wanted = children.flat(Infinity).filter((child) => child !== null && child !== undefined);
  element.replaceChildren(...wanted.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

/** Sets a text only when it differs, so that screen readers and selections are left alone. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes `parent` hold one child per item, in order: children of unchanged items (same key and same
 * signature) stay in place, with their focus.
 */
export function reconcile(parent, items, key, signature, create) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const focused = document.activeElement?.closest?.("[data-key]")?.dataset.key;
  const wanted = items.map((item) => {
    const name = key(item);
    const mark = signature(item);
    const found = old.get(name);
    if (found?.dataset.mark === mark) return found;
    const made = create(item);
    made.dataset.key = name;
    made.dataset.mark = mark;
    return made;
  });
  wanted.forEach((child, position) => {
    if (parent.children[position] !== child) {
      parent.insertBefore(child, parent.children[position] ?? null);
    }
  });
  while (parent.children.length > wanted.length) parent.lastElementChild.remove();
  if (focused !== undefined && !document.activeElement?.closest?.("[data-key]")) {
    wanted.find((child) => child.dataset.key === focused)?.querySelector("a, button")?.focus();
  }
}
