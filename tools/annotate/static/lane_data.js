/** What each lane shows, loaded for the lanes that are seen, and which tracks the list holds in which order. */

import { get } from "./api.js";
import * as rows from "./rows.js";
import { className, emit, on, state } from "./state.js";

const BATCH = 50;
const held = new Map(); // id -> lane; `stale` while a newer one is on its way
let asked = new Set();
let timer = 0;

export const filter = { text: "", show: "all", sort: "start" };
let order = [];
let sight = [0, 0]; // the first and the last frame that the timeline shows

/** A lane if it is loaded: {id, spans, keys, filled, doubt, absences}, frames; asks for it if not. */
export function peekLane(id) {
  const lane = held.get(id);
  if (!lane || lane.stale) request(id);
  return lane ?? null;
}

/** The lane as it is now. */
export async function laneOf(id) {
  const lane = held.get(id);
  if (lane && !lane.stale) return lane;
  await fetchLanes([id]);
  return held.get(id) ?? { id, spans: [], keys: [], filled: [], doubt: [], absences: [] };
}

function request(id) {
  asked.add(id);
  if (timer) return;
  timer = setTimeout(() => {
    timer = 0;
    const ids = [...asked];
    asked = new Set();
    for (let i = 0; i < ids.length; i += BATCH) {
      fetchLanes(ids.slice(i, i + BATCH)).catch((error) => error.status && emit("error", error));
    }
  }, 25);
}

async function fetchLanes(ids) {
  const seq = state.seq;
  const known = ids.filter((id) => state.tracks.has(id));
  if (!known.length) return;
  const lanes = await get(`api/lanes?tracks=${known.join(",")}`);
  for (const lane of lanes) {
    held.set(lane.id, { ...lane, stale: seq !== state.seq && Boolean(held.get(lane.id)?.stale) });
  }
  emit("lanes");
}

/** All lanes, for the statistics of a server that does not count itself. */
export async function allLanes() {
  const missing = [...state.tracks.keys()].filter((id) => !held.has(id) || held.get(id).stale);
  for (let i = 0; i < missing.length; i += BATCH) await fetchLanes(missing.slice(i, i + BATCH));
  return [...state.tracks.keys()].map((id) => held.get(id)).filter(Boolean);
}

/** These tracks changed (all of them without a list). What was loaded stays in sight until the new comes. */
export function staleLanes(ids = null) {
  for (const [id, lane] of held) {
    if (!state.tracks.has(id)) held.delete(id);
    else if (ids === null || ids.includes(id)) lane.stale = true;
  }
}

/** The ids of the tracks that the list shows, in its order. */
export const shownTracks = () => order;

export function setFilter(change) {
  Object.assign(filter, change);
  sortTracks();
  emit("filter");
}

export function sortTracks() {
  const text = filter.text.trim().toLowerCase();
  const list = [...state.tracks.values()].filter((track) => matches(track, text) && belongs(track));
  list.sort((a, b) => COMPARE[filter.sort](a, b) || a.id - b.id);
  const next = list.map((track) => track.id);
  if (next.length === order.length && next.every((id, i) => id === order[i])) return;
  order = next;
  emit("order");
}

const COMPARE = {
  start: (a, b) => a.first - b.first,
  length: (a, b) => b.count - a.count,
  doubt: (a, b) => a.leastLink - b.leastLink,
  id: (a, b) => a.id - b.id,
};

function matches(track, text) {
  if (!text) return true;
  if (/^\d+$/.test(text)) return String(track.id) === text || track.name.toLowerCase().includes(text);
  return track.name.toLowerCase().includes(text) || className(track.label).toLowerCase().includes(text);
}

function belongs(track) {
  switch (filter.show) {
    case "here":
      return (rows.peek(state.frame) ?? []).some((row) => row.id === track.id);
    case "sight":
      return track.first <= sight[1] && track.last >= sight[0];
    case "selected":
      return state.selected.includes(track.id);
    case "open":
      return !track.accepted;
    case "accepted":
      return track.accepted;
    case "doubtful":
      return isDoubtful(track);
    case "locked":
      return track.locked;
    default:
      return true;
  }
}

/** The timeline shows these frames now. */
export function setSight(first, last) {
  if (first === sight[0] && last === sight[1]) return;
  sight = [first, last];
  if (filter.show === "sight") sortTracks();
}

/** A track with a link that is wrong with a chance above 5 %, and that nobody has accepted. */
export const isDoubtful = (track) => !track.accepted && track.leastLink < 0.95;

export function start() {
  on("tracks", sortTracks);
  on("selection", () => filter.show === "selected" && sortTracks());
  on("frame rows", () => filter.show === "here" && !state.playing && sortTracks());
}
