"""Files of the user's at the places of outputs: how they come to stand there, and what runs would write."""

from __future__ import annotations

from pathlib import Path

from tests.attack.harness import Answer, assert_answered

GT = "1,1,10,20,30,40,1,1,1\n2,1,12,20,30,40,1,1,1\n"
HAND = b"made by hand, and nowhere else\n"
FLAGS = ("video", "mot", "jsonl", "coco", "cvat", "yolo", "kitti", "labelstudio", "csv", "parquet", "masks")
NAMES = {
    "video": "o.mp4",
    "mot": "o.txt",
    "jsonl": "o.jsonl",
    "coco": "o.json",
    "cvat": "o.xml",
    "yolo": "ds",
    "kitti": "o.kitti",
    "labelstudio": "o.ls.json",
    "csv": "o.csv",
    "parquet": "o.parquet",
    "masks": "masks",
}
FILES = [flag for flag in FLAGS if flag not in ("yolo", "masks")]
# What a run writes at first, and what it writes beside it.
MADE = {
    **{flag: (name,) for flag, name in NAMES.items() if flag in FILES},
    "mot": ("o.txt", "o.times.csv", "o.names"),
    "kitti": ("o.kitti", "o.times.csv"),
    "csv": ("o.csv", "o.frames.csv"),
    "yolo": ("ds/labels/000001.txt", "ds/labels/1234567.txt", "ds/data.yaml", "ds/classes.txt", "ds/times.csv"),
    "masks": ("masks/clip.mp4/00000.png", "masks/clip.mp4/123456.png"),
}


def track(*words: str, flag: str = "jsonl", to: str | None = None) -> list[str]:
    return ["track", "clip.mp4", "--detector", "file:det.txt", f"--{flag}", to or NAMES[flag], *words]


def refused(answer: Answer, *says: str) -> str:
    return assert_answered(answer, 2, says=says)


def put(path: Path, content: bytes = HAND) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# Victims: how something of the user's comes to stand at an output's place. Each returns the file to be kept.


def by_hand(place: Path) -> Path:
    return put(place)


def by_symlink(place: Path) -> Path:
    victim = put(place.parent / "elsewhere" / "notes.txt")
    place.symlink_to(victim)
    return victim


def by_hard_link(place: Path) -> Path:
    victim = put(place.parent / "elsewhere.txt")
    place.hardlink_to(victim)
    return victim


def write_protected(place: Path) -> Path:
    put(place).chmod(0o444)
    return place


def empty(place: Path) -> Path:
    return put(place, b"")


def by_older_mark(place: Path) -> Path:
    """A file like ours, but in no manifest."""
    return put(place, b'{"format": "liquidtrack", "version": 1, "names": ["person"]}\n')


VICTIMS = (by_hand, by_symlink, by_hard_link, write_protected, empty, by_older_mark)
