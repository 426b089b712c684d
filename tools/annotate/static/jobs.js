/** Work of the server that takes time: a bar on the picture with its progress and a way to stop it. */

import { byId, el, fill } from "./dom.js";
import { attempt, cancelJob } from "./operations.js";
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

function hear(message) {
  if (message.type === "progress") {
    const known = state.jobs.get(message.job);
    state.jobs.set(message.job, { ...known, phase: message.phase, done: message.done, total: message.total, text: known?.text ?? nameOf(message), detail: message.text });
    emit("jobs");
  } else if (message.type === "job") {
    const known = state.jobs.get(message.job);
    state.jobs.delete(message.job);
    emit("jobs");
    if (message.state === "failed") complain(S.job.failed(message.error));
    else if (message.state === "cancelled") say(S.job.cancelled);
    else if (known && isTracking(known)) say(S.job.trackingDone);
    emit("jobDone", { ...message, tracking: !known || isTracking(known) });
  }
}

const isTracking = (job) => job.phase !== "retrack" && job.phase !== "propagate" && job.text === S.job.tracking;
const nameOf = (message) => (state.project?.state === "new" || !state.tracks.size ? S.job.tracking : message.text || S.job.tracking);

function show() {
  box.hidden = state.jobs.size === 0;
  const lines = [...state.jobs].map(([job, { done, total, text, detail }]) => {
    const share = total ? Math.min(1, done / total) : null;
    const bar = el("div", { class: share === null ? "progress unknown" : "progress" }, el("span", {}));
    if (share !== null) bar.firstChild.style.width = `${share * 100}%`;
    const more = detail && detail !== text ? detail : S.job.count(done, total);
    return el(
      "div", { class: "job" },
      el("div", { class: "job-text" }, el("span", {}, text), el("span", { class: "job-count" }, more)), bar,
      el("button", { type: "button", class: "button small", onclick: () => attempt(() => cancelJob(job)) }, S.job.cancel),
    );
  });
  fill(box, lines);
}
