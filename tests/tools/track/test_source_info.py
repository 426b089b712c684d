"""`liquidtrack info`: its report on even, uneven, live and broken sources."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datasets.sources.config import SourceConfig
from models.errors import ConfigError, SourceError
from tests.support.media_servers import http
from tests.support.striped_video import UNEVEN_MS, encode
from tools.cli.main import main
from tools.track.config.source_info import InfoConfig
from tools.track.source_info import gather, histogram, info, intervals


def test_uneven_file_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = encode(tmp_path / "uneven.mp4", [at + 3000 for at in UNEVEN_MS], options={"bf": "2"}, sound=True)
    facts = gather(InfoConfig(str(path)))
    assert (facts["codec"], facts["container"], facts["pixels"]) == ("h264", "mov", "yuv420p")
    assert facts["audio"] == "aac, 16000 Hz, mono"
    assert (facts["width"], facts["height"], facts["frames"]) == (64, 48, 20)
    assert facts["duration"] == pytest.approx(2.38)
    assert facts["problem"] is None
    steps = np.diff(UNEVEN_MS) / 1000
    even = facts["intervals"]
    assert even["largest_gap"] == {"seconds": pytest.approx(0.82), "after_frame": 8, "at": pytest.approx(0.58)}
    assert even["percentiles"]["95"] == pytest.approx(np.percentile(steps, 95))
    assert even["median"] == pytest.approx(np.median(steps))
    assert even["share_off"] == pytest.approx((np.abs(steps - np.median(steps)) > 0.004001).mean())
    assert sum(item["count"] for item in even["histogram"]) == len(steps)
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    assert "largest gap 820.0 ms after frame 8 (0.580 s)" in out
    assert "uneven" in out
    assert "820.0 ms       1 #" in out
    assert max(map(len, out.splitlines())) <= 80


def test_json_is_one_object_with_the_same_facts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = encode(tmp_path / "even.webm", [40 * k for k in range(25)], "libvpx-vp9", options={"deadline": "realtime"})
    assert main(["info", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == json.loads(json.dumps(gather(InfoConfig(str(path)))))
    assert facts["intervals"]["share_off"] == 0
    assert facts["intervals"]["mean_rate"] == pytest.approx(25)
    assert main(["info", str(path)]) == 0
    assert "steady, 40.0 ms apart, 25.000 frames/s on average" in capsys.readouterr().out


def test_rotated_file_and_image_folder_are_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = encode(tmp_path / "phone.mp4", [0, 33, 67, 100], rotation=(-90, False))
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    assert "48x64, turned 90 degrees clockwise" in out
    assert "steady" in out  # milliseconds cannot say 1/30 s: 33 and 34 are the same
    from tests.support.striped_files import folder_of

    folder = folder_of(tmp_path / "shots", ["1.png", "2.png", "3.png"])
    assert main(["info", str(folder), "--rate", "5"]) == 0
    assert "5.000 frames/s on average" in capsys.readouterr().out
    assert main(["info", str(folder / "1.png")]) == 0
    assert "times" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_late_start_time_is_reported_and_written(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = encode(tmp_path / name, [1500 + 40 * k for k in range(8)])
    info(InfoConfig(str(path)))
    assert "start      1.5 s on the file's own clock" in capsys.readouterr().out
    assert gather(InfoConfig(str(path)))["start"] == pytest.approx(1.5, abs=1e-3)
    out = tmp_path / "a.jsonl"
    assert main(["track", str(path), "--detector", "background", "--jsonl", str(out), "--quiet"]) == 0
    head, *lines = (json.loads(line) for line in out.read_text().splitlines())
    assert head["start"] == pytest.approx(1.5, abs=1e-3)
    assert [line["seek"] for line in lines] == pytest.approx([1.52 + 0.04 * k for k in range(8)], abs=2e-3)


def test_truncated_file_is_reported(tmp_path: Path) -> None:
    path = encode(tmp_path / "cut.mkv", [40 * k for k in range(50)], options={"bf": "0"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    facts = gather(InfoConfig(str(path)))
    assert "bytes are missing" in facts["problem"]
    assert 5 < facts["frames"] < 50


def test_live_stream_is_sampled(capsys: pytest.CaptureFixture[str]) -> None:
    with http() as server:
        facts = gather(InfoConfig(server.url("cam.mjpg", "me:pw12"), sample=0.6))
        assert facts["live"]
        assert facts["name"] == server.url("cam.mjpg")
        assert facts["intervals"]["mean_rate"] > 1
        assert main(["info", server.url("cam.mjpg"), "--sample", "0.4"]) == 0
    assert "listened   0.4 s: " in capsys.readouterr().out


def test_invalid_arguments_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path / "nothing.mp4")]) == 2
    assert "no such file" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="sample is 0"):
        info(InfoConfig("0", sample=0.0))
    with pytest.raises(SourceError):
        gather(InfoConfig(str(tmp_path), reading=SourceConfig(rate=3)))


def test_interval_statistics_handle_few_and_many_frames() -> None:
    assert intervals(np.zeros(1)) is None
    steps = np.random.default_rng(0).exponential(0.1, 500) + 0.01
    bins = histogram(steps)
    assert sum(item["count"] for item in bins) == 500
    assert bins[0]["from"] == steps.min()
    assert bins[-1]["to"] == steps.max()
