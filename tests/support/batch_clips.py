"""Many short recordings for the tests of `liquidtrack batch`, quick to track: a detector without a network."""

from __future__ import annotations

from pathlib import Path

from tests.support.moving_box_clip import write_clip, write_detections

TIMES = (0.0, 0.04, 0.08, 0.13, 0.2)
DETECTIONS = "found.txt"  # of the moving box, for every clip


def write_clips(root: Path, count: int, folders: int = 3) -> list[Path]:
    """`count` clips in `folders` folders, each with frame times of its own, and a file of their detections."""
    made = []
    for k in range(count):
        folder = root / f"cam{k % folders}"
        folder.mkdir(parents=True, exist_ok=True)
        made.append(write_clip(folder / f"clip{k:03}.mp4", [time + 0.001 * k * (time > 0.1) for time in TIMES]))
    root.mkdir(parents=True, exist_ok=True)
    write_detections(root / DETECTIONS, TIMES)
    return made


def results(out: Path) -> dict[str, bytes]:
    """All results and records by name: everything but what is hidden, and the tables about all."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_file() and not name.startswith(".") and name.partition(".")[0] not in ("summary", "report"):
            found[name] = path.read_bytes()
    return found
