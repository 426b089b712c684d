"""`liquidtrack bench whole-speed`."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError, DataError
from tools.benchmark.config.whole_speed import BenchWholeSpeedConfig
from tools.benchmark.session_speed import CANDIDATES, CUT_MARGIN, pieces_of, session_of, time_constraints
from tools.benchmark.whole_speed import bench_whole_speed, long_recording
from tracker.config import TrackerConfig
from tracker.offline.online import track_online
from tracker.offline.types import VideoDetections
from tracker.types import Detections


def walkers(frames: int = 10, objects: int = 3) -> VideoDetections:
    """Boxes of 20 by 40 pixels that move to the right in an image of 200 by 100."""

    def boxes(k: int) -> Detections:
        x = 10.0 + 50 * np.arange(objects) + k
        xyxy = np.column_stack([x, 0 * x, x + 20, 0 * x + 40]).astype(np.float32)
        return Detections(xyxy, np.full(objects, 0.9, np.float32), np.zeros(objects, np.int64))

    return VideoDetections.of(((k / 10, boxes(k)) for k in range(frames)), (200, 100))


def test_long_recording_has_the_asked_length_and_number_of_objects() -> None:
    long = long_recording(walkers(), seconds=4.5, rate=20.0, objects=9)
    assert len(long.times) == 90
    assert np.allclose(np.diff(long.times), 0.05)
    assert (np.bincount(long.frame, minlength=90) == 9).all()
    assert long.size == (600, 100)
    assert (long.xyxy[:, 2] - long.xyxy[:, 0] == 20).all()
    assert np.unique(long.xyxy[:, 0] // 200).tolist() == [0, 1, 2]  # copies beside each other


def test_every_second_repetition_is_mirrored_at_the_same_moments() -> None:
    source = walkers()
    long = long_recording(source, seconds=2.0, rate=10.0, objects=3)
    assert np.array_equal(long.xyxy[:30], source.xyxy)
    assert np.array_equal(long.xyxy[30:, 0], 200 - source.xyxy[:, 2])
    assert np.array_equal(long.xyxy[30:, 1], source.xyxy[:, 1])


def test_report_compares_whole_with_online(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "walk", tmp_path / "speed.json"
    (folder / "det").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=10\nseqLength=10\nimWidth=200\nimHeight=100\n")
    found = walkers()
    rows = [
        f"{k + 1},-1,{x0},{y0},{x1 - x0},{y1 - y0},0.9\n"
        for k, (x0, y0, x1, y1) in zip(found.frame.tolist(), found.xyxy.tolist(), strict=True)
    ]
    (folder / "det/det.txt").write_text("".join(rows))
    config = BenchWholeSpeedConfig(folder, seconds=3, rate=10, objects=6, horizon=1, constraints=3, json=out)
    bench_whole_speed(config)
    said = capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert "30 frames, 3 s, 6.0 detections in a frame" in said
    assert "whole / online: " in said
    for name in ("online", "whole"):
        assert figures[name]["detections"] == 180
        assert figures[name]["boxes"] >= 150
        assert figures[name]["memory"] > 10_000_000
    assert figures["constraints"]["pieces"] >= 6
    assert f"on {figures['constraints']['pieces']} pieces" in said


def test_session_of_a_recording_has_the_pieces_without_doubt_and_takes_constraints() -> None:
    detections = long_recording(walkers(40), seconds=12.0, rate=10.0, objects=3)
    online = track_online(detections, TrackerConfig())
    piece, first, last = pieces_of(online)
    session = session_of(detections, online, 5.0)
    assert len(session.table) == len(first) == piece.max() + 1
    assert (piece[first] == np.arange(len(first))).all()
    assert (piece[last] == np.arange(len(first))).all()
    sure = (online.before >= 0) & (online.margin >= CUT_MARGIN)
    assert (piece[sure] == piece[online.before[sure]]).all()
    assert np.bincount(session.problem.earlier).max() <= CANDIDATES
    spent = time_constraints(session, first, last, 4)
    assert spent.shape[1] == 2
    assert 1 <= len(spent) <= 4


def test_no_detections_and_wrong_lengths_are_one_sentence() -> None:
    with pytest.raises(DataError, match="no detections"):
        long_recording(VideoDetections.of([(0.0, Detections.empty())]), 1.0, 10.0, 3)
    with pytest.raises(ConfigError, match="seconds times rate"):
        BenchWholeSpeedConfig(Path("x"), seconds=0.01)
    with pytest.raises(ConfigError, match="give seconds, 0 for"):
        BenchWholeSpeedConfig(Path("x"), horizon=-1.0)
