"""`liquidtrack bench split`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.errors import ConfigError, DataError
from tests.support.moving_box_clip import TIMES, write_clip, write_detections
from tests.support.walkers import write_walkers
from tools.benchmark.config.split import BenchSplitConfig
from tools.benchmark.split import bench_split, measure
from tools.evaluate.mot import evaluate
from tools.track.config.detections import MotConfig
from tools.track.detections import mot
from tracker.detectors.config import DetectorConfig

pytest.importorskip("trackeval")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sequences of four people who meet and turn round, with misses."""
    return write_walkers(tmp_path / "root", lambda frame: 40 - abs(frame - 40), pace=5, seen=0.95, noise=1)


def test_one_piece_has_the_figures_of_the_single_commands_and_seams_keep_the_ids(root: Path, tmp_path: Path) -> None:
    config = BenchSplitConfig((root,), lengths=(1.2,), overlaps=(0.4, 0.6), workers=1, quiet=True)
    whole, *split = measure(config, root)
    mot(MotConfig(root, tmp_path / "out", workers=1, quiet=True))
    combined = evaluate(root, tmp_path / "out").combined
    assert whole["hota"] == pytest.approx(combined.hota, abs=0.01)
    assert whole["ids"] == combined.ids
    assert [row["overlap"] for row in split] == [0.4, 0.6]
    for row in split:
        assert row["seams"] >= 2
        assert row["tracks"]["crossing"] >= 8
        assert row["tracks"]["share"] > 80
        assert abs(row["hota"] - whole["hota"]) < 5


def test_report_names_every_length_and_overlap(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "split.json"
    bench_split(BenchSplitConfig((root,), lengths=(1.2,), overlaps=(0.5,), whole=True, workers=1, quiet=True, json=out))
    said = capsys.readouterr().out
    assert said.startswith("root: one piece ")
    assert "    1.2 s   0.5 s" in said
    assert json.loads(out.read_text())["root"][1]["tracks"]["crossing"] > 0


def test_video_is_tracked_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = [0.05 * k for k in range(8 * len(TIMES))]
    video = write_clip(tmp_path / "clip.mp4", times)
    truth = write_detections(tmp_path / "gt.txt", times)
    truth.write_text("".join(line.replace(",-1,", ",1,", 1) + "\n" for line in truth.read_text().splitlines()))
    found = write_detections(tmp_path / "det.txt", times)
    bench_split(
        BenchSplitConfig(
            video=video, truth=truth, lengths=(2.0,), overlaps=(0.5,), quiet=True,
            detection=DetectorConfig(f"file:{found}"),
        )
    )  # fmt: skip
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("clip.mp4: one piece ")
    assert said[0].endswith(" 1 ids")
    assert said[2].split()[4:8] == ["4", "100.00", "+0.00", "100.00"]
    assert said[2].split()[9:13] == ["4", "of", "4", "100.0%"]


def test_wrong_settings_are_refused(root: Path) -> None:
    for wrong, said in (
        ({}, "name one of the two"),
        ({"video": root, "roots": (root,)}, "name one of the two"),
        ({"video": root}, "belong together"),
        ({"roots": (root,), "overlaps": ()}, "at least one of each"),
        ({"roots": (root,), "lengths": (1.0,), "overlaps": (0.8,)}, "at most half"),
    ):
        with pytest.raises(ConfigError, match=said):
            BenchSplitConfig(**wrong)  # type: ignore[arg-type]
    for path in root.glob("*/det/det.txt"):
        path.unlink()
    with pytest.raises(DataError, match="--boxes simulated"):
        measure(BenchSplitConfig((root,), lengths=(1.2,), overlaps=(0.4,), workers=1, quiet=True), root)
