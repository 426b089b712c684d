/** The side panel of numbers: tracks, boxes, who made them, and the doubts that are left. */

import { get } from "./api.js";
import { onGround } from "./colours.js";
import { el, fill } from "./dom.js";
import { allLanes, setFilter } from "./lane_data.js";
import { className, duration, frameCount, on, state } from "./state.js";
import { clock, percent, S } from "./strings.js";

const T = S.statistics;
const SHARES = ["seen", "filled", "drawn", "confirmed", "tracked"];
let counted = null;
let countedFor = -1;

export function build(panel) {
  const body = el("div", { class: "statistics" });
  panel.append(body);
  const show = () => {
    if (panel.hidden || !state.project) return;
    fill(body, ...parts());
    if (countedFor !== state.seq) count(show);
  };
  on("tracks queue tab", show);
  return show;
}

async function count(show) {
  const seq = state.seq;
  countedFor = seq;
  try {
    counted = await get("api/statistics");
  } catch {
    counted = await fromLanes().catch(() => null);
  }
  if (seq === state.seq) show();
}

/** What the lanes tell when the server does not count. */
async function fromLanes() {
  const lanes = await allLanes();
  const length = (spans) => spans.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const filled = lanes.reduce((sum, lane) => sum + length(lane.filled), 0);
  return { filled };
}

function parts() {
  const tracks = [...state.tracks.values()];
  const boxes = counted?.boxes ?? tracks.reduce((sum, track) => sum + track.count, 0);
  const accepted = tracks.filter((track) => track.accepted).length;
  const number = (value) => value.toLocaleString("en");
  const lines = [
    line(T.tracks, number(tracks.length)),
    line(T.accepted, T.of(number(accepted), number(tracks.length))),
    line(T.boxes, number(boxes)),
    line(T.remaining, state.remaining === null ? "–" : number(state.remaining)),
    line(T.duration, clock(duration(), 1)),
    line(T.frames, number(frameCount())),
  ];
  return [el("dl", { class: "facts-table" }, lines), shareBar(boxes), classParts(tracks)];
}

const line = (name, value) => [el("dt", {}, name), el("dd", {}, value)];

function shareBar(boxes) {
  const known = SHARES.filter((name) => counted && typeof counted[name] === "number");
  if (!known.length || !boxes) return el("p", { class: "muted" }, counted ? "" : T.counting);
  const bar = el("div", { class: "share-bar" });
  const legend = el("dl", { class: "facts-table legend" });
  for (const name of known) {
    const share = counted[name] / boxes;
    const piece = el("span", { class: `piece ${name}` });
    piece.style.flexGrow = String(counted[name]);
    if (counted[name] && known.length === SHARES.length) bar.append(piece);
    const sign = el("span", { class: `swatch piece ${name}` });
    legend.append(el("dt", {}, sign, T[name]), el("dd", {}, `${counted[name].toLocaleString("en")}   ${percent(share, 1)}`));
  }
  return el("div", { class: "shares" }, bar.firstChild ? bar : null, legend);
}

function classParts(tracks) {
  const counts = new Map();
  for (const track of tracks) counts.set(track.label, (counts.get(track.label) ?? 0) + 1);
  const list = [...counts].sort((a, b) => b[1] - a[1]);
  if (!list.length) return null;
  const most = list[0][1];
  return el("div", {},
    el("h3", {}, T.classes),
    list.map(([label, count]) => {
      const bar = el("span", { class: "class-bar" });
      bar.style.width = `${(count / most) * 100}%`;
      bar.style.background = onGround(label * 3 + 1, 0.5);
      return el("button", { type: "button", class: "class-line", onclick: () => setFilter({ text: className(label) }) },
        bar, el("span", {}, className(label)), el("span", {}, String(count)));
    }),
  );
}
