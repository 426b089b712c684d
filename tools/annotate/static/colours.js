/** Colours: one of each track for good, by its id, and those of the theme for the canvases. */

const GOLDEN = 137.50776405; // degrees: neighbours in id are far apart in hue
// Ids that are 8 or 13 apart have nearly one hue; this order makes them differ in lightness.
const LIGHTNESS = [-0.11, -0.07, 0.01, 0.07, 0.13];

const known = new Map();

/** The track's colour on a picture: bright, so that it stands out of dark and light footage. */
export function onPicture(id) {
  return colour(id, 0.77, 0.16, 1);
}

/** The track's colour on the page's ground; `alpha` 0 to 1. */
export function onGround(id, alpha = 1) {
  return colour(id, theme().dark ? 0.7 : 0.6, 0.145, alpha);
}

function colour(id, lightness, chroma, alpha) {
  const key = `${id} ${lightness} ${alpha}`;
  if (!known.has(key)) {
    const hue = (25 + id * GOLDEN) % 360;
    const light = lightness + LIGHTNESS[id % LIGHTNESS.length];
    known.set(key, `oklch(${light.toFixed(3)} ${chroma} ${hue.toFixed(1)} / ${alpha})`);
  }
  return known.get(key);
}

let current = null;

/** The theme's colours as the style sheet has them. */
export function theme() {
  if (current) return current;
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  current = {
    dark: value("--is-dark") === "1",
    ground: value("--ground"),
    panel: value("--panel"),
    raised: value("--raised"),
    line: value("--line"),
    text: value("--text"),
    muted: value("--muted"),
    accent: value("--accent"),
    accentSoft: value("--accent-soft"),
    doubt: value("--doubt"),
    font: value("--font"),
  };
  return current;
}

export function forgetTheme() {
  current = null;
  known.clear();
}
