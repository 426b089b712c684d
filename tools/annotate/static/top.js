/** The bar at the top: which recording, its state, undo and redo, export, compare, colours, help. */

import { post } from "./api.js";
import { byId, el, fill, iconButton } from "./dom.js";
import { attempt, redo, undo } from "./operations.js";
import { duration, emit, on, state } from "./state.js";
import { clock, S } from "./strings.js";
import { say } from "./toasts.js";

export function start() {
  const top = byId("top");
  const name = el("h1", {});
  const facts = el("span", { class: "facts" });
  const choice = el(
    "select", { "aria-label": S.top.state, title: S.top.state, onchange: () => attempt(setState) },
    Object.entries(S.states).map(([value, text]) => el("option", { value }, text)),
  );
  const saved = el("span", { class: "saved muted" });
  const undoButton = iconButton("undo", S.top.undo, () => attempt(undo));
  const redoButton = iconButton("redo", S.top.redo, () => attempt(redo));
  const theme = iconButton("moon", S.top.dark, switchTheme);
  async function setState() {
    await post("api/state", { state: choice.value });
    state.project.state = choice.value;
    say(S.done.state(S.states[choice.value]));
  }
  function showTheme() {
    const dark = isDark();
    fill(theme, ...iconButton(dark ? "sun" : "moon", "", null).childNodes);
    theme.title = dark ? S.top.light : S.top.dark;
    theme.setAttribute("aria-label", theme.title);
  }
  function switchTheme() {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("liquidtrack.theme", next);
    emit("theme");
  }
  function show() {
    if (!state.project) return;
    const { project } = state;
    document.title = S.title(project.name);
    fill(name, project.name);
    name.title = project.name;
    fill(facts, `${project.width} × ${project.height}, ${clock(duration(), 1)}`);
    choice.value = project.state ?? "new";
    choice.disabled = Boolean(project.readOnly);
    undoButton.disabled = redoButton.disabled = Boolean(project.readOnly);
    fill(saved, project.readOnly ? "" : state.waiting ? S.top.saving : S.top.saved);
  }
  fill(
    top,
    iconButton("list", `${S.top.recordings} (Shift+R)`, () => emit("dialog", "recordings")),
    name, facts, el("span", { class: "spring" }), saved, el("span", { class: "gap" }),
    undoButton, redoButton, el("span", { class: "gap" }), choice,
    textButton("compare", S.top.compare, "compare"), textButton("out", S.top.export, "export"),
    el("span", { class: "gap" }), theme, iconButton("help", S.top.help, () => emit("dialog", "help")),
  );
  on("project waiting changed", show);
  on("theme", showTheme);
  on("switchTheme", switchTheme);
  on("undo", () => attempt(undo));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => emit("theme"));
  showTheme();
}

function textButton(sign, text, dialog) {
  const button = iconButton(sign, text, () => emit("dialog", dialog));
  button.className = "button";
  button.append(text);
  return button;
}

/** theme.js keeps it up to date. */
export function isDark() {
  return document.documentElement.dataset.theme === "dark";
}
