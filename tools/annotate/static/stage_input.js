/** Pointer on the stage: select, draw, move, resize, paint, pan, zoom, menus. */

import { placeOn } from "./canvas.js";
import { byId, fill } from "./dom.js";
import { savePainting } from "./machine.js";
import * as masks from "./masks.js";
import { attempt, drawNew, setBox } from "./operations.js";
import * as rows from "./rows.js";
import { draft, handles, pointer, redraw, shownRows } from "./stage.js";
import { emit, on, primary, select, state, toggle, trackText } from "./state.js";
import { S } from "./strings.js";
import { trackMenu } from "./track_menu.js";
import { pan, scale, toPicture, toStage, zoomBy } from "./view.js";

const REACH = 8; // CSS pixels round a handle
const CLICK = 4; // CSS pixels that a click may move
const SMALLEST = 3; // picture pixels of a drawn box

const canvas = byId("picture");
let gesture = null;
let lastClick = null; // {x, y, id}: a second click at the same place takes the box below

const place = (event) => placeOn(canvas, event);

export function start() {
  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", cancel);
  canvas.addEventListener("pointerleave", () => {
    pointer.inside = false;
    setHovered(0);
    redraw();
  });
  canvas.addEventListener("wheel", wheel, { passive: false });
  canvas.addEventListener("contextmenu", menu);
  canvas.addEventListener("dblclick", () => state.mode === "polygon" && masks.closeOutline());
  on("mode", showMode);
}

function showMode() {
  const hint = byId("hint");
  const { painting } = masks;
  const brush = state.mode === "brush" ? [S.mode.brushSize(painting.size), painting.erase ? S.mode.erase : S.mode.paint] : [];
  const texts = {
    draw: S.mode.draw,
    redraw: S.mode.redraw(primary() ? trackText(primary().id) : ""),
    brush: [S.mode.brush, ...brush].join("  ·  "),
    polygon: S.mode.polygon,
  };
  hint.hidden = state.mode === "select";
  fill(hint, texts[state.mode] ?? "");
  canvas.style.cursor = state.mode === "select" ? "default" : "crosshair";
  if (state.mode !== "select") canvas.focus({ preventScroll: true });
}

/** Tracks whose boxes hold a point, the smallest box first: it is the one that lies on top for the eye. */
function under(x, y) {
  const [px, py] = toPicture(x, y);
  const slack = 3 / scale();
  const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
  return shownRows()
    .filter(({ box }) => px >= box[0] - slack && px <= box[2] + slack && py >= box[1] - slack && py <= box[3] + slack)
    .sort((a, b) => area(a) - area(b));
}

/** The handle of the selected box under the pointer: 0..3 corners, 4..7 sides, -1 none. */
function handleAt(x, y) {
  const track = primary();
  if (!track || track.locked || state.project.readOnly) return -1;
  const row = shownRows().find((other) => other.id === track.id);
  if (!row) return -1;
  const corners = handles(...toStage(row.box[0], row.box[1]), ...toStage(row.box[2], row.box[3]));
  return corners.findIndex(([hx, hy]) => Math.abs(hx - x) <= REACH && Math.abs(hy - y) <= REACH);
}

function down(event) {
  canvas.focus({ preventScroll: true });
  const [x, y] = place(event);
  canvas.setPointerCapture(event.pointerId);
  const point = toPicture(x, y);
  if (state.mode === "brush" && event.button !== 1) {
    gesture = { kind: "brush", last: point, erase: event.button === 2 || masks.painting.erase };
    masks.stroke(point, point, gesture.erase);
  } else if (event.button === 1) gesture = { kind: "pan", x, y };
  else if (event.button !== 0) gesture = null;
  else if (state.mode === "polygon") {
    masks.painting.points.push(point);
    redraw();
  } else if (state.mode === "draw" || state.mode === "redraw") {
    gesture = { kind: "draw", from: point };
  } else gesture = pressed(event, x, y);
}

function pressed(event, x, y) {
  const handle = handleAt(x, y);
  const chosen = primary();
  const row = chosen && rows.rowOf(chosen.id);
  if (handle >= 0 && row) return { kind: "resize", handle, row, x, y, box: row.box };
  const free = row && !chosen.locked && !state.project.readOnly && !event.shiftKey;
  if (free && under(x, y).some((other) => other.id === chosen.id)) return { kind: "move", row, x, y, box: row.box, click: true };
  return { kind: "pan", x, y, click: true };
}

function move(event) {
  const [x, y] = place(event);
  Object.assign(pointer, { x, y, inside: true });
  if (!gesture) {
    if (state.mode === "select") hover(x, y);
    else redraw();
    return;
  }
  const point = toPicture(x, y);
  if (gesture.kind === "brush") {
    masks.stroke(gesture.last, point, gesture.erase);
    gesture.last = point;
  } else if (gesture.kind === "draw") setDraft(state.mode === "redraw" ? primary()?.id ?? 0 : 0, spanned(gesture.from, point));
  else if (gesture.kind === "pan") {
    if (gesture.click && Math.hypot(x - gesture.x, y - gesture.y) < CLICK) return;
    gesture.click = false;
    pan(x - gesture.x, y - gesture.y);
    Object.assign(gesture, { x, y });
    canvas.style.cursor = "grabbing";
  } else drag(x, y);
}

function drag(x, y) {
  if (gesture.click && Math.hypot(x - gesture.x, y - gesture.y) < CLICK) return;
  gesture.click = false;
  const dx = (x - gesture.x) / scale();
  const dy = (y - gesture.y) / scale();
  const [left, top, right, bottom] = gesture.row.box;
  if (gesture.kind === "move") gesture.box = [left + dx, top + dy, right + dx, bottom + dy];
  else gesture.box = resized([left, top, right, bottom], gesture.handle, dx, dy);
  setDraft(gesture.row.id, gesture.box);
}

function resized([left, top, right, bottom], handle, dx, dy) {
  const sides = [["l", "t"], ["r", "t"], ["r", "b"], ["l", "b"], ["t"], ["r"], ["b"], ["l"]][handle];
  const moved = { l: left, t: top, r: right, b: bottom };
  if (sides.includes("l")) moved.l += dx;
  if (sides.includes("r")) moved.r += dx;
  if (sides.includes("t")) moved.t += dy;
  if (sides.includes("b")) moved.b += dy;
  return spanned([moved.l, moved.t], [moved.r, moved.b]);
}

/** The box between two points of the picture, inside the picture. */
function spanned([x, y], [x2, y2]) {
  const { width, height } = state.project;
  const inside = (value, most) => Math.min(most, Math.max(0, value));
  return [
    inside(Math.min(x, x2), width), inside(Math.min(y, y2), height),
    inside(Math.max(x, x2), width), inside(Math.max(y, y2), height),
  ];
}

function setDraft(id, box) {
  Object.assign(draft, { id, box, frame: state.frame });
  emit("draft");
}

async function up(event) {
  const done = gesture;
  gesture = null;
  const [x, y] = place(event);
  if (!done) return;
  canvas.style.cursor = state.mode === "select" ? "default" : "crosshair";
  if (done.click) click(event, x, y);
  else if (done.kind === "draw") await finishDrawing(spanned(done.from, toPicture(x, y)));
  else if ((done.kind === "move" || done.kind === "resize") && draft.box) await save(done.row.id, draft.box);
}

function cancel() {
  gesture = null;
  draft.box = null;
  redraw();
}

/** Sends a box and shows it until the server's rows are there. */
async function save(id, box) {
  await attempt(() => (id ? setBox(id, box) : drawNew(box)));
  await rows.load(state.frame).catch(() => {});
  draft.box = null;
  emit("draft");
}

async function finishDrawing(box) {
  if (box[2] - box[0] < SMALLEST || box[3] - box[1] < SMALLEST) {
    draft.box = null;
    redraw();
    return;
  }
  const id = state.mode === "redraw" ? (primary()?.id ?? 0) : 0;
  state.mode = "select";
  emit("mode");
  setDraft(id, box);
  await save(id, box);
}

/** Drawing without a mouse: a box of a common size in the middle of what is seen, to be moved by keys. */
export function placeBox() {
  const seen = rows.peek(state.frame) ?? [];
  const [x, y] = toPicture(canvas.clientWidth / 2, canvas.clientHeight / 2);
  const middle = (values, other) => (values.length ? values.sort((a, b) => a - b)[values.length >> 1] : other);
  const width = middle(seen.map(({ box }) => box[2] - box[0]), state.project.width / 10);
  const height = middle(seen.map(({ box }) => box[3] - box[1]), state.project.height / 5);
  return finishDrawing(spanned([x - width / 2, y - height / 2], [x + width / 2, y + height / 2]));
}

function click(event, x, y) {
  const found = under(x, y);
  if (!found.length) {
    if (!event.shiftKey) select([]);
    lastClick = null;
    return;
  }
  const same = lastClick && Math.hypot(lastClick.x - x, lastClick.y - y) < CLICK;
  const at = same ? found.findIndex((row) => row.id === lastClick.id) : -1;
  const { id } = found[(at + 1) % found.length];
  lastClick = { x, y, id };
  if (event.shiftKey || event.ctrlKey) toggle(id);
  else select([id]);
  emit("reveal");
}

const CURSORS = ["nwse-resize", "nesw-resize", "nwse-resize", "nesw-resize", "ns-resize", "ew-resize", "ns-resize", "ew-resize"];

function hover(x, y) {
  const handle = handleAt(x, y);
  const found = under(x, y);
  const track = primary();
  setHovered(found[0]?.id ?? 0);
  if (handle >= 0) canvas.style.cursor = CURSORS[handle];
  else if (track && !track.locked && found.some((row) => row.id === track.id)) canvas.style.cursor = "move";
  else canvas.style.cursor = found.length ? "pointer" : "default";
}

function setHovered(id) {
  if (state.hovered === id) return;
  state.hovered = id;
  emit("hovered");
}

function wheel(event) {
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 20 : 1;
  zoomBy(Math.exp(-event.deltaY * unit * 0.0015), ...place(event));
}

function menu(event) {
  event.preventDefault();
  if (state.mode !== "select") {
    if (state.mode === "polygon") attempt(savePainting);
    return;
  }
  const found = under(...place(event));
  const row = found.find((other) => other.id === state.selected[0]) ?? found[0];
  if (row) trackMenu(event.clientX, event.clientY, row.id);
}

/** Opens the menu of the selected track beside its box, for the keyboard. */
export function menuByKey() {
  const track = primary();
  if (!track) return;
  const row = rows.rowOf(track.id);
  const box = canvas.getBoundingClientRect();
  const [x, y] = row ? toStage(row.box[2], row.box[1]) : [40, 40];
  trackMenu(box.left + Math.min(box.width - 40, Math.max(0, x + 6)), box.top + Math.max(0, y), track.id);
}
