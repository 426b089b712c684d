"""`track --adapt-live`: what a head learns beside a running tracker, what is logged, and what is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `torch`")

from models.association_head.built_in import head_path
from models.runtime.cache import sha256
from models.runtime.weight_files import read_arrays
from tests.support.media_servers import http
from tests.support.walking_people import walkers
from tools.cli.main import main
from tools.track import adapt_live
from tools.track.adapt_live import HEAD, LOG, RECENT, START, AdaptingTracker, begin_folder
from tools.track.config.live_adaptation import LiveAdaptationConfig
from tools.track.config.video import TrackConfig
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.liquid_motion import WEIGHTS
from tracker.protocols import SourceInfo
from tracker.types import Detections

# Stands in for `liquidtrack adapt`: moves the given head by a share of itself, and reports what it was told to.
LEARNER = """import json, sys, zipfile
from pathlib import Path
from models.association_head.inference import load_head, save_head
words = sys.argv[1:]
assert json.loads(zipfile.ZipFile(words[0]).read("about.json"))["names"] == ["person"]
out, given = Path(words[words.index("--out") + 1]), load_head(Path(words[words.index("--init-weights") + 1]))
if "{kind}" == "fail":
    sys.exit("liquidtrack: objects are known for long enough in only 2 blocks of time.")
weights = {{name: value * (1 + {share}) for name, value in given.weights().items()}}
save_head(out, weights, given.config, {{"package_head": ""}})
report = {{"adapted": "{kind}" == "take", "gain": 1.5, "agreement": 90.0, "blocks": 12}}
out.with_suffix(".json").write_text(json.dumps(report))
"""


def learner(folder: Path, kind: str, share: float = 0.01) -> tuple[str, ...]:
    (program := folder / "learner.py").write_text(LEARNER.format(kind=kind, share=share))
    return sys.executable, str(program)


class Making(Protocol):
    def __call__(self, program: tuple[str, ...]) -> AdaptingTracker: ...


@pytest.fixture
def adapting(tmp_path: Path) -> Iterator[Making]:
    """Makes trackers of a camera whose folder is `camera`, and ends what they have begun."""
    with ExitStack() as stack:

        def make(program: tuple[str, ...]) -> AdaptingTracker:
            config = TrackConfig("0", adaptation=LiveAdaptationConfig(tmp_path / "camera", 14.0, 15.0))
            head = begin_folder(config)
            made = AdaptingTracker(Tracker(TrackerConfig(association_head=str(head))), config.adaptation, program)
            made.open(SourceInfo("camera 0", 960, 960, live=True), ("person",))
            stack.callback(made.close)
            return made

        yield make


def see(tracker: AdaptingTracker, frames: int, rate: int = 5, people: int = 3) -> None:
    """Shows people who walk."""
    boxes = walkers(frames, people).truth.xyxy.reshape(frames, people, 4)
    score, label = np.linspace(0.7, 0.9, people), np.zeros(people, np.int64)
    for k in range(frames):
        tracker.update(Detections(boxes[k].astype(np.float32), score, label), k / rate)


def log_after_one_try(tracker: AdaptingTracker, rate: int = 5, people: int = 3) -> list[dict[str, Any]]:
    see(tracker, 14 * rate + 1, rate, people)
    assert tracker.child is not None
    tracker.child.wait()
    tracker.update(Detections.empty(), 15.0)
    return [json.loads(line) for line in tracker.log.read_text().splitlines()]


def test_a_head_that_passed_is_used_from_the_next_frame_on(tmp_path: Path, adapting: Making) -> None:
    tracker = adapting(learner(tmp_path, "take"))
    [line] = log_after_one_try(tracker)
    assert line["outcome"] == "taken"
    assert (line["gain"], line["blocks"], line["distance"]) == (1.5, 12, pytest.approx(0.01, rel=1e-3))
    assert line["since"] == 14.0
    own = tmp_path / "camera" / HEAD
    engine = tracker.tracker
    assert isinstance(engine, Tracker)
    head = engine.parts[0].head  # type: ignore[attr-defined]
    np.testing.assert_array_equal(head.weights()["flow.weight"], read_arrays(own, "a head", "")[0]["flow.weight"])
    tracker.close()
    assert not (tmp_path / "camera" / RECENT).exists()
    again = begin_folder(TrackConfig("0", adaptation=LiveAdaptationConfig(tmp_path / "camera")))
    assert again == own
    assert sha256(tmp_path / "camera" / START) == sha256(WEIGHTS)


@pytest.mark.parametrize(
    ("kind", "share", "outcome"), [("keep", 0.01, "refused"), ("take", 0.2, "too far"), ("fail", 0.01, "failed")]
)
def test_what_did_not_pass_changes_nothing_and_is_logged(
    tmp_path: Path, adapting: Making, kind: str, share: float, outcome: str
) -> None:
    tracker = adapting(learner(tmp_path, kind, share))
    [line] = log_after_one_try(tracker)
    assert line["outcome"] == outcome
    assert not (tmp_path / "camera" / HEAD).exists()
    assert (tracker.taken, tracker.tries) == (0, 1)
    if outcome == "failed":
        assert line["message"] == "liquidtrack: objects are known for long enough in only 2 blocks of time."


def test_a_training_that_still_runs_ends_with_the_run(tmp_path: Path, adapting: Making) -> None:
    (program := tmp_path / "wait.py").write_text("import threading\nthreading.Event().wait()\n")
    tracker = adapting((sys.executable, str(program)))
    see(tracker, 75)
    child = tracker.child
    assert child is not None
    assert child.poll() is None
    tracker.close()
    assert child.poll() is not None


def test_tracks_are_those_without_adaptation_until_a_head_passes(tmp_path: Path, adapting: Making) -> None:
    tracker, usual = adapting(learner(tmp_path, "keep")), Tracker()
    boxes = walkers(30, 3).truth.xyxy.reshape(30, 3, 4)
    for k in range(30):
        found = Detections(boxes[k].astype(np.float32), np.array([0.9, 0.8, 0.7]), np.zeros(3, np.int64))
        a, b = tracker.update(found, k / 5), usual.update(found, k / 5)
        np.testing.assert_array_equal(a.id, b.id)
        np.testing.assert_array_equal(a.xyxy, b.xyxy)


@pytest.mark.slow
def test_the_command_adapt_learns_from_what_a_tracker_saw(adapting: Making) -> None:
    tracker = adapting(adapt_live.PROGRAM)
    [line] = log_after_one_try(tracker, rate=25, people=8)
    assert line["outcome"] in ("taken", "refused")
    assert line["blocks"] >= 6


@pytest.fixture
def stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A stream of 25 frames a second, and a folder to work in."""
    monkeypatch.chdir(tmp_path)
    with http() as server:
        yield server.url("cam.mjpg")


def test_a_stream_is_tracked_with_a_head_that_may_learn(stream: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["track", stream, "--detector", "none", "--end", "1", "--jsonl", "o.jsonl", "--adapt-live", "camera"]
    assert main(words) == 0
    assert f"adapt-live: 0 of 0 heads were taken; {Path('camera') / LOG} says more" in capsys.readouterr().out
    assert {path.name for path in Path("camera").iterdir()} == {LOG, START}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["scene:1"], "--adapt-live is for cameras and streams, and scene-1 is a recording; use liquidtrack adapt"),
        (["URL", "--motion", "kalman"], "--adapt-live teaches the head of --motion liquid"),
        (["URL", "--box", "1,1,20,20"], "--adapt-live is for detected objects"),
        (["URL", "--whole", "--horizon", "1"], "--adapt-live works frame by frame, not with --whole"),
        (["URL", "0"], "--adapt-live: that is done with one source at a time"),
        (["URL", "--adapt-span", "5"], "adapt_span is 5.0; give 12 to 3600 s"),
        (["URL", "--adapt-every", "0"], "adapt_every is 0.0; give a positive number of seconds"),
    ],
)
def test_settings_that_contradict_live_adaptation_are_one_sentence(
    stream: str, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["track", *(stream if word == "URL" else word for word in words)]
    assert main([*given, "--adapt-live", "camera", "--jsonl", "o.jsonl"]) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("camera").exists()


def test_a_folder_of_other_files_and_another_first_head_are_refused(
    stream: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / HEAD).write_text("mine")
    words = ["track", stream, "--detector", "none", "--jsonl", "o.jsonl", "--end", "1"]
    assert main([*words, "--adapt-live", "mine"]) == 2
    assert "--adapt-live mine holds other files; name a new folder." in capsys.readouterr().err
    assert (tmp_path / "mine" / HEAD).read_text() == "mine"
    clean = TrackerConfig(association_head="clean")
    begin_folder(TrackConfig("0", tracking=clean, adaptation=LiveAdaptationConfig(tmp_path / "camera")))
    assert sha256(tmp_path / "camera" / START) == sha256(head_path("clean"))
    other = Path(__file__).parents[2] / "weights" / "control-gru-dt.safetensors"
    assert main([*words, "--adapt-live", "camera", "--association-head", str(other)]) == 2
    assert "--adapt-live camera began with another head than" in capsys.readouterr().err
