/** Pointer and wheel on the timeline: seek, scroll, zoom, select, mark a range, menus. */

import { placeOn } from "./canvas.js";
import { setRange } from "./commands.js";
import { byId } from "./dom.js";
import { HEAD, lanes, NAMES, OVERVIEW, plotWidth, scrollLanes, scrollTime, timeOf, trackAt, xOf, zoomTime } from "./lane_view.js";
import * as player from "./player.js";
import { duration, emit, frameAt, on, select, state, toggle } from "./state.js";
import { small, wantSmall } from "./small_pictures.js";
import { hoverFrame, thumbAddress } from "./thumbs.js";
import { trackMenu } from "./track_menu.js";

const canvas = byId("lane-canvas");
let drag = null; // {kind, start: frame}
let previewAt = -1;

const place = (event) => placeOn(canvas, event);

export function start() {
  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", leave);
  canvas.addEventListener("wheel", wheel, { passive: false });
  canvas.addEventListener("contextmenu", menu);
  on("small", ({ group, address, image }) => {
    if (group !== "hover" || previewAt < 0 || address !== thumbAddress(previewAt)) return;
    byId("hover-thumb").src = image.src;
    byId("hover-thumb").hidden = false;
  });
  canvas.addEventListener("dblclick", (event) => {
    const id = trackAt(place(event)[1]);
    if (id && place(event)[0] < NAMES) player.seek(state.tracks.get(id).first);
  });
}

function down(event) {
  if (event.button !== 0) return;
  canvas.focus({ preventScroll: true });
  const [x, y] = place(event);
  canvas.setPointerCapture(event.pointerId);
  const id = trackAt(y);
  if (x < NAMES || (y >= HEAD && !event.shiftKey)) {
    if (id && event.shiftKey) toggle(id);
    else if (id && event.ctrlKey) toggle(id);
    else if (id) select([id]);
  }
  if (x < NAMES) return;
  if (y < OVERVIEW) drag = { kind: "overview" };
  else if (event.shiftKey) drag = { kind: "range", start: frameAt(timeOf(x)) };
  else drag = { kind: "seek" };
  lanes.dragging = true;
  move(event);
}

function move(event) {
  const [x, y] = place(event);
  if (!drag) {
    hover(x, y);
    return;
  }
  if (drag.kind === "overview") {
    const time = state.times[0] + ((x - NAMES) / plotWidth()) * duration();
    scrollTime(time - lanes.span / 2 - lanes.start);
    player.seek(frameAt(time));
    return;
  }
  const frame = frameAt(timeOf(Math.max(NAMES, x)));
  if (drag.kind === "range") setRange([Math.min(drag.start, frame), Math.max(drag.start, frame)]);
  else {
    player.seek(frame);
    preview(frame, x);
  }
}

function up() {
  drag = null;
  lanes.dragging = false;
}

function leave() {
  preview(null);
  setHovered(0);
}

function hover(x, y) {
  const frame = hoverFrame(x, y);
  preview(frame, x);
  setHovered(trackAt(y));
  canvas.style.cursor = frame !== null ? "col-resize" : "default";
}

function setHovered(id) {
  if (state.hovered === id) return;
  state.hovered = id;
  emit("hovered");
}

/** The larger picture above the timeline of the frame under the pointer. */
function preview(frame, x = 0) {
  const image = byId("hover-thumb");
  if (frame === null) {
    image.hidden = true;
    previewAt = -1;
    return;
  }
  if (frame !== previewAt) {
    previewAt = frame;
    wantSmall("hover", [thumbAddress(frame)]);
  }
  // The last preview stays until the next is there.
  const loaded = small(thumbAddress(frame));
  if (loaded) image.src = loaded.src;
  image.hidden = !image.src;
  image.style.left = `${Math.max(NAMES, Math.min(x - 80, lanes.width - 164))}px`;
}

function wheel(event) {
  event.preventDefault();
  const [x] = place(event);
  const unit = event.deltaMode === 1 ? 20 : 1;
  if (event.ctrlKey || event.metaKey) zoomTime(Math.exp(-event.deltaY * unit * 0.003), Math.max(NAMES, x));
  else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    scrollTime(((event.deltaX || event.deltaY) * unit * lanes.span) / plotWidth());
  } else scrollLanes(event.deltaY * unit);
}

function menu(event) {
  event.preventDefault();
  const [x, y] = place(event);
  const id = trackAt(y);
  if (!id) return;
  if (!state.selected.includes(id)) select([id]);
  const frame = x >= NAMES ? frameAt(timeOf(x)) : state.frame;
  const near = Math.abs(xOf(state.times[state.frame]) - x) < 6;
  const open = () => trackMenu(event.clientX, event.clientY, id);
  if (x >= NAMES && !near) player.seek(frame).then(open);
  else open();
}
