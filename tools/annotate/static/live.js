/** The line on which the server tells what changed, and what to do when it breaks. */

import { get } from "./api.js";
import { emit, state } from "./state.js";

let socket = null;
let pause = 300;
let reached = null; // a promise while the server is away, fulfilled when it is back

export function start() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}${location.pathname.replace(/[^/]*$/, "")}live`);
  socket.onmessage = (event) => emit("live", JSON.parse(event.data));
  socket.onopen = () => {
    pause = 300;
    if (state.connection !== "open") greet();
  };
  socket.onclose = () => {
    lose();
    setTimeout(start, pause);
    pause = Math.min(3000, pause * 1.5);
  };
}

/** Fulfilled as soon as the server answers; at once if it never went away. */
export function back() {
  return reached ? reached.promise : Promise.resolve();
}

/** The server did not answer: the page says so and waits for the line to come up again. */
export function lose() {
  if (!reached) {
    reached = {};
    reached.promise = new Promise((resolve) => (reached.resolve = resolve));
  }
  if (state.connection === "open") {
    state.connection = "lost";
    emit("connection");
    probe();
  }
}

/** Asks whether the server is there but does not know this window (another token). */
async function probe() {
  while (state.connection !== "open") {
    await new Promise((resolve) => setTimeout(resolve, 700));
    if (state.connection === "open") return;
    try {
      await get("api/project");
      if (socket.readyState === WebSocket.OPEN) await greet();
      else if (state.connection === "stranger") set("lost");
    } catch (error) {
      if (error.status === 401 || error.status === 403) set("stranger");
      else if (error.status === 0) set("lost");
    }
  }
}

function set(connection) {
  if (state.connection === connection) return;
  state.connection = connection;
  emit("connection");
}

async function greet() {
  let project;
  try {
    project = await get("api/project");
  } catch {
    return;
  }
  if (state.connection === "open") return;
  state.connection = "open";
  reached?.resolve();
  reached = null;
  emit("reconnected", project);
  emit("connection");
}
