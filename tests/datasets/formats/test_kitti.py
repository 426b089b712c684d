"""KITTI tracking text: rows as KITTI writes them, DontCare, names with blanks, and a sentence for all that is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.formats import read, write
from datasets.formats.annotations import Annotations
from models.errors import DataError

# The first rows of KITTI's own example in its development kit, and two rows of results.
TRUTH = """0 -1 DontCare -1 -1 -10.000 219.310 188.490 245.500 218.560 -1000 -1000 -1000 -10 -1 -1 -1
0 0 Van 0 0 -1.793 296.744 161.752 455.226 292.372 2.0 1.823 4.433 -4.552 1.858 13.410 -2.115
1 0 Van 0 2 -1.796 294.898 156.024 452.199 284.621 2.0 1.823 4.433 -4.650 1.766 13.581 -2.121
2 5 Pedestrian 0 3 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10
"""
RESULT = "{} {} Car -1 -1 -10 10 20 30 40 -1 -1 -1 -1000 -1000 -1000 -10 {}\n"


def put(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_kitti_ground_truth_is_read(tmp_path: Path) -> None:
    got = read(put(tmp_path / "0000.txt", TRUTH))
    assert got.frames.tolist() == [0, 1, 2]
    assert got.id.tolist() == [-1, 0, 0, 5]
    assert got.ignore.tolist() == [True, False, False, False]
    assert [got.names[k] for k in got.label[1:]] == ["Van", "Van", "Pedestrian"]
    assert np.allclose(got.xyxy[0], [219.31, 188.49, 245.5, 218.56])
    assert got.visibility is not None
    assert np.allclose(got.visibility, [1, 1, 0.33, 1])
    assert read(tmp_path / "0000.txt", rate=10).times.tolist() == [0, 0.1, 0.2]  # type: ignore[union-attr]


def test_results_have_scores_on_any_scale(tmp_path: Path) -> None:
    got = read(put(tmp_path / "a.txt", RESULT.format(0, 1, 0.25) + RESULT.format(0, 2, 1)))
    assert got.score.tolist() == [0.25, 1]
    got = read(put(tmp_path / "a.txt", RESULT.format(0, 1, -3.5) + RESULT.format(0, 2, 12)))
    assert 0 < got.score[0] < got.score[1] < 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 1 Car 0 0 1 2 3", "a.txt line 2: 8 columns; a row has 17, or 18 with a score"),
        (RESULT.format("x", 1, 1), "line 2: 'x' is no number"),
        (RESULT.format(-1, 1, 1), "line 2: frame is -1; frames are whole numbers from 0"),
        (RESULT.format(0, 9, 1), "line 2: id 9 stands twice in frame 0"),
        (RESULT.format(0, 1, "nan"), "line 2: score is nan"),
        (RESULT.format(0, 1, 1).replace("30 40", "10 40"), "line 2: width is 0.0"),
        (RESULT.format(0, 1, 1).replace("30 40", "30 inf"), "line 2: bottom is inf"),
    ],
)
def test_bad_row_is_named_or_dropped(row: str, message: str, tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", RESULT.format(0, 9, 1) + row.strip() + "\n" + RESULT.format(4, 9, 1))
    with pytest.raises(DataError) as error:
        read(path)
    assert message in str(error.value)
    assert read(path, skip_bad_rows=True).frames.tolist() == [0, 4]


def test_names_with_spaces_stay_one_column(tmp_path: Path) -> None:
    want = Annotations(
        np.array([0]),
        np.array([0.5]),
        np.array([0, 0]),
        np.array([1, 2]),
        np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32),
        np.ones(2, np.float32),
        np.array([0, 1]),
        ("traffic light", "100%"),
        np.array([False, False]),
    )
    write(want, tmp_path / "a.txt", "kitti")
    assert all(len(line.split()) == 18 for line in (tmp_path / "a.txt").read_text().splitlines())
    got = read(tmp_path / "a.txt")
    assert got.names == want.names
    assert got.times is not None
    assert got.times.tolist() == [0.5]
