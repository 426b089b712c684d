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
VIDEOS = {
    "looks-vtest": "PETS09-S2L1 (vtest.avi)",
    "looks-tud-stadtmitte": "TUD-Stadtmitte",
    "looks-tud-campus": "TUD-Campus",
}
ENTRANTS = (
    "schedule", "online schedule", "every n-th", "random", "schedule whole", "every n-th whole", "random whole",
)  # fmt: skip


def looks() -> Page | None:
    """HOTA at the truth of every frame against the share of looks."""
    there, filmed = [name for name in SETS if have(name)], [name for name in VIDEOS if have(name)]
    if not there and not filmed:
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
    parts += [_video(name) for name in filmed]
    if filmed:
        about += (
            " From pixels, the seconds are those of the whole command `track`, from its start to the last line written,"
            " as a share of those of all looks."
        )
    return Page("looks", "Few looks", about, tuple(parts), tuple(says[:5]), (*there, *filmed))


def _video(name: str) -> str:
    """The table of one video: HOTA and time by detector and budget."""
    runs: list[dict[str, Any]] = read_figures(name)["runs"]
    first = {run["detector"]: run for run in reversed(runs)}
    rows = []
    for run in runs:
        whole = first[run["detector"]]
        share = f"{100 * run['share']:.0f} %"
        times = number(run["wall"] / whole["wall"], 2), number(run["cpu"] / whole["cpu"], 2)
        rows.append([run["detector"], run["looks"], share, number(run["hota"]), *times])
    return table([VIDEOS[name], "`--looks`", "looks", "HOTA", "seconds", "of the processor"], rows)


def _hota(of: dict[str, Any], budget: str) -> str:
    return number(of[budget]["hota"] if budget in of else None)
