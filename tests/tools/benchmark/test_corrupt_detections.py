"""Corrupted detections: the requested noise and false alarms, or the ground truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.formats.mot import read
from models.errors import DataError
from tools.benchmark.corrupt_detections import corrupt_detections


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    folder = tmp_path / "walk"
    for part in ("det", "gt"):
        (folder / part).mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=20\nseqLength=500\nimWidth=800\nimHeight=600\n")
    rows = [(k, i, 200 * i, 100.0) for k in range(1, 501) for i in (1, 2)]
    (folder / "det/det.txt").write_text("".join(f"{k},-1,{x},{y},50,100,0.7\n" for k, _, x, y in rows))
    truth = [f"{k},{i},{x},{y},50,100,1,1,1\n{k},9,0,0,50,100,0,7,1\n" for k, i, x, y in rows]
    (folder / "gt/gt.txt").write_text("".join(truth[::2]))
    return folder


def test_noise_moves_every_edge_proportionally(sequence: Path) -> None:
    before = read(sequence / "det/det.txt").xyxy
    corrupt_detections(sequence, truth=False, noise=0.05, alarms=0.0, seed=0)
    after = read(sequence / "det/det.txt")
    np.testing.assert_allclose((after.xyxy - before).std(axis=0) / [50, 100, 50, 100], 0.05, rtol=0.1)
    assert (after.score == np.float32(0.7)).all()
    text = (sequence / "det/det.txt").read_text()
    corrupt_detections(sequence, truth=False, noise=0.0, alarms=0.0, seed=0)
    assert (sequence / "det/det.txt").read_text() == text


def test_false_alarms_have_the_requested_rate_and_keep_detections(sequence: Path) -> None:
    before = (sequence / "det/det.txt").read_text()
    corrupt_detections(sequence, truth=False, noise=0.0, alarms=0.1, seed=0)
    after = read(sequence / "det/det.txt")
    assert len(after.row) - 1000 == pytest.approx(100, abs=30)
    real = after.score == np.float32(0.7)
    assert real.sum() == before.count("\n")
    size = after.xyxy[~real, 2:] - after.xyxy[~real, :2]
    np.testing.assert_allclose(size, np.tile([50, 100], (len(size), 1)), atol=0.02)


def test_ground_truth_replaces_detections_without_ignored_objects(sequence: Path) -> None:
    corrupt_detections(sequence, truth=True, noise=0.0, alarms=0.0, seed=0)
    found = read(sequence / "det/det.txt")
    assert len(found.row) == 500
    np.testing.assert_array_equal(np.unique(found.xyxy, axis=0), [[200, 100, 250, 200]])
    assert (found.score == 1).all()


def test_missing_ground_truth_is_refused(sequence: Path) -> None:
    (sequence / "gt/gt.txt").unlink()
    with pytest.raises(DataError, match=r"holds no gt/gt\.txt"):
        corrupt_detections(sequence, truth=True, noise=0.0, alarms=0.0, seed=0)
