"""Detections out of a file, by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.formats import DetectionFile, write
from datasets.formats.annotations import Annotations
from datasets.masks.rle import encode
from models.errors import DataError


def test_each_frame_gets_its_detections(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("3,-1,1,2,3,4,0.5\n1,-1,1,2,3,4,0.9\n1,-1,5,5,5,5,0.8\n")
    file = DetectionFile(tmp_path / "det.txt")
    assert file.names == ("person",)
    assert len(file(0)) == 2
    assert np.allclose(file(0).score, [0.9, 0.8])
    assert file(0).xyxy.tolist() == [[1, 2, 4, 6], [5, 5, 10, 10]]
    assert len(file(1)) == 0
    assert len(file(2)) == 1
    assert len(file(10**9)) == 0
    assert len(file) == 2


def test_ignored_boxes_are_dropped_and_masks_kept(tmp_path: Path) -> None:
    mask = np.zeros((12, 16), bool)
    mask[2:4, 1:5] = True
    want = Annotations(
        np.array([4]),
        np.array([0.5]),
        np.array([0, 0, 0]),
        np.array([-1, -1, 7]),
        np.array([[1, 2, 5, 4], [0, 0, 9, 9], [8, 3, 10, 5.2]], np.float32),
        np.array([1, 0.5, 0.25], np.float32),
        np.array([0, 0, 0]),
        ("cat",),
        np.array([False, True, False]),
        (16, 12),
        mask=(encode(mask), None, None),
    )
    write(want, tmp_path / "a.jsonl")
    found = DetectionFile(tmp_path / "a.jsonl")(4)
    assert found.score.tolist() == [1, 0.25]
    assert found.mask is not None
    assert (found.mask[0] == mask).all()
    assert found.mask[1].sum() == 4
    assert found.mask[1][3:5, 8:10].all()


def test_invalid_detection_file_is_refused_on_opening(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("1,-1,1,2,-3,4,0.5\n2,-1,1,2,3,4,0.5\n")
    with pytest.raises(DataError, match=r"det.txt line 1: width is -3.0"):
        DetectionFile(tmp_path / "det.txt")
    assert len(DetectionFile(tmp_path / "det.txt", skip_bad_rows=True)(0)) == 0


def test_real_detections_are_read_completely(shared: Path) -> None:
    path = shared / "data" / "mot" / "MOT17-first" / "MOT17-04" / "det" / "det.txt"
    file = DetectionFile(path)
    raw = np.loadtxt(path, delimiter=",")
    for frame in (0, 17, 525):
        rows = raw[raw[:, 0] == frame + 1]
        found = file(frame)
        assert np.allclose(found.xyxy[:, :2], rows[:, 2:4], atol=1e-3)
        assert np.allclose(found.score, rows[:, 6])
