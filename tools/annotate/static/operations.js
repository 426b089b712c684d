/** What a person can do to tracks. Each function asks the server for one operation; what is missing is said in a sentence. */

import { askText, choose } from "./choose.js";
import { onGround } from "./colours.js";
import { laneOf } from "./lane_data.js";
import { chooseClass, chooseTrack } from "./pickers.js";
import * as rows from "./rows.js";
import { send } from "./sender.js";
import { clampFrame, className, lastFrame, primary, select, state, trackText, writable } from "./state.js";
import { clock, S } from "./strings.js";
import { complain, say } from "./toasts.js";

class Missing extends Error {}

/** Runs an action; what it misses or the server refuses is shown, never thrown further. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (error?.name !== "AbortError") complain(error);
    return null;
  }
}

export function need(condition, sentence) {
  if (!condition) throw new Missing(sentence);
}

export function needTrack() {
  need(writable(), state.project?.readOnly || S.need.write);
  const track = primary();
  need(track, S.need.track);
  return track;
}

export function needRow() {
  const track = needTrack();
  const row = rows.rowOf(track.id);
  need(row, S.need.box);
  return { track, row };
}

export async function operate(kind, parameters) {
  need(writable(), state.project?.readOnly || S.need.write);
  return send("op", { kind, parameters });
}

export const UNDO = { text: S.ops.undo, run: () => undo() };

// Boxes -----------------------------------------------------------------------------------------------------------

/** A new track from a box; its class is the last one used, or asked for where there are several and none was used yet. */
export async function drawNew(box) {
  let label = state.lastLabel ?? (state.project.names.length === 1 ? 0 : null);
  if (label === null) {
    label = await chooseClass(S.choose.drawClass, 0);
    if (label === null) return null;
  }
  state.lastLabel = label;
  const answer = await operate("draw", { frame: state.frame, xyxy: box, label });
  const id = answer.parameters?.track ?? answer.parameters?.new ?? answer.tracks[0];
  await refreshed();
  select([id]);
  say(S.done.draw(trackText(id)), UNDO);
  return id;
}

export async function setBox(id, box, frame = state.frame) {
  const row = rows.rowOf(id, frame);
  const track = state.tracks.get(id);
  need(track, S.need.track);
  const kind = row ? "move" : "draw";
  const parameters = row ? { track: id, frame, xyxy: box } : { frame, xyxy: box, label: track.label, track: id };
  return operate(kind, parameters);
}

export async function deleteHere() {
  const track = needTrack();
  const [first, last] = state.range ?? [needRow().row.frame, state.frame];
  await operate("delete", { track: track.id, first, last });
  say(S.done.delete(trackText(track.id)), UNDO);
}

export async function deleteFrom(frame = state.frame, id = null) {
  const track = id === null ? needTrack() : state.tracks.get(id);
  need(track, S.need.track);
  await operate("delete", { track: track.id, first: frame });
  say(S.done.delete(trackText(track.id)), UNDO);
}

export async function deleteBefore(frame = state.frame, id = null) {
  const track = id === null ? needTrack() : state.tracks.get(id);
  need(track, S.need.track);
  need(frame > 0 && track.first < frame, S.need.start);
  await operate("delete", { track: track.id, last: frame - 1 });
  say(S.done.delete(trackText(track.id)), UNDO);
}

export async function deleteAll() {
  const track = needTrack();
  const text = trackText(track.id);
  await operate("delete", { track: track.id });
  say(S.done.deleteAll(text), UNDO);
}

export async function interpolate() {
  const track = needTrack();
  let range = state.range;
  if (!range) {
    const { keys } = await laneOf(track.id);
    const before = keys.filter((key) => key <= state.frame).at(-1);
    const after = keys.find((key) => key > state.frame);
    range = before === undefined || after === undefined ? null : [before, after];
  }
  need(range, S.need.keys);
  await operate("interpolate", { track: track.id, first: range[0], last: range[1] });
  say(S.done.interpolate(trackText(track.id)), UNDO);
}

// Identity --------------------------------------------------------------------------------------------------------

export async function split(frame = state.frame, id = null) {
  const track = id === null ? needTrack() : state.tracks.get(id);
  need(track, S.need.track);
  const answer = await operate("split", { track: track.id, frame });
  const fresh = answer.parameters?.new;
  await refreshed();
  say(S.done.split(trackText(track.id), trackText(fresh)), UNDO);
  if (fresh && state.frame >= frame) select([fresh]);
}

export async function swap(frame = state.frame, pair = null) {
  const [first, second] = pair ?? (await partner(S.choose.swap));
  await operate("swap", { track: first, other: second, frame });
  say(S.done.swap(trackText(first), trackText(second), clock(state.times[frame])), UNDO);
}

export async function join() {
  const [first, second] = await partner(S.choose.join, { apart: true });
  const parameters = { track: first, other: second };
  const text = trackText(second);
  try {
    await operate("join", parameters);
  } catch (error) {
    if (error.status !== 400 && error.status !== 409 && error.status !== 422) throw error;
    if (!overlap(first, second)) throw error;
    const items = [
      { value: "track", label: S.choose.keepTrack(trackText(first)), colour: onGround(first) },
      { value: "other", label: S.choose.keepTrack(trackText(second)), colour: onGround(second) },
      { value: "newer key", label: S.choose.keepNewer },
    ];
    const prefer = await choose(S.choose.overlapTitle, items);
    if (prefer === null) return;
    await operate("join", { ...parameters, prefer });
  }
  await refreshed();
  select([first]);
  say(S.done.join(trackText(first), text), UNDO);
}

function overlap(first, second) {
  const a = state.tracks.get(first);
  const b = state.tracks.get(second);
  return a && b && a.first <= b.last && b.first <= a.last;
}

/** The two selected tracks, or the selected one and one that the person picks, the nearest in time first. */
async function partner(title, options = {}) {
  const track = needTrack();
  if (state.selected.length === 2) return state.selected;
  const id = await chooseTrack(title(trackText(track.id)), track, options);
  if (id === null) throw new DOMException("left", "AbortError");
  return [track.id, id];
}

// What is said of a track -----------------------------------------------------------------------------------------

export async function rename(name = null) {
  const track = needTrack();
  const text = name ?? (await askText(S.choose.rename(trackText(track.id)), track.name));
  if (text === null || text === track.name) return;
  await operate("rename", { track: track.id, name: text });
  await refreshed();
  say(S.done.rename(trackText(track.id)), UNDO);
}

export async function relabel(label = null) {
  const track = needTrack();
  const chosen = label ?? (await chooseClass(S.choose.className(trackText(track.id)), track.label));
  if (chosen === null || chosen === track.label) return;
  await operate("relabel", { track: track.id, label: chosen });
  state.lastLabel = chosen;
  await refreshed();
  say(S.done.relabel(`${trackText(track.id)}, ${className(chosen)}`), UNDO);
}

/** Sets an attribute for good, or from `frame` on; an empty value takes it away. */
export async function attribute(name, value, frame = null) {
  const track = needTrack();
  await operate("attribute", { track: track.id, name, value, ...(frame === null ? {} : { frame }) });
  say(S.done.attribute(name, value), UNDO);
}

export async function occluded() {
  const { track, row } = needRow();
  const [first, last] = state.range ?? [state.frame, state.frame];
  await operate("occluded", { track: track.id, first, last, value: !row.occluded });
  say(S.done.occluded(!row.occluded), UNDO);
}

export async function absent() {
  const track = needTrack();
  const [first, last] = state.range ?? [state.frame, state.frame];
  await operate("absent", { track: track.id, first, last });
  say(S.done.absent(trackText(track.id)), UNDO);
}

export async function present(range = null) {
  const track = needTrack();
  const there = track.absences.find(([first, last]) => first <= state.frame && state.frame <= last);
  const found = range ?? state.range ?? there;
  need(found, S.need.absence);
  await operate("present", { track: track.id, first: found[0], last: found[1] });
  say(S.done.present(trackText(track.id)), UNDO);
}

export async function lock() {
  const track = needTrack();
  await operate("lock", { track: track.id, locked: !track.locked });
  say(S.done.lock(!track.locked, trackText(track.id)), UNDO);
}

export async function accept() {
  const track = needTrack();
  const [first, last] = state.range ?? [needRow().row.frame, state.frame];
  await operate("accept", { track: track.id, first, last });
  say(S.done.accept(trackText(track.id)), UNDO);
}

export async function acceptAll() {
  const track = needTrack();
  await operate("accept", { track: track.id });
  say(S.done.accept(trackText(track.id)), UNDO);
}

// Back and forth --------------------------------------------------------------------------------------------------

export async function undo() {
  need(writable(), state.project?.readOnly || S.need.write);
  const answer = await send("undo", {});
  say(answer.kind ? S.done.undo(S.kinds[answer.kind] ?? answer.kind) : S.done.nothingUndo);
  await refreshed();
  if (!state.selected.length) select((answer.tracks ?? []).slice(0, 1));
  return answer;
}

export async function redo() {
  need(writable(), state.project?.readOnly || S.need.write);
  const answer = await send("redo", {});
  say(answer.kind ? S.done.redo(S.kinds[answer.kind] ?? answer.kind) : S.done.nothingRedo);
  return answer;
}

/** The next or previous key frame of the selected track, or its first or last frame. */
export async function keyFrame(side) {
  const track = primary();
  need(track, S.need.track);
  const { keys } = await laneOf(track.id);
  const stops = [track.first, ...keys, track.last];
  const next = side > 0 ? stops.find((key) => key > state.frame) : stops.filter((key) => key < state.frame).at(-1);
  return next === undefined ? null : clampFrame(Math.min(lastFrame(), next));
}

/** Fulfilled when the list of tracks has been loaded after a change. */
function refreshed() {
  return state.refreshing ?? Promise.resolve();
}
