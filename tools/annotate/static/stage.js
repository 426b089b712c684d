/** Draws the stage: the picture of the shown frame and exactly its boxes, trails, masks and the answers of a question. */

import { fitToParent, oncePerTurn, pixelRatio } from "./canvas.js";
import { onPicture, theme } from "./colours.js";
import { byId } from "./dom.js";
import * as frames from "./frames.js";
import { drawGhosts } from "./ghosts.js";
import { drawMasks } from "./masks.js";
import * as rows from "./rows.js";
import { className, on, state } from "./state.js";
import { S } from "./strings.js";
import { centre, fit, resize, scale, toStage, view } from "./view.js";

export const FILLED = 1;
export const isKey = (row) => row.provenance === 2 || row.provenance === 3;
export const HANDLE = 7; // CSS pixels, the side of a handle
const TRAIL_S = 1;
const CROWD = 12; // boxes from which on labels leave the class out

/** What a gesture or a key changed and the server has not answered yet: {id, box} in the shown frame. */
export const draft = { id: 0, box: null, frame: -1 };
export const pointer = { x: -1, y: -1, inside: false };

const canvas = byId("picture");
const context = canvas.getContext("2d");

export const redraw = oncePerTurn(draw);

export function start() {
  new ResizeObserver(measure).observe(canvas.parentElement);
  measure();
  on("rows selection hovered view mode question considered tracks masks draft theme jobs", redraw);
  on("picture", (frame) => frame === state.frame && redraw());
  // At once, so that no part of the page shows another frame than the canvas, not even for one turn of the screen.
  on("frame", () => {
    follow();
    draw();
  });
  on("project", fit);
}

function measure() {
  resize(...fitToParent(canvas));
  draw();
}

function follow() {
  const row = state.follow && state.selected.length ? rows.rowOf(state.selected[0]) : null;
  if (row) centre((row.box[0] + row.box[2]) / 2, (row.box[1] + row.box[3]) / 2);
}

/** The rows as they are to be drawn: what a gesture changes takes the place of what is saved. */
export function shownRows() {
  const saved = rows.peek(state.frame) ?? [];
  if (!draft.box || draft.frame !== state.frame) return saved;
  const known = saved.find((row) => row.id === draft.id);
  const changed = { score: 1, occluded: false, link: 1, frame: state.frame, ...known, id: draft.id, box: draft.box, provenance: 2 };
  return known ? saved.map((row) => (row.id === draft.id ? changed : row)) : [...saved, changed];
}

function draw() {
  const ratio = pixelRatio();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  if (!state.project || !state.shown) return;
  const factor = scale();
  frames.setWidth(Math.min(state.project.width, state.project.width * factor * ratio));
  const [x, y] = toStage(0, 0);
  const picture = frames.picture(state.frame);
  if (picture) {
    context.imageSmoothingEnabled = factor * (state.project.width / picture.width) < 3;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, x, y, state.project.width * factor, state.project.height * factor);
  }
  if (state.masks) drawMasks(context);
  if (state.question) drawGhosts(context);
  for (const id of state.selected) drawTrail(id);
  const shown = shownRows();
  const chosen = new Set(state.selected);
  const brief = shown.length > CROWD;
  for (const row of shown) if (!chosen.has(row.id)) drawBox(row, false, brief && row.id !== state.hovered);
  for (const row of shown) if (chosen.has(row.id)) drawBox(row, true, false);
  if (pointer.inside && (state.mode === "draw" || state.mode === "redraw") && !draft.box) drawCross();
}

function drawBox(row, selected, brief) {
  const [left, top] = toStage(row.box[0], row.box[1]);
  const [right, bottom] = toStage(row.box[2], row.box[3]);
  if (right < 0 || bottom < 0 || left > view.width || top > view.height) return;
  const colour = onPicture(row.id);
  const dimmed = state.question && !state.selected.includes(row.id);
  context.save();
  context.globalAlpha = dimmed ? 0.35 : 1;
  const width = selected ? 3 : row.id === state.hovered ? 2.5 : 1.75;
  context.lineJoin = "miter";
  context.setLineDash([]);
  context.strokeStyle = "rgb(0 0 0 / 55%)";
  context.lineWidth = width + 1.5;
  if (row.occluded) context.setLineDash([1.5, 4]);
  else if (row.provenance === FILLED) context.setLineDash([7, 5]);
  context.strokeRect(left, top, right - left, bottom - top);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.strokeRect(left, top, right - left, bottom - top);
  context.setLineDash([]);
  if (isKey(row)) drawCorners(left, top, right, bottom, colour);
  if (selected && row.id === state.selected[0]) drawHandles(left, top, right, bottom, colour, row.id);
  if (!dimmed || row.id === state.hovered) drawTag(row, left, top, bottom, colour, brief, selected);
  context.restore();
}

function drawCorners(left, top, right, bottom, colour) {
  const reach = Math.min(12, (right - left) / 3, (bottom - top) / 3);
  context.beginPath();
  for (const [x, y, sx, sy] of [[left, top, 1, 1], [right, top, -1, 1], [left, bottom, 1, -1], [right, bottom, -1, -1]]) {
    context.moveTo(x + sx * reach, y);
    context.lineTo(x, y);
    context.lineTo(x, y + sy * reach);
  }
  context.strokeStyle = "rgb(0 0 0 / 60%)";
  context.lineWidth = 7;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = 4.5;
  context.stroke();
}

function drawHandles(left, top, right, bottom, colour, id) {
  if (state.project.readOnly || state.tracks.get(id)?.locked || state.mode !== "select") return;
  context.fillStyle = "#fff";
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  for (const [x, y] of handles(left, top, right, bottom)) {
    context.beginPath();
    context.rect(x - HANDLE / 2, y - HANDLE / 2, HANDLE, HANDLE);
    context.fill();
    context.stroke();
  }
}

/** The middle of each handle, from the left upper corner clockwise. Small boxes have corners only. */
export function handles(left, top, right, bottom) {
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
  if (right - left < 26 || bottom - top < 26) return corners;
  const x = (left + right) / 2;
  const y = (top + bottom) / 2;
  return [...corners, [x, top], [right, y], [x, bottom], [left, y]];
}

/** What stands above a box: id, name, class. */
export function tagText(row, brief) {
  const track = state.tracks.get(row.id);
  if (!track) return draft.id === row.id && !row.id ? "" : String(row.id);
  const parts = [String(row.id)];
  if (track.name) parts.push(track.name);
  if (!brief) parts.push(className(track.label));
  if (track.locked) parts.push(S.tag.lockedSuffix);
  return parts.join(" · ");
}

function drawTag(row, left, top, bottom, colour, brief, selected) {
  const text = tagText(row, brief);
  if (!text) return;
  context.font = `${selected ? 600 : 500} 11px ${theme().font}`;
  const width = Math.min(context.measureText(text).width, 220) + 10;
  const height = 17;
  const over = top - height - 2;
  const y = over >= 0 ? over : Math.min(top + 2, view.height - height);
  const x = Math.max(0, Math.min(left - 1, view.width - width));
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x, y, width, height, 3);
  context.fill();
  context.fillStyle = "#0c1012";
  context.textBaseline = "middle";
  context.fillText(text, x + 5, y + height / 2 + 0.5, width - 10);
}

function drawTrail(id) {
  const now = state.times[state.frame];
  const colour = onPicture(id);
  for (const [side, alpha] of [[-1, 0.95], [1, 0.5]]) {
    context.beginPath();
    let drawn = false;
    for (let frame = state.frame; frame >= 0 && frame < state.times.length; frame += side) {
      if (Math.abs(state.times[frame] - now) > TRAIL_S) break;
      const row = rows.peek(frame)?.find((other) => other.id === id);
      if (!row) {
        if (rows.peek(frame) === null) rows.prefetch(frame);
        drawn = false;
        continue;
      }
      const [x, y] = toStage((row.box[0] + row.box[2]) / 2, (row.box[1] + row.box[3]) / 2);
      if (drawn) context.lineTo(x, y);
      else context.moveTo(x, y);
      drawn = true;
    }
    context.save();
    context.globalAlpha = alpha;
    context.strokeStyle = "rgb(0 0 0 / 50%)";
    context.lineWidth = 3.5;
    context.stroke();
    context.setLineDash(side > 0 ? [3, 4] : []);
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.stroke();
    context.restore();
  }
}

function drawCross() {
  context.save();
  context.strokeStyle = "rgb(255 255 255 / 70%)";
  context.setLineDash([4, 4]);
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(pointer.x + 0.5, 0);
  context.lineTo(pointer.x + 0.5, view.height);
  context.moveTo(0, pointer.y + 0.5);
  context.lineTo(view.width, pointer.y + 0.5);
  context.stroke();
  context.restore();
}
