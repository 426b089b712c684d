/** Lists to pick a track or a class from. */

import { post } from "./api.js";
import { choose } from "./choose.js";
import { onGround } from "./colours.js";
import * as rows from "./rows.js";
import { emit, state, trackText } from "./state.js";
import { S } from "./strings.js";

/**
 * The id of another track than `track`; null if none is picked. Those here now come first, the nearest box before the
 * others, then those nearest in time. With `apart` those that are never there together with it come first: only they can
 * be one object.
 */
export async function chooseTrack(title, track, { apart = false } = {}) {
  const others = [...state.tracks.values()].filter((other) => other.id !== track?.id);
  if (!others.length) throw new Error(S.need.others);
  const ranked = others.map((other) => rank(track, other, apart)).sort((a, b) => a.turn - b.turn || a.far - b.far || a.id - b.id);
  const items = ranked.map(({ id, detail }) => ({ value: id, label: trackText(id), detail, colour: onGround(id) }));
  return choose(title, items);
}

function rank(track, other, apart) {
  const { id } = other;
  if (apart && track) {
    const together = other.first <= track.last && track.first <= other.last;
    if (!together) return gap(id, other.first > track.last ? [track.last, other.first, true] : [other.last, track.first, false]);
    return { id, turn: 1, far: away(track, other), detail: S.choose.overlap };
  }
  const row = rows.rowOf(id);
  if (row) return { id, turn: 0, far: away(track, other), detail: S.choose.here };
  if (other.first > state.frame) return { ...gap(id, [state.frame, other.first, true]), turn: 1 };
  if (other.last < state.frame) return { ...gap(id, [other.last, state.frame, false]), turn: 1 };
  return { id, turn: 1, far: 0, detail: "" };
}

function gap(id, [from, to, after]) {
  const seconds = state.times[to] - state.times[from];
  return { id, turn: 0, far: seconds, detail: (after ? S.choose.gapAfter : S.choose.gapBefore)(seconds.toFixed(1)) };
}

/** Picture pixels between the middles of two tracks' boxes in the shown frame. */
function away(track, other) {
  const [a, b] = [track && rows.rowOf(track.id)?.box, rows.rowOf(other.id)?.box];
  return a && b ? Math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2 : 1e9;
}

/** The index of a class; a new name is added to the project. */
export async function chooseClass(title, first) {
  const other = (name) => ({ value: { name }, label: S.choose.newClass(name) });
  const chosen = await choose(title, state.project.names.map((name, value) => ({ value, label: name })), { first, other });
  return typeof chosen?.name === "string" ? addClass(chosen.name) : chosen;
}

/** Adds a class to the project; its index, or null without a name. */
export async function addClass(name) {
  if (!name) return null;
  const answer = await post("api/names", { name });
  state.project.names = answer.names;
  emit("project");
  return answer.index;
}
