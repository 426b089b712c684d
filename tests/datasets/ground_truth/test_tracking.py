"""Sequences to learn from, in KITTI's form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.tracking import read_sequences
from models.errors import DataError
from tools.train.association_head import train_head
from tools.train.config.association_head import TrainHeadConfig


def label(frame: int, number: int, kind: str, occluded: int, *box: float) -> str:
    corners = " ".join(f"{v:.2f}" for v in box)
    return f"{frame} {number} {kind} 0 {occluded} -1.5 {corners} 1.5 1.6 4.0 1.0 1.5 20.0 0.1\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two cars and a walker, thirty frames, the last object gone for a while; and DontCare regions."""
    rows = []
    for k in range(30):
        rows.append(label(k, 0, "Car", 0, 100 + 9 * k, 150, 200 + 9 * k, 220))
        rows.append(label(k, 1, "Van", 2, 150 + 9 * k, 140, 260 + 9 * k, 210))
        if not 10 <= k < 20:
            rows.append(label(k, 2, "Pedestrian", 1, 600 - 2 * k, 150, 630 - 2 * k, 230))
        rows.append(label(k, -1, "DontCare", -1, 700, 150, 740, 180))
    folder = tmp_path / "training" / "label_02"
    folder.mkdir(parents=True)
    (folder / "0004.txt").write_text("".join(rows))
    return folder.parent


def test_kitti_truth_is_read_at_10_hz_without_dontcare_regions(root: Path) -> None:
    (sequence,) = read_sequences((root,))
    assert (sequence.home, sequence.name) == ("training", "0004")
    np.testing.assert_allclose(sequence.times, np.arange(30) / 10)
    assert sequence.detections is None
    number, boxes, seen = sequence.truth.at(5)
    assert sorted(number.tolist()) == [0, 1, 2]
    np.testing.assert_allclose(boxes[number == 0], [[145, 150, 245, 220]])
    np.testing.assert_allclose(seen[np.argsort(number)], [1.0, 0.33, 0.66])
    assert sorted(sequence.truth.at(15)[0].tolist()) == [0, 1]
    assert sequence.last == pytest.approx({0: 2.9, 1: 2.9, 2: 2.9})


def test_times_beside_the_labels_override_the_rate(root: Path) -> None:
    lines = "".join(f"{k + 1},{0.25 * k:.3f}\n" for k in range(30))
    (root / "label_02" / "times.csv").write_text("frame,time\n" + lines)
    (sequence,) = read_sequences((root,))
    np.testing.assert_allclose(sequence.times, 0.25 * np.arange(30))


def test_association_head_trains_on_kitti(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "head"
    train_head(TrainHeadConfig((root,), out=out, rollouts=1, clips=2, steps=2, batch=2, workers=1, quiet=True))
    assert (out / "head.safetensors").is_file()


def test_folder_of_unknown_layout_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds neither <sequence>/gt/gt\.txt nor label_02/<sequence>\.txt"):
        read_sequences((tmp_path,))
