/** Saves the tracks in a format of choice, as a download of the browser. */

import { postRaw } from "./api.js";
import { dialog } from "./choose.js";
import { el, fill, iconButton } from "./dom.js";
import { state } from "./state.js";
import { S } from "./strings.js";

const T = S.exportDialog;
const WITH_PROVENANCE = new Set(["jsonl", "coco", "cvat", "labelstudio", "csv", "parquet"]);

export function openExport() {
  const formats = state.project.exports ?? Object.entries(S.formats).map(([key, text]) => ({ key, text, provenance: WITH_PROVENANCE.has(key) }));
  const saved = localStorage.getItem("liquidtrack.format");
  const first = formats.find(({ key }) => key === saved) ?? formats.find(({ key }) => key === "cvat") ?? formats[0];
  dialog(T.title, "export", (close) => {
    const message = el("p", { class: "message", role: "status" });
    const save = el("button", { type: "submit", class: "button main" }, T.save);
    const lines = formats.map((format) => line(format, format === first));
    const submit = async (event) => {
      event.preventDefault();
      const format = new FormData(event.target).get("format");
      localStorage.setItem("liquidtrack.format", format);
      save.disabled = true;
      message.className = "message";
      fill(message, `${T.making} …`);
      try {
        const { name, lost } = await download(format);
        fill(message, T.done(name), lost.length ? ` ${T.lost(lost)}` : "");
      } catch (error) {
        message.className = "message bad";
        fill(message, error.message);
      }
      save.disabled = false;
    };
    return [
      el("form", { onsubmit: submit },
        el("header", {}, el("h2", {}, T.title), iconButton("close", S.close, () => close())),
        el("div", { class: "formats", role: "radiogroup", "aria-label": T.format }, lines),
        el("footer", {}, message, el("span", { class: "spring" }), el("button", { type: "button", class: "button", onclick: () => close() }, T.close), save)),
    ];
  });
}

function line(format, checked) {
  return el("label", { class: "format" },
    el("input", { type: "radio", name: "format", value: format.key, checked, autofocus: checked }),
    el("span", { class: "format-name" }, format.text ?? S.formats[format.key] ?? format.key),
    el("span", { class: "muted" }, format.provenance ? T.provenance : T.plain));
}

async function download(format) {
  const answer = await postRaw("api/export", { format, options: {} });
  const disposition = answer.headers.get("Content-Disposition") ?? "";
  const name = /filename="?([^";]+)"?/.exec(disposition)?.[1] ?? `${state.project.name}.${format}`;
  const address = URL.createObjectURL(await answer.blob());
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  const lost = JSON.parse(decodeURIComponent(answer.headers.get("X-Left-Out") ?? "[]"));
  return { name, lost };
}
