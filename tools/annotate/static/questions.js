/** The queue of doubts: which question is in hand, its answers, and the way to the next. */

import { get, post } from "./api.js";
import * as player from "./player.js";
import { send } from "./sender.js";
import { emit, on, select, state, trackText, writable } from "./state.js";
import { S } from "./strings.js";
import { complain, say } from "./toasts.js";

const LIMIT = 60;
const skipped = new Map(); // key -> turn in which it was skipped: they come after all others
let turn = 0;
let loading = null;
let again = false;
let own = null; // questions of a comparison, in place of the tracker's
let asked = null; // the question that a person asked from a chip

export const available = () => own !== null || state.project?.can?.queue !== false;
export const isComparison = () => own !== null;

/** Loads the queue; the question in hand stays if it is still asked. */
export async function load() {
  if (own || !available()) {
    emit("queue");
    return;
  }
  if (loading) {
    again = true;
    return loading;
  }
  loading = fetchQueue().finally(() => (loading = null));
  await loading;
  if (again) {
    again = false;
    await load();
  }
}

async function fetchQueue() {
  try {
    const answer = await get(`api/queue?limit=${LIMIT}&frame=${state.question?.frame ?? state.frame}`);
    state.remaining = answer.remaining;
    state.part = answer.parts > 1 ? answer : null;
    state.certain = answer.certain ?? 0;
    take(answer.questions);
  } catch (error) {
    if (error.status === 404) state.project.can = { ...state.project.can, queue: false };
    else if (error.status) emit("error", error);
    emit("queue");
  }
}

function take(questions) {
  const others = questions.filter((question) => question.key !== asked?.key);
  others.sort((a, b) => (skipped.get(a.key) ?? 0) - (skipped.get(b.key) ?? 0));
  state.questions = asked ? [asked, ...others] : others;
  if (state.question) {
    const same = state.questions.find((question) => question.key === state.question.key);
    if (same) state.question = same;
    else if (!state.answering) {
      leave();
      say(S.question.gone);
    }
  }
  emit("queue");
}

/** Puts the differences of a comparison in the place of the tracker's questions; null takes them away again. */
export function useComparison(questions) {
  leave();
  own = questions;
  if (own) {
    state.questions = own;
    emit("queue");
  } else load();
}

/** Asks about a track that shows another object in frame `last` than in frame `first`: the server finds the moment. */
export async function ask(track, first, last) {
  const question = await post("api/crossing", { track, first, last });
  asked = question;
  take(state.questions);
  await open(question);
}

/** Goes to a question: its frame, its tracks, and the second around it in a loop. */
export async function open(question) {
  player.pause();
  state.mode = "select";
  state.question = question;
  consider(1);
  emit("question");
  emit("mode");
  emit("tab", "questions");
  emit("reveal");
  player.setLoop([question.first, question.last]);
  await player.seek(question.first);
  if (state.question === question) player.play();
}

/** Looks at another answer than the first: it is drawn, and the track that it names is shown beside the asked one. */
export function consider(index) {
  const { question } = state;
  state.considered = Math.max(1, Math.min(question.options.length - 1, index));
  const option = question.options[state.considered];
  const others = [...(option?.tracks ?? []), ...question.tracks].filter((id) => id !== question.tracks[0]);
  const named = option?.key.includes("-") || question.tracks.length === 2 ? others.slice(0, 1) : [];
  select([...question.tracks.slice(0, 1), ...named].filter((id) => state.tracks.has(id)));
  emit("considered");
}

export function leave() {
  if (!state.question) return;
  if (state.question === asked) {
    state.questions = state.questions.filter((question) => question !== asked);
    asked = null;
    emit("queue");
  }
  state.question = null;
  player.pause();
  player.setLoop(null);
  emit("question");
}

export async function move(side) {
  // In a large recording the questions are those of the part that is shown.
  if (!state.question && state.part && !own && (state.frame < state.part.first || state.frame > state.part.last)) {
    say(S.empty.questionsLoading);
    await load();
  }
  if (!state.questions.length && loading) {
    say(S.empty.questionsLoading);
    await loading;
  }
  const list = state.questions;
  if (!list.length) {
    say(available() ? S.empty.questions : S.empty.questionsNone);
    return;
  }
  const at = state.question ? list.findIndex((question) => question.key === state.question.key) : side > 0 ? -1 : 0;
  open(list[(at + side + list.length) % list.length]);
}

export function skip() {
  const question = state.question;
  if (!question) return;
  skipped.set(question.key, ++turn);
  const list = state.questions;
  const at = list.findIndex((other) => other.key === question.key);
  const next = list[at + 1] ?? list[0];
  if (!own) take([...list]);
  say(S.question.skipped);
  if (next && next.key !== question.key) open(next);
}

/**
 * Answers with an option; the server applies it and says what changed. With `here` the change is at the shown frame, else
 * where the tracker thinks that it is.
 */
export async function answer(index, here = false) {
  const question = state.question;
  const option = question?.options[index];
  if (!option || state.answering) return;
  if (!writable()) {
    complain(state.project?.readOnly || S.need.write);
    return;
  }
  const text = optionText(question, option);
  const list = state.questions;
  const at = list.findIndex((other) => other.key === question.key);
  const body = { key: question.key, option: option.key, seq: state.seq, ...(here ? { frame: state.frame } : {}) };
  state.answering = true;
  emit("queue");
  try {
    const done = own ? await answerOwn(option) : await send("answer", body);
    if (typeof done.remaining === "number") state.remaining = done.remaining;
    say(S.done.answer(text, done.tracks?.length ?? 0), { text: S.ops.undo, run: () => emit("undo") });
    const rest = list.filter((other) => other.key !== question.key);
    const next = rest[at] ?? rest[0];
    if (own) own = rest;
    if (question === asked) asked = null;
    state.questions = rest;
    state.question = null;
    if (!own) await load();
    const fresh = state.questions.find((other) => other.key === next?.key) ?? state.questions[0];
    if (fresh) await open(fresh);
    else {
      player.pause();
      player.setLoop(null);
      emit("question");
    }
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  } finally {
    state.answering = false;
    emit("queue");
  }
}

/** Accepts all boxes that are certain without a look: one change, which undo takes back whole. */
export async function acceptCertain() {
  if (!writable()) {
    complain(state.project?.readOnly || S.need.write);
    return;
  }
  try {
    const done = await send("accept-certain", {});
    if (done.kind === null) say(S.done.certainNone);
    else say(S.done.certain(done.tracks.length), { text: S.ops.undo, run: () => emit("undo") });
    await load();
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  }
}

/** A difference is settled by its option's operation, or by nothing. */
function answerOwn(option) {
  if (!option.operation) return { tracks: [] };
  const [kind, parameters] = option.operation;
  return send("op", { kind, parameters });
}

/** Keys of the question in hand. They come before those of the page. */
export function key(event) {
  if (event.key === "n" || event.key === "p") {
    move(event.key === "n" ? 1 : -1);
    return true;
  }
  if (!state.question || state.mode !== "select") return false;
  if (event.key === "s") skip();
  else if (event.key === "ArrowDown" && !event.shiftKey) consider(state.considered + 1);
  else if (event.key === "ArrowUp" && !event.shiftKey) consider(state.considered - 1);
  else if (event.key === "Enter" && !event.shiftKey) answer(0);
  else if (/^[1-9]$/.test(event.key)) answer(Number(event.key) - 1);
  else if (event.shiftKey && /^Digit[1-9]$/.test(event.code)) answer(Number(event.code.at(-1)) - 1, true);
  else return false;
  return true;
}

export function title(question) {
  const [a, b, more] = question.tracks.map(trackText);
  return (S.question.titles[question.kind] ?? (() => S.question.other(question.kind)))(a, b, more);
}

/** The question in a few words, for the list. */
export function brief(question) {
  const words = S.question.brief[question.kind] ?? question.kind;
  return question.tracks.length ? `${question.tracks.slice(0, 2).join(", ")}: ${words}` : words;
}

export function optionText(question, option) {
  if (own && option.text) return option.text;
  // A key says with which track: "swap-7".
  const [kind, other] = option.key.split("-");
  const first = question.tracks[0];
  const second = other === undefined ? option.tracks.find((id) => id !== first) : Number(other);
  const text = S.question.options[kind];
  if (text === undefined) return option.text || option.key;
  return typeof text === "function" ? text(trackText(first), trackText(second)) : text;
}

/** The server counted the doubts of one more part. */
function hear({ type, ...counted }) {
  if (type !== "counted" || !state.part || own) return;
  state.part = { ...state.part, ...counted };
  state.remaining = counted.remaining;
  emit("queue");
}

export function start() {
  on("live", hear);
  on("queueStale", load);
}
