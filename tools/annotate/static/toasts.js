/** Short messages at the lower edge of the picture: what happened, and the sentence of an error. They take no room. */

import { byId, el, iconButton } from "./dom.js";
import { S } from "./strings.js";

const SHORT_MS = 3500;
const LONG_MS = 9000;
const MOST = 3;

/** Says that something happened. `action`: {text, run} for a button beside it. */
export function say(text, action) {
  show(text, "said", SHORT_MS, action);
}

/** Says something that the next change must not push away. */
export function note(text, action) {
  show(text, "note", LONG_MS, action);
}

/** Shows an error as the sentence that it carries. */
export function complain(error) {
  show(sentence(typeof error === "string" ? error : error.message), "bad", LONG_MS);
}

/** A sentence of the server with a capital letter, unless it begins with the name of a file. */
export function sentence(text) {
  return /^[a-z]+[\s,;:]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

function show(text, kind, time, action) {
  const box = byId("toasts");
  const twin = [...box.children].find((other) => other.dataset.text === text);
  twin?.remove();
  if (kind === "said") box.querySelector(".said")?.remove(); // only the last: they hide a part of the picture
  while (box.children.length >= MOST) box.firstChild.remove();
  const toast = el("div", { class: `toast ${kind}`, dataset: { text } }, el("span", {}, text));
  if (action) {
    const press = () => {
      toast.remove();
      action.run();
    };
    toast.append(el("button", { type: "button", class: "link", onclick: press }, action.text));
  }
  toast.append(iconButton("close", S.close, () => toast.remove()));
  box.append(toast);
  setTimeout(() => toast.remove(), time);
}
