/** Draws the timeline: the whole recording, a ruler in seconds, thumbnails, and one lane for each track in sight. */

import { fitToParent, oncePerTurn, pixelRatio } from "./canvas.js";
import { forgetTheme, theme } from "./colours.js";
import { byId } from "./dom.js";
import { drawLanes } from "./lane_drawing.js";
import { endOf, HEAD, lanes, NAMES, OVERVIEW, plotWidth, resizeLanes, reveal, RULER, xOf, xOfFrame } from "./lane_view.js";
import { duration, on, state } from "./state.js";
import { clock } from "./strings.js";
import { drawThumbs } from "./thumbs.js";

const canvas = byId("lane-canvas");
const context = canvas.getContext("2d");

const still = document.createElement("canvas"); // the lanes without the playhead: another frame changes only that
const stillContext = still.getContext("2d");
let changed = true; // whether the lanes must be drawn anew

const move = oncePerTurn(draw);

/** Draws all of it anew. */
export function redraw() {
  changed = true;
  move();
}

export function start() {
  new ResizeObserver(measure).observe(canvas.parentElement);
  measure();
  on("lanes laneView selection tracks order filter hovered jobs", redraw);
  on("frame wanted range queue question", move);
  on("small", ({ group }) => group === "thumbs" && move());
  on("theme", () => {
    forgetTheme();
    redraw();
  });
}

function measure() {
  resizeLanes(...fitToParent(canvas));
  [still.width, still.height] = [canvas.width, canvas.height];
  if (state.selected.length) reveal(state.selected[0]); // a second strip of chips made the timeline lower
  changed = true;
  draw();
}

function draw() {
  const colours = theme();
  prepare(context, colours);
  if (!state.times.length) {
    context.fillRect(0, 0, lanes.width, lanes.height);
    return;
  }
  if (changed) {
    changed = false;
    prepare(stillContext, colours);
    stillContext.fillRect(0, 0, lanes.width, lanes.height);
    drawLanes(stillContext, colours);
  }
  context.drawImage(still, 0, 0, lanes.width, lanes.height);
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, lanes.width, HEAD);
  clip(() => {
    drawOverview(colours);
    drawRuler(colours);
    drawThumbs(context);
    drawBand(state.question?.stretch, colours.doubt);
    drawBand(state.range, colours.accent);
    drawPlayhead(colours);
  });
  line(colours.line, NAMES - 0.5, 0, NAMES - 0.5, lanes.height);
  line(colours.line, 0, HEAD - 0.5, lanes.width, HEAD - 0.5);
}

function prepare(given, colours) {
  const ratio = pixelRatio();
  given.setTransform(ratio, 0, 0, ratio, 0, 0);
  given.font = `11px ${colours.font}`;
  given.textBaseline = "middle";
  given.fillStyle = colours.panel;
}

function clip(drawing) {
  context.save();
  context.beginPath();
  context.rect(NAMES, 0, lanes.width - NAMES, lanes.height);
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

/** Frames that are marked, or asked about. */
function drawBand(frames, colour) {
  if (!frames) return;
  const x = xOfFrame(frames[0]);
  const width = Math.max(2, xOf(endOf(frames[1])) - x);
  context.globalAlpha = 0.18;
  context.fillStyle = colour;
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
