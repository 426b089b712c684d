/** The selected box moved or resized by keys: shown at once, sent when the key is let go, so that a run of keys is one operation. */

import { attempt, setBox } from "./operations.js";
import * as rows from "./rows.js";
import { draft } from "./stage.js";
import { emit, primary, state } from "./state.js";
import { S } from "./strings.js";
import { complain } from "./toasts.js";

const LATEST_MS = 700;
let timer = 0;

export function nudgeBy(x, y, pixels) {
  change(([left, top, right, bottom]) => [left + x * pixels, top + y * pixels, right + x * pixels, bottom + y * pixels]);
}

/** Moves the right or the lower side. */
export function growBy(x, y, pixels) {
  change(([left, top, right, bottom]) => [left, top, Math.max(left + 1, right + x * pixels), Math.max(top + 1, bottom + y * pixels)]);
}

function change(next) {
  const track = primary();
  if (!track || state.project.readOnly) return;
  const row = rows.rowOf(track.id);
  if (!row) {
    complain(S.need.box);
    return;
  }
  const before = draft.box && draft.id === track.id && draft.frame === state.frame ? draft.box : row.box;
  Object.assign(draft, { id: track.id, box: next(before), frame: state.frame });
  emit("draft");
  clearTimeout(timer);
  timer = setTimeout(finishNudge, LATEST_MS);
}

/** Sends what the keys changed. The box stays where it was put until the server's rows are there. */
export async function finishNudge() {
  clearTimeout(timer);
  if (!timer || !draft.box) return;
  timer = 0;
  const { id, box, frame } = draft;
  await attempt(() => setBox(id, box, frame));
  await rows.load(frame).catch(() => {});
  if (draft.box === box) draft.box = null;
  emit("draft");
}
