/** The side panel of the selected track: its name, class, box, flags, attributes, absences and operations. */

import { askText } from "./choose.js";
import { command } from "./commands.js";
import { onGround } from "./colours.js";
import { el, fill, iconButton, keyCap } from "./dom.js";
import { keyText } from "./key_names.js";
import * as ops from "./operations.js";
import { addClass } from "./pickers.js";
import * as rows from "./rows.js";
import { emit, on, primary, state, toggle, trackText } from "./state.js";
import { clock, percent, S } from "./strings.js";

const T = S.track;

export function build(panel) {
  const body = el("div", { class: "track-panel" });
  panel.append(body);
  let parts = null;
  let shownFor = "";
  const show = () => {
    if (panel.hidden) return;
    const track = primary();
    const signature = track ? JSON.stringify([track, state.selected, state.project.readOnly, state.project.names]) : "";
    if (!track) {
      fill(body, el("div", { class: "empty" }, S.empty.track));
      shownFor = "";
      return;
    }
    // Rebuilt only when the track itself changed: a field in which someone types stays.
    if (signature !== shownFor) {
      shownFor = signature;
      parts = trackParts(track);
      fill(body, ...parts.nodes);
    }
    parts.refresh();
  };
  on("selection tracks tab project", show);
  on("frame rows", () => !state.playing && show());
  on("playing", show);
  on("focusAttribute", () => {
    emit("tab", "track");
    body.querySelector(".attribute-new input")?.focus();
  });
  return show;
}

function trackParts(track) {
  const off = Boolean(state.project.readOnly);
  const held = off || track.locked;
  const name = el("input", {
    type: "text", value: track.name, placeholder: T.namePlaceholder, "aria-label": T.name, disabled: held, maxlength: 200,
    onchange: () => ops.attempt(() => ops.rename(name.value.trim())),
  });
  const label = el(
    "select", { "aria-label": T.label, disabled: held, onchange: () => ops.attempt(changeClass) },
    state.project.names.map((text, i) => el("option", { value: String(i), selected: i === track.label }, text)),
    el("option", { value: "new" }, S.choose.newClassItem),
  );
  async function changeClass() {
    const made = label.value === "new" ? await addClass(await askText(S.choose.newClassTitle)) : Number(label.value);
    if (made === null) label.value = String(track.label);
    else await ops.relabel(made);
  }
  const box = el("span", { class: "value" });
  const size = el("span", { class: "value" });
  const source = el("span", { class: "value" });
  const link = el("span", { class: "value" });
  const occluded = flag(T.occluded, "occluded", held);
  const locked = flag(T.locked, "lock", off);
  const accepted = flag(T.accepted, "acceptAll", held);
  const values = el("div", { class: "attributes" });
  const refresh = () => {
    const row = rows.rowOf(track.id);
    const [corner, extent] = row ? boxText(row.box) : [el("span", { class: "muted" }, T.noBox), "–"];
    fill(box, corner);
    fill(size, extent);
    fill(source, row ? S.provenance[row.provenance] : "–", row ? el("span", { class: "muted" }, `  ${S.track.score} ${row.score.toFixed(2)}`) : "");
    source.title = row ? S.provenanceHelp[row.provenance] : "";
    fill(link, row && row.link !== null ? percent(row.link, row.link > 0.99 ? 1 : 0) : "–");
    link.classList.toggle("doubtful", Boolean(row) && row.link !== null && row.link < 0.95);
    press(occluded, Boolean(row?.occluded));
    occluded.disabled = held || !row;
    press(locked, track.locked);
    press(accepted, track.accepted);
    fill(values, ...attributeLines(track, held));
  };
  const swatch = el("span", { class: "swatch large" });
  swatch.style.background = onGround(track.id);
  const nodes = [
    el("div", { class: "track-head" }, swatch, el("span", { class: "track-id" }, String(track.id)), name, label),
    el("dl", { class: "facts-table" },
      fact(T.box, box), fact(T.size, size), fact(T.source, source), fact(T.link, link),
      fact(T.extent, el("span", { class: "value" }, `${clock(state.times[track.first], 2)} – ${clock(state.times[track.last], 2)}`)),
      fact(T.boxes, el("span", { class: "value" }, `${track.count.toLocaleString("en")}, ${track.keys.toLocaleString("en")} ${T.keys.toLowerCase()}`)),
    ),
    el("div", { class: "flags" }, occluded, locked, accepted),
    ...pairParts(),
    el("h3", {}, T.attributes), values, attributeForm(held),
    ...absenceParts(track, held),
    el("h3", {}, T.operations), operationButtons(held),
  ];
  return { nodes, refresh };
}

const fact = (name, value) => [el("dt", {}, name), el("dd", {}, value)];

function boxText([left, top, right, bottom]) {
  const number = (value) => value.toFixed(1).replace(/\.0$/, "");
  return [`${number(left)}, ${number(top)}`, `${number(right - left)} × ${number(bottom - top)}`];
}

function flag(text, name, disabled) {
  const entry = command(name);
  return el("button", { type: "button", class: "flag", disabled, "aria-pressed": "false", title: `${entry.say} (${keyText(entry.keys[0])})`, onclick: () => entry.run() }, text);
}

const press = (button, on) => button.setAttribute("aria-pressed", String(on));

function pairParts() {
  const other = state.tracks.get(state.selected[1]);
  if (!other) return [];
  const swatch = el("span", { class: "swatch" });
  swatch.style.background = onGround(other.id);
  return [
    el("div", { class: "pair" }, swatch, el("span", {}, trackText(other.id)), el("span", { class: "spring" }),
      button("swap"), button("join"), iconButton("close", S.close, () => toggle(other.id))),
  ];
}

function button(name) {
  const entry = command(name);
  return el("button", { type: "button", class: "button small", title: entry.say, onclick: () => entry.run() }, T.short[name], keyCap(keyText(entry.keys[0])));
}

/** What holds in the shown frame: the fixed attributes and the last change before it. */
function attributeLines(track, held) {
  const lines = track.attributes.map(([name, value]) => ({ name, value, fixed: true }));
  const over = new Map();
  for (const [frame, name, value] of track.changes) if (frame <= state.frame) over.set(name, { name, value, frame });
  for (const line of over.values()) if (line.value !== "") lines.push(line);
  if (!lines.length) return [el("p", { class: "muted none" }, S.empty.attributes)];
  return lines.map((line) =>
    el("div", { class: "attribute" },
      el("span", { class: "attribute-name" }, line.name), el("span", { class: "attribute-value" }, line.value),
      el("span", { class: "muted" }, line.fixed ? T.fixed : clock(state.times[line.frame], 1)),
      held ? null : iconButton("close", T.removeAttribute, () =>
        ops.attempt(() => ops.attribute(line.name, "", line.fixed ? null : line.frame)))),
  );
}

function attributeForm(held) {
  const known = state.project.attributes ?? {};
  const names = el("datalist", { id: "attribute-names" }, Object.keys(known).map((text) => el("option", { value: text })));
  const values = el("datalist", { id: "attribute-values" });
  const name = el("input", {
    type: "text", placeholder: T.attributeName, "aria-label": T.attributeName, list: "attribute-names", disabled: held, maxlength: 100,
    oninput: () => fill(values, (known[name.value] ?? []).map((text) => el("option", { value: text }))),
  });
  const value = el("input", { type: "text", placeholder: T.attributeValue, "aria-label": T.attributeValue, list: "attribute-values", disabled: held, maxlength: 200 });
  const when = el("select", { "aria-label": T.fixed, disabled: held }, el("option", { value: "" }, T.fixed), el("option", { value: "frame" }, T.fromHere));
  const add = async (event) => {
    event.preventDefault();
    if (!name.value.trim() || !value.value.trim()) return;
    await ops.attempt(() => ops.attribute(name.value.trim(), value.value.trim(), when.value ? state.frame : null));
  };
  return el("form", { class: "attribute-new", onsubmit: add }, name, value, when, names, values,
    el("button", { type: "submit", class: "button small", disabled: held }, T.add));
}

function absenceParts(track, held) {
  if (!track.absences.length) return [];
  const lines = track.absences.map(([first, last]) =>
    el("div", { class: "attribute" },
      el("span", { class: "attribute-value" }, T.absence(clock(state.times[first], 2), clock(state.times[last], 2))),
      held ? null : iconButton("close", T.removeAbsence, () => ops.attempt(() => ops.present([first, last])))),
  );
  return [el("h3", {}, T.absences), ...lines];
}

const BUTTONS = ["swap", "split", "join", "retrackForwards", "retrackBackwards", "retrackBoth", "interpolate", "accept", "absent", "redraw", "deleteHere", "deleteFrom", "deleteAll"];

function operationButtons(held) {
  const lines = BUTTONS.map((name) => {
    const entry = command(name);
    return el("button", { type: "button", class: entry.danger ? "operation danger" : "operation", disabled: held, onclick: () => entry.run() },
      el("span", {}, entry.say), keyCap(keyText(entry.keys[0])));
  });
  const more = command("menu");
  lines.push(el("button", { type: "button", class: "operation", onclick: () => more.run() }, el("span", {}, T.more), keyCap("M")));
  return el("div", { class: "operations" }, lines);
}

