/** Draws the lanes: names with their marks on the left, and on the right where each track is, filled, absent and in doubt. */

import { onGround } from "./colours.js";
import { isDoubtful, peekLane, shownTracks } from "./lane_data.js";
import { endOf, HEAD, lanes, NAMES, ROW, timeOf, xOf, xOfFrame } from "./lane_view.js";
import { className, frameAt, isTracked, state } from "./state.js";
import { S } from "./strings.js";

let context = null;

export function drawLanes(given, colours) {
  context = given;
  const ids = shownTracks();
  if (!ids.length) {
    context.fillStyle = colours.muted;
    const empty = isTracked() ? S.empty.tracks : S.empty.tracking;
    context.fillText(state.tracks.size ? S.empty.filtered : empty, NAMES + 14, HEAD + 20);
    return;
  }
  const first = Math.floor(lanes.scroll / ROW);
  const last = Math.min(ids.length - 1, Math.ceil((lanes.scroll + lanes.height - HEAD) / ROW));
  for (let i = first; i <= last; i++) {
    const y = HEAD + i * ROW - lanes.scroll;
    const track = state.tracks.get(ids[i]);
    if (!track) continue;
    const selected = state.selected.includes(track.id);
    if (selected || state.hovered === track.id) {
      context.fillStyle = selected ? colours.accentSoft : colours.raised;
      context.fillRect(0, y, lanes.width, ROW);
    }
    drawName(track, y, selected, colours);
    context.save();
    context.beginPath();
    context.rect(NAMES, HEAD, lanes.width - NAMES, lanes.height - HEAD);
    context.clip();
    drawLane(track, y, colours);
    context.restore();
    context.fillStyle = colours.line;
    context.fillRect(0, y + ROW - 1, lanes.width, 1);
  }
  drawScroll(ids.length, colours);
}

function drawName(track, y, selected, colours) {
  const middle = y + ROW / 2;
  context.fillStyle = onGround(track.id);
  context.beginPath();
  context.roundRect(8, y + 5, 11, 11, 3);
  context.fill();
  context.fillStyle = colours.text;
  context.font = `${selected ? 600 : 400} 12px ${colours.font}`;
  const id = String(track.id);
  context.fillText(id, 26, middle);
  const start = 26 + Math.max(22, context.measureText(id).width + 8);
  const text = track.name || className(track.label);
  context.fillStyle = track.name ? colours.text : colours.muted;
  context.fillText(fitText(text, NAMES - start - 40), start, middle);
  context.font = `11px ${colours.font}`;
  if (track.locked) drawLock(NAMES - 36, y + 5, colours.muted);
  if (track.accepted) drawCheck(NAMES - 18, y + 7, colours.accent);
  else if (isDoubtful(track)) {
    context.fillStyle = colours.doubt;
    context.globalAlpha = 0.35 + 0.65 * Math.min(1, (1 - track.leastLink) * 2);
    context.beginPath();
    context.arc(NAMES - 14, middle, 3.5, 0, 7);
    context.fill();
    context.globalAlpha = 1;
  }
}

function fitText(text, room) {
  if (context.measureText(text).width <= room) return text;
  let cut = text.length;
  while (cut > 1 && context.measureText(`${text.slice(0, cut)}…`).width > room) cut -= 1;
  return `${text.slice(0, cut)}…`;
}

function drawCheck(x, y, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.8;
  context.beginPath();
  context.moveTo(x, y + 4);
  context.lineTo(x + 3, y + 7);
  context.lineTo(x + 9, y);
  context.stroke();
}

function drawLock(x, y, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.4;
  context.strokeRect(x, y + 5, 9, 6);
  context.beginPath();
  context.arc(x + 4.5, y + 5, 3, Math.PI, 0);
  context.stroke();
}

/** The part of sorted [first, last, ...] spans that the timeline shows. */
function* inSight(spans) {
  const from = frameAt(lanes.start);
  const to = frameAt(lanes.start + lanes.span);
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle][1] < from) low = middle + 1;
    else high = middle;
  }
  for (let i = low; i < spans.length && spans[i][0] <= to; i++) yield spans[i];
}

function bar(first, last) {
  const x = Math.max(NAMES - 4, xOfFrame(first));
  return [x, Math.max(1.5, Math.min(lanes.width + 4, xOf(endOf(last))) - x)];
}

/** [x, width, level] of the spans in sight; those that begin in one pixel, which may be thousands, as one. */
function* bars(spans) {
  let x = -Infinity;
  let end = x;
  let level = 0;
  for (const [first, last, own = 0] of inSight(spans)) {
    const [left, width] = bar(first, last);
    if (Math.floor(left) !== Math.floor(x)) {
      if (end > x) yield [x, end - x, level];
      [x, end, level] = [left, left, 0];
    }
    end = Math.max(end, left + width);
    level = Math.max(level, own);
  }
  if (end > x) yield [x, end - x, level];
}

function drawLane(track, y, colours) {
  const lane = peekLane(track.id);
  const top = y + 4;
  const height = ROW - 9;
  if (!lane) {
    // Its extent is known before its parts are.
    const [x, width] = bar(track.first, track.last);
    context.fillStyle = onGround(track.id, 0.3);
    context.fillRect(x, top, width, height);
    return;
  }
  context.fillStyle = onGround(track.id, 0.85);
  for (const [x, width] of bars(lane.spans)) context.fillRect(x, top, width, height);
  const [pale, strong] = [onGround(track.id, 0.28), onGround(track.id, 0.95)];
  for (const [x, width] of bars(lane.filled)) {
    context.fillStyle = colours.panel;
    context.fillRect(x, top, width, height);
    context.fillStyle = pale;
    context.fillRect(x, top, width, height);
    hatch(x, top, width, height, strong);
  }
  context.lineWidth = 1.2;
  context.strokeStyle = colours.muted;
  context.setLineDash([3, 3]);
  for (const [x, width] of bars(lane.absences ?? [])) {
    context.strokeRect(x + 0.5, top + 0.5, Math.max(2, width - 1), height - 1);
  }
  context.setLineDash([]);
  context.fillStyle = colours.doubt;
  for (const [x, width, level] of bars(lane.doubt)) {
    context.globalAlpha = 0.25 + 0.75 * Math.min(1, level);
    context.fillRect(x - 0.5, y + ROW - 5, Math.max(2.5, width + 1), 3);
    context.globalAlpha = 0.25 * Math.min(1, level);
    context.fillRect(x, top, width, height);
  }
  context.globalAlpha = 1;
  drawKeys(lane.keys, top + height / 2, colours);
}

function hatch(x, y, width, height, colour) {
  if (width < 4) return;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1.3;
  context.beginPath();
  const from = Math.floor(Math.max(x, NAMES) / 6) * 6 - 12;
  for (let at = from; at < Math.min(x + width, lanes.width) + 6; at += 6) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
}

function drawKeys(keys, middle, colours) {
  let before = -Infinity;
  const from = frameAt(timeOf(NAMES - 6));
  const to = frameAt(lanes.start + lanes.span);
  context.lineWidth = 1.2;
  for (const key of keys) {
    if (key < from) continue;
    if (key > to) break;
    const x = xOfFrame(key);
    if (x - before < 2) continue; // thousands in one pixel are drawn once
    before = x;
    context.beginPath();
    context.moveTo(x, middle - 5);
    context.lineTo(x + 4.5, middle);
    context.lineTo(x, middle + 5);
    context.lineTo(x - 4.5, middle);
    context.closePath();
    context.fillStyle = colours.panel;
    context.strokeStyle = colours.text;
    context.fill();
    context.stroke();
  }
}

function drawScroll(count, colours) {
  const room = lanes.height - HEAD;
  if (count * ROW <= room) return;
  const height = Math.max(18, (room / (count * ROW)) * room);
  const y = HEAD + (lanes.scroll / (count * ROW - room)) * (room - height);
  context.globalAlpha = 0.5;
  context.fillStyle = colours.muted;
  context.beginPath();
  context.roundRect(lanes.width - 7, y + 1, 5, height - 2, 3);
  context.fill();
  context.globalAlpha = 1;
}
