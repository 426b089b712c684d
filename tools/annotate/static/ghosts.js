/** The answers of the question in hand, drawn over the second around it: the first solid, another one dashed, numbered. */

import { onPicture } from "./colours.js";
import { state } from "./state.js";
import { toStage } from "./view.js";

const DASH = [8, 5];

/** Draws the first answer and the one that is looked at beside it; all at once would hide each other. */
export function drawGhosts(context) {
  const question = state.question;
  const ghosts = (question.ghosts ?? []).map((ghost) => ({ ...ghost, index: optionIndex(question, ghost.option) }));
  const other = ghosts.filter((ghost) => ghost.index === state.considered && ghost.index > 0);
  const concerned = new Set([question.tracks[0], ...other.map((ghost) => ghost.id)]);
  const kept = ghosts.filter((ghost) => ghost.index === 0 && concerned.has(ghost.id));
  for (const ghost of [...kept, ...other]) {
    drawPath(context, ghost, ghost.index);
    const at = ghost.frame.indexOf(state.frame);
    if (at >= 0) drawGhostBox(context, ghost, at, ghost.index);
  }
}

/** An option is named by its key or its place. */
export function optionIndex(question, option) {
  if (typeof option === "number") return option;
  return Math.max(0, question.options.findIndex((other) => other.key === option));
}

function drawPath(context, ghost, option) {
  context.save();
  context.beginPath();
  ghost.xyxy.forEach(([left, top, right, bottom], i) => {
    const [x, y] = toStage((left + right) / 2, bottom - (bottom - top) * (option ? 0.16 : 0.04));
    if (i && ghost.frame[i] - ghost.frame[i - 1] < 90) context.lineTo(x, y);
    else context.moveTo(x, y);
  });
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.lineWidth = 4;
  context.setLineDash(option ? DASH : []);
  context.stroke();
  context.strokeStyle = onPicture(ghost.id);
  context.lineWidth = 2.5;
  context.stroke();
  context.restore();
}

function drawGhostBox(context, ghost, at, option) {
  const [left, top, right, bottom] = ghost.xyxy[at];
  const grow = option ? 7 : 3;
  const [x, y] = toStage(left, top);
  const [x2, y2] = toStage(right, bottom);
  context.save();
  context.setLineDash(option ? DASH : []);
  context.strokeStyle = "rgb(0 0 0 / 55%)";
  context.lineWidth = 3.5;
  context.strokeRect(x - grow, y - grow, x2 - x + 2 * grow, y2 - y + 2 * grow);
  context.strokeStyle = onPicture(ghost.id);
  context.lineWidth = 2;
  context.strokeRect(x - grow, y - grow, x2 - x + 2 * grow, y2 - y + 2 * grow);
  context.setLineDash([]);
  const text = `${option + 1}: ${ghost.id}`;
  context.font = "700 12px system-ui, sans-serif";
  const width = context.measureText(text).width + 10;
  // The numbers of two answers stand side by side under the box.
  const tx = x - grow + (option ? width + 3 : 0);
  const ty = y2 + grow + 3;
  context.fillStyle = "rgb(10 14 16 / 85%)";
  context.beginPath();
  context.roundRect(tx, ty, width, 18, 4);
  context.fill();
  context.fillStyle = onPicture(ghost.id);
  context.textBaseline = "middle";
  context.fillText(text, tx + 5, ty + 9.5);
  context.restore();
}
