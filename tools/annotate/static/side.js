/** The side panel: three tabs, one at a time, each built once. */

import { byId, el, fill } from "./dom.js";
import * as questionPanel from "./panel_questions.js";
import * as statisticsPanel from "./panel_statistics.js";
import * as trackPanel from "./panel_track.js";
import { emit, on, state } from "./state.js";
import { S } from "./strings.js";

const TABS = { questions: questionPanel, track: trackPanel, statistics: statisticsPanel };
let current = "";

export function start() {
  const side = byId("side");
  const bar = el("div", { class: "tabs", role: "tablist" });
  const panels = {};
  const buttons = {};
  fill(side, bar);
  for (const [name, module] of Object.entries(TABS)) {
    const panel = el("div", { class: "tab-panel", role: "tabpanel", id: `panel-${name}`, hidden: true });
    buttons[name] = el("button", { type: "button", role: "tab", class: "tab", "aria-controls": panel.id, onclick: () => emit("tab", name) }, S.tabs[name]);
    const badge = name === "questions" ? el("span", { class: "badge", hidden: true }) : null;
    if (badge) {
      buttons[name].append(badge);
      on("queue", () => {
        badge.hidden = !state.remaining;
        fill(badge, String(state.remaining ?? ""));
      });
    }
    panels[name] = { panel, show: null };
    bar.append(buttons[name]);
    side.append(panel);
    // The tab's own listener runs before the panel's, so that it is in sight when that draws.
    on("tab", (chosen) => {
      if (chosen === undefined) return;
      panel.hidden = chosen !== name;
      buttons[name].setAttribute("aria-selected", String(chosen === name));
      buttons[name].tabIndex = chosen === name ? 0 : -1;
      current = chosen;
    });
    panels[name].show = module.build(panel);
  }
  bar.addEventListener("keydown", (event) => {
    const names = Object.keys(TABS);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = names[(names.indexOf(current) + by + names.length) % names.length];
    emit("tab", next);
    buttons[next].focus();
    event.preventDefault();
    event.stopPropagation();
  });
  emit("tab", "track");
  // The questions are where work begins, if there are any to ask.
  let first = true;
  on("project", () => {
    if (first && state.project.can?.queue) emit("tab", "questions");
    first = false;
  });
}
