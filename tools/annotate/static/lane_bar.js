/** The filter and the order of the lanes, and the edge by which the lower part is made higher. */

import { byId, el, fill } from "./dom.js";
import { filter, setFilter, shownTracks } from "./lane_data.js";
import { emit, on, state } from "./state.js";
import { S } from "./strings.js";

const LOWEST = 150;

export function start() {
  const input = el("input", { type: "search", "aria-label": S.lanes.filter, placeholder: S.lanes.filter, oninput: () => setFilter({ text: input.value }) });
  const show = select(S.lanes.show, S.lanes.shows, filter.show, (value) => setFilter({ show: value }));
  const sort = select(S.lanes.sort, S.lanes.sorts, filter.sort, (value) => setFilter({ sort: value }));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "ArrowDown") {
      byId("lane-canvas").focus();
      event.preventDefault();
    }
  });
  fill(byId("lane-bar"), input, el("div", { class: "lane-selects" }, show, sort));
  on("filter", () => {
    if (input.value !== filter.text) input.value = filter.text;
  });
  on("order tracks", () => (input.title = S.lanes.count(shownTracks().length, state.tracks.size)));
  on("focusFilter", () => {
    input.focus();
    input.select();
  });
  splitter();
}

function select(label, texts, value, change) {
  const node = el(
    "select", { "aria-label": label, title: label, onchange: () => change(node.value) },
    Object.entries(texts).map(([key, text]) => el("option", { value: key, selected: key === value }, text)),
  );
  return node;
}

function splitter() {
  const edge = byId("splitter");
  const page = byId("page");
  const set = (height) => {
    const most = Math.max(LOWEST, innerHeight - 320);
    const next = Math.round(Math.min(most, Math.max(LOWEST, height)));
    page.style.setProperty("--bottom", `${next}px`);
    localStorage.setItem("liquidtrack.bottom", String(next));
    emit("layout");
  };
  const saved = Number(localStorage.getItem("liquidtrack.bottom"));
  if (saved) set(saved);
  else if (innerHeight >= 900) set(Math.round(innerHeight * 0.34));
  edge.addEventListener("pointerdown", (event) => {
    edge.setPointerCapture(event.pointerId);
    edge.onpointermove = (move) => set(innerHeight - move.clientY);
  });
  edge.addEventListener("pointerup", () => (edge.onpointermove = null));
}
