/** Lists to pick a track or a class from. */

import { post } from "./api.js";
import { choose } from "./choose.js";
import { onGround } from "./colours.js";
import * as rows from "./rows.js";
import { emit, state, trackText } from "./state.js";
import { S } from "./strings.js";

/** The id of another track than `track`, those here now first, then the nearest in time; null if none is picked. */
export async function chooseTrack(title, track) {
  const here = new Set((rows.peek(state.frame) ?? []).map((row) => row.id));
  const now = state.times[state.frame];
  const away = (other) => {
    if (here.has(other.id)) return 0;
    if (other.first > state.frame) return state.times[other.first] - now;
    return other.last < state.frame ? now - state.times[other.last] : 0;
  };
  const detail = (other) => {
    if (here.has(other.id)) return S.choose.here;
    if (other.first > state.frame) return S.choose.gapAfter(away(other).toFixed(1));
    return other.last < state.frame ? S.choose.gapBefore(away(other).toFixed(1)) : "";
  };
  const others = [...state.tracks.values()].filter((other) => other.id !== track?.id);
  if (!others.length) throw new Error(S.need.others);
  others.sort((a, b) => away(a) - away(b) || a.id - b.id);
  const items = others.map((other) => ({ value: other.id, label: trackText(other.id), detail: detail(other), colour: onGround(other.id) }));
  return choose(title, items);
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
