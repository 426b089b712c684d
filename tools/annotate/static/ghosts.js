/** The answers of the question in hand, drawn over the second around it: the first solid, the others dashed, each numbered. */

import { onPicture } from "./colours.js";
import { state } from "./state.js";
import { toStage } from "./view.js";

const DASHES = [[], [8, 5], [2, 4], [12, 4, 2, 4]];

export function drawGhosts(context) {
  const question = state.question;
  for (const ghost of question.ghosts ?? []) {
    const option = optionIndex(question, ghost.option);
    drawPath(context, ghost, option);
    const at = ghost.frame.indexOf(state.frame);
    if (at >= 0) drawGhostBox(context, ghost, at, option);
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
    const [x, y] = toStage((left + right) / 2, bottom - (bottom - top) * 0.08 * (1 + option));
    if (i && ghost.frame[i] - ghost.frame[i - 1] < 90) context.lineTo(x, y);
    else context.moveTo(x, y);
  });
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.lineWidth = 4;
  context.setLineDash(DASHES[option % DASHES.length]);
  context.stroke();
  context.strokeStyle = onPicture(ghost.id);
  context.lineWidth = 2.5;
  context.stroke();
  context.restore();
}

function drawGhostBox(context, ghost, at, option) {
  const [left, top, right, bottom] = ghost.xyxy[at];
  const grow = 3 + 4 * option;
  const [x, y] = toStage(left, top);
  const [x2, y2] = toStage(right, bottom);
  context.save();
  context.setLineDash(DASHES[option % DASHES.length]);
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
  // The numbers of the answers stand side by side under the box.
  const tx = x - grow + option * (width + 3);
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
