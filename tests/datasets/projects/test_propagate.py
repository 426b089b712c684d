"""Masks of a project carried from a drawn one to the frames around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

import numpy as np
import pytest

from datasets.masks.rle import Rle, decode, encode
from datasets.projects import Path, Project, Provenance, SourceRecord, Track
from datasets.projects.operations.registry import run
from datasets.projects.propagate import PropagateJob, mask_from_box
from models.errors import ConfigError, DataError
from tests.support.pattern_images import SIZE
from tests.support.pattern_video import UNEVEN, video, walking, walking_mask
from tests.support.projects import content
from tests.support.propagators import small_propagator

pytest.importorskip("torch", reason="the one export needs the extra `torch`")
LAST = len(UNEVEN) - 1


@pytest.fixture(scope="module", autouse=True)
def networks(own_cache: None) -> None:
    """A cache of this module's own."""


def truth(frame: int) -> Rle:
    return encode(walking_mask(frame))


def jaccard(one: Rle, two: Rle) -> float:
    a, b = decode(one), decode(two)
    return float((a & b).sum() / (a | b).sum())


@pytest.fixture
def project(tmp_path: FilePath) -> Iterator[Project]:
    """One track with machine boxes, a mask drawn in frame 2, and a box drawn in frame 4."""
    with Project.create(
        tmp_path / "p", SourceRecord("film", width=SIZE[0], height=SIZE[1]), ("thing",), np.arange(LAST + 1), UNEVEN
    ) as made:
        boxes = np.array([walking(float(t)) for t in UNEVEN], np.float32)
        made.import_tracks([(Track(1, 0), Path.of(np.arange(LAST + 1), boxes, 0.5, Provenance.SEEN))], "import")
        made.apply(run(made, "mask", {"track": 1, "frame": 2, "rle": truth(2).to_json()}), "ann")
        made.apply(run(made, "move", {"track": 1, "frame": 4, "xyxy": [10, 20, 30, 40]}), "ann")
        yield made


def test_mask_is_carried_both_ways_as_one_entry(project: Project) -> None:
    before = content(project)
    job = PropagateJob(project, video(), 1, 2, make=small_propagator)
    steps = list(job)
    assert [step.done for step in steps] == list(range(1, job.total + 1))
    assert {step.phase for step in steps} == {"forwards", "backwards"}
    edit = job.edit()
    assert edit is not None
    entry = project.apply(edit, "ann")
    assert (entry.kind, entry.parameters["first"], entry.parameters["last"]) == ("propagate", 0, LAST)
    rows = project.track(1)[1]
    assert rows.mask is not None
    for k, mask in enumerate(rows.mask):
        if k == 4:
            assert mask is None
            continue
        assert mask is not None
        assert jaccard(mask, truth(k)) > 0.7
        area = decode(mask)
        y, x = np.flatnonzero(area.any(axis=1)), np.flatnonzero(area.any(axis=0))
        assert rows.xyxy[k].tolist() == [x[0], y[0], x[-1] + 1, y[-1] + 1]
    assert rows.xyxy[4].tolist() == [10, 20, 30, 40]
    assert rows.provenance[[1, 2, 3, 4]].tolist() == [
        Provenance.TRACKED, Provenance.DRAWN, Provenance.TRACKED, Provenance.DRAWN,
    ]  # fmt: skip
    assert job.message == f"The mask of track 1 was carried to {LAST} frames, 0 to {LAST}."
    project.undo("ann")
    assert content(project) == before


def test_next_drawn_mask_is_not_passed_and_helps(project: Project) -> None:
    project.apply(run(project, "mask", {"track": 1, "frame": 8, "rle": truth(8).to_json()}), "ann")
    job = PropagateJob(project, video(), 1, 2, "forwards", make=small_propagator)
    steps = list(job)
    assert sorted(step.frame for step in steps) == [3, 4, 5, 6, 7]
    assert {step.phase for step in steps} == {"forwards", "backwards"}


def test_stopped_job_keeps_its_masks(project: Project) -> None:
    job = PropagateJob(project, video(), 1, 2, "forwards", 0.5, make=small_propagator)
    assert job.edit() is None
    assert job.message == "The mask of track 1 was not found in other frames."
    for _ in job:
        break
    edit = job.edit()
    assert edit is not None
    project.apply(edit, "ann")
    masks = project.track(1)[1].mask
    assert masks is not None
    assert [k for k, mask in enumerate(masks) if mask is not None] == [2, 3]


@pytest.mark.parametrize(
    ("frame", "direction", "says"),
    [(3, "both", "no mask in frame 3; draw one there"), (2, "up", "direction is 'up'"), (99, "both", "frame 99")],
)
def test_what_cannot_be_carried_is_refused(project: Project, frame: int, direction: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        PropagateJob(project, video(), 1, frame, direction, make=small_propagator)  # type: ignore[arg-type]


def test_absence_and_lock_bound_a_mask(project: Project) -> None:
    project.apply(run(project, "absent", {"track": 1, "first": 3, "last": 3}), "ann")
    with pytest.raises(DataError, match="no frame after frame 2 may get a mask"):
        PropagateJob(project, video(), 1, 2, "forwards", make=small_propagator)
    project.apply(run(project, "lock", {"track": 1, "locked": True}), "ann")
    with pytest.raises(DataError, match="track 1 is locked"):
        PropagateJob(project, video(), 1, 2, make=small_propagator)


def test_brush_starts_from_the_object_in_a_box() -> None:
    box = walking(float(UNEVEN[3]))
    assert jaccard(mask_from_box(video(), 3, box), truth(3)) > 0.6
    with pytest.raises(ConfigError, match="lies outside"):
        mask_from_box(video(), 3, np.array([400.0, 10, 450, 60]))
