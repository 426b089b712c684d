/** Small dialogs that ask for one thing: an item of a list, or a line of text. Keys alone suffice. */

import { el, fill } from "./dom.js";
import { S } from "./strings.js";

let open = null;

export const isOpen = () => document.querySelector("dialog[open]") !== null;

/** Shows a dialog with these children until it is closed; `onclose` gets what `close(value)` was given. */
export function dialog(title, className, children) {
  const before = document.activeElement;
  const node = el("dialog", { class: className, "aria-label": title });
  let result = null;
  const close = (value = null) => {
    result = value;
    node.close();
  };
  const done = new Promise((resolve) => {
    node.addEventListener("close", () => {
      node.remove();
      if (open === node) open = null;
      if (before instanceof HTMLElement && document.contains(before)) before.focus({ preventScroll: true });
      resolve(result);
    });
  });
  node.addEventListener("pointerdown", (event) => {
    const { left, top, right, bottom } = node.getBoundingClientRect();
    const beside = event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom;
    if (event.target === node && beside) close(null);
  });
  fill(node, children(close));
  document.body.append(node);
  open?.close();
  open = node;
  node.showModal();
  return { node, done, close };
}

/**
 * One of `items` [{value, label, detail, colour}] or null. Letters filter, arrows move, Enter takes, digits take at once.
 * `other` makes an item of text that is none of them.
 */
export function choose(title, items, { first = 0, other = null } = {}) {
  let shown = items;
  let at = Math.min(first, items.length - 1);
  const list = el("div", { class: "choices", role: "listbox" });
  const { done, close } = dialog(title, "choose", (close) => {
    const input = el("input", {
      type: "search", placeholder: S.choose.search, "aria-label": S.choose.search, autofocus: true,
      oninput: () => {
        const text = input.value.trim().toLowerCase();
        shown = items.filter((item) => `${item.label} ${item.detail ?? ""}`.toLowerCase().includes(text));
        if (other && text && !items.some((item) => item.label.toLowerCase() === text)) shown = [...shown, other(input.value.trim())];
        at = 0;
        show();
      },
      onkeydown: (event) => {
        const digit = /^[1-9]$/.test(event.key) && !input.value ? Number(event.key) : 0;
        if (event.key === "ArrowDown") move(1);
        else if (event.key === "ArrowUp") move(-1);
        else if (event.key === "Enter") shown[at] && close(shown[at].value);
        else if (digit && digit <= shown.length) close(shown[digit - 1].value);
        else return;
        event.preventDefault();
        event.stopPropagation();
      },
    });
    return [el("h2", {}, title), input, list];
  });
  function move(by) {
    if (!shown.length) return;
    at = (at + by + shown.length) % shown.length;
    show();
  }
  function show() {
    fill(list, shown.length ? shown.map(line) : el("div", { class: "empty" }, S.choose.nothing));
    list.children[at]?.scrollIntoView?.({ block: "nearest" });
  }
  function line(item, i) {
    const swatch = item.colour ? el("span", { class: "swatch" }) : null;
    if (swatch) swatch.style.background = item.colour;
    return el(
      "button",
      { type: "button", class: "choice", role: "option", "aria-selected": String(i === at), tabindex: "-1", onclick: () => close(item.value) },
      el("kbd", { class: i < 9 ? "" : "blank" }, i < 9 ? String(i + 1) : ""), swatch,
      el("span", { class: "choice-label" }, item.label),
      item.detail ? el("span", { class: "muted" }, item.detail) : null,
    );
  }
  show();
  return done;
}

/** A line of text or null. */
export function askText(title, value = "", { hint = "", placeholder = "", list = [] } = {}) {
  const { done } = dialog(title, "ask", (close) => {
    const options = list.length ? el("datalist", { id: "ask-list" }, list.map((text) => el("option", { value: text }))) : null;
    const input = el("input", { type: "text", value, placeholder, "aria-label": title, autofocus: true, list: list.length ? "ask-list" : null, maxlength: 200 });
    const submit = (event) => {
      event.preventDefault();
      close(input.value.trim());
    };
    queueMicrotask(() => input.select());
    return el(
      "form", { onsubmit: submit },
      el("h2", {}, title), input, options, hint ? el("p", { class: "muted" }, hint) : null,
      el(
        "div", { class: "buttons" },
        el("button", { type: "button", class: "button", onclick: () => close(null) }, S.choose.cancel),
        el("button", { type: "submit", class: "button main" }, S.choose.ok),
      ),
    );
  });
  return done;
}
