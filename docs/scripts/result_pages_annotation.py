"""The results page about annotation: labels against the work of a simulated annotator."""

from __future__ import annotations

from typing import Any

from result_files import read_figures
from result_tables import Page, have, number, table

ERRS = "an annotator who errs"
PIXELS = "from pixels, with the default detector"
SETS = {
    "annotate-dancetrack": "DanceTrack",
    "annotate-dancetrack-errs": f"DanceTrack, {ERRS}",
    "annotate-mot17": "MOT17, second halves",
    "annotate-mot17-errs": f"MOT17, second halves, {ERRS}",
    "annotate-pets": f"PETS09-S2L1, {PIXELS}",
    "annotate-tud-stadtmitte": f"TUD-Stadtmitte, {PIXELS}",
    "annotate-tud-campus": f"TUD-Campus, {PIXELS}",
}
TARGETS = ("idf1 90", "idf1 92", "idf1 95", "hota 80")


def annotation() -> Page | None:
    """IDF1 and HOTA after so much work, and the work to a figure."""
    known = [name for name in SETS if have(name)]
    if not known:
        return None
    parts, says = [], []
    for name in known:
        found = read_figures(name)
        curves, minutes = found["curves"], found["minutes"]
        parts += [f"## {SETS[name]}", _points(curves["doubt queue"], minutes), _needed(curves)]
        last = curves["doubt queue"]["points"][-1]
        says.append(
            f"{SETS[name]}: IDF1 {last['idf1']:.1f} and HOTA {last['hota']:.1f} after "
            f"{last['operations'] / minutes:.1f} operations for a minute of object."
        )
    about = (
        "A simulated annotator knows the truth, and answers the doubt queue through the operations of the page. One "
        "answer is one operation; a strip of pictures is one when it is accepted, and one more for each change that is "
        "mended on it. A drawn box is one operation of two clicks, also by hand. Where boxes are drawn, stretches on "
        "nothing that are seen on a strip are deleted, too. *Front to back*: every mistake in "
        "another tracker's tracks is mended in order of time; only what is changed counts, looking is free. "
        "An annotator who errs gives 95 % right answers, and draws boxes with an error of 3 % of the side."
    )
    return Page("annotation", "Annotation", about, tuple(parts), tuple(says), tuple(known))


def _points(curve: dict[str, Any], minutes: float) -> str:
    rows = [
        [
            number(p["operations"] / minutes, 1),
            str(p["operations"]),
            str(p["clicks"]),
            number(p["seconds"] / 60, 1),
            number(p["idf1"], 1),
            number(p["hota"], 1),
        ]
        for p in curve["points"]
    ]
    return table(["operations a minute of object", "operations", "clicks", "minutes", "IDF1", "HOTA"], rows)


def _needed(curves: dict[str, Any]) -> str:
    rows = []
    for name, curve in curves.items():
        cells = []
        for target in TARGETS:
            need = curve["needed"][target]
            reached = need["operations"] is not None
            cells.append(f"{need['operations']:.0f} / {need['clicks']:.0f}" if reached else "not reached")
        rows.append([name, *cells])
    return table(["operations / clicks to", "IDF1 90", "IDF1 92", "IDF1 95", "HOTA 80"], rows)
