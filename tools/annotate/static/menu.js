/** The menu of a box, a lane or a chip. Arrows move, Enter takes, letters are the operations' own keys. */

import { byId, el, keyCap } from "./dom.js";

let shown = null;
let before = null;

/** Opens a menu at a place of the window. Items: {label, key, run, danger, disabled}, "-" for a line, or {title}. */
export function openMenu(x, y, items) {
  closeMenu();
  before = document.activeElement;
  const menu = el("div", { class: "menu", role: "menu", tabindex: "-1" });
  for (const item of items) {
    if (item === "-") menu.append(el("div", { class: "menu-line", role: "separator" }));
    else if (item.title) menu.append(el("div", { class: "menu-title" }, item.swatch ? swatch(item.swatch) : null, item.title));
    else menu.append(line(item));
  }
  menu.addEventListener("keydown", onKey);
  document.body.append(menu);
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(4, Math.min(x, innerWidth - width - 4))}px`;
  menu.style.top = `${Math.max(4, Math.min(y, innerHeight - height - 4))}px`;
  shown = menu;
  (menu.querySelector("button:not(:disabled)") ?? menu).focus({ preventScroll: true });
  setTimeout(() => addEventListener("pointerdown", outside, { capture: true }));
}

export const menuOpen = () => shown !== null;

export function closeMenu() {
  if (!shown) return;
  shown.remove();
  shown = null;
  removeEventListener("pointerdown", outside, { capture: true });
  if (before instanceof HTMLElement && document.contains(before)) before.focus({ preventScroll: true });
  else byId("picture").focus({ preventScroll: true });
}

function swatch(colour) {
  const node = el("span", { class: "swatch" });
  node.style.background = colour;
  return node;
}

function line(item) {
  const press = () => {
    closeMenu();
    item.run();
  };
  return el(
    "button",
    { type: "button", role: "menuitem", class: item.danger ? "menu-item danger" : "menu-item", disabled: item.disabled, onclick: press, title: item.why },
    el("span", {}, item.label), item.key ? keyCap(item.key) : null,
  );
}

function outside(event) {
  if (!shown?.contains(event.target)) closeMenu();
}

function onKey(event) {
  const buttons = [...shown.querySelectorAll("button:not(:disabled)")];
  const at = buttons.indexOf(document.activeElement);
  if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length]?.focus();
  else if (event.key === "ArrowUp") buttons[(at - 1 + buttons.length) % buttons.length]?.focus();
  else if (event.key === "Home") buttons[0]?.focus();
  else if (event.key === "End") buttons.at(-1)?.focus();
  else if (event.key === "Escape" || event.key === "Tab") closeMenu();
  else if (event.key.length === 1 && event.key !== " ") {
    const starts = buttons.filter((button) => button.textContent.toLowerCase().startsWith(event.key.toLowerCase()));
    (starts.find((button) => buttons.indexOf(button) > at) ?? starts[0])?.focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}
