/** Small pictures (thumbnails, chips), one at a time: the server decodes them one after the other, and of two the older may wait. */

import { emit } from "./state.js";

const KEPT = 900; // of 160 x 90 and 96 x 96: 45 MB decoded
const PATIENCE_MS = 15_000;
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
    const plan = plans.get(group) ?? [];
    while (plan.length && !loading.size) {
      const address = plan.shift();
      if (!held.has(address)) load(address, group);
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
  // One that never comes must not keep the others waiting.
  setTimeout(() => loading.has(address) && done(false), PATIENCE_MS);
}
