/** Work of the server that takes time: a bar on the picture with its progress and a way to stop it. */

import { byId, el, fill } from "./dom.js";
import { cancelJob } from "./machine.js";
import { attempt } from "./operations.js";
import { emit, on, state } from "./state.js";
import { S } from "./strings.js";
import { complain, say } from "./toasts.js";

let box = null;

export function start() {
  box = el("div", { class: "jobs", hidden: true });
  byId("stage").append(box);
  on("jobs", show);
  on("live", hear);
}

/** The job that runs when the page is loaded, or null. */
export function take(job) {
  state.jobs.clear();
  state.endedJobs.clear();
  if (job) keep(job);
  emit("jobs");
}

function keep(message) {
  const known = state.jobs.get(message.job);
  const { kind, done, total, text } = message;
  state.jobs.set(message.job, { kind, done, total, detail: text, title: known?.title ?? (typeof S.job[kind] === "string" ? S.job[kind] : S.job.working) });
}

function hear(message) {
  if (message.type === "progress") {
    keep(message);
    emit("jobs");
  } else if (message.type === "job") {
    const known = state.jobs.get(message.job);
    state.jobs.delete(message.job);
    state.endedJobs.add(message.job);
    emit("jobs");
    if (message.state === "failed") complain(S.job.failed(message.error));
    else if (message.text) say(message.text);
    else say(message.state === "cancelled" ? S.job.cancelled : S.job.done(known?.title ?? S.job.working));
    emit("jobDone", message);
  }
}

function show() {
  box.hidden = state.jobs.size === 0;
  const lines = [...state.jobs].map(([job, { done, total, title, detail }]) => {
    const share = total ? Math.min(1, done / total) : null;
    const bar = el("div", { class: share === null ? "progress unknown" : "progress" }, el("span", {}));
    if (share !== null) bar.firstChild.style.width = `${share * 100}%`;
    const more = detail || S.job.count(done, total);
    return el(
      "div", { class: "job" },
      el("div", { class: "job-text" }, el("span", {}, title), el("span", { class: "job-count" }, more)), bar,
      el("button", { type: "button", class: "button small", onclick: () => attempt(() => cancelJob(job)) }, S.job.cancel),
    );
  });
  fill(box, lines);
}
