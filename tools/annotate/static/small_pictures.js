/** Small pictures (thumbnails, chips), two at a time: a browser opens six connections, and the rest must stay free. */

import { emit, state } from "./state.js";

const KEPT = 900; // of 160 x 90 and 96 x 96: 45 MB decoded
const AT_ONCE = 2;
const GROUPS = ["hover", "chips", "thumbs"]; // the most urgent first

const held = new Map(); // address -> image, the longest unused first
const plans = new Map(); // group -> addresses
const loading = new Set();

/** A picture that is loaded, or null. */
export function small(address) {
  const image = held.get(address);
  if (!image) return null;
  held.delete(address);
  held.set(address, image);
  return image;
}

/** Says which pictures a group wants now, the most urgent first; what it wanted before is forgotten. */
export function wantSmall(group, addresses) {
  plans.set(group, addresses.filter((address) => !held.has(address)));
  pump();
}

function pump() {
  for (const group of GROUPS) {
    // The stage comes first: while time runs one thumbnail at a time is asked for.
    const most = state.playing && group === "thumbs" ? 1 : AT_ONCE;
    const plan = plans.get(group) ?? [];
    while (plan.length && loading.size < most) {
      const address = plan.shift();
      if (!held.has(address) && !loading.has(address)) load(address, group);
    }
  }
}

function load(address, group) {
  const image = new Image();
  const done = (good) => {
    loading.delete(address);
    if (good) held.set(address, image);
    for (const key of held.keys()) {
      if (held.size <= KEPT) break;
      held.delete(key);
    }
    if (good) emit("small", { group, address, image });
    pump();
  };
  loading.add(address);
  image.onload = () => done(true);
  image.onerror = () => done(false);
  image.src = address;
}
