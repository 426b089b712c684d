"""`track --box`: objects followed without a detector, from the command line into label files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets import read
from tests.support.pattern_images import box_at, iou, scene
from tools.cli.main import main
from tracker.single_object.search_region import FrozenView


def at(k: int) -> np.ndarray:
    return box_at(60 + 8 * k, 120)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    for k in range(8):
        cv2.imwrite(str(folder / f"{k:02}.png"), scene(at(k), box_at(250, 60)))
    return folder


def track(clip: Path, *words: object) -> int:
    return main(["track", str(clip), "--rate", "10", *map(str, words)])


def test_prompted_boxes_are_tracked_from_their_times_without_a_detector(
    view: FrozenView, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    boxes = ("--box", "42,96,36,48", "--box", "232,36,36,48@0.3", "--box", "1,1,20,20@60")
    assert track(clip, *boxes, "--jsonl", out, "--threads", 1) == 0
    said = capsys.readouterr().out
    assert "8 frames, 0.70 s of video, 2 tracks" in said
    assert "warning: box 1,1,20,20@60 was never followed; the video ends before its time." in said
    got = read(out, "jsonl")
    assert got.names == ("object",)
    first, second = got.id == 1, got.id == 2
    assert got.row[first].tolist() == list(range(8))
    assert got.row[second].tolist() == list(range(3, 8))
    for k, box in zip(got.row[first].tolist(), got.xyxy[first].astype(np.float64), strict=True):
        assert iou(box, at(k)) > 0.7
    # the settings that were kept give the same boxes again
    again = tmp_path / "again.jsonl"
    assert main(["track", "--config", str(tmp_path / "out.run.toml"), "--jsonl", str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()


def test_detection_of_a_prompted_object_is_no_second_track(view: FrozenView, clip: Path, tmp_path: Path) -> None:
    rows = [(k, box) for k in range(8) for box in (at(k), box_at(250, 60))]
    det = tmp_path / "det.txt"
    det.write_text("".join(f"{k + 1},-1,{b[0]},{b[1]},{b[2] - b[0]},{b[3] - b[1]},0.9\n" for k, b in rows))
    out = tmp_path / "out.txt"
    assert (
        track(clip, "--box", "42,96,36,48", "--detector", f"file:{det}", "--mot", out, "--threads", 1, "--quiet") == 0
    )
    got = read(out, "mot")
    assert sorted(set(got.id.tolist())) == [1, 2]
    assert len(got.id) == 16


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("1,2,3", "box '1,2,3' is not x,y,width,height@seconds"),
        ("10,10,0,20", "box '10,10,0,20' has no area"),
        ("10,10,20,20@-2", "a time of 0 or more seconds"),
        ("400,10,20,20", "box 400,10,20,20 lies outside the picture of 320x240 pixels; give one inside it."),
    ],
)
def test_a_wrong_box_is_one_sentence(
    view: FrozenView, clip: Path, tmp_path: Path, box: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert track(clip, "--box", box, "--jsonl", tmp_path / "out.jsonl") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "out.jsonl").exists()


def test_box_selection_needs_a_display(
    view: FrozenView, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert track(clip, "--select", "--quiet") == 2
    assert "there is no display to open a window on" in capsys.readouterr().err
