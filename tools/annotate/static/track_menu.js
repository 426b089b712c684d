/** The menu of all operations of a track, the same on a box, a lane and a chip, and by the key M. */

import { command } from "./commands.js";
import { onGround } from "./colours.js";
import { keyText } from "./key_names.js";
import { maskOf } from "./masks.js";
import { openMenu } from "./menu.js";
import * as ops from "./operations.js";
import * as questions from "./questions.js";
import * as rows from "./rows.js";
import { select, state, trackText } from "./state.js";
import { S } from "./strings.js";

/** Items of the menu for a track in the shown frame. */
export function trackMenu(x, y, id) {
  if (!state.selected.includes(id)) select([id]);
  else if (state.selected[0] !== id) select([id, ...state.selected.filter((other) => other !== id)]);
  const row = rows.rowOf(id);
  const track = state.tracks.get(id);
  const writing = !state.project.readOnly;
  const item = (name, enabled = true, label = null) => {
    const entry = command(name);
    return { label: label ?? entry.say, key: keyText(entry.keys[0]), run: entry.run, danger: entry.danger, disabled: !writing || !enabled };
  };
  const open = !track.locked;
  const followed = open && Boolean(row) && state.project.can?.retrack !== false;
  const masked = open && maskOf(id, state.frame) !== null;
  const absentHere = track.absences.some(([first, last]) => first <= state.frame && state.frame <= last);
  const title = state.selected.length > 1 ? S.track.pair(trackText(id), trackText(state.selected[1])) : trackText(id);
  openMenu(x, y, [
    { title, swatch: onGround(id) },
    item("swap", open),
    item("split", open),
    item("join", open),
    "-",
    item("retrackForwards", followed),
    item("retrackBackwards", followed),
    item("retrackBoth", followed),
    item("interpolate", open),
    ...(state.project.can?.mask ? [item("brush", open), item("polygon", open), item("propagate", open), item("unmask", masked)] : []),
    "-",
    item("accept", open && (Boolean(row) || state.range !== null), state.range ? S.ops.acceptRange : null),
    item("acceptAll", open),
    item("occluded", open && Boolean(row)),
    absentHere ? item("present", open) : item("absent", open),
    item("rename", open),
    item("relabel", open),
    item("attribute", open),
    item("lock"),
    "-",
    row ? item("deleteHere", open, state.range ? S.ops.deleteRange : null) : item("redraw", open),
    item("deleteFrom", open),
    item("deleteBefore", open && track.first < state.frame),
    item("deleteAll", open),
  ]);
}

/** The menu of a chip: what to do from that moment on. `before`: the frame of the chip before it. */
export function chipMenu(x, y, id, frame, before, seek) {
  const writing = !state.project.readOnly && !state.tracks.get(id)?.locked;
  const other = state.selected.find((selected) => selected !== id);
  openMenu(x, y, [
    { title: trackText(id), swatch: onGround(id) },
    { label: S.chips.seek, run: seek },
    { label: S.chips.other, run: () => ops.attempt(() => questions.ask(id, before, frame)), disabled: !writing || before >= frame },
    "-",
    { label: S.chips.swap, run: () => ops.attempt(() => swapFrom(id, other, frame, seek)), disabled: !writing },
    { label: S.chips.split, run: () => ops.attempt(() => ops.split(frame, id)), disabled: !writing },
    "-",
    { label: command("deleteFrom").say, run: () => ops.attempt(() => ops.deleteFrom(frame, id)), danger: true, disabled: !writing },
    { label: command("deleteBefore").say, run: () => ops.attempt(() => ops.deleteBefore(frame, id)), danger: true, disabled: !writing || state.tracks.get(id).first >= frame },
  ]);
}

async function swapFrom(id, other, frame, seek) {
  if (other !== undefined) return ops.swap(frame, [id, other]);
  await seek();
  select([id]);
  return ops.swap(frame);
}
