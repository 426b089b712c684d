/** Starts the page: loads the recording, wires the parts, and takes in what the server tells. */

import * as api from "./api.js";
import * as chips from "./chips.js";
import { openCompare } from "./compare_dialog.js";
import { byId, el, fill } from "./dom.js";
import { openExport } from "./export_dialog.js";
import * as frames from "./frames.js";
import { openHelp } from "./help.js";
import * as jobs from "./jobs.js";
import * as keys from "./keys.js";
import * as laneBar from "./lane_bar.js";
import * as laneData from "./lane_data.js";
import * as laneView from "./lane_view.js";
import * as lanes from "./lanes.js";
import * as lanesInput from "./lanes_input.js";
import * as live from "./live.js";
import * as masks from "./masks.js";
import * as player from "./player.js";
import * as questions from "./questions.js";
import { openRecordings } from "./recordings.js";
import * as rows from "./rows.js";
import * as side from "./side.js";
import * as stage from "./stage.js";
import * as stageInput from "./stage_input.js";
import { clampFrame, emit, on, select, state } from "./state.js";
import { S } from "./strings.js";
import * as toasts from "./toasts.js";
import { complain, say } from "./toasts.js";
import * as top from "./top.js";
import * as transport from "./transport.js";
import { toStage } from "./view.js";

const DIALOGS = { help: openHelp, export: openExport, compare: openCompare, recordings: openRecordings };

async function start() {
  wire();
  note(`${S.loading} …`);
  try {
    await loadProject();
  } catch (error) {
    note(error.status === 0 ? S.connection.lost : error.message);
    if (error.status === 0) live.lose();
    live.start();
    return;
  }
  live.start();
}

/** Loads everything; also when the first tracking is done. */
async function loadProject() {
  const project = await api.get("api/project");
  state.project = project;
  state.seq = project.seq;
  state.times = await api.getArray("api/times", Float64Array);
  state.numbers = await api.getArray("api/numbers", BigInt64Array).catch(() => null);
  frames.clear();
  rows.clear();
  jobs.take(project.job);
  await loadTracks();
  emit("project");
  emit("tracks");
  laneView.fitAll();
  banner();
  emit("playing");
  note("");
  if (!state.times.length) return;
  await player.seek(state.shown ? state.wanted : placeFromAddress());
  questions.load();
}

async function loadTracks() {
  const list = await api.get("api/tracks");
  const before = state.tracks;
  state.tracks = new Map();
  for (const track of list) {
    if (!track.count) continue; // all of it was deleted; undo brings it back
    const attributes = Object.entries(track.attributes);
    state.tracks.set(track.id, { ...track, attributes, changedAt: before.get(track.id)?.changedAt ?? state.seq });
  }
}

/** The place survives a reload: it stands in the address. */
function placeFromAddress() {
  const found = /frame=(\d+)/.exec(location.hash);
  return found ? clampFrame(Number(found[1])) : 0;
}

let addressTimer = 0;
function rememberPlace() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => history.replaceState(null, "", `#frame=${state.frame}`), 250);
}

function wire() {
  for (const [id, text] of Object.entries(S.regions)) byId(id).setAttribute("aria-label", text);
  for (const part of [top, side, transport, laneBar, laneData, laneView, stage, stageInput, lanes, lanesInput, chips, jobs, masks, keys, questions]) part.start();
  on("frame", rememberPlace);
  on("frame", () => note(""));
  on("changed", change);
  on("live", hear);
  on("error", (error) => error.status !== 0 && complain(error));
  on("dialog", (name) => DIALOGS[name]());
  on("menu", stageInput.menuByKey);
  on("connection waiting", banner);
  on("reconnected", reconnected);
  on("jobDone", ({ kind }) => kind === "track" && loadProject().catch(complain));
  on("width", () => player.plan());
}

function hear(message) {
  if (message.type === "changed") emit("changed", message);
  else if (message.type === "state" || message.type === "names") {
    Object.assign(state.project, message.type === "state" ? { state: message.state } : { names: message.names });
    emit("project");
  }
}

let busy = null;
let queueTimer = 0;
let pending = null;

/** Something changed, here or in another window: loads what is concerned, once for several changes at a time. */
function change(message) {
  if (message.seq <= state.seq && !message.force) return state.refreshing;
  const { own } = message;
  if (!own && message.who && message.who !== state.project?.who) say(S.done.other(message.who, S.kinds[message.kind] ?? message.kind));
  state.seq = Math.max(state.seq, message.seq);
  rows.invalidate();
  pending = pending ?? new Set();
  for (const id of message.tracks ?? []) pending.add(id);
  if (!message.tracks?.length) pending.all = true;
  busy ??= refresh().finally(() => (busy = null));
  state.refreshing = busy;
  return busy;
}

async function refresh() {
  while (pending) {
    const changed = pending;
    pending = null;
    const waiting = [loadTracks()];
    if (state.shown) waiting.push(rows.load(state.frame));
    await Promise.all(waiting).catch((error) => emit("error", error));
    const ids = changed.all ? [...state.tracks.keys()] : [...changed];
    for (const id of ids) if (state.tracks.has(id)) state.tracks.get(id).changedAt = state.seq;
    laneData.staleLanes(changed.all ? null : ids);
    select(state.selected.filter((id) => state.tracks.has(id)));
    emit("tracks");
    emit("lanes");
    player.plan();
  }
  // The queue is asked for when a run of changes is over; an answer asks for it itself.
  clearTimeout(queueTimer);
  queueTimer = setTimeout(questions.load, state.answering ? 0 : 300);
}

async function reconnected(project) {
  const sent = state.waiting;
  if (!state.project) {
    await loadProject().catch(complain);
    return;
  }
  const other = project.sourceKey !== state.project.sourceKey;
  const newer = project.version !== state.project.version;
  const behind = project.seq !== state.seq;
  state.project = { ...state.project, ...project };
  jobs.take(project.job);
  if (other) await loadProject().catch(complain);
  else if (behind) change({ seq: project.seq, force: true, own: true, tracks: [] });
  else player.seek(state.wanted);
  emit("project");
  if (newer) toasts.note(S.connection.newer, { text: S.connection.reload, run: () => location.reload() });
  toasts.note(sent ? S.connection.backSent(sent) : S.connection.back);
}

function banner() {
  const box = byId("banner");
  const texts = [];
  if (state.connection === "lost") texts.push(S.connection.lost);
  if (state.connection === "stranger") texts.push(S.connection.stranger);
  if (state.connection !== "open" && state.waiting) texts.push(S.connection.waiting(state.waiting));
  if (state.project?.readOnly && state.connection === "open") texts.push(toasts.sentence(state.project.readOnly));
  box.hidden = !texts.length;
  box.className = state.connection === "open" ? "banner" : "banner bad";
  fill(box, texts.map((text) => el("span", {}, text)));
}

function note(text) {
  const box = byId("note");
  box.hidden = !text;
  fill(box, text);
}

start();
// What tests and a curious user may look at; nothing of the page depends on it.
const place = (x, y) => {
  const box = byId("picture").getBoundingClientRect();
  const [left, top] = toStage(x, y);
  return [box.left + left, box.top + top];
};
window.liquidtrack = { state, rows, frames, player, place };
