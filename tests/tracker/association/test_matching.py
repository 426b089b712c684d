"""The `Associator` plug-ins: one contract for all, and what each does of its own."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.association.costs import iou
from tracker.association.matching import MatchProblem, TwoStage
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.motion.base import Observations
from tracker.motion_registry import ASSOCIATORS, MOTIONS
from tracker.types import Bool, Detections, Float64, Int64

BOX = np.array([100.0, 100, 140, 200])
SURE = np.full(2, 0.9, np.float32)


def shifted(x: float, y: float = 0) -> Float64:
    return BOX + np.array([x, y, x, y])


def problem(boxes: Float64, score: list[float], motion: str = "kalman") -> MatchProblem:
    """One track at `BOX`, seen a tenth of a second ago, and the observations `boxes` (M, 4)."""
    model = MOTIONS[motion](TrackerConfig())
    first = Observations.at(BOX[None], np.array([0.9]), True)
    rows = model.start(first, 0.0, np.zeros((0, model.width)))
    seen = Observations.at(boxes, np.array(score), True)
    one, m = np.zeros(1), len(boxes)
    return MatchProblem(
        id=np.ones(1, np.int64),
        prediction=model.predict(rows, 0.1),
        label=np.zeros(1, np.int64),
        score=np.array([0.9]),
        embedding=np.zeros((1, 0), np.float32),
        missed=one,
        exited=np.zeros(1, bool),
        observations=seen,
        births=np.array(score) >= 0.65,
        weak=np.zeros(m, bool),
    )


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("cost", sorted(set(ASSOCIATORS) - {"appearance"}))  # to that one place says nothing
def test_every_associator_keeps_two_walkers_separate(cost: str, motion: str) -> None:
    tracker = Tracker(TrackerConfig(motion=motion, cost=cost), size=(640, 480))
    for k in range(15):
        boxes = np.stack([shifted(6 * k), shifted(300 - 6 * k, 150)])[:: 1 if k % 2 else -1]
        tracks = tracker.update(Detections(boxes.astype(np.float32), SURE, np.zeros(2, np.int64)), k / 10)
        assert sorted(tracks.detection.tolist()) == [0, 1]
    assert sorted(tracks.id.tolist()) == [1, 2]


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("cost", ASSOCIATORS)
def test_every_associator_handles_a_frame_without_nearby_observations(cost: str, motion: str) -> None:
    frame = problem(BOX[None] + 5000, [0.9], motion)
    associator = ASSOCIATORS[cost](TrackerConfig(motion=motion), MOTIONS[motion](TrackerConfig()))
    assert associator.match(frame).tolist() == [-1]


def test_two_stage_matching_prefers_high_score_over_nearer_low_score() -> None:
    boxes = np.stack([BOX, shifted(12)])
    two_stage = TwoStage(iou, high_score=0.4, threshold=0.0, low_threshold=0.0)
    assert two_stage.match(problem(boxes, [0.2, 0.9])).tolist() == [1]
    assert two_stage.match(problem(boxes, [0.9, 0.9])).tolist() == [0]
    assert two_stage.match(problem(boxes[:1], [0.2])).tolist() == [0]  # the second stage


class MatchNothing:
    """Finds no track again."""

    uses_crowding = False

    def __init__(self) -> None:
        self.born: list[int] = []

    def warp(self, affine: Float64) -> None: ...

    def match(self, problem: MatchProblem) -> Int64:
        return problem.unmatched()

    def learn(self, observations: Observations, born: Int64, unexplained: Bool, time: float) -> None:
        self.born.append(len(born))


def test_tracker_uses_the_given_associator() -> None:
    associator = MatchNothing()
    tracker = Tracker(associator=associator)
    for k in range(3):
        tracks = tracker.update([[*BOX, 0.9, 0]], k / 10)  # type: ignore[arg-type]
    assert tracks.id.tolist() == [1, 2, 3]
    assert associator.born == [1, 1, 1]
