/** The first page of a folder: its recordings and their states, looked at again while it is open. */

import { byId, el, fill } from "./dom.js";
import { load, nextButton, table } from "./recordings.js";
import { S } from "./strings.js";

const AGAIN_MS = 5000;
let before = "";

async function show() {
  try {
    const list = await load();
    const now = JSON.stringify(list);
    if (now !== before) fill(byId("list"), el("h1", {}, S.recordings.title), table(list), nextButton(list));
    before = now;
  } catch (error) {
    before = "";
    fill(byId("list"), el("h1", {}, S.recordings.title), el("p", { class: "message bad" }, error.status ? error.message : S.connection.lost));
  }
  setTimeout(show, AGAIN_MS);
}

show();
