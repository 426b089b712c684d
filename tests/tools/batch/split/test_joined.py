"""Files of segments and the frames that are made of them: classes, columns, damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.formats.provenance import Provenance
from datasets.formats.writer import FrameBoxes
from models.errors import DataError
from tools.batch.split.joined import join_files
from tools.batch.split.segment_file import SegmentWriter, read_facts, read_segment
from tracker.protocols import SourceInfo
from tracker.segments.types import ONLINE

FACTS = {"segment": 0, "fingerprint": "x"}


def boxes(ids: list[int], labels: list[int], **columns: object) -> FrameBoxes:
    """Boxes in the lanes of their order, which stand still."""
    lane = 100.0 * np.arange(len(ids), dtype=np.float32)
    xyxy = np.stack([lane, lane * 0, lane + 50, lane * 0 + 80], 1)
    score = np.full(len(ids), 0.9, np.float32)
    return FrameBoxes(np.array(ids, np.int64), xyxy, score, np.array(labels, np.int64), **columns)  # type: ignore[arg-type]


def write(path: Path, names: tuple[str, ...], first: int, end: int, ids: list[int], labels: list[int]) -> Path:
    with SegmentWriter(path) as writer:
        writer.open(SourceInfo("a", 640, 480), names)
        for k in range(first, end):
            writer.put(k, k / 10, boxes(ids, labels))
        writer.save(FACTS)
    return path


def test_classes_of_segments_are_brought_together_by_name(tmp_path: Path) -> None:
    one = write(tmp_path / "0.npz", ("person", "car"), 0, 30, [1, 2], [0, 1])
    other = write(tmp_path / "1.npz", ("dog", "car", "person"), 20, 60, [7, 5], [2, 1])
    joined = join_files([one, other], ONLINE, one_label=False)
    assert joined.names == ("person", "car", "dog")
    assert joined.tracks == 2
    for _, _, frame in joined.frames():
        assert (frame.id.tolist(), frame.label.tolist()) == ([1, 2], [0, 1])


def test_track_with_one_class_has_that_of_most_of_its_boxes(tmp_path: Path) -> None:
    one = write(tmp_path / "0.npz", ("person", "car"), 0, 30, [1], [1])
    other = write(tmp_path / "1.npz", ("person", "car"), 20, 80, [1], [0])
    labels = [frame.label.tolist() for _, _, frame in join_files([one, other], ONLINE, one_label=True).frames()]
    assert labels == [[0]] * 80
    labels = [frame.label.tolist() for _, _, frame in join_files([one, other], ONLINE, one_label=False).frames()]
    assert labels[0] == [1]
    assert labels[-1] == [0]


def test_every_column_of_a_box_is_kept(tmp_path: Path) -> None:
    columns = {
        "class_score": np.array([0.123456789], np.float32),
        "filled": np.array([True]),
        "link": np.array([0.87654321], np.float32),
        "std": np.array([[1, 2, 0.1, 0.2]], np.float32),
        "provenance": np.array([Provenance.FILLED], np.uint8),
    }
    with SegmentWriter(tmp_path / "0.npz") as writer:
        writer.open(SourceInfo("a", 640, 480), ("person",))
        writer.put(3, 0.1, boxes([1], [0]))
        writer.put(4, 0.2, boxes([1], [0], **columns))
        writer.put(6, 0.5, boxes([], []))
        writer.save(FACTS)
    table = read_segment(tmp_path / "0.npz")
    assert table.numbers.tolist() == [3, 4, 6]
    assert table.times.tolist() == [0.1, 0.2, 0.5]
    for name, column in columns.items():
        kept = getattr(table.boxes, name)
        assert kept.dtype == column.dtype
        np.testing.assert_array_equal(kept[1:], column)
    assert np.isnan(table.boxes.class_score[0])  # type: ignore[index]  # the frame before had none
    frames = list(join_files([tmp_path / "0.npz"], ONLINE, one_label=False).frames())
    assert [(number, seconds, len(found)) for number, seconds, found in frames] == [
        (3, 0.1, 1),
        (4, 0.2, 1),
        (6, 0.5, 0),
    ]


def test_segments_that_share_no_frames_are_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "0.npz", ("person",), 0, 30, [1], [0])
    other = write(tmp_path / "1.npz", ("person",), 29, 60, [1], [0])
    with pytest.raises(DataError, match="shares 1 frames with the segment before it"):
        join_files([one, other], ONLINE, one_label=False)


@pytest.mark.parametrize("size", [0, 10, 400])
def test_damaged_file_is_no_segment(size: int, tmp_path: Path) -> None:
    path = write(tmp_path / "0.npz", ("person",), 0, 30, [1], [0])
    assert read_facts(path) == FACTS
    path.write_bytes(path.read_bytes()[:size])
    assert read_facts(path) is None
    with pytest.raises(DataError, match=r"0\.npz: the tracks of a segment cannot be read"):
        read_segment(path)
