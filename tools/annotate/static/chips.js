/** Chips: the selected track cut out once a second and at each doubt; a second track below it, aligned in time. */

import { onGround } from "./colours.js";
import { byId, el, fill } from "./dom.js";
import { laneOf } from "./lane_data.js";
import * as player from "./player.js";
import { small, wantSmall } from "./small_pictures.js";
import { clampFrame, frameAt, on, select, state, trackText } from "./state.js";
import { clock, S } from "./strings.js";
import { chipMenu } from "./track_menu.js";

const SIZE = 64; // CSS pixels from one chip to the next
const MARGIN = 4; // chips beyond the sight on both sides
const MOST = 20_000; // chips of a track; longer ones get one for several seconds
const STEPS_S = [0.1, 0.2, 0.5, 1]; // short tracks get more than one a second
const ENOUGH = 14; // chips
const BEFORE = 3; // columns before the shown frame whose pictures come first

let columns = []; // frames, rising
let ids = [];
let lanes = new Map(); // id -> lane
let shown = ""; // what the strip holds now
let turn = 0;
let strip = null;
let track = null;

export function start() {
  const box = byId("chips");
  track = el("div", { class: "chip-track" });
  strip = el("div", { class: "chip-strip", tabindex: "-1" }, track);
  strip.addEventListener("scroll", draw);
  strip.addEventListener("wheel", (event) => {
    if (event.deltaX || event.ctrlKey) return;
    strip.scrollLeft += event.deltaMode === 1 ? event.deltaY * 20 : event.deltaY;
    event.preventDefault();
  }, { passive: false });
  strip.addEventListener("click", (event) => chipOf(event, go));
  strip.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    chipOf(event, (id, frame) => chipMenu(event.clientX, event.clientY, id, frame, frameBefore(id, frame), () => go(id, frame)));
  });
  fill(box, strip, el("div", { class: "chip-empty empty" }, S.empty.chips));
  on("selection tracks", build);
  on("frame", follow);
  on("small", ({ group, address, image }) => {
    if (group !== "chips") return;
    const chip = track.querySelector(`.chip[data-address="${address}"]`);
    if (chip) put(chip, image);
  });
  new ResizeObserver(draw).observe(strip);
  build();
}

function chipOf(event, then) {
  const chip = event.target.closest(".chip");
  if (chip) then(Number(chip.dataset.track), Number(chip.dataset.frame));
}

/** The frame of the chip of a track before this one; the frame itself for the first one. */
function frameBefore(id, frame) {
  const lane = lanes.get(id);
  const there = (at) => lane?.spans.some(([first, last]) => first <= at && at <= last);
  return columns.findLast((at) => at < frame && there(at)) ?? frame;
}

function go(id, frame) {
  if (!state.selected.includes(id)) select([id]);
  return player.seek(frame);
}

/** The frames that get a column: one a second of true time, and the first of each doubt. */
async function build() {
  const mine = ++turn;
  const chosen = state.selected.slice(0, 2).filter((id) => state.tracks.has(id));
  const loaded = new Map();
  for (const id of chosen) {
    const lane = await laneOf(id).catch(() => null);
    if (lane) loaded.set(id, lane);
  }
  if (mine !== turn) return;
  ids = chosen;
  lanes = loaded;
  const box = byId("chips");
  box.classList.toggle("none", ids.length === 0);
  box.classList.toggle("two", ids.length === 2);
  columns = columnsOf(ids.map((id) => state.tracks.get(id)));
  track.style.width = `${columns.length * SIZE}px`;
  shown = "";
  follow();
  draw();
}

function columnsOf(tracks) {
  const frames = new Set();
  for (const track of tracks) {
    const from = state.times[track.first];
    const to = state.times[track.last];
    const fine = STEPS_S.find((seconds) => (to - from) / seconds <= ENOUGH) ?? 1;
    const step = to - from > MOST ? Math.ceil((to - from) / MOST) : fine;
    for (let i = Math.ceil(from / step); i * step <= to; i++) frames.add(Math.max(track.first, frameAt(i * step)));
    frames.add(track.first).add(track.last);
    for (const [first] of lanes.get(track.id)?.doubt ?? []) frames.add(clampFrame(first));
  }
  return [...frames].sort((a, b) => a - b);
}

/** Keeps the column of the shown frame in sight, and marks it. */
function follow() {
  if (!columns.length) return;
  const at = columnAt(state.frame);
  const x = at * SIZE;
  const sight = strip.clientWidth;
  if (!strip.matches(":hover") || !state.playing) {
    if (x < strip.scrollLeft + SIZE) strip.scrollLeft = x - SIZE * 2;
    else if (x + SIZE > strip.scrollLeft + sight - SIZE) strip.scrollLeft = x - sight / 2;
  }
  for (const column of track.children) column.classList.toggle("now", Number(column.dataset.at) === at);
}

function columnAt(frame) {
  let low = 0;
  let high = columns.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (columns[middle] <= frame) low = middle;
    else high = middle - 1;
  }
  return low;
}

function draw() {
  if (!columns.length) {
    fill(track);
    return;
  }
  const first = Math.max(0, Math.floor(strip.scrollLeft / SIZE) - MARGIN);
  const last = Math.min(columns.length - 1, Math.ceil((strip.scrollLeft + strip.clientWidth) / SIZE) + MARGIN);
  const name = `${first} ${last} ${ids} ${state.seq}`;
  if (name === shown) return;
  shown = name;
  const before = new Map([...track.children].map((node) => [node.dataset.key, node]));
  const now = columnAt(state.frame);
  const nodes = [];
  for (let at = first; at <= last; at++) {
    const key = `${columns[at]} ${ids.map((id) => `${id}:${version(id)}`)}`;
    const node = before.get(key) ?? column(columns[at], key);
    node.dataset.at = String(at);
    node.style.left = `${at * SIZE}px`;
    node.classList.toggle("now", at === now);
    nodes.push(node);
  }
  track.replaceChildren(...nodes);
  loadPictures(now);
}

/** Asks for the pictures that are missing: in the order of time, which decodes fastest, from a little before the shown frame. */
function loadPictures(now) {
  const missing = [];
  for (const chip of track.querySelectorAll(".chip[data-address]")) {
    const image = small(chip.dataset.address);
    if (image) put(chip, image);
    else missing.push(chip);
  }
  const turn = (chip) => {
    const at = Number(chip.parentElement.dataset.at);
    return at >= now - BEFORE ? at : at + columns.length;
  };
  missing.sort((a, b) => turn(a) - turn(b));
  wantSmall("chips", missing.map((chip) => chip.dataset.address));
}

function put(chip, image) {
  if (chip.firstChild) return;
  image.alt = "";
  image.draggable = false;
  chip.append(image);
}

/** A chip's picture changes only with its track. */
const version = (id) => state.tracks.get(id)?.changedAt ?? 0;

function column(frame, key) {
  return el(
    "div", { class: "chip-column", dataset: { key } },
    ids.map((id) => chip(id, frame)),
    el("span", { class: "chip-time" }, clock(state.times[frame], 1)),
  );
}

function chip(id, frame) {
  const lane = lanes.get(id);
  const there = lane?.spans.some(([first, last]) => first <= frame && frame <= last);
  const doubt = lane?.doubt.find(([first, last]) => first <= frame && frame <= last);
  const seconds = clock(state.times[frame], 2);
  const title = `${trackText(id)}, ${seconds}${doubt ? `, ${S.chips.doubt(doubt[2])}` : ""}`;
  const node = el("button", { type: "button", class: `chip${there ? "" : " gone"}${doubt ? " doubtful" : ""}`, tabindex: "-1", title, dataset: { track: String(id), frame: String(frame) } });
  node.style.setProperty("--colour", onGround(id));
  if (there) node.dataset.address = `chip/${version(id)}/${id}/${frame}.jpg`;
  return node;
}

