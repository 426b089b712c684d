/** The boxes of the frames near the playhead, in blocks. A frame's boxes are asked for by its number, never by time. */

import { get } from "./api.js";
import { state, lastFrame, emit } from "./state.js";

const BLOCK = 64; // frames a request: two seconds at 30 Hz, 13,000 boxes at 200 tracks
const KEPT = 64; // blocks held; the longest unused go first

const blocks = new Map(); // index -> {frames: [[row]], fresh, loading}
let generation = 0; // rises with each change of the project: what was asked for before is not fresh

/** The rows of a frame: [{id, frame, box: [l, t, r, b], score, provenance, occluded, link}]; null until they are loaded. */
export function peek(frame) {
  const block = blocks.get(Math.floor(frame / BLOCK));
  return block?.frames?.[frame % BLOCK] ?? null;
}

export function isFresh(frame) {
  const block = blocks.get(Math.floor(frame / BLOCK));
  return block?.fresh === generation && block.frames !== null;
}

/** Loads the rows of a frame as they are now. */
export async function load(frame) {
  const index = Math.floor(frame / BLOCK);
  for (;;) {
    const block = touch(index);
    if (block.fresh === generation && block.frames) return block.frames[frame % BLOCK];
    block.loading ??= fetchBlock(index, block).finally(() => (block.loading = null));
    await block.loading;
  }
}

/** Loads a frame's rows in the background. */
export function prefetch(frame) {
  if (frame < 0 || frame > lastFrame() || isFresh(frame)) return;
  load(frame).catch(() => {});
}

/** The project changed: all blocks are asked for again when they are needed; until then `peek` shows what was. */
export function invalidate() {
  generation += 1;
}

export function clear() {
  generation += 1;
  blocks.clear();
}

/** The row of one track in a frame, null without one. */
export function rowOf(id, frame = state.frame) {
  return peek(frame)?.find((row) => row.id === id) ?? null;
}

function touch(index) {
  const block = blocks.get(index) ?? { frames: null, fresh: -1, loading: null };
  blocks.delete(index);
  blocks.set(index, block);
  for (const key of blocks.keys()) {
    if (blocks.size <= KEPT) break;
    blocks.delete(key);
  }
  return block;
}

async function fetchBlock(index, block) {
  const asked = generation;
  const first = index * BLOCK;
  const last = Math.min(lastFrame(), first + BLOCK - 1);
  const answer = await get(`api/rows?first=${first}&last=${last}`);
  const frames = Array.from({ length: BLOCK }, () => []);
  for (let i = 0; i < answer.id.length; i++) {
    frames[answer.frame[i] - first].push({
      id: answer.id[i],
      frame: answer.frame[i],
      box: answer.xyxy[i],
      score: answer.score[i],
      provenance: answer.provenance[i],
      occluded: answer.occluded[i],
      link: answer.link[i],
    });
  }
  block.frames = frames;
  block.fresh = asked;
  emit("rows");
}
