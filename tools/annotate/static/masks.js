/** Masks: COCO's run lengths to pictures and back, the masks of the shown frame, and the one that is being painted. */

import { get } from "./api.js";
import { onPicture } from "./colours.js";
import { emit, on, state } from "./state.js";
import { scale, toStage } from "./view.js";

const held = new Map(); // frame -> [{id, canvas}]
const KEPT = 24;
let loading = -1;

/** The mask in hand: a canvas of the picture's size whose opaque pixels are the mask. */
export const painting = { canvas: null, track: 0, frame: -1, size: 24, erase: false, points: [], changed: false };

/** COCO's compressed counts to runs, which begin with a run of zeros. */
export function decodeCounts(text) {
  const runs = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const code = text.charCodeAt(at++) - 48;
      value += (code & 31) * 2 ** shift;
      more = (code & 32) !== 0;
      shift += 5;
      if (!more && code & 16) value -= 2 ** shift;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

export function encodeCounts(runs) {
  let text = "";
  runs.forEach((run, i) => {
    let value = i > 2 ? run - runs[i - 2] : run;
    for (;;) {
      let code = value & 31;
      value >>= 5;
      const more = code & 16 ? value !== -1 : value !== 0;
      if (more) code |= 32;
      text += String.fromCharCode(code + 48);
      if (!more) break;
    }
  });
  return text;
}

/** A canvas of a mask's size, its pixels in one colour. */
export function toCanvas({ size: [height, width], counts }, colour) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const runs = typeof counts === "string" ? decodeCounts(counts) : counts;
  let at = 0;
  runs.forEach((run, i) => {
    if (i % 2) for (let k = at; k < at + run; k++) pixels[(k % height) * width + Math.floor(k / height)] = 0xffffffff;
    at += run;
  });
  context.putImageData(image, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = colour;
  context.fillRect(0, 0, width, height);
  return canvas;
}

/** The run lengths of a canvas' opaque pixels, down the columns as COCO counts. */
export function fromCanvas(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const runs = [];
  let run = 0;
  let inside = false;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const now = data[4 * (y * width + x) + 3] > 127;
      if (now !== inside) {
        runs.push(run);
        run = 0;
        inside = now;
      }
      run += 1;
    }
  }
  runs.push(run);
  return { size: [height, width], counts: encodeCounts(runs) };
}

export function start() {
  on("frame masks", () => !state.playing && state.masks && load(state.frame));
  on("changed", () => held.clear());
  on("playing", () => !state.playing && state.masks && load(state.frame));
}

/** Loads the masks of a frame, once. */
export async function load(frame) {
  if (!state.project?.can?.mask || held.has(frame) || loading === frame) return;
  loading = frame;
  try {
    const masks = await get(`api/masks?frame=${frame}`);
    held.set(frame, masks.map((mask) => ({ ...mask, canvas: toCanvas(mask, onPicture(mask.id)) })));
    for (const key of held.keys()) {
      if (held.size <= KEPT) break;
      held.delete(key);
    }
    if (frame === state.frame) emit("draft");
  } catch (error) {
    if (error.status !== 404) emit("error", error);
  } finally {
    if (loading === frame) loading = -1;
  }
}

export const maskOf = (id, frame) => held.get(frame)?.find((mask) => mask.id === id) ?? null;

export function drawMasks(context) {
  const factor = scale();
  const [x, y] = toStage(0, 0);
  const place = [x, y, state.project.width * factor, state.project.height * factor];
  context.save();
  context.globalAlpha = 0.45;
  for (const mask of held.get(state.frame) ?? []) {
    if (!(painting.canvas && painting.track === mask.id)) context.drawImage(mask.canvas, ...place);
  }
  if (painting.canvas && painting.frame === state.frame) {
    context.globalAlpha = 0.6;
    context.drawImage(painting.canvas, ...place);
    context.globalAlpha = 1;
    drawOutline(context);
  }
  context.restore();
}

function drawOutline(context) {
  if (!painting.points.length) return;
  context.beginPath();
  painting.points.forEach(([px, py], i) => {
    const [x, y] = toStage(px, py);
    if (i) context.lineTo(x, y);
    else context.moveTo(x, y);
  });
  context.strokeStyle = "#fff";
  context.lineWidth = 1.5;
  context.stroke();
  context.fillStyle = "#fff";
  for (const [px, py] of painting.points) {
    const [x, y] = toStage(px, py);
    context.fillRect(x - 2.5, y - 2.5, 5, 5);
  }
}

/** Begins to paint the mask of a track in the shown frame, on the mask that is there, or on what the machine sees in the box. */
export function beginPainting(track, mode, box) {
  const canvas = new OffscreenCanvas(state.project.width, state.project.height);
  Object.assign(painting, { canvas, track, frame: state.frame, erase: false, points: [], changed: false });
  state.mode = mode;
  state.masks = true;
  emit("masks");
  emit("mode");
  return putBelow(canvas, track, state.frame, box);
}

async function putBelow(canvas, track, frame, box) {
  await load(frame);
  let below = maskOf(track, frame)?.canvas;
  const given = below !== undefined;
  if (!given) {
    const mask = await get(`api/brush?frame=${frame}&box=${box.map((side) => side.toFixed(1)).join(",")}`).catch(() => null);
    below = mask && toCanvas(mask, onPicture(track));
  }
  if (!below || painting.canvas !== canvas) return;
  const context = canvas.getContext("2d");
  // What was painted meanwhile stays on top.
  context.globalCompositeOperation = "destination-over";
  context.drawImage(below, 0, 0, canvas.width, canvas.height);
  painting.changed ||= !given;
  emit("draft");
}

export function endPainting() {
  painting.canvas = null;
  painting.points = [];
  state.mode = "select";
  emit("mode");
}

/** One stroke of the brush between two points of the picture. */
export function stroke(from, to, erase) {
  const context = painting.canvas.getContext("2d");
  context.globalCompositeOperation = erase ? "destination-out" : "source-over";
  context.strokeStyle = onPicture(painting.track);
  context.lineWidth = painting.size;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(to[0] + 0.01, to[1]);
  context.stroke();
  painting.changed = true;
  emit("draft");
}

/** Fills the outline whose corners were clicked. */
export function closeOutline() {
  if (painting.points.length >= 3) {
    const context = painting.canvas.getContext("2d");
    context.globalCompositeOperation = painting.erase ? "destination-out" : "source-over";
    context.fillStyle = onPicture(painting.track);
    context.beginPath();
    for (const point of painting.points) context.lineTo(...point);
    context.fill();
    painting.changed = true;
  }
  painting.points = [];
  emit("draft");
}
