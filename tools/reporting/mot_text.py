"""How the studies write a box in MOTChallenge text."""

from __future__ import annotations

from tracker.types import Float64


def ltwh(box: Float64) -> str:
    """`left,top,width,height` of a box (4,) by its corners, to a hundredth of a pixel."""
    left, top, right, bottom = box.tolist()
    return f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
