/** Changes go to the server one after the other. One that gets no answer waits, and is sent again only if it was not done. */

import { get, post, ServerError } from "./api.js";
import { back, lose } from "./live.js";
import { emit, state } from "./state.js";

const queue = [];
let running = false;

/** Sends one change: {seq, kind, tracks, parameters}. Rejects with the server's sentence. */
export function send(path, body) {
  return new Promise((resolve, reject) => {
    queue.push({ path, body, resolve, reject });
    count();
    if (!running) pump();
  });
}

function count() {
  state.waiting = queue.length;
  emit("waiting");
}

async function pump() {
  running = true;
  while (queue.length) {
    const item = queue[0];
    try {
      item.resolve(await deliver(item));
    } catch (error) {
      item.reject(error);
    }
    queue.shift();
    count();
  }
  running = false;
}

async function deliver(item) {
  const before = state.seq;
  for (;;) {
    try {
      const answer = await post(`api/${item.path}`, item.body);
      settle(answer);
      return answer;
    } catch (error) {
      const away = error instanceof ServerError && (error.status === 0 || error.status === 401 || error.status === 502);
      if (!away) throw error;
      item.waited = true;
      lose();
      await back();
      const done = await landed(item, before).catch(() => null);
      if (done) {
        settle(done);
        return done;
      }
    }
  }
}

/** The journal's entry of this change if the server wrote it before it went away. */
async function landed(item, before) {
  const answer = await get(`api/journal?after=${before}`);
  const entries = Array.isArray(answer) ? answer : answer.entries;
  if (item.path === "op") {
    const same = (entry) => entry.kind === item.body.kind && covers(entry.parameters, item.body.parameters);
    return entries.find(same) ?? null;
  }
  if (item.path === "answer") return entries.find((entry) => covers(entry.parameters, { question: item.body.key })) ?? null;
  if (item.path === "accept-certain") return entries.find((entry) => entry.kind === "accept certain") ?? null;
  if (item.path === "undo" || item.path === "redo") {
    const { seq } = await get("api/project");
    return seq > before ? { seq, kind: entries.at(-1)?.kind ?? null, tracks: [] } : null;
  }
  return null;
}

/** Whether an entry has all that was asked for; the server may have added what it found. */
function covers(found, asked) {
  if (!found) return false;
  return Object.entries(asked).every(([key, value]) => JSON.stringify(found[key]) === JSON.stringify(value));
}

function settle(answer) {
  if (answer.seq > state.seq || answer.tracks?.length) emit("changed", { ...answer, own: true });
}
