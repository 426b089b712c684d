/** The queue of doubts: which question is in hand, its answers, and the way to the next. */

import { get } from "./api.js";
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
    const answer = await get(`api/queue?limit=${LIMIT}`);
    state.remaining = answer.remaining;
    take(answer.questions);
  } catch (error) {
    if (error.status === 404) state.project.can = { ...state.project.can, queue: false };
    else if (error.status) emit("error", error);
    emit("queue");
  }
}

function take(questions) {
  state.questions = questions.toSorted((a, b) => (skipped.get(a.key) ?? 0) - (skipped.get(b.key) ?? 0));
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

/** Goes to a question: its frame, its tracks, and the second around it in a loop. */
export async function open(question) {
  player.pause();
  state.mode = "select";
  state.question = question;
  select(question.tracks.filter((id) => state.tracks.has(id)).slice(0, 2));
  emit("question");
  emit("mode");
  emit("tab", "questions");
  emit("reveal");
  player.setLoop([question.first, question.last]);
  await player.seek(question.first);
  if (state.question === question) player.play();
}

export function leave() {
  if (!state.question) return;
  state.question = null;
  player.pause();
  player.setLoop(null);
  emit("question");
}

export function move(side) {
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

/** Answers with an option; the server applies it, solves around it again and says what changed. */
export async function answer(index) {
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
  state.answering = true;
  emit("queue");
  try {
    const done = own ? await answerOwn(option) : await send("answer", { key: question.key, option: option.key, seq: state.seq });
    if (typeof done.remaining === "number") state.remaining = done.remaining;
    say(S.done.answer(text, done.tracks?.length ?? 0), { text: S.ops.undo, run: () => emit("undo") });
    const rest = list.filter((other) => other.key !== question.key);
    const next = rest[at] ?? rest[0];
    if (own) own = rest;
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
  else if (event.key === "Enter" && !event.shiftKey) answer(0);
  else if (/^[1-9]$/.test(event.key)) answer(Number(event.key) - 1);
  else return false;
  return true;
}

export function title(question) {
  const [a, b] = question.tracks.map(trackText);
  return (S.question.titles[question.kind] ?? (() => S.question.other(question.kind)))(a, b);
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

export function start() {
  on("queueStale", load);
}
