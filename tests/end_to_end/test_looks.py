"""`liquidtrack track --looks` on a rendered crossing: few frames are detected, and every frame has boxes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import tools.track.looks
from datasets import read
from tests.support.crossing import Crossing
from tools.cli.main import main


class Looked(Crossing):
    """The crossing, tracked with few looks."""

    def looks(self, *words: object) -> int:
        detector = f"python:{self.folder / 'detector.py'}:detect"
        return main(["track", str(self.video), "--quiet", "--overwrite", "--detector", detector, *map(str, words)])


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Looked:
    return Looked(tmp_path_factory.mktemp("crossing"))


@pytest.fixture(autouse=True)
def _fresh(crossing: Looked) -> None:
    crossing.uses()


@pytest.mark.parametrize("whole", [(), ("--whole",), ("--whole", "--horizon", "1")])
def test_few_frames_are_detected_and_all_frames_are_written(
    crossing: Looked, tmp_path: Path, whole: tuple[str, ...]
) -> None:
    assert crossing.looks("--looks", 0.3, "--jsonl", tmp_path / "a.jsonl", *whole) == 0
    assert crossing.uses() == round(0.3 * crossing.frames)
    found = read(tmp_path / "a.jsonl")
    assert len(found.frames) == crossing.frames
    assert found.filled is not None
    assert 0.4 < found.filled.mean() < 0.9
    seen = np.unique(found.row[~found.filled])
    assert len(seen) <= round(0.3 * crossing.frames)
    both = set(np.unique(found.id[found.filled]).tolist()) <= set(np.unique(found.id[~found.filled]).tolist())
    assert both  # whatever is filled was seen before and after


def test_blocks_keep_order_budget_and_ids(crossing: Looked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.track.looks, "BLOCK_S", 0.7)
    assert crossing.looks("--looks", 0.3, "--jsonl", tmp_path / "a.jsonl", "--mot", tmp_path / "a.txt") == 0
    assert abs(crossing.uses() - 0.3 * crossing.frames) <= 2
    found = read(tmp_path / "a.jsonl")
    assert found.frames.tolist() == list(range(crossing.frames))
    lengths = [np.ptp(found.row[found.id == one]) for one in np.unique(found.id)]
    assert max(lengths) > 0.5 * crossing.frames  # a track goes on from block to block
    assert len(read(tmp_path / "a.txt").id) == len(found.id)


def test_a_drawn_video_has_every_frame(crossing: Looked, tmp_path: Path) -> None:
    import av

    assert crossing.looks("--looks", "4/s", "--video", tmp_path / "a.mp4", "--jsonl", tmp_path / "a.jsonl") == 0
    with av.open(str(tmp_path / "a.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == crossing.frames


def test_looking_at_all_writes_the_bytes_of_no_budget(crossing: Looked, tmp_path: Path) -> None:
    for name, words in (("usual", ()), ("all", ("--looks", "all")), ("one", ("--looks", "1"))):
        assert crossing.looks("--jsonl", tmp_path / name / "a.jsonl", *words) == 0
    usual = (tmp_path / "usual/a.jsonl").read_bytes()
    assert (tmp_path / "all/a.jsonl").read_bytes() == usual
    assert (tmp_path / "one/a.jsonl").read_bytes() == usual


def test_auto_looks_more_often_than_a_newcomer_may_wait(crossing: Looked, tmp_path: Path) -> None:
    assert crossing.looks("--looks", "auto", "--newcomer", 0.5, "--jsonl", tmp_path / "a.jsonl") == 0
    assert 8 <= crossing.uses() <= crossing.frames


def test_camera_motion_is_taken_from_every_frame(crossing: Looked, tmp_path: Path) -> None:
    words = ("--looks", 0.3, "--camera-motion", "flow", "--jsonl", tmp_path / "a.jsonl")
    assert crossing.looks(*words) == 0
    assert crossing.uses() == round(0.3 * crossing.frames)


def test_camera_that_stands_still_changes_nothing_by_default(crossing: Looked, tmp_path: Path) -> None:
    for name, words in (("auto", ()), ("none", ("--camera-motion", "none"))):
        assert crossing.looks("--looks", 0.3, "--jsonl", tmp_path / name / "a.jsonl", *words) == 0
    assert (tmp_path / "auto/a.jsonl").read_bytes() == (tmp_path / "none/a.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--looks", "0"), "nothing can be tracked without looks"),
        (("--looks", "2"), "a frame is looked at once at most"),
        (("--looks=-0.1",), "nothing can be tracked without looks"),
        (("--looks", "0.2", "--detector", "background"), "learns from every frame"),
        (("--looks", "0.2", "--reid"), "--reid needs every frame"),
        (("--looks", "0.2", "--box", "1,2,30,40"), "needs every frame"),
        (("--looks", "0.2", "--no-smooth"), "--smooth belongs to --whole"),
        (("--looks", "0.2", "--whole", "--horizon", "0"), "give seconds above 0"),
        (("--looks", "0.2", "--show"), "--show cannot show frames that --looks delays"),
    ],
)
def test_what_does_not_go_with_few_looks_is_said_in_one_sentence(
    crossing: Looked, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code = main(["track", str(crossing.video), "--jsonl", str(tmp_path / "a.jsonl"), *words])
    assert code == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (tmp_path / "a.jsonl").exists()


def test_a_failing_detector_leaves_the_blocks_before_it(
    crossing: Looked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools.track.looks, "BLOCK_S", 0.7)
    broken = tmp_path / "broken.py"
    broken.write_text("def detect(frame):\n    return [[1, 2]] if frame.time > 2.5 else [[20, 30, 40, 80, 0.9, 0]]\n")
    words = ["--looks", "0.5", "--quiet", "--jsonl", str(tmp_path / "a.jsonl")]
    assert main(["track", str(crossing.video), "--detector", f"python:{broken}:detect", *words]) == 2
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert 5 < len(lines) < crossing.frames
