/** The list of recordings with their states, as a dialog of the page and as the first page of a folder. */

import { get } from "./api.js";
import { dialog } from "./choose.js";
import { el, fill, iconButton } from "./dom.js";
import { clock, S } from "./strings.js";

const T = S.recordings;
const HERE = Number(/\/r\/(\d+)\//.exec(location.pathname)?.[1] ?? -1);

export const load = () => get("/api/recordings");

export async function openRecordings() {
  const body = el("div", { class: "recordings-body" }, el("p", { class: "muted" }, `${S.loading} …`));
  dialog(T.title, "recordings", (close) => [
    el("header", {}, el("h2", {}, T.title), iconButton("close", S.close, () => close())), body,
  ]);
  try {
    const list = await load();
    fill(body, table(list), nextButton(list));
    body.querySelector(".recording.here a, .recording a")?.focus();
  } catch {
    fill(body, el("p", { class: "message bad" }, T.failed));
  }
}

/** The table; each line leads to its recording. */
export function table(list) {
  if (!list.length) return el("p", { class: "empty" }, T.empty);
  const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
  const lines = list.map((recording) =>
    el("tr", { class: recording.k === HERE ? "recording here" : "recording" },
      el("td", {}, el("a", { href: `/r/${recording.k}/` }, recording.name)),
      el("td", {}, el("span", { class: `state ${recording.state}` }, S.states[recording.state] ?? recording.state)),
      el("td", { class: "number" }, recording.duration === null ? "–" : clock(recording.duration, 1)),
      el("td", { class: "number" }, number(recording.frames)), el("td", { class: "number" }, number(recording.tracks)),
      el("td", { class: "number" }, number(recording.remaining))),
  );
  const head = [T.name, T.state, T.length, T.frames, T.tracks, T.doubts].map((text, i) => el("th", { scope: "col", class: i > 1 ? "number" : "" }, text));
  return el("table", { class: "recordings" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, lines));
}

/** Leads to the next recording after this one that is not done. */
export function nextButton(list) {
  if (list.length < 2) return el("p", { class: "muted" }, T.none);
  const after = [...list.filter(({ k }) => k > HERE), ...list.filter(({ k }) => k < HERE)];
  const next = after.find(({ state }) => state !== "done");
  if (!next) return el("p", { class: "muted" }, T.allDone);
  return el("a", { class: "button main", href: `/r/${next.k}/` }, `${T.next}: ${next.name}`);
}
