"""Attributes of single-object sequences: the files of VOT and LaSOT, names for a sequence, and wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasets.ground_truth.sot_attributes import read_attributes
from models.errors import DataError


def test_attributes_of_frames_and_of_the_sequence_are_read(tmp_path: Path) -> None:
    assert read_attributes(tmp_path, 3) == {}
    (tmp_path / "camera_motion.tag").write_text("0\n1\n1\n")
    (tmp_path / "full_occlusion.txt").write_text("1,0,0")
    (tmp_path / "attributes.txt").write_text("Fast Motion, low_resolution\n\n")
    found = {name: frames.tolist() for name, frames in read_attributes(tmp_path, 3).items()}
    assert found == {
        "camera motion": [False, True, True],
        "full occlusion": [True, False, False],
        "fast motion": [True] * 3,
        "low resolution": [True] * 3,
    }


@pytest.mark.parametrize(("text", "said"), [("0\n1\n", "2 values for 3 frames"), ("0\n2\n1\n", "'2' is no 0 or 1")])
def test_wrong_attributes_are_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "occlusion.tag").write_text(text)
    with pytest.raises(DataError, match=said):
        read_attributes(tmp_path, 3)
