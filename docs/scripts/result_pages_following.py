"""The results page about re-tracking."""

from __future__ import annotations

from typing import Any

from result_files import read_figures
from result_tables import Page, have, number, table

METHODS = {
    "line": "straight line",
    "smoother": "smoother",
    "forwards": "forwards",
    "both": "both ways",
    "smoother +det": "smoother, detections",
    "forwards +det": "forwards, detections",
    "both +det": "both ways, detections",
}


def retrack() -> Page | None:
    """Objects followed between two boxes that a person would draw."""
    if not have("retrack"):
        return None
    summaries = read_figures("retrack")["summaries"]
    total = [s for s in summaries if s["source"] == "all"]
    each = [s for s in summaries if s["source"] != "all" and s["gap"] == "all"]
    overall = next(s for s in total if s["gap"] == "all")
    head = ["mean IoU", "pairs", *METHODS.values()]
    by_gap = table(head, [_row("all" if s["gap"] == "all" else f"{s['gap']} s apart", s) for s in total])
    by_source = table(head, [_row(f"`{s['source']}`", s) for s in each])
    good = table(
        ["boxes that need no correction (IoU of 0.7 or more), %", *METHODS.values()],
        [["all", *(number(100 * overall["good"][m]) for m in METHODS)]],
    )
    line, both, one = (overall["iou"][m] for m in ("line", "both", "forwards"))
    says = [
        f"Followed both ways, boxes have a mean IoU of {both:.3f} with the truth, on a straight line {line:.3f}, and "
        f"followed forwards alone {one:.3f}.",
        f"With detections it is {overall['iou']['both +det']:.3f}.",
    ]
    worse = [s["source"] for s in each if s["iou"]["both"] < s["iou"]["line"]]
    if worse:
        says.append(f"The straight line is better on {', '.join(f'`{name}`' for name in worse)}.")
    says.append(f"A frame takes {1000 * overall['seconds']:.0f} ms of a processor core.")
    about = (
        "Random objects between two of their true boxes. *Forwards* knows the first box only; *both ways* is what "
        "re-tracking does between two key frames. A frame without a box counts as IoU 0. Neither these "
        "sequences and scenes nor the second half of PETS09 were looked at while the blending was made."
    )
    return Page("retrack", "Re-tracking", about, (by_gap, by_source, good), tuple(says), ("retrack",))


def _row(label: str, summary: dict[str, Any]) -> list[str]:
    return [label, str(summary["pairs"]), *(number(summary["iou"][m], 3) for m in METHODS)]
