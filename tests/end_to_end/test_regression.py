"""What the default settings make of small fixed inputs, to the byte: no change of the tracks goes unseen.

If a change is intended, check it and regenerate the expected files: `python -m tests.end_to_end.test_regression`.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.formats import FORMATS
from datasets.scenes import Renderer, open_scene, parse
from tools.track.config.detections import MotConfig
from tools.track.detections import mot
from tracker import Detections, Frame, Tracker, build_detector, run
from tracker.boxes import overlaps
from tracker.camera_motion import FlowCameraMotion
from tracker.classification.track_classes import ClassPooling
from tracker.config import TrackerConfig
from tracker.pipeline.stages import CameraMotionStage
from tracker.types import Float64

DATA = Path(__file__).parent.parent / "data"
MOTIONS = ("kalman", "liquid")

# A pan over people and cars whose frames come in bursts, with a gap of a second. lite0 and the optical flow answer
# with other last digits on another processor: ONNX Runtime picks its int8 kernels by what the processor has (AVX2,
# AVX-512, VNNI), and their sums saturate and round differently. So what they said of this scene once is committed, the
# tracks that follow from it must be the same to the byte, and the networks are compared within a tolerance.
SCENE = "scene:3?width=480&height=270&duration=3&rate=15&people=7&vehicles=2&camera=pan&profile=bursty"
RECORDED = DATA / "scene.npz"
EXPECTED = {"jsonl": "scene.jsonl", "mot": "scene.txt"}
COMPARED = (7, 8, 26, 27)  # frames that lite0 detects again: two neighbouring pairs, with people and a car
CLEAR = 0.4  # score from which a recorded detection must be found again, and a new one was recorded
MARGIN = 0.15  # of the score


def track_file(motion: str, out: Path) -> Path:
    mot(MotConfig(DATA / "square", out, workers=1, quiet=True, tracking=TrackerConfig(motion=motion)))
    return out / "square.txt"


@pytest.mark.parametrize("motion", MOTIONS)
def test_tracks_equal_the_expected_ones(motion: str, tmp_path: Path) -> None:
    assert track_file(motion, tmp_path).read_bytes() == (DATA / f"square.{motion}.txt").read_bytes()


class Recorded:
    """Outputs of lite0 and the optical flow on the scene, frame by frame: a detector and a camera motion in one."""

    def __init__(self, path: Path = RECORDED) -> None:
        with np.load(path) as file:
            self._columns: dict[str, Any] = dict(file)
        self.names = tuple(self._columns["names"].tolist())
        self.times = self._columns["times"].tolist()
        self._first = np.searchsorted(self._columns["frame"], np.arange(len(self.times) + 1))

    def __call__(self, frame: Frame) -> Detections:
        rows = slice(self._first[frame.index], self._first[frame.index + 1])
        xyxy, score, label, embedding = (self._columns[name][rows] for name in ("xyxy", "score", "label", "embedding"))
        return Detections(xyxy, score, label, embedding.astype(np.float32))

    def camera_motion(self, frame: Frame, detections: Detections) -> Float64 | None:
        warp: Float64 = self._columns["warp"][frame.index]
        return warp if np.isfinite(warp).all() else None


def track_scene(out: Path, recorded: Recorded) -> list[bytes]:
    """The files of the recorded scene's tracks, as `track` makes them: embeddings, several classes, camera motion."""
    scene = parse(SCENE)
    blank = np.zeros((scene.height, scene.width, 3), np.uint8)
    tracker = Tracker(classes=ClassPooling(len(recorded.names)), size=(scene.width, scene.height))
    sinks = [FORMATS[name].writer(out / file) for name, file in EXPECTED.items()]
    pictures = ((blank, time) for time in recorded.times)
    run(pictures, recorded, tracker, sinks, before=[CameraMotionStage(recorded.camera_motion)])
    return [(out / name).read_bytes() for name in EXPECTED.values()]


def test_tracks_with_embeddings_classes_and_camera_motion_equal_the_expected_ones(tmp_path: Path) -> None:
    assert track_scene(tmp_path, Recorded()) == [(DATA / name).read_bytes() for name in EXPECTED.values()]


@pytest.mark.parametrize("part", ["embedding", "label", "warp"])
def test_each_default_component_affects_the_expected_tracks(part: str, tmp_path: Path) -> None:
    """A recording in which a part made no difference would not guard it."""
    whole = Recorded()

    class Partial(Recorded):
        def __call__(self, frame: Frame) -> Detections:
            found = whole(frame)
            if part == "embedding":
                return replace(found, embedding=None)
            return replace(found, label=np.zeros_like(found.label)) if part == "label" else found

        def camera_motion(self, frame: Frame, detections: Detections) -> Float64 | None:
            return None if part == "warp" else whole.camera_motion(frame, detections)

    assert track_scene(tmp_path, Partial()) != [(DATA / name).read_bytes() for name in EXPECTED.values()]


def test_lite0_and_optical_flow_equal_their_recorded_outputs() -> None:
    renderer, recorded = Renderer(parse(SCENE)), Recorded()
    detector, flow = build_detector("lite0", embeddings=True), FlowCameraMotion()
    assert detector.names == recorded.names
    for k in COMPARED:
        frame = Frame(renderer.at(recorded.times[k])[0], k, recorded.times[k])
        now, then = detector(frame), recorded(frame)
        _same_detections(now, then)
        _same_detections(then, now)
        warp, expected = flow(frame, then), recorded.camera_motion(frame, then)
        if k - 1 in COMPARED:
            assert warp is not None
            np.testing.assert_allclose(warp, expected, atol=0.3)


def _same_detections(some: Detections, others: Detections) -> None:
    """Each clear one of `some` is among the `others`: its class, place, score and appearance."""
    iou = overlaps(some.xyxy.astype(np.float64), others.xyxy.astype(np.float64))
    iou[some.label[:, None] != others.label] = 0
    assert some.embedding is not None
    assert others.embedding is not None
    for row in np.flatnonzero(some.score >= CLEAR + MARGIN):
        match = iou[row].argmax()
        assert iou[row, match] > 0.8
        assert abs(some.score[row] - others.score[match]) < MARGIN
        assert some.embedding[row] @ others.embedding[match] > 0.95


def record(path: Path = RECORDED) -> None:
    """Runs lite0 and the optical flow over the scene, and records their outputs."""
    detector, flow, source = build_detector("lite0", embeddings=True), FlowCameraMotion(), open_scene(SCENE)
    with source:
        frames = list(source)
    found = [detector(frame) for frame in frames]
    warps = [flow(frame, d) for frame, d in zip(frames, found, strict=True)]
    np.savez_compressed(
        path,
        names=np.array(detector.names),
        times=np.array([frame.time for frame in frames]),
        warp=np.array([np.full((2, 3), np.nan) if warp is None else warp for warp in warps]),
        frame=np.repeat(np.arange(len(frames)), [len(d) for d in found]),
        xyxy=np.concatenate([d.xyxy for d in found]),
        score=np.concatenate([d.score for d in found]),
        label=np.concatenate([d.label for d in found]),
        # half precision halves the file, and the tracker is given the same rounded numbers everywhere
        embedding=np.concatenate([d.embedding for d in found if d.embedding is not None]).astype(np.float16),
    )


if __name__ == "__main__":
    for name in MOTIONS:
        with tempfile.TemporaryDirectory() as folder:
            (DATA / f"square.{name}.txt").write_bytes(track_file(name, Path(folder)).read_bytes())
    if not RECORDED.exists():  # delete it to have another detector's word
        record()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in zip(EXPECTED.values(), track_scene(Path(folder), Recorded()), strict=True):
            (DATA / name).write_bytes(text)
