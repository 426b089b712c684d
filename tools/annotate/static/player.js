/** Which frame is shown. A frame appears when its picture is decoded and its boxes are loaded, never one without the other. */

import * as frames from "./frames.js";
import * as rows from "./rows.js";
import { clampFrame, emit, frameAt, frameCount, lastFrame, state } from "./state.js";

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8];
const JUMP = 64; // frames; after a longer way, what comes next is likely to be ahead, and is decoded faster there

let direction = 1;
let pending = null; // the frame that `seek` waits for
let next = null; // the frame asked for meanwhile
let clock = null; // {time, at}: the second that was shown at a moment of performance.now()

/** Shows a frame. While one is on its way only the newest wish is kept, so that dragging never queues up. */
export async function seek(frame, { keepPlaying = false } = {}) {
  if (!frameCount()) return;
  const target = clampFrame(frame);
  const way = target - state.wanted;
  if (way) direction = way > 0 || -way > JUMP ? 1 : -1;
  state.wanted = target;
  if (state.playing && !keepPlaying) pause();
  if (clock) clock = { time: state.times[target], at: performance.now() };
  emit("wanted");
  if (pending !== null) {
    next = target;
    return;
  }
  pending = target;
  try {
    for (;;) {
      next = null;
      await arrive(pending);
      if (next === null) break;
      pending = next;
    }
  } finally {
    pending = null;
  }
}

async function arrive(frame, tries = 3) {
  try {
    const [picture] = await Promise.all([frames.has(frame) ? frames.picture(frame) : frames.ready(frame), rows.load(frame)]);
    // A picture that is held but coarse is drawn at once; the sharp one follows.
    if (picture) show(frame);
  } catch (error) {
    // Given up by what came between (a new width, a project loaded anew): asked for again if it is still wanted.
    if (error.name !== "AbortError") emit("error", error);
    else if (tries > 0 && next === null) return arrive(frame, tries - 1);
  }
  plan();
}

function show(frame) {
  state.frame = frame;
  if (!state.playing) state.wanted = next ?? frame;
  state.shown = true;
  emit("frame");
}

export function step(count) {
  return seek((pending !== null || state.playing ? state.wanted : state.frame) + count);
}

export function stepSeconds(seconds) {
  const time = state.times[state.wanted] + seconds;
  const target = frameAt(time);
  if (target !== state.wanted) return seek(target);
  return seek(state.wanted + Math.sign(seconds));
}

export const isBusy = () => pending !== null;

export function play() {
  if (state.playing || !frameCount()) return;
  if (state.frame >= lastFrame() && !state.loop) {
    seek(0).then(play);
    return;
  }
  state.playing = true;
  direction = 1;
  clock = { time: state.times[state.frame], at: performance.now() };
  emit("playing");
  requestAnimationFrame(tick);
}

export function pause() {
  if (!state.playing) return;
  state.playing = false;
  clock = null;
  state.wanted = state.frame;
  emit("playing");
  plan();
}

export function setSpeed(speed) {
  if (clock) clock = { time: now(), at: performance.now() };
  state.speed = speed;
  emit("playing");
}

export function changeSpeed(by) {
  const at = SPEEDS.indexOf(state.speed);
  setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))]);
}

/** Plays round within these frames, or on to the end with null. */
export function setLoop(loop) {
  state.loop = loop;
  emit("playing");
}

function now() {
  return clock.time + ((performance.now() - clock.at) / 1000) * state.speed;
}

/** One turn of the screen: the newest decoded frame that is not after the clock. The clock itself waits for nothing. */
function tick() {
  if (!state.playing) return;
  const first = state.loop ? state.loop[0] : 0;
  const last = state.loop ? state.loop[1] : lastFrame();
  let time = now();
  if (time >= endOf(last)) {
    if (!state.loop) {
      if (state.frame === last || performance.now() - clock.at > 1e3 * frames.speedOfPictures().latency + 2000) {
        finish(last);
        return;
      }
      time = state.times[last];
    } else {
      time = state.times[first];
      clock = { time, at: performance.now() };
      if (state.frame > last) state.frame = first;
    }
  }
  const target = Math.min(last, Math.max(first, frameAt(time)));
  state.wanted = target;
  for (let frame = target; frame >= Math.max(first, target - 120); frame--) {
    if (frame === state.frame) break;
    if (frames.has(frame) && rows.isFresh(frame)) {
      show(frame);
      break;
    }
  }
  plan();
  requestAnimationFrame(tick);
}

function finish(last) {
  state.playing = false;
  clock = null;
  emit("playing");
  seek(last);
}

function endOf(frame) {
  if (frame < lastFrame()) return state.times[frame + 1];
  return 2 * state.times[frame] - state.times[Math.max(0, frame - 1)];
}

/** What to load next: around a still frame both neighbours, ahead of a moving one as many as can be decoded in time. */
export function plan() {
  if (!frameCount()) return;
  const list = [];
  if (state.playing) {
    const { pace, latency } = frames.speedOfPictures();
    const spacing = Math.max(1e-3, (state.times[lastFrame()] - state.times[0]) / Math.max(1, lastFrame()));
    const needed = state.speed / spacing; // frames a second
    const stride = Math.max(1, Math.ceil(needed / Math.min(60, 0.9 * pace)));
    const lead = stride > 1 ? Math.ceil(latency * needed) : 0;
    const first = state.loop ? state.loop[0] : 0;
    const last = state.loop ? state.loop[1] : lastFrame();
    let frame = Math.ceil((state.wanted + lead) / stride) * stride;
    for (let i = 0; i < frames.room(); i++, frame += stride) {
      if (frame <= last) list.push(frame);
      else if (state.loop) list.push(Math.min(last, first + (frame - last - 1)));
    }
    if (list.at(-1) !== last && frame > last) list.push(last);
    const likely = likelyNext(first, last);
    if (likely !== null) list.push(likely);
  } else {
    const at = state.wanted;
    list.push(at);
    const reach = Math.min(12, frames.room());
    for (let i = 1; i <= reach; i++) list.push(at + direction * i);
    for (let i = 1; i <= Math.ceil(reach / 3); i++) list.push(at - direction * i);
    list.sort((a, b) => cost(a, at) - cost(b, at));
  }
  const kept = list.filter((frame) => frame >= 0 && frame <= lastFrame());
  frames.want(kept);
  for (const frame of [kept[0], kept[kept.length >> 1], kept.at(-1)]) {
    if (frame !== undefined) rows.prefetch(frame);
  }
}

let foreseen = null; // {key, frame, here}: the picture that is fetched beside the question of this key

/**
 * The first frame of the next question, once all pictures of the one in hand are here: the jump there takes no time
 * then. It is fetched once for each question; where the memory is too small for both, the question's own come first.
 */
function likelyNext(first, last) {
  const key = state.question?.key;
  const next = state.questions[state.questions.findIndex((question) => question.key === key) + 1];
  if (!state.loop || !key || !next) return null;
  if (foreseen?.key !== key) {
    for (let frame = first; frame <= last; frame++) if (!frames.has(frame)) return null;
    foreseen = { key, frame: next.first, here: false };
  }
  foreseen.here ||= frames.has(foreseen.frame);
  return foreseen.here ? null : foreseen.frame;
}

const cost = (frame, at) => Math.abs(frame - at) * ((frame - at) * direction < 0 ? 1.6 : 1);
