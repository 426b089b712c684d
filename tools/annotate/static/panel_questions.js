/** The side panel of the queue: the counter, the question in hand with its answers, and what comes next. */

import { onGround } from "./colours.js";
import { el, fill, iconButton, keyCap } from "./dom.js";
import * as questions from "./questions.js";
import { isTracked, on, state } from "./state.js";
import { clock, percent, S } from "./strings.js";

const LISTED = 40;

export function build(panel) {
  const head = el("div", { class: "queue-head" });
  const card = el("div", { class: "question" });
  const list = el("div", { class: "queue-list" });
  panel.append(head, card, list);
  const show = () => {
    if (panel.hidden) return;
    fill(head, ...headParts());
    fill(card, ...cardParts());
    fill(list, ...listParts());
  };
  on("queue question tracks tab jobs", show);
  on("considered", () => {
    [...card.querySelectorAll(".answer:not(.skip)")].forEach((answer, i) => answer.classList.toggle("considered", i === state.considered));
  });
  return show;
}

function headParts() {
  const count = state.remaining;
  const text = count === null || isTracked() === false ? "" : count > 0 ? S.question.remaining(count) : S.question.remainingNone;
  const back = questions.isComparison()
    ? el("button", { type: "button", class: "link", onclick: () => questions.useComparison(null) }, S.compareDialog.back)
    : el("span", { class: count > 0 ? "remaining" : "remaining none" }, text);
  const none = state.questions.length === 0;
  const part = state.part && !questions.isComparison() ? el("p", { class: "muted part" }, S.question.part(state.part, state.times)) : null;
  return [
    back,
    el("span", { class: "spring" }),
    iconButton("back", S.question.previous, () => questions.move(-1), { disabled: none }),
    iconButton("forth", S.question.next, () => questions.move(1), { disabled: none }),
    part,
  ];
}

function cardParts() {
  const question = state.question;
  if (!question) {
    if (!isTracked()) return [el("div", { class: "empty" }, S.empty.questionsLater)];
    if (!questions.available()) return [el("div", { class: "empty" }, S.empty.questionsNone)];
    if (!state.questions.length) {
      return [el("div", { class: "empty" }, state.remaining === null ? S.empty.questionsLoading : S.empty.questions)];
    }
    return [
      el("button", { type: "button", class: "button main wide", onclick: () => questions.move(1) }, S.question.start),
      ...certainButton(),
    ];
  }
  const at = state.questions.findIndex((other) => other.key === question.key);
  const lines = [
    el("h2", {}, questions.title(question)),
    el(
      "p", { class: "muted facts" },
      el("span", {}, when(question)),
      question.chance >= 0 ? el("span", {}, S.question.chance(question.chance)) : null,
      question.cost >= 0 ? el("span", {}, S.question.cost(question.cost)) : null,
    ),
  ];
  const options = question.options.map((option, i) => answerButton(question, option, i));
  const skip = el(
    "button", { type: "button", class: "answer skip", onclick: questions.skip },
    keyCap("S"), el("span", {}, S.question.skip), el("span", { class: "muted place" }, S.question.place(at + 1, state.questions.length)),
  );
  return [...lines, ...options, skip];
}

const when = ({ frame, stretch }) => (stretch ?? [frame]).map((at) => clock(state.times[at], 2)).join(" – ");

function certainButton() {
  if (questions.isComparison() || !state.certain) return [];
  const text = state.part ? S.question.certainHere(state.certain) : S.question.certain(state.certain);
  return [el("button", { type: "button", class: "button wide", onclick: questions.acceptCertain }, text)];
}

function answerButton(question, option, i) {
  const share = typeof option.probability === "number" ? el("span", { class: "share" }, percent(option.probability)) : null;
  const classes = `answer${i === 0 ? " first" : ""}${i > 0 && i === state.considered ? " considered" : ""}`;
  const sign = el("span", { class: `ghost-line${i ? " other" : ""}` });
  return el(
    "button",
    {
      type: "button", class: classes, disabled: state.answering, onclick: () => questions.answer(i),
      onpointerenter: () => i > 0 && i !== state.considered && questions.consider(i),
    },
    keyCap(String(i + 1)), sign, el("span", { class: "answer-text" }, questions.optionText(question, option)), chip(option.chip), share,
  );
}

/** The other object of an answer, as it looks nearest to the moment. */
function chip(place) {
  if (!place) return null;
  const version = state.tracks.get(place.track)?.changedAt ?? state.seq;
  const image = el("img", { class: "answer-chip", src: `chip/${version}/${place.track}/${place.frame}.jpg`, alt: "" });
  image.style.borderColor = onGround(place.track);
  return image;
}

function listParts() {
  if (!state.questions.length) return [];
  const lines = state.questions.slice(0, LISTED).map((question) => {
    const chosen = state.question?.key === question.key;
    const dots = question.tracks.slice(0, 2).map((id) => {
      const dot = el("span", { class: "swatch" });
      dot.style.background = onGround(id);
      return dot;
    });
    return el(
      "button",
      { type: "button", class: chosen ? "queue-line chosen" : "queue-line", title: questions.title(question), onclick: () => questions.open(question) },
      el("span", { class: "dots" }, dots),
      el("span", { class: "queue-title" }, questions.brief(question)),
      el("span", { class: "muted" }, clock(state.times[question.frame], 1)),
      el("span", { class: "queue-chance" }, percent(question.chance)),
    );
  });
  return [el("h3", {}, S.question.list), ...lines];
}
