/** What the canvases of the stage and of the timeline share. */

/** Pixels of the screen in one CSS pixel. */
export const pixelRatio = () => window.devicePixelRatio || 1;

/** Gives a canvas the pixels of its parent; returns the parent's width and height in CSS pixels. */
export function fitToParent(canvas) {
  const { clientWidth, clientHeight } = canvas.parentElement;
  canvas.width = Math.max(1, Math.round(clientWidth * pixelRatio()));
  canvas.height = Math.max(1, Math.round(clientHeight * pixelRatio()));
  return [clientWidth, clientHeight];
}

/** `draw`, however often it is asked for at most once in a turn of the screen. */
export function oncePerTurn(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

/** Where an event of the pointer is on a canvas, CSS pixels. */
export function placeOn(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}
