"""Boxes for frames that were not looked at: the formats that tell how a box came about say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.formats import FORMATS
from datasets.formats.config import LabelConfig
from datasets.formats.provenance import Provenance
from tracker.protocols import SourceInfo
from tracker.types import Frame, State, Tracks

STATES = (State.ACTIVE, State.PREDICTED, State.PREDICTED, State.ACTIVE, State.LOST)


def write(path: Path, kind: str) -> None:
    ground = np.zeros((100, 200, 3), np.uint8)
    with FORMATS[kind].writer(path, LabelConfig()) as writer:
        writer.open(SourceInfo("street", 200, 100, rate=10.0), ("car",))
        for k, state in enumerate(STATES):
            unseen = 0.0 if state == State.ACTIVE else 0.1
            box = [10 + 5 * k, 20, 40 + 5 * k, 60]
            writer.write(Frame(ground, k, 0.1 * k), Tracks([7], [box], [0.9], [0], [state], [unseen], [-1]))


TELLING = {"jsonl": "a.jsonl", "coco": "a.json", "cvat": "a.xml", "labelstudio": "b.json", "csv": "a.csv"}


@pytest.mark.parametrize(("kind", "name"), [*TELLING.items(), ("parquet", "a.parquet")])
def test_predicted_boxes_are_marked(tmp_path: Path, kind: str, name: str) -> None:
    write(tmp_path / name, kind)
    found = FORMATS[kind].read(tmp_path / name, False)
    assert found.row.tolist() == [0, 1, 2, 3]  # the lost one is no result
    assert found.provenance is not None
    known = {Provenance.SEEN, Provenance.PREDICTED}
    told = [Provenance(int(value)) if int(value) in set(Provenance) else Provenance.SEEN for value in found.provenance]
    assert set(told) == known
    assert told == [Provenance.SEEN, Provenance.PREDICTED, Provenance.PREDICTED, Provenance.SEEN]


@pytest.mark.parametrize(("kind", "name"), [("mot", "a.txt"), ("kitti", "a.kitti.txt"), ("yolo", "yolo")])
def test_other_formats_hold_the_predicted_boxes_too(tmp_path: Path, kind: str, name: str) -> None:
    write(tmp_path / name, kind)
    found = FORMATS[kind].read(tmp_path / name, False)
    assert len(found.row) == 4
