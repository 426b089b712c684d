"""The results page about few looks."""

from __future__ import annotations

from typing import Any

from result_files import read_figures
from result_tables import Page, have, number, table

SETS = {
    "looks-mot17": "MOT17, second halves",
    "looks-dancetrack": "DanceTrack-val",
    "looks-sportsmot": "SportsMOT-val, true boxes",
}
ENTRANTS = (
    "schedule", "online schedule", "every n-th", "random", "schedule whole", "every n-th whole", "random whole",
)  # fmt: skip


def looks() -> Page | None:
    """HOTA at the truth of every frame against the share of looks."""
    there = [name for name in SETS if have(name)]
    if not there:
        return None
    parts, says = [], []
    for name in there:
        figures = read_figures(name)
        entrants: dict[str, Any] = figures["entrants"]
        budgets = list(entrants["schedule"])
        ours = [entrant for entrant in ENTRANTS if entrant in entrants]
        rows = [[entrant, *(_hota(entrants[entrant], budget) for budget in budgets)] for entrant in ours]
        best = figures["best_peer"]
        if best:
            rows.append(["best peer", *(_hota(entrants.get(best.get(b, ""), {}), b) for b in budgets)])
        auto = entrants["schedule"].get("auto")
        head = [SETS[name], *(f"auto ({100 * auto['share']:.0f} %)" if b == "auto" and auto else b for b in budgets)]
        parts.append(table(head, rows))
        gains = figures["differences"].get("schedule minus every n-th", {})
        told = [f"{b} {g['value']:+.1f} [{g['low']:+.1f}, {g['high']:+.1f}]" for b, g in gains.items()]
        if told:
            says.append(f"{SETS[name]}, schedule minus every n-th frame: {'; '.join(told)} HOTA.")
    about = (
        "HOTA at the truth of every frame, where the detections of a share of the frames are shown. Boxes between are "
        "filled in; peers see every n-th frame and get straight lines between. *Whole* decides with the whole video. "
        "The best peer of each budget is chosen on this very set."
    )
    return Page("looks", "Few looks", about, tuple(parts), tuple(says[:5]), tuple(there))


def _hota(of: dict[str, Any], budget: str) -> str:
    return number(of[budget]["hota"] if budget in of else None)
