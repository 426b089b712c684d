/** A key as it is shown: "Ctrl+Z", "←". */
export function keyText(key) {
  const signs = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Delete: "Del", Backspace: "Backspace", Escape: "Esc" };
  if (key.length === 1) return key.toUpperCase();
  return key
    .split("+")
    .map((part) => signs[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join("+");
}
