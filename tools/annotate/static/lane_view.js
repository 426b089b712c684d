/** Which seconds and which lanes the timeline shows. Its axis is true time, so that stutters are seen as they were. */

import { setSight, shownTracks } from "./lane_data.js";
import { duration, emit, frameAt, on, state } from "./state.js";

export const NAMES = 216; // CSS pixels of the column of names
export const OVERVIEW = 9;
export const RULER = 19;
export const THUMBS = 33;
export const HEAD = OVERVIEW + RULER + THUMBS;
export const ROW = 21;
const SHORTEST_S = 0.25;

export const lanes = { width: 0, height: 0, start: 0, span: 1, scroll: 0 }; // start, span: seconds; scroll: CSS pixels

const origin = () => state.times[0] ?? 0;
export const plotWidth = () => Math.max(1, lanes.width - NAMES - 1);

export function resizeLanes(width, height) {
  lanes.width = width;
  lanes.height = height;
  limit();
}

export function xOf(time) {
  return NAMES + ((time - lanes.start) / lanes.span) * plotWidth();
}

export function timeOf(x) {
  return lanes.start + ((x - NAMES) / plotWidth()) * lanes.span;
}

export const xOfFrame = (frame) => xOf(state.times[frame]);

/** The second at which a frame ends. */
export function endOf(frame) {
  const times = state.times;
  if (frame + 1 < times.length) return times[frame + 1];
  return origin() + duration();
}

/** Zooms in time by a factor round a place, or round the playhead. */
export function zoomTime(factor, x = null) {
  const middle = x === null ? (visible() ? state.times[state.frame] : lanes.start + lanes.span / 2) : timeOf(x);
  const share = (middle - lanes.start) / lanes.span;
  lanes.span = lanes.span / factor;
  limitSpan();
  lanes.start = middle - share * lanes.span;
  limit();
  emit("laneView");
}

export function fitAll() {
  lanes.start = origin();
  lanes.span = duration();
  emit("laneView");
}

export function scrollTime(seconds) {
  lanes.start += seconds;
  limit();
  emit("laneView");
}

export function scrollLanes(pixels) {
  lanes.scroll += pixels;
  limit();
  emit("laneView");
}

/** Scrolls so that this lane is in sight. */
export function reveal(id) {
  const at = shownTracks().indexOf(id);
  if (at < 0) return;
  const room = lanes.height - HEAD;
  if (at * ROW < lanes.scroll) lanes.scroll = at * ROW;
  else if ((at + 1) * ROW > lanes.scroll + room) lanes.scroll = (at + 1) * ROW - room;
  limit();
  emit("laneView");
}

/** The track whose lane lies at this height, 0 without one. */
export function trackAt(y) {
  if (y < HEAD) return 0;
  return shownTracks()[Math.floor((y - HEAD + lanes.scroll) / ROW)] ?? 0;
}

function visible() {
  const time = state.times[state.frame];
  return time >= lanes.start && time <= lanes.start + lanes.span;
}

function limitSpan() {
  lanes.span = Math.min(duration(), Math.max(Math.min(SHORTEST_S, duration()), lanes.span));
}

function limit() {
  limitSpan();
  lanes.start = Math.min(origin() + duration() - lanes.span, Math.max(origin(), lanes.start));
  const most = Math.max(0, shownTracks().length * ROW - (lanes.height - HEAD));
  lanes.scroll = Math.min(most, Math.max(0, lanes.scroll));
}

export function start() {
  on("order", () => {
    limit();
    emit("laneView");
  });
  on("laneView filter project", () => setSight(frameAt(lanes.start), frameAt(lanes.start + lanes.span)));
  on("frame", keepInSight);
  on("reveal", () => state.selected.length && reveal(state.selected[0]));
}

/** While time runs the timeline turns its page; after a jump the playhead comes to a third. */
function keepInSight() {
  if (visible() || lanes.dragging) return;
  lanes.start = state.times[state.frame] - (state.playing ? 0.05 : 0.33) * lanes.span;
  limit();
  emit("laneView");
}
