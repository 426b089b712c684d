/** What the machine does from a person's box or mask: re-tracking, following masks, and the painting that begins it. */

import { post } from "./api.js";
import * as masks from "./masks.js";
import { need, needRow, needTrack, operate, UNDO } from "./operations.js";
import { emit, state, trackText } from "./state.js";
import { S } from "./strings.js";
import { say } from "./toasts.js";

export async function retrack(direction) {
  const { track } = needRow();
  need(state.project.can?.retrack !== false, S.need.retrack);
  await startJob("retrack", { track: track.id, frame: state.frame, direction }, S.job.retrack(trackText(track.id)));
}

export async function propagate() {
  const track = needTrack();
  need(state.project.can?.mask, S.need.mask);
  await startJob("propagate", { track: track.id, frame: state.frame }, S.job.propagate(trackText(track.id)));
}

async function startJob(path, body, title) {
  const { job } = await post(`api/${path}`, body);
  // It may have ended already: then the live line has told it.
  const known = state.jobs.get(job);
  if (known) known.title = title;
  else if (!state.endedJobs.has(job)) state.jobs.set(job, { kind: path, done: 0, total: 0, title });
  emit("jobs");
}

export async function cancelJob(job = null) {
  const running = job ?? [...state.jobs.keys()].at(-1);
  need(running !== undefined, S.need.job);
  await post("api/cancel", { job: running });
}

export async function paint(mode) {
  const { track, row } = needRow();
  await masks.beginPainting(track.id, mode, row.box);
}

export async function unmask() {
  const { track } = needRow();
  await operate("mask", { track: track.id, frame: state.frame, rle: null });
  await masks.load(state.frame);
  say(S.done.unmask(trackText(track.id)), UNDO);
}

export async function savePainting() {
  const { painting } = masks;
  if (painting.points.length >= 3) masks.closeOutline();
  const { track, frame, canvas, changed } = painting;
  masks.endPainting();
  if (!changed) return;
  await operate("mask", { track, frame, rle: masks.fromCanvas(canvas) });
  await masks.load(state.frame);
  say(S.done.mask(trackText(track)), UNDO);
}
