"""Attacks on what is displayed: `render`, `identify`, `--box`, drawing and the scores of files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.attack.harness import assert_answered, attack, kept
from tests.support import sound_video
from tests.support.weights import needs_weights

HEAD = {"format": "liquidtrack", "version": 1, "source": "v", "width": 96, "height": 64, "names": ["person"]}
ROW = {"id": 1, "xyxy": [8, 8, 40, 60], "label": "person", "score": 0.5}


def lines(*frames: object, **head: object) -> str:
    return "".join(json.dumps(part) + "\n" for part in ({**HEAD, **head}, *frames))


def frame(*boxes: dict[str, object], k: object = 0, seconds: object = 0.0) -> dict[str, object]:
    return {"frame": k, "seconds": seconds, "boxes": list(boxes)}


def changed(**fields: object) -> str:
    return lines(frame({**ROW, **fields}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video, tracks and a gallery that are right."""
    root = tmp_path_factory.mktemp("view")
    sound_video.write(root / "v.mp4", [0.0, 0.1, 0.2])
    sound_video.write(root / "tall.mp4", [0.0, 0.1], (64, 96))
    (root / "t.jsonl").write_text(lines(frame(ROW), frame(ROW, k=1, seconds=0.1)))
    (root / "t.txt").write_text("1,1,8,8,30,50,0.5,-1,-1,-1\n2,1,9,8,30,50,0.5,-1,-1,-1\n")
    (root / "empty.jsonl").write_text(lines())
    (root / "zero").write_bytes(b"")
    (root / "noise").write_bytes(np.random.default_rng(0).bytes(4000))
    (root / "cut.mp4").write_bytes((root / "v.mp4").read_bytes()[:300])
    (root / "a folder").mkdir()
    for name in ("ann", "bob"):
        (root / "gallery" / name).mkdir(parents=True)
        picture = np.random.default_rng(len(name)).integers(0, 255, (64, 32, 3)).astype(np.uint8)
        cv2.imwrite(str(root / "gallery" / name / "1.png"), picture)
    (root / "no pictures" / "ann").mkdir(parents=True)
    (root / "no pictures" / "ann" / "1.txt").write_text("x")
    (root / "bad pictures" / "ann").mkdir(parents=True)
    (root / "bad pictures" / "ann" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    return root


@pytest.fixture
def place(folder: Path, tmp_path: Path) -> Path:
    """A copy of it for one attack."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


BAD_TRACKS = {
    "no header": json.dumps(frame(ROW)) + "\n",
    "another version": lines(frame(ROW), version=99),
    "names are numbers": lines(frame(ROW), names=[1, 2]),
    "a class with escapes": changed(label="\x1b[31mred\x1b]0;x\x07"),
    "a class beyond the names": changed(label="dog"),
    "a label that is no text": changed(label=3),
    "a box of three": changed(xyxy=[1, 2, 3]),
    "a box of texts": changed(xyxy=["1", "2", "3", "4"]),
    "an empty box": changed(xyxy=[8, 8, 8, 60]),
    "a box inside out": changed(xyxy=[40, 60, 8, 8]),
    "a box beyond everything": changed(xyxy=[0, 0, 1e300, 1e300]),
    "a box of infinity": lines(frame()).replace('"boxes": []', '"boxes": [{"id": 1, "xyxy": [0, 0, 1e999, 9]}]'),
    "a score of 87": changed(score=87),
    "a score of NaN": changed(score=float("nan")),
    "a score of nothing": changed(score=None),
    "a score of text": changed(score="sure"),
    "an id of a half": changed(id=1.5),
    "an id below": changed(id=-7),
    "an id of 1e300": changed(id=1e300),
    "one id twice": lines(frame(ROW, ROW)),
    "frames that go back": lines(frame(ROW, k=1, seconds=0.1), frame(ROW)),
    "times that go back": lines(frame(ROW, seconds=0.1), frame(ROW, k=1)),
    "times of 4e305": lines(frame(ROW, seconds=4e305), frame(ROW, k=1, seconds=8e305)),
    "a time of text": lines(frame(ROW, seconds="soon")),
    "a frame of text": lines(frame(ROW, k="one")),
    "a frame of 1e30": lines(frame(ROW, k=1e30)),
    "a mask of another size": changed(mask={"size": [10, 10], "counts": "garbage\x00"}),
    "a mask beyond memory": changed(mask={"size": [10**6, 10**6], "counts": "11"}),
    "a mask of size zero": changed(mask={"size": [0, 0], "counts": ""}),
    "boxes that are a number": lines({"frame": 0, "seconds": 0.0, "boxes": 7}),
    "nested deeply": lines(frame(ROW)) + "[" * 100_000 + "\n" + json.dumps(frame(ROW, k=1, seconds=0.1)) + "\n",
    "pictures of another shape": lines(frame(ROW), width=64, height=96),
    "tracks of another video": lines(frame(ROW, k=700, seconds=70.0)),
    "two pictures at one time": lines(frame(ROW), frame(ROW, k=1, seconds=0.0)),
}


@pytest.mark.parametrize("name", BAD_TRACKS)
def test_render_refuses_bad_tracks(place: Path, name: str) -> None:
    (place / "bad.jsonl").write_text(BAD_TRACKS[name])
    with kept(place / "v.mp4", place / "bad.jsonl"):
        answer = attack(["render", "v.mp4", "bad.jsonl", "--quiet"], cwd=place)
    # lines that change places are sorted
    assert_answered(answer, (0, 2) if name == "frames that go back" else 2, more_lines=True)


BAD_TEXT = {
    "five columns": "1,1,8,8,30\n",
    "words": "one,two,three,four,five,six\n",
    "frame 0": "0,1,8,8,30,50,1\n",
    "a class of 5000": "1,1,8,8,30,50,1,5000,-1,-1\n" * 2,
    "no width": "1,1,8,8,0,50,1\n",
    "nothing finite": "1,1,nan,inf,30,50,1\n",
    "binary": "\x00\x01\x02\x03" * 50,
    "an escape": "1,1,8,8,\x1b[2J,50,1\n",
}


@pytest.mark.parametrize("name", BAD_TEXT)
def test_render_refuses_bad_text(place: Path, name: str) -> None:
    (place / "bad.txt").write_text(BAD_TEXT[name])
    assert_answered(attack(["render", "v.mp4", "bad.txt", "--quiet"], cwd=place), more_lines=True)


RENDER = {
    "no arguments": [],
    "no tracks": ["v.mp4"],
    "no such video": ["none.mp4", "t.jsonl"],
    "no such tracks": ["v.mp4", "none.jsonl"],
    "an empty video": ["zero", "t.jsonl"],
    "noise as video": ["noise", "t.jsonl"],
    "a cut video": ["cut.mp4", "t.jsonl"],
    "the tracks as video": ["t.jsonl", "t.jsonl"],
    "the video as tracks": ["v.mp4", "v.mp4"],
    "noise as tracks": ["v.mp4", "noise"],
    "a folder as tracks": ["v.mp4", "a folder"],
    "an empty name as tracks": ["v.mp4", ""],
    "an empty name as video": ["", "t.jsonl"],
    "a point as tracks": ["v.mp4", "."],
    "a root as tracks": ["v.mp4", "/"],
    "a null device as tracks": ["v.mp4", "/dev/null"],
    "endless zeros as tracks": ["v.mp4", "/dev/zero"],
    "a long name": ["v.mp4", "x" * 300],
    "another shape of video": ["tall.mp4", "t.jsonl"],
    "an unknown format": ["v.mp4", "t.jsonl", "--format", "pascal"],
    "an empty format": ["v.mp4", "t.jsonl", "--format", ""],
    "the wrong format": ["v.mp4", "t.jsonl", "--format", "cvat"],
    "an unknown match": ["v.mp4", "t.jsonl", "--match", "colour"],
    "seconds of a file without": ["v.mp4", "t.txt", "--match", "seconds"],
    "an unknown suffix": ["v.mp4", "t.jsonl", "--video", "o.gif"],
    "no suffix": ["v.mp4", "t.jsonl", "--video", "o"],
    "over the source": ["v.mp4", "t.jsonl", "--video", "v.mp4"],
    "over a link to the source": ["v.mp4", "t.jsonl", "--video", "hard.mp4"],
    "into a folder": ["v.mp4", "t.jsonl", "--video", "a folder"],
    "below a file": ["v.mp4", "t.jsonl", "--video", "v.mp4/o.mp4"],
    "an empty output": ["v.mp4", "t.jsonl", "--video", ""],
    "trails that run back": ["v.mp4", "t.jsonl", "--trails", "-1"],
    "endless trails": ["v.mp4", "t.jsonl", "--trails", "inf"],
    "lines of no width": ["v.mp4", "t.jsonl", "--line-scale", "0"],
    "lines of NaN": ["v.mp4", "t.jsonl", "--line-scale", "nan"],
    "quality 99": ["v.mp4", "t.jsonl", "--video-crf", "99"],
    "a speed that runs back": ["v.mp4", "t.jsonl", "--speed", "-2"],
    "a speed of NaN": ["v.mp4", "t.jsonl", "--speed", "nan"],
    "an unknown codec": ["v.mp4", "t.jsonl", "--video-codec", "divx"],
    "a start after the end": ["v.mp4", "t.jsonl", "--start", "5", "--end", "1"],
    "every zeroth": ["v.mp4", "t.jsonl", "--every", "0"],
    "a window without a display": ["v.mp4", "t.jsonl", "--show"],
    "an escape in a name": ["v.mp4", "\x1b[31mred.jsonl"],
    "a name that is no UTF-8": ["v.mp4", b"\xff\xfe.jsonl"],
    "a stream": ["rtsp://user:hunter22@127.0.0.1:9/x", "t.jsonl"],
}


@pytest.mark.parametrize("name", RENDER)
def test_render_refuses_bad_arguments(place: Path, name: str) -> None:
    os.link(place / "v.mp4", place / "hard.mp4")
    words = [*RENDER[name], *(["--quiet"] if RENDER[name] else [])]
    with kept(place / "v.mp4", place / "t.jsonl", place / "t.txt", place / "a folder"):
        answer = attack(["render", *words], cwd=place, env={"DISPLAY": None, "WAYLAND_DISPLAY": None})
    code = (0, 2) if name == "a null device as tracks" else 2  # no tracks are drawn
    assert_answered(answer, code, more_lines=True, secrets=["hunter22"])


def test_render_draws_empty_tracks(place: Path) -> None:
    assert_answered(attack(["render", "v.mp4", "empty.jsonl", "--quiet"], cwd=place), 0)
    assert len(sound_video.read(place / "empty.rendered.mp4")[0]) == 3


@pytest.mark.parametrize("names", [["\x1b[31mred"], ["a\nb"], ["x" * 5000], ["人", "🚗"], [""], ["%s%n{0}"]])
def test_render_draws_any_class_name(place: Path, names: list[str]) -> None:
    boxes = [{**ROW, "id": k, "label": name} for k, name in enumerate(names)]
    (place / "n.jsonl").write_text(lines(frame(*boxes), names=names))
    answer = attack(["render", "v.mp4", "n.jsonl", "--quiet"], cwd=place)
    assert_answered(answer, (0, 2), more_lines=True)


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_render_draws_many_boxes(place: Path, count: int) -> None:
    rng = np.random.default_rng(1)
    left = rng.uniform(-50, 90, (count, 2)).round(1)
    boxes = [{**ROW, "id": k, "xyxy": [*p, p[0] + 9, p[1] + 9]} for k, p in enumerate(left.tolist())]
    (place / "m.jsonl").write_text(lines(frame(*boxes)))
    assert_answered(attack(["render", "v.mp4", "m.jsonl", "--quiet"], cwd=place), 0)


BOXES = [
    "", "@", ":", "@:", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "1,2,,4", "1,2,3,4@", "1,2,3,4@soon", "1,2,3,4@-1",
    "1,2,3,4@nan", "1,2,3,4@inf", "1,2,3,4@1e999", "1,2,0,4", "1,2,3,-4", "nan,2,3,4", "1,inf,3,4", "1,2,3,4:",
    "1,2,3,4@1: ", "1,2,3,4:\x1b[31mred", "1,2,3,4:a\nb", "1,2,3,4:" + "x" * 5000, "9" * 5000, "1,2,3,4@1@2:x",
    "1e400,0,1,1", "5000,5000,20,20:far", "1,2,3,4:\u202eright",
]  # fmt: skip


@pytest.mark.parametrize("text", BOXES, ids=[f"box{k}" for k in range(len(BOXES))])
def test_invalid_box_is_refused_in_one_sentence(place: Path, text: str) -> None:
    # `1,2,3,4@` is a box: an empty time is 0; so small a one is too small to be followed.
    answer = attack(["track", "v.mp4", f"--box={text}", "--jsonl", "o.jsonl", "--quiet"], cwd=place)
    assert_answered(answer, (0, 2) if text == "1,2,3,4@" else 2)


def test_two_thousand_boxes_are_refused(place: Path) -> None:
    words = [word for k in range(2000) for word in ("--box", f"{k % 60},2,30,40@{k}:thing {k}")]
    answer = attack(["track", "v.mp4", *words, "--jsonl", "o.jsonl"], cwd=place)
    assert_answered(answer, says="give 200 at most")


IDENTIFY = {
    "no arguments": [],
    "no gallery": ["v.mp4", "t.jsonl"],
    "no such gallery": ["v.mp4", "t.jsonl", "none"],
    "a file as gallery": ["v.mp4", "t.jsonl", "v.mp4"],
    "an empty gallery": ["v.mp4", "t.jsonl", "a folder"],
    "a gallery of texts": ["v.mp4", "t.jsonl", "no pictures"],
    "damaged pictures": ["v.mp4", "t.jsonl", "bad pictures"],
    "an empty name": ["v.mp4", "t.jsonl", ""],
    "no such tracks": ["v.mp4", "none.jsonl", "gallery"],
    "noise as tracks": ["v.mp4", "noise", "gallery"],
    "tracks without boxes": ["v.mp4", "empty.jsonl", "gallery"],
    "endless zeros as tracks": ["v.mp4", "/dev/zero", "gallery"],
    "no such video": ["none.mp4", "t.jsonl", "gallery"],
    "a cut video": ["cut.mp4", "t.jsonl", "gallery"],
    "a probability above": ["v.mp4", "t.jsonl", "gallery", "--probability", "1.5"],
    "a probability of NaN": ["v.mp4", "t.jsonl", "gallery", "--probability", "nan"],
    "no views": ["v.mp4", "t.jsonl", "gallery", "--crops", "0"],
    "views without end": ["v.mp4", "t.jsonl", "gallery", "--crops", "1e9"],
    "best of none": ["v.mp4", "t.jsonl", "gallery", "--top", "-1"],
    "the flag of before": ["v.mp4", "t.jsonl", "gallery", "--least", "0.5"],
    "noise as metric": ["v.mp4", "t.jsonl", "gallery", "--metric", "noise"],
    "no such metric": ["v.mp4", "t.jsonl", "gallery", "--metric", "none"],
    "an unknown device": ["v.mp4", "t.jsonl", "gallery", "--device", "tpu"],
    "into a folder": ["v.mp4", "t.jsonl", "gallery", "--json", "a folder"],
    "a stream": ["rtsp://user:hunter22@127.0.0.1:9/x", "t.jsonl", "gallery"],
    "an escape": ["\x1b]0;x\x07.mp4", "t.jsonl", "gallery"],
}


@pytest.mark.parametrize("name", IDENTIFY)
def test_identify_refuses_bad_arguments(place: Path, name: str) -> None:
    needs_weights()
    with kept(place / "v.mp4", place / "t.jsonl", place / "gallery"):
        words = [*IDENTIFY[name], *(["--quiet"] if IDENTIFY[name] else [])]
        answer = attack(["identify", *words], cwd=place)
    assert_answered(answer, more_lines=True, secrets=["hunter22"])


def test_identify_escapes_printed_names(place: Path) -> None:
    needs_weights()
    shutil.move(place / "gallery" / "ann", place / "gallery" / "\x1b[31mann\nbob")
    answer = attack(["identify", "v.mp4", "t.jsonl", "gallery", "--quiet"], cwd=place)
    assert_answered(answer, 0)
    assert len(answer.stdout.decode().splitlines()) == 2


def test_identify_accepts_a_single_name(place: Path) -> None:
    needs_weights()
    shutil.rmtree(place / "gallery" / "ann")
    assert_answered(attack(["identify", "v.mp4", "t.jsonl", "gallery", "--quiet"], cwd=place), 0)


FIT: dict[str, Callable[[Path], list[str]]] = {
    "no such folder": lambda p: ["none"],
    "few people": lambda p: ["gallery"],
    "no scenes": lambda p: ["gallery", "--scenes", "0"],
    "a seed below": lambda p: ["gallery", "--seed", "-1"],
    "noise as metric": lambda p: ["gallery", "--metric", "noise"],
}


@pytest.mark.parametrize("name", FIT)
def test_fit_identify_refuses_bad_arguments(place: Path, name: str) -> None:
    needs_weights()
    answer = attack(["fit", "identify", *FIT[name](place), "--quiet"], cwd=place, torch=False)
    assert_answered(answer, more_lines=True)


SCORES = {
    "percent": ([0, 40, 87, 100], "taken for percent"),
    "ACF": ([-0.5, 20, 60, 139], "brought into 0..1"),
    "all negative": ([-3, -2, -1.5, -0.5], "brought into 0..1"),
    "beyond floats": ([1, 1e30, 1e35, 1e38], "brought into 0..1"),
    "all equal": ([7, 7, 7, 7], "brought into 0..1"),
    "probabilities": ([0.1, 0.5, 0.9, 1.0], ""),
    "none": ([-1, -1, -1, -1], ""),
}


@pytest.mark.parametrize("name", SCORES)
def test_rescaled_scores_are_reported_once(place: Path, name: str) -> None:
    scores, said = SCORES[name]
    rows = "".join(f"{k // 2 + 1},-1,{8 + 20 * (k % 2)},8,20,50,{s}\n" for k, s in enumerate(scores))
    (place / "d.txt").write_text(rows)
    answer = attack(["track", "v.mp4", "--detector", "file:d.txt", "--jsonl", "o.jsonl", "--quiet"], cwd=place)
    assert_answered(answer, 0)
    assert answer.stderr.decode().count("scores from") == (1 if said else 0)
    assert said in answer.stderr.decode()
