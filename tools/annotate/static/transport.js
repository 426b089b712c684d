/** The bar under the picture: play, step, speed, where one is, and the tools of the picture. */

import { askText } from "./choose.js";
import { command } from "./commands.js";
import { byId, el, fill, iconButton } from "./dom.js";
import { fitAll, zoomTime } from "./lane_view.js";
import * as player from "./player.js";
import { frameAt, lastFrame, on, state } from "./state.js";
import { clock, S } from "./strings.js";
import { complain } from "./toasts.js";
import { fit, zoomBy } from "./view.js";

const T = S.transport;
const run = (name) => () => command(name).run();

export function start() {
  const bar = byId("transport");
  const play = iconButton("play", T.play, run("play"), { class: "icon-button play" });
  const time = el("button", { type: "button", class: "time", title: `${T.goto} (G)`, onclick: goto });
  const frame = el("span", { class: "frame" });
  const speed = el(
    "select", { "aria-label": T.speed, title: `${T.speed} (, .)`, class: "speed", onchange: () => player.setSpeed(Number(speed.value)) },
    player.SPEEDS.map((value) => el("option", { value: String(value), selected: value === 1 }, `${value}×`)),
  );
  const masks = iconButton("mask", T.masks, run("masks"));
  const follow = iconButton("follow", T.follow, run("follow"));
  fill(
    bar,
    iconButton("first", T.first, run("first")), iconButton("keyBack", T.keyBack, run("keyBack")), iconButton("back", T.back, run("back")),
    play, iconButton("forth", T.forth, run("forth")), iconButton("keyForth", T.keyForth, run("keyForth")), iconButton("last", T.last, run("last")),
    speed, el("span", { class: "gap" }), time, frame, el("span", { class: "spring" }),
    iconButton("box", T.draw, run("draw")), masks, follow,
    iconButton("minus", T.zoomOut, () => zoomBy(0.8)), iconButton("plus", T.zoomIn, () => zoomBy(1.25)), iconButton("fit", T.fit, fit),
  );
  const showTime = () => {
    time.textContent = clock(state.times[state.frame] ?? 0);
    const text = T.frame(state.frame.toLocaleString("en"), lastFrame().toLocaleString("en"));
    const number = state.numbers ? Number(state.numbers[state.frame]) : state.frame;
    frame.textContent = number === state.frame ? text : `${text}, ${T.number(number.toLocaleString("en"))}`;
  };
  const showPlaying = () => {
    fill(play, ...iconButton(state.playing ? "pause" : "play", "", null).childNodes);
    play.title = state.playing ? T.pause : T.play;
    play.setAttribute("aria-label", play.title);
    speed.value = String(state.speed);
  };
  const showTools = () => {
    masks.hidden = !state.project?.can?.mask;
    masks.setAttribute("aria-pressed", String(state.masks));
    follow.setAttribute("aria-pressed", String(state.follow));
  };
  on("frame project", showTime);
  on("playing", showPlaying);
  on("view masks project", showTools);
  on("goto", goto);
  showPlaying();
  laneButtons();
}

function laneButtons() {
  byId("lanes").append(
    el("div", { class: "lane-zoom" },
      iconButton("minus", S.lanes.zoomOut, () => zoomTime(1 / 1.6)), iconButton("plus", S.lanes.zoomIn, () => zoomTime(1.6)),
      iconButton("fit", S.lanes.zoomAll, fitAll)),
  );
}

async function goto() {
  const text = await askText(T.goto, "", { hint: T.gotoHint });
  if (!text) return;
  const frame = parsePlace(text);
  if (frame === null) complain(T.gotoBad);
  else player.seek(frame);
}

/** "120": a frame; "12.5s" or "12.5": seconds; "1:05.2": a clock. Null for anything else. */
export function parsePlace(text) {
  if (/^\d+$/.test(text)) return Number(text);
  const seconds = /^(\d*\.?\d+)\s*s?$/.exec(text);
  if (seconds) return frameAt(state.times[0] + Number(seconds[1]));
  const parts = /^(?:(\d+):)?(\d+):(\d+(?:\.\d*)?)$/.exec(text);
  if (parts) return frameAt(state.times[0] + Number(parts[1] ?? 0) * 3600 + Number(parts[2]) * 60 + Number(parts[3]));
  return null;
}
