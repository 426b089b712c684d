/** Pictures by frame number: fetched, decoded, and held within a bound of memory. */

import { getBlob } from "./api.js";
import { state, emit } from "./state.js";

const WIDTHS = [640, 960, 1280, 1920];
const MEMORY = 320 * 2 ** 20; // bytes of decoded pictures: 38 of 1920 x 1080, 9 of 3840 x 2160
const AT_ONCE = 3; // requests; a browser opens 6 connections, small pictures and the queue take 2, boxes and changes need one

const held = new Map(); // frame -> {bitmap, width}; the longest unused first
const loading = new Map(); // frame -> {abort, promise, width}
let plan = []; // frames wanted, the most urgent first
let bytes = 0;
let wanted = 1280; // pixels across, one of WIDTHS or Infinity for all that there are
let pace = 40; // frames decoded in a second, an average of the last ones
let latency = 0.06; // seconds from asking to a decoded picture

/** The picture of a frame if it is decoded (perhaps a coarse one while a sharper one comes), else null. */
export function picture(frame) {
  const entry = held.get(frame);
  if (!entry) return null;
  held.delete(frame);
  held.set(frame, entry);
  return entry.bitmap;
}

export const has = (frame) => held.has(frame);
export const isSharp = (frame) => held.has(frame) && held.get(frame).width >= wanted;
export const speedOfPictures = () => ({ pace, latency });

/** Sets how many pixels across the stage shows; pictures are asked for in the next width that the server has. */
export function setWidth(pixels) {
  const next = WIDTHS.find((width) => width >= pixels) ?? Infinity;
  if (next === wanted) return;
  wanted = next;
  emit("width");
}

/** The frame's picture, decoded. Rejects with the server's sentence. */
export async function ready(frame) {
  if (isSharp(frame)) return picture(frame);
  const known = loading.get(frame);
  if (known && known.width >= wanted) return known.promise;
  return start(frame).promise;
}

/**
 * Says which frames come next, the most urgent first; what is loading and not among them is given up. While time runs a
 * frame that is newer than the shown one is still of use when it comes: given up, it would be for ever too late.
 */
export function want(frames) {
  plan = frames;
  const named = new Set(frames);
  named.add(state.wanted);
  const last = frames.at(-1) ?? state.wanted;
  for (const [frame, job] of loading) {
    const coming = state.playing && frame > state.frame && frame <= last;
    if (!named.has(frame) && !coming && !job.awaited) job.abort.abort();
  }
  pump();
}

export function clear() {
  for (const job of loading.values()) job.abort.abort();
  for (const entry of held.values()) entry.bitmap.close();
  held.clear();
  bytes = 0;
}

/** How many frames ahead the memory can hold: a third of it, so that going back is fast too. */
export function room() {
  const width = Math.min(wanted, state.project?.width ?? 1920);
  const size = 4 * width * width * ((state.project?.height ?? 1080) / (state.project?.width ?? 1920));
  return Math.max(4, Math.min(48, Math.floor(MEMORY / size / 2)));
}

function pump() {
  for (const frame of plan) {
    if (loading.size >= AT_ONCE) return;
    if (isSharp(frame) || loading.has(frame)) continue;
    start(frame).promise.catch(() => {});
  }
}

function start(frame) {
  const abort = new AbortController();
  const job = { abort, width: wanted, awaited: frame === state.wanted };
  loading.get(frame)?.abort.abort();
  job.promise = fetchPicture(frame, job).finally(() => {
    if (loading.get(frame) === job) loading.delete(frame);
    pump();
  });
  loading.set(frame, job);
  return job;
}

async function fetchPicture(frame, job) {
  const began = performance.now();
  const query = Number.isFinite(job.width) ? `?w=${job.width}` : "";
  const blob = await getBlob(`frame/${encodeURIComponent(state.project.sourceKey)}/${frame}.jpg${query}`, job.abort.signal);
  const bitmap = await createImageBitmap(blob);
  const took = (performance.now() - began) / 1000;
  latency += 0.2 * (took - latency);
  pace += 0.1 * (AT_ONCE / Math.max(took, 0.004) - pace);
  store(frame, bitmap, job.width);
  return bitmap;
}

function store(frame, bitmap, width) {
  const before = held.get(frame);
  if (before) {
    bytes -= size(before.bitmap);
    held.delete(frame);
    // It may be on the screen: it is closed when nothing draws it any more.
    setTimeout(() => before.bitmap.close(), 1000);
  }
  held.set(frame, { bitmap, width });
  bytes += size(bitmap);
  for (const [key, entry] of held) {
    if (bytes <= MEMORY) break;
    if (key === state.frame || key === frame) continue;
    held.delete(key);
    bytes -= size(entry.bitmap);
    entry.bitmap.close();
  }
  emit("picture", frame);
}

const size = (bitmap) => 4 * bitmap.width * bitmap.height;
