/** Every command: its keys, its words and what it does. Keys, help, menus and buttons all read this one table. */

import { shownTracks } from "./lane_data.js";
import { fitAll, zoomTime } from "./lane_view.js";
import * as machine from "./machine.js";
import * as ops from "./operations.js";
import { chooseTrack } from "./pickers.js";
import * as player from "./player.js";
import * as questions from "./questions.js";
import * as rows from "./rows.js";
import { emit, lastFrame, primary, select, state, toggle } from "./state.js";
import { S } from "./strings.js";
import { fit, zoomBy } from "./view.js";

const K = S.keys;
const O = S.ops;
const hasTrack = () => primary() !== null;

/** `say`: what it does; `keys`: as in "Ctrl+Shift+Z"; `when`: else the keys mean nothing; `op`: goes through `attempt`. */
export const COMMANDS = [
  ["move", "play", K.play, ["Space"], () => (state.playing ? player.pause() : player.play())],
  ["move", "back", K.back, ["ArrowLeft"], () => player.step(-1)],
  ["move", "forth", K.forth, ["ArrowRight"], () => player.step(1)],
  ["move", "back10", K.back10, ["Shift+ArrowLeft"], () => player.step(-10)],
  ["move", "forth10", K.forth10, ["Shift+ArrowRight"], () => player.step(10)],
  ["move", "backSecond", K.backSecond, ["Ctrl+ArrowLeft"], () => player.stepSeconds(-1)],
  ["move", "forthSecond", K.forthSecond, ["Ctrl+ArrowRight"], () => player.stepSeconds(1)],
  ["move", "keyBack", K.keyBack, ["["], () => toKey(-1)],
  ["move", "keyForth", K.keyForth, ["]"], () => toKey(1)],
  ["move", "first", K.first, ["Home"], () => player.seek(0)],
  ["move", "last", K.last, ["End"], () => player.seek(lastFrame())],
  ["move", "trackFirst", K.trackFirst, ["Shift+Home"], () => primary() && player.seek(primary().first)],
  ["move", "trackLast", K.trackLast, ["Shift+End"], () => primary() && player.seek(primary().last)],
  ["move", "goto", K.goto, ["g"], () => emit("goto")],
  ["move", "slower", K.slower, [","], () => player.changeSpeed(-1)],
  ["move", "faster", K.faster, ["."], () => player.changeSpeed(1)],
  ["view", "zoomIn", K.zoomIn, ["+", "="], () => zoomBy(1.25)],
  ["view", "zoomOut", K.zoomOut, ["-"], () => zoomBy(0.8)],
  ["view", "fit", K.fit, ["0"], fit],
  ["view", "follow", K.follow, ["f"], follow],
  ["view", "masks", K.masks, ["v"], masks],
  ["view", "lanesIn", K.lanesIn, ["Shift+ArrowUp"], () => zoomTime(1.6)],
  ["view", "lanesOut", K.lanesOut, ["Shift+ArrowDown"], () => zoomTime(1 / 1.6)],
  ["view", "lanesAll", K.lanesAll, ["Shift+0"], fitAll],
  ["select", "nextTrack", K.nextTrack, ["Tab"], () => cycle(1)],
  ["select", "previousTrack", K.previousTrack, ["Shift+Tab"], () => cycle(-1)],
  ["select", "laneDown", K.laneDown, ["ArrowDown"], () => lane(1)],
  ["select", "laneUp", K.laneUp, ["ArrowUp"], () => lane(-1)],
  ["select", "pair", K.pair, ["Shift+Enter"], () => ops.attempt(pair)],
  ["select", "filter", K.filter, ["/"], () => emit("focusFilter")],
  ["select", "rangeStart", K.rangeStart, ["i"], () => mark(true)],
  ["select", "rangeEnd", K.rangeEnd, ["Shift+I"], () => mark(false)],
  ["select", "rangeNone", K.rangeNone, ["Alt+I"], () => setRange(null)],
  ["boxes", "draw", O.draw, ["d", "Shift+N"], () => startDrawing("draw")],
  ["boxes", "redraw", O.redraw, ["b"], () => startDrawing("redraw"), { when: hasTrack }],
  ["boxes", "interpolate", O.interpolate, ["h"], () => ops.attempt(ops.interpolate)],
  ["boxes", "occluded", O.occluded, ["o"], () => ops.attempt(ops.occluded)],
  ["boxes", "absent", O.absent, ["u"], () => ops.attempt(ops.absent)],
  ["boxes", "present", O.present, ["Shift+U"], () => ops.attempt(ops.present)],
  ["boxes", "deleteHere", O.deleteHere, ["Delete", "Backspace"], () => ops.attempt(ops.deleteHere), { danger: true }],
  ["boxes", "deleteFrom", O.deleteFrom, ["Shift+Delete"], () => ops.attempt(ops.deleteFrom), { danger: true }],
  ["boxes", "deleteBefore", O.deleteBefore, ["Alt+Delete"], () => ops.attempt(ops.deleteBefore), { danger: true }],
  ["boxes", "deleteAll", O.deleteAll, ["Ctrl+Delete"], () => ops.attempt(ops.deleteAll), { danger: true }],
  ["identity", "swap", O.swap, ["w"], () => ops.attempt(ops.swap)],
  ["identity", "split", O.split, ["x"], () => ops.attempt(ops.split)],
  ["identity", "join", O.join, ["j"], () => ops.attempt(ops.join)],
  ["say", "accept", O.acceptHere, ["a"], () => ops.attempt(ops.accept)],
  ["say", "acceptAll", O.acceptAll, ["Shift+A"], () => ops.attempt(ops.acceptAll)],
  ["say", "acceptCertain", O.acceptCertain, ["Alt+A"], () => questions.acceptCertain()],
  ["say", "rename", O.rename, ["r", "F2"], () => ops.attempt(ops.rename)],
  ["say", "relabel", O.relabel, ["c"], () => ops.attempt(ops.relabel)],
  ["say", "attribute", O.attribute, ["Shift+C"], () => emit("focusAttribute")],
  ["say", "lock", O.lock, ["l"], () => ops.attempt(ops.lock)],
  ["machine", "retrackForwards", O.retrackForwards, ["t"], () => ops.attempt(() => machine.retrack("forwards"))],
  ["machine", "retrackBackwards", O.retrackBackwards, ["Shift+T"], () => ops.attempt(() => machine.retrack("backwards"))],
  ["machine", "retrackBoth", O.retrackBoth, ["Alt+T"], () => ops.attempt(() => machine.retrack("both"))],
  ["machine", "cancelJob", O.cancelJob, ["k"], () => ops.attempt(machine.cancelJob)],
  ["machine", "brush", O.brush, ["y"], () => ops.attempt(() => machine.paint("brush"))],
  ["machine", "polygon", O.polygon, ["Shift+Y"], () => ops.attempt(() => machine.paint("polygon"))],
  ["machine", "unmask", O.unmask, ["Shift+V"], () => ops.attempt(machine.unmask)],
  ["machine", "propagate", O.propagate, ["Alt+Y"], () => ops.attempt(machine.propagate)],
  ["page", "undo", O.undo, ["Ctrl+z"], () => ops.attempt(ops.undo)],
  ["page", "redo", O.redo, ["Ctrl+Shift+Z", "Ctrl+y"], () => ops.attempt(ops.redo)],
  ["page", "menu", O.menu, ["m", "Shift+F10", "ContextMenu"], () => emit("menu")],
  ["page", "export", K.export, ["e"], () => emit("dialog", "export")],
  ["page", "compare", K.compare, ["Shift+E"], () => emit("dialog", "compare")],
  ["page", "recordings", K.recordings, ["Shift+R"], () => emit("dialog", "recordings")],
  ["page", "theme", K.theme, ["Shift+D"], () => emit("switchTheme")],
  ["page", "help", K.help, ["?", "Shift+?", "F1"], () => emit("dialog", "help")],
].map(([group, id, say, keys, run, more]) => ({ group, id, say, keys, run, ...more }));

export const command = (id) => COMMANDS.find((entry) => entry.id === id);

/** Lines of the help that have no entry above: their keys depend on where one is. */
export const MORE_KEYS = [
  ["boxes", "Alt+Arrows", O.nudge],
  ["boxes", "Ctrl+Shift+Arrows", O.grow],
  ["questions", "n", K.nextQuestion],
  ["questions", "p", K.previousQuestion],
  ["questions", "Enter, 1", K.keep],
  ["questions", "2, 3, ...", K.option],
  ["questions", "Shift+2, ...", K.optionHere],
  ["questions", "ArrowUp, ArrowDown", K.consider],
  ["questions", "s", K.skip],
  ["page", "F6", K.region],
  ["page", "Esc", K.none],
];

async function toKey(side) {
  const frame = await ops.attempt(() => ops.keyFrame(side));
  if (frame !== null) player.seek(frame);
}

function follow() {
  state.follow = !state.follow;
  emit("frame");
  emit("view");
}

function masks() {
  state.masks = !state.masks;
  emit("masks");
}

function cycle(side) {
  const ids = (rows.peek(state.frame) ?? []).map((row) => row.id).sort((a, b) => a - b);
  if (!ids.length) return;
  const at = ids.indexOf(state.selected[0]);
  select([ids[(at + side + ids.length) % ids.length] ?? ids[0]]);
}

function lane(side) {
  const ids = shownTracks();
  if (!ids.length) return;
  const at = ids.indexOf(state.selected[0]);
  select([ids[Math.min(ids.length - 1, Math.max(0, at < 0 ? 0 : at + side))]]);
  emit("reveal");
}

async function pair() {
  const id = await chooseTrack(S.choose.pair, primary());
  if (id !== null) toggle(id);
}

function mark(start) {
  const [first, last] = state.range ?? [state.frame, state.frame];
  if (start) setRange([state.frame, Math.max(state.frame, state.range ? last : state.frame)]);
  else setRange([Math.min(first, state.frame), state.frame]);
}

export function setRange(range) {
  state.range = range;
  emit("range");
}

export function startDrawing(mode) {
  if (state.project.readOnly) return;
  player.pause();
  questions.leave();
  state.mode = mode;
  emit("mode");
}
