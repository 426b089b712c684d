"""Where results go, and outputs that hold no user data: standard output, devices, default places, folders of images."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import FORMATS
from tests.attack.harness import assert_answered, attack, kept
from tests.support.output_victims import (
    FLAGS,
    HAND,
    NAMES,
    put,
    refused,
    track,
)

# Outputs that hold no user data, and the expected message.


def test_device_and_pipe_outputs_need_no_overwrite(work: Path) -> None:
    assert_answered(attack(track(to="/dev/null"), cwd=work), 0)
    os.mkfifo(work / "pipe")
    handle = os.open(work / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert_answered(attack(track(to="pipe", flag="mot"), cwd=work), 0)
        assert b"1,1," in os.read(handle, 1 << 16)
    finally:
        os.close(handle)


@pytest.mark.parametrize("to", ["-", "/dev/stdout"])
def test_standard_output_holds_json_lines_only(to: str, work: Path) -> None:
    answer = attack(track(to=to), cwd=work)
    assert_answered(answer, 0)
    lines = [json.loads(line) for line in answer.stdout.decode().splitlines()]
    assert len(lines) == 21
    assert "20 frames" in answer.stderr.decode()


def test_appended_standard_output_keeps_the_file_content(work: Path) -> None:
    log = put(work / "all.jsonl", HAND)
    with log.open("ab") as file:
        assert_answered(attack(track(to="-"), cwd=work, stdout=file.fileno()), 0)
    assert log.read_bytes().startswith(HAND)
    assert len(log.read_bytes().splitlines()) == 22


def test_default_results_are_written_beside_the_source_and_listed(work: Path) -> None:
    (work / "in").mkdir()
    (work / "clip.mp4").rename(work / "in/clip.mp4")
    answer = attack(["track", "in/clip.mp4", "--detector", "file:det.txt"], cwd=work)
    assert_answered(answer, 0)
    assert answer.stdout.decode().splitlines()[0] == "writing in/clip.tracked.mp4 and in/clip.jsonl"
    assert {p.name for p in (work / "in").glob("[!.]*")} == {
        "clip.mp4", "clip.tracked.mp4", "clip.jsonl", "clip.tracked.run.toml",
    }  # fmt: skip
    assert_answered(attack(["track", "in/clip.mp4", "--detector", "file:det.txt", "--out", "there"], cwd=work), 0)
    assert {p.name for p in (work / "there").glob("clip.[mjt]*")} > {"clip.tracked.mp4", "clip.jsonl"}


@pytest.mark.parametrize("name", ["clip.tracked.mp4", "clip.jsonl"])
def test_default_outputs_do_not_overwrite_existing_files(name: str, work: Path) -> None:
    with kept(put(work / name)):
        refused(attack(["track", "clip.mp4", "--detector", "file:det.txt"], cwd=work), name, "--overwrite")


def test_labels_beside_a_video_use_its_frame_numbers(work: Path) -> None:
    words = track("--every", "3", "--video", "o.mp4", "--mot", "o.txt", "--coco", "o.json", "--cvat", "o.xml")
    assert_answered(attack([*words, "--yolo", "ds"], cwd=work), 0)
    lines = [json.loads(line) for line in (work / "o.jsonl").read_text().splitlines()[1:]]
    assert [line["frame"] for line in lines] == list(range(7))
    assert [line["source_frame"] for line in lines] == list(range(0, 21, 3))
    table = np.loadtxt(work / "o.times.csv", delimiter=",", skiprows=1)
    assert table[:, 0].tolist() == list(range(1, 8))
    assert table[:, 1].tolist() == list(range(1, 22, 3))
    assert [p.stem for p in sorted((work / "ds/labels").iterdir())] == [f"{k:06d}" for k in range(1, 8)]


def test_foreign_manifest_is_kept(work: Path) -> None:
    for content in (HAND, b"{", b"[]", b'{"format": 3}', b"\xff\xfe" * 100):
        put(work / ".liquidtrack.json", content)
        with kept(work / ".liquidtrack.json"):
            for k in range(2):
                assert_answered(attack(track(to=f"{len(content)}-{k}.jsonl"), cwd=work), 0)


def test_overwrite_guard_covers_every_file_of_each_format(work: Path) -> None:
    for flag in FLAGS:
        if flag in FORMATS:
            folder = work / f"all-{flag}"
            folder.mkdir()
            output = FORMATS[flag].layout.output(f"--{flag}", folder / NAMES[flag])
            words = ["track", "../clip.mp4", "--detector", "file:../det.txt", f"--{flag}", NAMES[flag]]
            assert_answered(attack(words, cwd=folder), 0)
            known = {path for place in output.places() for path in place.files()}
            made = {path for path in folder.rglob("*") if path.is_file() and path.name != ".liquidtrack.json"}
            assert made - known == {path for path in made if path.name.endswith("run.toml")}, flag


PICTURED = {"images": ["--images", "pics"], "yolo": ["--yolo", "pics", "--yolo-images"]}


@pytest.mark.parametrize("flag", PICTURED)
def test_user_images_are_kept_and_own_images_replaced(flag: str, work: Path) -> None:
    words = ["track", "clip.mp4", "--detector", "file:det.txt", *PICTURED[flag]]
    folder, name = (work / "pics", "frame_{:06d}.jpg") if flag == "images" else (work / "pics/images", "{:06d}.jpg")
    theirs, same, stale = put(folder / "IMG_1.jpg"), put(folder / name.format(1)), put(folder / name.format(900))
    for more in ([], ["--every", "2"]):
        with kept(folder):
            refused(attack([*words, *more], cwd=work), "--overwrite")
    with kept(theirs):
        assert_answered(attack([*words, "--overwrite"], cwd=work), 0)
        assert same.read_bytes() != HAND
        assert not stale.exists(), "a picture of another run would be taken for one of this"
        refused(attack(words, cwd=work), "not written by this command", "--overwrite")
    theirs.unlink()
    assert_answered(attack([*words, "--overwrite"], cwd=work), 0)
    made = sorted(folder.iterdir())
    assert_answered(attack(words, cwd=work), 0)  # its own, and nothing else
    assert sorted(folder.iterdir()) == made
