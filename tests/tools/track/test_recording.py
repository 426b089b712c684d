"""A sequence's folder as the detections of a whole recording, and `mot --whole`."""

from pathlib import Path

import numpy as np
import pytest

from datasets.formats import read
from models.errors import DataError
from tools.track.config.detections import MotConfig
from tools.track.detections import mot
from tools.track.recording import read_recording


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    """Two walkers in 30 frames; nothing is detected in frames 11 to 14; the camera moves in frame 3."""
    folder = tmp_path / "root/walk"
    (folder / "det").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=10\nseqLength=30\nimWidth=800\nimHeight=600\n")
    rows = [
        f"{k},-1,{x + d * k},{y},30,80,0.9\n"
        for k in range(1, 31)
        if not 11 <= k <= 14
        for x, d, y in ((100, 4, 100), (400, -4, 220))
    ]
    (folder / "det/det.txt").write_text("".join(rows))
    (folder / "gmc.txt").write_text("3,1,0,5,0,1,-2\n")
    return folder


def test_recording_holds_all_frames_and_their_camera_motion(sequence: Path) -> None:
    found = read_recording(sequence)
    assert len(found.detections.times) == 30
    assert found.detections.size == (800, 600)
    assert np.bincount(found.detections.frame, minlength=30).tolist() == [2] * 10 + [0] * 4 + [2] * 16
    assert found.detections.warps is not None
    assert found.detections.warps[2].tolist() == [[1, 0, 5], [0, 1, -2]]
    assert found.detections.warps[3].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert read_recording(sequence, camera_motion=False).detections.warps is None


def test_folder_without_detections_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no det/"):
        read_recording(tmp_path)


def test_whole_writes_one_row_for_each_box_with_the_files_of_online_tracking(sequence: Path, tmp_path: Path) -> None:
    mot(MotConfig(sequence.parent, tmp_path / "online", workers=1, quiet=True))
    mot(MotConfig(sequence.parent, tmp_path / "whole", whole=True, workers=1, quiet=True))
    names = {path.name for path in (tmp_path / "online").iterdir()}
    assert {path.name for path in (tmp_path / "whole").iterdir()} == names
    online, whole = (read(tmp_path / part / "walk.txt", "mot") for part in ("online", "whole"))
    assert len(whole.id) >= len(online.id)
    assert np.unique(whole.id).tolist() == [1, 2]
