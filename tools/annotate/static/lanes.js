/** Draws the timeline: the whole recording, a ruler in seconds, thumbnails, and one lane for each track in sight. */

import { forgetTheme, onGround, theme } from "./colours.js";
import { byId } from "./dom.js";
import { isDoubtful, peekLane, shownTracks } from "./lane_data.js";
import { endOf, HEAD, lanes, NAMES, OVERVIEW, plotWidth, resizeLanes, ROW, RULER, timeOf, xOf, xOfFrame } from "./lane_view.js";
import { className, duration, frameAt, on, state } from "./state.js";
import { clock, S } from "./strings.js";
import { drawThumbs } from "./thumbs.js";

const canvas = byId("lane-canvas");
const context = canvas.getContext("2d");
let asked = false;

export function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    draw();
  });
}

export function start() {
  new ResizeObserver(measure).observe(canvas.parentElement);
  measure();
  on("frame wanted lanes laneView selection tracks order filter range queue question hovered", redraw);
  on("small", ({ group }) => group === "thumbs" && redraw());
  on("theme", () => {
    forgetTheme();
    redraw();
  });
}

function measure() {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth, clientHeight } = canvas.parentElement;
  canvas.width = Math.max(1, Math.round(clientWidth * ratio));
  canvas.height = Math.max(1, Math.round(clientHeight * ratio));
  resizeLanes(clientWidth, clientHeight);
  draw();
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  const colours = theme();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, lanes.width, lanes.height);
  if (!state.times.length) return;
  context.font = `11px ${colours.font}`;
  context.textBaseline = "middle";
  drawLanes(colours);
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, lanes.width, HEAD);
  clip(() => {
    drawOverview(colours);
    drawRuler(colours);
    drawThumbs(context);
    drawRange(colours);
    drawPlayhead(colours);
  });
  line(colours.line, NAMES - 0.5, 0, NAMES - 0.5, lanes.height);
  line(colours.line, 0, HEAD - 0.5, lanes.width, HEAD - 0.5);
}

function clip(drawing, top = 0) {
  context.save();
  context.beginPath();
  context.rect(NAMES, top, lanes.width - NAMES, lanes.height - top);
  context.clip();
  drawing();
  context.restore();
}

function line(colour, x, y, x2, y2) {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x2, y2);
  context.stroke();
}

function drawOverview(colours) {
  const all = duration();
  const place = (time) => NAMES + ((time - state.times[0]) / all) * plotWidth();
  context.fillStyle = colours.raised;
  context.fillRect(NAMES, 0, plotWidth(), OVERVIEW);
  context.fillStyle = colours.line;
  context.fillRect(place(lanes.start), 0, Math.max(3, place(lanes.start + lanes.span) - place(lanes.start)), OVERVIEW);
  context.fillStyle = colours.doubt;
  for (const question of state.questions) {
    context.globalAlpha = 0.35 + 0.65 * Math.min(1, question.chance);
    context.fillRect(place(state.times[question.frame]) - 0.75, 2, 1.5, OVERVIEW - 4);
  }
  context.globalAlpha = 1;
  context.fillStyle = colours.accent;
  context.fillRect(place(state.times[state.frame]) - 1, 0, 2, OVERVIEW);
}

const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200];

function drawRuler(colours) {
  const step = STEPS.find((s) => (s / lanes.span) * plotWidth() >= 74) ?? 14400;
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const first = Math.floor(lanes.start / step) * step;
  context.fillStyle = colours.muted;
  for (let i = 0; first + i * step <= lanes.start + lanes.span; i++) {
    const time = first + i * step;
    const x = Math.round(xOf(time)) + 0.5;
    line(colours.line, x, OVERVIEW + 12, x, OVERVIEW + RULER);
    context.fillText(clock(time, digits), x + 4, OVERVIEW + RULER / 2);
  }
}

function drawRange(colours) {
  if (!state.range) return;
  const x = xOfFrame(state.range[0]);
  const width = Math.max(2, xOf(endOf(state.range[1])) - x);
  context.globalAlpha = 0.18;
  context.fillStyle = colours.accent;
  context.fillRect(x, OVERVIEW, width, lanes.height);
  context.globalAlpha = 1;
  context.fillRect(x, OVERVIEW + RULER - 3, width, 3);
}

function drawPlayhead(colours) {
  const x = Math.round(xOfFrame(state.frame)) + 0.5;
  const width = Math.max(1, xOf(endOf(state.frame)) - x);
  if (width > 3) {
    context.globalAlpha = 0.12;
    context.fillStyle = colours.text;
    context.fillRect(x, OVERVIEW + RULER, width, lanes.height);
    context.globalAlpha = 1;
  }
  context.strokeStyle = colours.accent;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x, OVERVIEW);
  context.lineTo(x, lanes.height);
  context.stroke();
  context.fillStyle = colours.accent;
  context.beginPath();
  context.moveTo(x - 6, OVERVIEW);
  context.lineTo(x + 6, OVERVIEW);
  context.lineTo(x, OVERVIEW + 8);
  context.fill();
}

function drawLanes(colours) {
  const ids = shownTracks();
  if (!ids.length) {
    context.fillStyle = colours.muted;
    context.fillText(state.tracks.size ? S.empty.filtered : S.empty.tracks, NAMES + 14, HEAD + 20);
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
    clip(() => drawLane(track, y, colours), HEAD);
    line(colours.line, 0, y + ROW - 0.5, lanes.width, y + ROW - 0.5);
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
  for (const [first, last] of inSight(lane.spans)) context.fillRect(bar(first, last)[0], top, bar(first, last)[1], height);
  for (const [first, last] of inSight(lane.filled)) {
    const [x, width] = bar(first, last);
    context.fillStyle = colours.panel;
    context.fillRect(x, top, width, height);
    context.fillStyle = onGround(track.id, 0.28);
    context.fillRect(x, top, width, height);
    hatch(x, top, width, height, onGround(track.id, 0.95));
  }
  context.lineWidth = 1.2;
  context.strokeStyle = colours.muted;
  context.setLineDash([3, 3]);
  for (const [first, last] of inSight(lane.absences ?? [])) {
    const [x, width] = bar(first, last);
    context.strokeRect(x + 0.5, top + 0.5, Math.max(2, width - 1), height - 1);
  }
  context.setLineDash([]);
  context.fillStyle = colours.doubt;
  for (const [first, last, level] of inSight(lane.doubt)) {
    const [x, width] = bar(first, last);
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
