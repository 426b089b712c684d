/** Compares with other tracks of the same recording: HOTA, IDF1, and the differences as a queue. */

import { upload } from "./api.js";
import { dialog } from "./choose.js";
import { el, fill, iconButton } from "./dom.js";
import { useComparison } from "./questions.js";
import { emit } from "./state.js";
import { S } from "./strings.js";

const T = S.compareDialog;

export function openCompare() {
  dialog(T.title, "compare", (close) => {
    const file = el("input", { type: "file", "aria-label": T.file, autofocus: true });
    const result = el("div", { class: "compare-result", role: "status" });
    const run = el("button", { type: "submit", class: "button main" }, T.run);
    const submit = async (event) => {
      event.preventDefault();
      if (!file.files.length) return;
      run.disabled = true;
      fill(result, el("p", { class: "muted" }, `${T.running} …`));
      try {
        const answer = await upload(`api/compare?name=${encodeURIComponent(file.files[0].name)}`, file.files[0]);
        fill(result, ...parts(answer, close));
      } catch (error) {
        fill(result, el("p", { class: "message bad" }, error.message));
      }
      run.disabled = false;
    };
    return [
      el("form", { onsubmit: submit },
        el("header", {}, el("h2", {}, T.title), iconButton("close", S.close, () => close())),
        el("p", { class: "muted" }, T.hint), file, result,
        el("footer", {}, el("span", { class: "spring" }), el("button", { type: "button", class: "button", onclick: () => close() }, S.close), run)),
    ];
  });
}

function parts({ hota, idf1, differences }, close) {
  const number = (value) => (value <= 1 ? value * 100 : value).toFixed(1);
  const figure = (name, value) => el("div", { class: "figure" }, el("strong", {}, number(value)), el("span", { class: "muted" }, name));
  const show = () => {
    close();
    useComparison(differences);
    emit("tab", "questions");
  };
  return [
    el("div", { class: "figures" }, figure(T.hota, hota), figure(T.idf1, idf1),
      el("div", { class: "figure" }, el("strong", {}, String(differences.length)), el("span", { class: "muted" }, T.differences(differences.length).replace(/^[\d,]+ /, "")))),
    differences.length
      ? el("button", { type: "button", class: "button wide", onclick: show }, T.asQueue)
      : el("p", {}, T.none),
  ];
}
