/** The help: every key and gesture, from the one table of commands. */

import { dialog } from "./choose.js";
import { command, COMMANDS, MORE_KEYS } from "./commands.js";
import { el, iconButton, keyCap } from "./dom.js";
import { keyText } from "./key_names.js";
import { S } from "./strings.js";

export function openHelp() {
  dialog(S.help.title, "help", (close) => [
    el("header", {}, el("h2", {}, S.help.title), iconButton("close", S.help.close, () => close())),
    el("div", { class: "help-columns" }, ...groups(), mouse(), lines()),
  ]);
}

function groups() {
  return Object.entries(S.groups).map(([group, title]) => {
    const entries = COMMANDS.filter((entry) => entry.group === group && !SECOND.has(entry.id)).map(line);
    for (const [other, keys, say] of MORE_KEYS) if (other === group) entries.push([say, keys.split(", ").map(keyText)]);
    return section(title, entries.map(([say, keys]) => row(keys.flatMap((key, i) => [i ? " " : null, keyCap(key)]), say)));
  });
}

const SECOND = new Set(Object.values(S.keys.pairs).map(([id]) => id));

/** One command, or two that belong together. */
function line({ id, say, keys }) {
  const pair = S.keys.pairs[id];
  return pair ? [pair[1], [...shownKeys(keys), ...shownKeys(command(pair[0]).keys)]] : [say, shownKeys(keys)];
}

/** Two ways to press the same sign are one line. */
function shownKeys(keys) {
  return [...new Set(keys.filter((key) => key !== "Shift+?" && key !== "=" && key !== "ContextMenu").map(keyText))];
}

const section = (title, rows) => el("section", {}, el("h3", {}, title), rows);
const row = (left, right) => el("div", { class: "help-row" }, el("span", { class: "help-keys" }, left), el("span", {}, right));

function mouse() {
  return section(S.help.mouse, S.help.mouseLines.map(([gesture, text]) => row([el("span", { class: "gesture" }, gesture)], text)));
}

function lines() {
  const signs = ["solid", "dashed", "dotted", "corners"];
  return section(S.help.lines, S.help.lineLines.map(([, text], i) => row([el("span", { class: `line-sign ${signs[i]}` })], text)));
}
