/** What the page knows now, and who wants to hear of a change. One object, one list of listeners a topic. */

export const state = {
  project: null, // what api/project says
  times: new Float64Array(0), // (F,) seconds, one a frame
  numbers: null, // (F,) the source's own frame numbers
  tracks: new Map(), // id -> what api/tracks says of it
  frame: 0, // the frame whose picture and boxes are on the screen
  wanted: 0, // the frame that was asked for last
  shown: false, // whether any frame is on the screen
  playing: false,
  speed: 1,
  loop: null, // [first, last] frames that playing goes round in
  selected: [], // track ids; the first is the one that operations act on
  hovered: 0,
  range: null, // [first, last] frames that a person marked
  rangeStart: null,
  mode: "select", // "select", "draw", "redraw", "brush", "polygon"
  question: null,
  considered: 1, // the answer that is drawn beside the first
  questions: [],
  remaining: null,
  part: null, // of a large recording: {part, parts, counted, first, last} of the questions; null where they are of all
  certain: 0, // share of the boxes that are certain without a look
  jobs: new Map(), // job -> {kind, title, done, total, detail}
  endedJobs: new Set(),
  connection: "open", // "open", "lost", "stranger"
  waiting: 0, // changes that wait for the server
  seq: 0,
  statistics: null,
  masks: true,
  follow: false,
};

const listeners = new Map();

/** Calls `listener` after each change of one of the topics (names with a space between them). */
export function on(topics, listener) {
  for (const topic of topics.split(" ")) {
    if (!listeners.has(topic)) listeners.set(topic, []);
    listeners.get(topic).push(listener);
  }
}

export function emit(topic, detail) {
  for (const listener of listeners.get(topic) ?? []) listener(detail);
}

export const frameCount = () => state.times.length;
export const lastFrame = () => Math.max(0, state.times.length - 1);
export const clampFrame = (frame) => Math.min(lastFrame(), Math.max(0, Math.round(frame)));

/** The frame on the screen at `time` seconds: the last that starts no later. */
export function frameAt(time) {
  const times = state.times;
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= time + 1e-9) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Seconds from the first frame's start to the last frame's end (the last frame lasts as long as the one before). */
export function duration() {
  const times = state.times;
  const count = times.length;
  if (count < 2) return 1;
  return times[count - 1] - times[0] + (times[count - 1] - times[count - 2]);
}

export const primary = () => state.tracks.get(state.selected[0]) ?? null;

/** Selects these tracks; the first is the one that operations act on. */
export function select(ids) {
  const known = ids.filter((id) => state.tracks.has(id));
  if (known.length === state.selected.length && known.every((id, i) => id === state.selected[i])) return;
  state.selected = known;
  emit("selection");
}

/** Adds a track to the selected ones or takes it out. Two are what a swap or a join needs. */
export function toggle(id) {
  if (state.selected.includes(id)) select(state.selected.filter((other) => other !== id));
  else select([...state.selected, id]);
}

/** Whether the recording's first tracking is not at work. */
export const isTracked = () => ![...state.jobs.values()].some((job) => job.kind === "track");

export const writable = () => Boolean(state.project) && !state.project.readOnly;

export function className(label) {
  return state.project?.names[label] ?? String(label);
}

/** What a track is called in sentences: its name, or class and id. */
export function trackText(id) {
  const track = state.tracks.get(id);
  if (!track) return String(id);
  return track.name ? `${track.name} (${id})` : `${className(track.label)} ${id}`;
}
