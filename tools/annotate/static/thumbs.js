/** The strip of small pictures along the timeline. */

import { HEAD, lanes, NAMES, OVERVIEW, plotWidth, RULER, THUMBS, timeOf } from "./lane_view.js";
import { small, wantSmall } from "./small_pictures.js";
import { frameAt, state } from "./state.js";

export const thumbAddress = (frame) => `thumb/${encodeURIComponent(state.project.sourceKey)}/${frame}.jpg`;

/** As many pictures as have room, each of the frame at its middle. */
export function drawThumbs(context) {
  const height = THUMBS - 3;
  const width = Math.max(24, Math.round(height * (state.project.width / state.project.height)));
  const top = OVERVIEW + RULER + 1;
  const count = Math.ceil(plotWidth() / width);
  // Frames are taken from a grid in time, so that scrolling asks for few new ones.
  const step = (width / plotWidth()) * lanes.span;
  const first = Math.floor(lanes.start / step);
  const missing = [];
  for (let i = 0; i <= count; i++) {
    const time = (first + i) * step;
    if (time > lanes.start + lanes.span) break;
    const address = thumbAddress(frameAt(time + step / 2));
    const image = small(address);
    const x = NAMES + ((time - lanes.start) / lanes.span) * plotWidth();
    if (image) context.drawImage(image, x, top, width - 1, height);
    else missing.push(address);
  }
  // Every fourth first: the strip fills evenly.
  wantSmall("thumbs", [0, 2, 1, 3].flatMap((offset) => missing.filter((_, i) => i % 4 === offset)));
}

/** The frame that the pointer is over in the ruler, for the larger preview. */
export function hoverFrame(x, y) {
  return y >= OVERVIEW && y < HEAD && x >= NAMES ? frameAt(timeOf(x)) : null;
}
