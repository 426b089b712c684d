"""A project of a real film of variable rate: re-tracked both ways, exported, undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

import numpy as np
import pytest

from datasets.projects import Path, Project, Provenance, SourceRecord, Track
from datasets.projects.retrack import RetrackJob
from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.frame_access import FrameReader
from datasets.sources.frame_list import list_frames
from datasets.sources.recorded import Recorded
from models.runtime.compute import Compute
from tests.support.numbered_film import HEIGHT, WIDTH, box, make_film, milliseconds
from tests.support.pattern_images import iou
from tests.support.projects import content
from tests.support.weights import needs_weights
from tracker.single_object.manager import tracker_factory

FRAMES = 40
KEYS = (0, 18, 39)  # the first picture, one within a group of pictures, the last one


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrameReader]:
    film = make_film(tmp_path_factory.mktemp("film") / "film.mp4", FRAMES)

    def reopen() -> Recorded:
        source = open_source(film)
        assert isinstance(source, Recorded)
        return source

    with FrameReader(reopen, list_frames(reopen, SourceConfig()), threads=1) as reader:
        yield reader


def test_object_is_followed_both_ways_through_a_film_of_variable_rate(frames: FrameReader, tmp_path: FilePath) -> None:
    needs_weights()
    source = SourceRecord("film.mp4", width=WIDTH, height=HEIGHT)
    with Project.create(tmp_path / "film.liquidtrack", source, ("box",), frames.numbers, frames.times) as project:
        np.testing.assert_allclose(project.times * 1000, milliseconds(FRAMES), atol=0.5)
        truth = np.array([box(1, k) for k in KEYS], np.float32)
        project.import_tracks([(Track(1, 0), Path.of(KEYS, truth, provenance=Provenance.DRAWN))], "Ada")
        before = content(project)
        job = RetrackJob(project, frames, 1, KEYS[1], make_tracker=tracker_factory(Compute(threads=1)))
        assert sum(1 for _ in job) == job.total
        edit = job.edit()
        assert edit is not None
        project.apply(edit, "Ada")
        rows = project.track(1)[1]
        assert rows.frame.tolist() == list(range(FRAMES))
        np.testing.assert_array_equal(rows.xyxy[list(KEYS)], truth)
        assert (np.delete(rows.provenance, KEYS) == Provenance.TRACKED).all()
        assert min(iou(row.astype(float), np.array(box(1, k), float)) for k, row in enumerate(rows.xyxy)) > 0.75
        assert [entry.kind for entry in project.journal(1)] == ["retrack"]
        exported = project.to_annotations()
        assert len(exported) == FRAMES
        project.undo("Ada")
        assert content(project) == before
