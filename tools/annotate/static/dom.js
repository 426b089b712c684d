/** Elements without markup: text goes in as text nodes only, so that no name or attribute is ever read as HTML. */

/** One element. `properties`: `on...` are listeners, `class` and `dataset` as named, the rest attributes or properties. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (key === "dataset") Object.assign(node.dataset, value);
    else if (key === "value" || key === "checked" || key === "selected" || key === "indeterminate") node[key] = value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  fill(node, ...children, { keep: true });
  return node;
}

/** Puts new children into a node; a last `{keep: true}` adds them to those that it has. */
export function fill(node, ...children) {
  const last = children.at(-1);
  const keep = last !== null && typeof last === "object" && last.keep === true;
  if (keep) children.pop();
  else node.replaceChildren();
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

export const byId = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** Icons: paths in a box of 16 x 16, drawn with a line of 1.5. */
const ICONS = {
  play: ["M4.5 3v10l8-5z"],
  pause: ["M5 3.5v9", "M11 3.5v9"],
  first: ["M4 3.5v9", "M12 3.5 6.5 8l5.5 4.5"],
  last: ["M12 3.5v9", "M4 3.5 9.5 8 4 12.5"],
  back: ["M10 3.5 5.5 8l4.5 4.5"],
  forth: ["M6 3.5 10.5 8 6 12.5"],
  keyBack: ["M5.5 3.5 2 8l3.5 4.5", "M11 4.5 14.5 8 11 11.5 7.5 8z"],
  keyForth: ["M10.5 3.5 14 8l-3.5 4.5", "M5 4.5 8.5 8 5 11.5 1.5 8z"],
  undo: ["M6 3 2.5 6.5 6 10", "M2.5 6.5h7a4 4 0 0 1 0 7H6"],
  redo: ["M10 3l3.5 3.5L10 10", "M13.5 6.5h-7a4 4 0 0 0 0 7H10"],
  box: ["M3 4.5h10v7H3z"],
  plus: ["M8 3v10", "M3 8h10"],
  minus: ["M3 8h10"],
  fit: ["M2.5 6V2.5H6", "M10 2.5h3.5V6", "M13.5 10v3.5H10", "M6 13.5H2.5V10"],
  follow: ["M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6", "M8 1.5V5", "M8 11v3.5", "M1.5 8H5", "M11 8h3.5"],
  mask: ["M3 9c0-4 3-6 5.5-5.5S13 7 12.5 9.5 9.5 13 7.5 12.5 3 11 3 9"],
  help: ["M5.5 6a2.5 2.5 0 1 1 3.6 2.2C8.4 8.6 8 9 8 10", "M8 12.4v.3"],
  moon: ["M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5"],
  sun: ["M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6", "M8 1v1.5", "M8 13.5V15", "M1 8h1.5", "M13.5 8H15", "M3 3l1 1", "M12 12l1 1", "M3 13l1-1", "M12 4l1-1"],
  out: ["M8 10V2.5", "M5 5.5l3-3 3 3", "M3 9.5v4h10v-4"],
  compare: ["M5.5 3v10", "M10.5 3v10", "M2.5 5.5l3-2.5", "M13.5 10.5l-3 2.5"],
  lock: ["M4 7.5h8v6H4z", "M5.5 7.5V5.5a2.5 2.5 0 0 1 5 0v2"],
  check: ["M3 8.5l3.5 3.5L13 4.5"],
  close: ["M4 4l8 8", "M12 4l-8 8"],
  list: ["M3 4.5h10", "M3 8h10", "M3 11.5h10"],
  skip: ["M3 3.5 7.5 8 3 12.5", "M8 3.5l4.5 4.5L8 12.5"],
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** A button with an icon; `title` is also what a screen reader says. */
export function iconButton(name, title, onclick, properties = {}) {
  const button = el("button", { type: "button", class: "icon-button", title, "aria-label": title, onclick, ...properties });
  button.append(icon(name));
  return button;
}

/** The letters of a key as they stand on the keyboard. */
export function keyCap(text) {
  return el("kbd", {}, text);
}
