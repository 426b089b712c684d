"""`track` overwrites nothing of the user's unasked: every output and side file, every kind of victim."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.attack.harness import assert_answered, attack, kept
from tests.support.output_victims import (
    FILES,
    FLAGS,
    MADE,
    NAMES,
    VICTIMS,
    put,
    refused,
    track,
)


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda v: v.__name__)
@pytest.mark.parametrize("flag", FILES)
def test_track_does_not_overwrite_an_existing_output(flag: str, victim: Callable[[Path], Path], work: Path) -> None:
    hurt = victim(work / NAMES[flag])
    with kept(work / "clip.mp4", work / "det.txt", hurt):
        refused(attack(track(flag=flag), cwd=work), NAMES[flag])


@pytest.mark.parametrize(("flag", "part"), [(flag, part) for flag, parts in MADE.items() for part in parts[1:]])
def test_track_does_not_overwrite_an_existing_side_file(flag: str, part: str, work: Path) -> None:
    hurt = put(work / part)
    with kept(hurt):
        words = ["--mask-box", "10,40,24,24"] if flag == "masks" else []
        refused(attack(track(*words, flag=flag), cwd=work), Path(part).name, "--overwrite")


@pytest.mark.parametrize("flag", FLAGS)
def test_track_does_not_overwrite_handwritten_settings(flag: str, work: Path) -> None:
    place = "ds/run.toml" if flag == "yolo" else f"{Path(NAMES[flag]).stem}.run.toml"
    with kept(put(work / place, b"score = 0.4\n")):
        refused(attack(track(flag=flag), cwd=work), place)


@pytest.mark.parametrize("flag", FLAGS)
def test_folder_and_file_outputs_do_not_replace_each_other(flag: str, work: Path) -> None:
    if flag in FILES:
        put(work / NAMES[flag] / "inside.txt")
    else:
        put(work / NAMES[flag])
    with kept(work / NAMES[flag]):
        refused(attack(track(flag=flag), cwd=work), "cannot be written")


INPUTS = ("clip.mp4", "det.txt", "times.csv", "names.txt", "settings.toml")


def reading(name: str) -> list[str]:
    """What makes a run read the file."""
    return {
        "times.csv": ["--times", "times.csv"],
        "names.txt": ["--names", "names.txt"],
        "settings.toml": ["--config", "settings.toml"],
    }.get(name, [])


def prepare_inputs(work: Path) -> None:
    put(work / "times.csv", b"".join(b"%d\n" % k for k in range(20)))
    put(work / "names.txt", b"person\n")
    put(work / "settings.toml", b"score = 0.4\n")


@pytest.mark.parametrize("how", ["itself", "hard link", "link", "dotted"])
@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("flag", ["video", "jsonl", "mot"])
@pytest.mark.parametrize("overwrite", [True], ids=["even with --overwrite"])
def test_track_never_overwrites_its_inputs(flag: str, name: str, how: str, overwrite: bool, work: Path) -> None:
    prepare_inputs(work)
    to = name
    if how in ("hard link", "link"):
        to = "other.mp4" if flag == "video" else "other"
        (work / to).hardlink_to(work / name) if how == "hard link" else (work / to).symlink_to(name)
    elif how == "dotted":
        to = f"../{work.name}/{name}"
    if flag == "video" and not to.endswith(".mp4"):
        (work / f"{name}.mp4").hardlink_to(work / name)
        to = f"{name}.mp4"
    with kept(*(work / known for known in INPUTS)):
        answer = attack(track(*reading(name), "--overwrite", flag=flag, to=to), cwd=work)
        refused(answer, "itself")


def pictures(folder: Path, suffix: str = ".png") -> None:
    folder.mkdir(parents=True)
    for k in range(3):
        cv2.imwrite(str(folder / f"{k:05d}{suffix}"), np.full((48, 64, 3), 40 * k, np.uint8))


@pytest.mark.parametrize("source", ["pics", "pics/*.png", "pics/0000[0-2].png", "pics/00001.png"])
@pytest.mark.parametrize("flag", ["jsonl", "mot", "coco"])
def test_output_cannot_be_an_image_of_the_source(source: str, flag: str, work: Path) -> None:
    pictures(work / "pics")
    words = ["track", source, "--rate", "10", "--detector", "file:det.txt", "--overwrite"]
    with kept(work / "pics"):
        refused(attack([*words, f"--{flag}", "pics/00001.png"], cwd=work))


@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["unasked", "asked"])
def test_masks_do_not_overwrite_source_images(more: list[str], work: Path) -> None:
    pictures(work / "frames/clip")
    words = ["track", "frames/clip", "--rate", "10", "--detector", "file:det.txt", "--masks", "frames", *more]
    with kept(work / "frames"):
        refused(attack(words, cwd=work))


def test_settings_in_use_are_not_overwritten(work: Path) -> None:
    assert_answered(attack(track(), cwd=work), 0)
    with kept(work / "o.run.toml"):
        refused(attack(["track", "--config", "o.run.toml", "--score", "0.3", "--overwrite"], cwd=work), "itself")
        assert_answered(attack(["track", "--config", "o.run.toml"], cwd=work), 0)
