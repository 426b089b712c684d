"""A corrected project as ground truth: what a person said is certain, the rest is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

import numpy as np
import pytest

from datasets.ground_truth.tracking import UNLABELLED
from datasets.projects import Project, Track
from datasets.projects.operations import run
from datasets.projects.training import read_projects, training_sequence
from models.errors import DataError
from tests.support.projects import make_project, seen
from tracker.offline.types import VideoDetections

FRAMES = 60


@pytest.fixture
def project(tmp_path: FilePath) -> Iterator[Project]:
    """Track 1 in frames 0..59 of detections 0, 3, 6, ..., track 2 in 0..49; every third detection is of no track."""
    with make_project(tmp_path / "film.liquidtrack", frames=FRAMES) as made:
        boxes = [seen(0, 59).xyxy, seen(0, 59, left=200).xyxy, seen(0, 59, left=400).xyxy]
        detections = VideoDetections(
            made.times,
            np.repeat(np.arange(FRAMES), 3),
            np.stack(boxes, axis=1).reshape(-1, 4),
            np.full(3 * FRAMES, 0.9, np.float32),
            np.zeros(3 * FRAMES, np.int64),
            (640, 480),
            None,
            np.tile(np.eye(2, 3), (FRAMES, 1, 1)),
        )
        made.put_detections(detections)
        rows = {
            1: seen(0, 59).with_columns(detection=3 * np.arange(60)),
            2: seen(0, 49, left=200).with_columns(detection=3 * np.arange(50) + 1),
        }
        made.import_tracks(((Track(id, 0), path) for id, path in rows.items()), "tracker")
        yield made


def test_an_uncorrected_project_is_refused(project: Project) -> None:
    with pytest.raises(
        DataError, match=r"film\.liquidtrack holds no accepted track and no drawn or confirmed box; correct"
    ):
        read_projects((project.path,))


def test_an_accepted_project_is_certain_everywhere(project: Project) -> None:
    for track in (1, 2):
        project.apply(run(project, "accept", {"track": track}), "ann")
    sequence = training_sequence(project)
    assert (sequence.home, sequence.name) == (project.path.parent.name, "film.liquidtrack")
    assert len(sequence.truth.id) == 110
    assert sequence.open == ()
    assert sequence.detections is not None
    for frame in (0, 30, 55):
        assert sequence.detections.at(frame)[0].tolist() == [1, 2 if frame < 50 else -1, -1]
    assert sequence.last == {1: 59 / 30, 2: 49 / 30}
    assert len(sequence.warps) == FRAMES - 1


def test_what_nobody_looked_at_is_unlabelled(project: Project) -> None:
    project.apply(run(project, "accept", {"track": 1}), "ann")
    project.apply(run(project, "accept", {"track": 2, "first": 10, "last": 19}), "ann")
    sequence = training_sequence(project)
    assert sequence.open == (2,)
    assert len(sequence.truth.id) == 70
    assert sequence.detections is not None
    assert sequence.detections.at(5)[0].tolist() == [1, UNLABELLED, UNLABELLED]
    assert sequence.detections.at(15)[0].tolist() == [1, 2, -1]
    assert sequence.detections.at(55)[0].tolist() == [1, -1, -1]


def test_a_drawn_box_finds_its_detection(project: Project) -> None:
    box = [400.5, 50, 420.5, 90]
    project.apply(run(project, "draw", {"frame": 7, "xyxy": box}), "ann")
    sequence = training_sequence(project)
    assert sequence.truth.at(7)[0].tolist() == [3]
    assert sequence.detections is not None
    assert sequence.detections.at(7)[0].tolist() == [UNLABELLED, UNLABELLED, 3]
    assert set(sequence.detections.at(8)[0].tolist()) == {UNLABELLED}


def test_a_project_without_detections_is_truth_alone(tmp_path: FilePath) -> None:
    with make_project(tmp_path / "p", {1: seen(0, 20)}, FRAMES) as project:
        project.apply(run(project, "accept", {"track": 1}), "ann")
        sequence = training_sequence(project)
    assert sequence.detections is None
    assert len(sequence.truth.id) == 21
