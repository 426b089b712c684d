/** Where the picture lies on the stage: a zoom (1 fits it) and the picture's point in the middle. */

import { emit, state } from "./state.js";

const MARGIN = 8; // CSS pixels round a picture that fits
const MOST = 40;

export const view = { width: 0, height: 0, zoom: 1, x: 0, y: 0 }; // CSS pixels of the stage; x, y: picture pixels

const size = () => [state.project?.width ?? 16, state.project?.height ?? 9];

export function resize(width, height) {
  view.width = width;
  view.height = height;
  clamp();
}

/** CSS pixels a picture pixel. */
export function scale() {
  const [width, height] = size();
  const fit = Math.min((view.width - 2 * MARGIN) / width, (view.height - 2 * MARGIN) / height);
  return Math.max(1e-3, fit * view.zoom);
}

/** Picture pixels to CSS pixels of the stage. */
export function toStage(x, y) {
  const factor = scale();
  return [view.width / 2 + (x - view.x) * factor, view.height / 2 + (y - view.y) * factor];
}

export function toPicture(x, y) {
  const factor = scale();
  return [view.x + (x - view.width / 2) / factor, view.y + (y - view.height / 2) / factor];
}

/** Zooms by a factor; the point of the picture under (x, y) stays where it is. */
export function zoomBy(factor, x = view.width / 2, y = view.height / 2) {
  const [px, py] = toPicture(x, y);
  view.zoom = Math.min(MOST, Math.max(1, view.zoom * factor));
  const now = scale();
  view.x = px - (x - view.width / 2) / now;
  view.y = py - (y - view.height / 2) / now;
  clamp();
  emit("view");
}

export function fit() {
  view.zoom = 1;
  clamp();
  emit("view");
}

/** Moves the picture by CSS pixels. */
export function pan(dx, dy) {
  const factor = scale();
  view.x -= dx / factor;
  view.y -= dy / factor;
  clamp();
  emit("view");
}

/** Puts a point of the picture into the middle as far as the picture's border allows. */
export function centre(x, y) {
  view.x = x;
  view.y = y;
  clamp();
}

/** Zooms so that a box fills about a third of the stage. */
export function zoomTo([left, top, right, bottom]) {
  const fitted = scale() / view.zoom;
  const wanted = Math.min(view.width / (3 * (right - left)), view.height / (3 * (bottom - top)));
  view.zoom = Math.min(MOST, Math.max(1, wanted / fitted));
  centre((left + right) / 2, (top + bottom) / 2);
  emit("view");
}

function clamp() {
  const [width, height] = size();
  const factor = scale();
  const halfX = view.width / 2 / factor;
  const halfY = view.height / 2 / factor;
  const slack = view.zoom > 1 ? MARGIN / factor : 0;
  view.x = halfX * 2 >= width + 2 * slack ? width / 2 : Math.min(width - halfX + slack, Math.max(halfX - slack, view.x));
  view.y = halfY * 2 >= height + 2 * slack ? height / 2 : Math.min(height - halfY + slack, Math.max(halfY - slack, view.y));
}
