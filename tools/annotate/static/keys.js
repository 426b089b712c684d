/** Keys. Inside a dialog, a menu or a field they belong to it; elsewhere they are commands. */

import { isOpen } from "./choose.js";
import { COMMANDS, setRange } from "./commands.js";
import { byId } from "./dom.js";
import { savePainting } from "./machine.js";
import * as masks from "./masks.js";
import { menuOpen } from "./menu.js";
import { finishNudge, growBy, nudgeBy } from "./nudge.js";
import { attempt } from "./operations.js";
import * as player from "./player.js";
import * as questions from "./questions.js";
import { emit, select, state } from "./state.js";
import { placeBox } from "./stage_input.js";

const NAMES = { " ": "Space", Esc: "Escape" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const REGIONS = ["picture", "lane-canvas", "side", "top", "transport"];

const table = new Map();
for (const entry of COMMANDS) for (const key of entry.keys) table.set(normal(key), entry);

function normal(key) {
  const parts = key.split("+");
  // "Ctrl++" has a plus as its key.
  const name = key.endsWith("+") && key.length > 1 ? "+" : parts.at(-1);
  const before = key.slice(0, key.length - name.length);
  const letter = name.length === 1 ? name.toLowerCase() : name;
  return ["Ctrl", "Alt", "Shift"].filter((part) => before.includes(`${part}+`)).join("+") + "|" + letter;
}

/** The event's key in the same words; a sign that needs Shift on this keyboard is looked for without it too. */
function names(event) {
  const key = NAMES[event.key] ?? event.key;
  let letter = key.length === 1 ? key.toLowerCase() : key;
  // Alt writes other signs on some keyboards, Shift other ones than digits: then the place of the key counts.
  if (event.altKey && /^Key[A-Z]$/.test(event.code)) letter = event.code.at(-1).toLowerCase();
  const digit = event.shiftKey && /^Digit[0-9]$/.test(event.code) ? event.code.at(-1) : null;
  const modifiers = [];
  if (event.ctrlKey || event.metaKey) modifiers.push("Ctrl");
  if (event.altKey) modifiers.push("Alt");
  const plain = `${modifiers.join("+")}|${letter}`;
  const shifted = `${[...modifiers, "Shift"].join("+")}|${letter}`;
  if (!event.shiftKey) return [plain];
  if (/^[a-z0-9]$/.test(letter) || letter.length > 1) return [shifted];
  return digit === null ? [shifted, plain] : [shifted, `${[...modifiers, "Shift"].join("+")}|${digit}`, plain];
}

export function start() {
  addEventListener("keydown", down);
  addEventListener("mousedown", keepFocus);
  addEventListener("keyup", (event) => (event.key === "Alt" || event.key === "Control") && finishNudge());
  addEventListener("blur", finishNudge);
}

/** A button that is clicked does not take the keyboard: Space goes on to mean play. Tab and F6 still lead to it. */
function keepFocus(event) {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  if (!button || isOpen() || menuOpen()) return;
  event.preventDefault();
  if (inField(document.activeElement)) document.activeElement.blur();
  byId("picture").focus({ preventScroll: true });
}

const inField = (target) => target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);

function down(event) {
  if (event.defaultPrevented || menuOpen() || event.isComposing) return;
  if (isOpen()) return;
  if (event.key === "F6") {
    event.preventDefault();
    nextRegion(event.shiftKey ? -1 : 1);
    return;
  }
  if (inField(event.target)) {
    if (event.key === "Escape") byId("picture").focus({ preventScroll: true });
    return;
  }
  if (handle(event)) event.preventDefault();
}

function handle(event) {
  const inPanel = event.target instanceof HTMLElement && event.target.closest("#side, #top, #transport, #chips, #lane-bar, #toasts");
  if (inPanel && (event.key === "Tab" || event.key === "Enter" || event.key === " ")) return false;
  if (event.key === "Escape") return escape();
  if (state.mode !== "select" && modeKey(event)) return true;
  if (event.key in ARROWS && arrowKey(event)) return true;
  if (!event.ctrlKey && !event.altKey && !event.metaKey && questions.key(event)) return true;
  for (const name of names(event)) {
    const entry = table.get(name);
    if (!entry || (entry.when && !entry.when())) continue;
    if (event.repeat && (entry.op || player.isBusy())) return true;
    entry.run();
    return true;
  }
  return false;
}

function arrowKey(event) {
  const [x, y] = ARROWS[event.key];
  if (event.ctrlKey && event.shiftKey) {
    growBy(x, y, event.altKey ? 10 : 1);
    return true;
  }
  if (event.altKey && !event.ctrlKey) {
    nudgeBy(x, y, event.shiftKey ? 10 : 1);
    return true;
  }
  return false;
}

function modeKey(event) {
  const { painting } = masks;
  if (event.key === "Enter") {
    if (state.mode === "draw" || state.mode === "redraw") placeBox();
    else attempt(savePainting);
    return true;
  }
  if (state.mode !== "brush" && state.mode !== "polygon") return false;
  if (event.key === "[" || event.key === "]") {
    painting.size = Math.min(200, Math.max(2, Math.round(painting.size * (event.key === "]" ? 1.25 : 0.8))));
  } else if (event.key.toLowerCase() === "x") painting.erase = !painting.erase;
  else if (event.key.toLowerCase() === "c") masks.closeOutline();
  else return event.key.length === 1 && !event.ctrlKey && !event.altKey;
  emit("mode");
  return true;
}

/** Leaves one thing at a time: the drawing, the question, the range, the selection. */
function escape() {
  if (state.mode === "brush" || state.mode === "polygon") masks.endPainting();
  else if (state.mode !== "select") {
    state.mode = "select";
    emit("mode");
  } else if (state.question) questions.leave();
  else if (state.range) setRange(null);
  else if (document.activeElement !== byId("picture")) byId("picture").focus({ preventScroll: true });
  else select([]);
  return true;
}

function nextRegion(side) {
  const at = REGIONS.findIndex((id) => byId(id).contains(document.activeElement));
  const region = byId(REGIONS[(at + side + REGIONS.length) % REGIONS.length]);
  const target = region.tagName === "CANVAS" ? region : region.querySelector("button:not(:disabled), input, select");
  target?.focus({ preventScroll: true });
}
