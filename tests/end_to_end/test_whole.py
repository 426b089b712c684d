"""`liquidtrack track --whole` on a rendered crossing: one reading for detections, cache, horizon, interruptions."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import av
import numpy as np
import pytest

from datasets import read
from datasets.formats.detection_cache import DetectionCache
from datasets.scenes.config import Scene
from datasets.scenes.export import write_video
from tests.support.command import LIQUIDTRACK
from tests.support.crossing import DETECTOR, SCENE, Crossing
from tools.cli.main import main


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Crossing:
    return Crossing(tmp_path_factory.mktemp("crossing"))


@pytest.fixture(autouse=True)
def _fresh(crossing: Crossing) -> None:
    crossing.uses()


def test_labels_and_drawn_video_hold_the_same_frames(crossing: Crossing, tmp_path: Path) -> None:
    names = {"jsonl": "a.jsonl", "mot": "a.txt", "coco": "a.json", "cvat": "a.xml", "kitti": "k.txt", "yolo": "yolo"}
    names |= {"labelstudio": "ls.json", "csv": "table.csv", "parquet": "a.parquet"}
    flags = [word for name, file in names.items() for word in (f"--{name}", tmp_path / file)]
    assert crossing.track("--video", tmp_path / "a.mp4", "--images", tmp_path / "img", *flags) == 0
    assert crossing.uses() == crossing.frames
    want = read(tmp_path / "a.jsonl")
    assert want.times is not None
    assert len(want.frames) == crossing.frames
    assert len(set(want.id.tolist())) > 2
    for name, file in names.items():
        got = read(tmp_path / file, name)
        assert got.times is not None
        assert (got.frames.tolist(), got.times.tolist()) == (want.frames.tolist(), want.times.tolist())
        assert len(got) >= 0.9 * len(want)  # YOLO leaves out what is beyond the image
    with av.open(str(tmp_path / "a.mp4")) as container:
        shown = [float(frame.time) for frame in container.decode(video=0)]
    np.testing.assert_allclose(np.array(shown) - shown[0], want.times, atol=1e-3)
    assert len(list((tmp_path / "img").glob("*.jpg"))) == crossing.frames


def test_second_run_takes_detections_from_the_cache(crossing: Crossing, tmp_path: Path) -> None:
    cache = tmp_path / "crossing.cache"
    assert crossing.track("--jsonl", tmp_path / "a.jsonl", "--cache", cache) == 0
    assert crossing.uses() == crossing.frames
    assert crossing.track("--jsonl", tmp_path / "b.jsonl", "--cache", cache, "--video", tmp_path / "b.mp4") == 0
    assert crossing.track("--jsonl", tmp_path / "c.jsonl", "--cache", cache, "--min-confirm", 1.5) == 0
    assert crossing.track("--jsonl", tmp_path / "d.jsonl") == 0
    assert crossing.uses() == crossing.frames  # of the last run alone
    first, drawn, other, without = (read(tmp_path / f"{name}.jsonl") for name in "abcd")
    for got in (drawn, without):
        np.testing.assert_array_equal(got.xyxy, first.xyxy)
        assert got.id.tolist() == first.id.tolist()
    assert len(other) < len(first)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "d.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--score", "0.5"], "made with other settings (score was the default and is '0.5')"),
        (["--every", "2"], "made with other settings (every was the default and is '2')"),
        (["--camera-motion", "flow"], "camera-motion was 'auto' and is 'flow'"),
    ],
)
def test_cache_of_other_settings_is_refused(
    flags: list[str], said: str, crossing: Crossing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "crossing.cache"
    assert crossing.track("--jsonl", tmp_path / "a.jsonl", "--cache", cache) == 0
    before = cache.read_bytes()
    assert crossing.track("--jsonl", tmp_path / "b.jsonl", "--cache", cache, *flags) == 2
    assert said in capsys.readouterr().err
    assert cache.read_bytes() == before
    assert not (tmp_path / "b.jsonl").exists()
    assert crossing.track("--jsonl", tmp_path / "b.jsonl", "--cache", cache, "--overwrite", *flags) == 0
    assert cache.read_bytes() != before


def test_cache_of_another_video_or_damaged_is_refused(
    crossing: Crossing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "crossing.cache"
    assert crossing.track("--jsonl", tmp_path / "a.jsonl", "--cache", cache) == 0
    other = write_video(Scene(6, width=320, height=240, duration=0.5, people=2), tmp_path / "other.mp4")
    assert len(other.frames) > 0
    words = ["track", str(tmp_path / "other.mp4"), "--whole", "--quiet", "--jsonl", str(tmp_path / "b.jsonl")]
    detector = f"python:{crossing.folder / 'detector.py'}:detect"
    assert main([*words, "--detector", detector, "--cache", str(cache)]) == 2
    assert "holds detections of another video; name another file, or add --overwrite" in capsys.readouterr().err
    cache.write_bytes(cache.read_bytes()[:-300])
    assert crossing.track("--jsonl", tmp_path / "b.jsonl", "--cache", cache) == 2
    assert "is no whole cache of detections" in capsys.readouterr().err
    foreign = tmp_path / "notes.txt"
    foreign.write_text("mine")
    assert crossing.track("--jsonl", tmp_path / "b.jsonl", "--cache", foreign) == 2
    assert foreign.read_text() == "mine"
    assert crossing.track("--jsonl", crossing.video.parent / "found.json", "--cache", cache) == 2


def test_long_horizon_gives_the_whole_videos_tracks_and_a_short_one_every_frame(
    crossing: Crossing, tmp_path: Path
) -> None:
    cache = tmp_path / "c.npz"
    assert crossing.track("--jsonl", tmp_path / "whole.jsonl", "--cache", cache) == 0
    for name, flags in {"read": [], "cached": ["--cache", cache]}.items():
        assert crossing.track("--jsonl", tmp_path / f"{name}.jsonl", "--horizon", 60, *flags) == 0
        assert (tmp_path / f"{name}.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    video, short = tmp_path / "short.mp4", tmp_path / "short.jsonl"
    assert crossing.track("--jsonl", short, "--video", video, "--horizon", 0.5, "--max-absence", 1) == 0
    got, want = read(short), read(tmp_path / "whole.jsonl")
    assert len(got.frames) == len(want.frames)
    with av.open(str(video)) as container:
        assert sum(1 for _ in container.decode(video=0)) == crossing.frames


def test_interrupt_keeps_tracks_and_cache_of_what_was_seen(crossing: Crossing, tmp_path: Path) -> None:
    slow = crossing.folder / "slow.py"
    slow.write_text(f"import time\n{DETECTOR}".replace("    with", "    time.sleep(0.1)\n    with"))
    out, cache = tmp_path / "out.jsonl", tmp_path / "c.npz"
    words = ["track", crossing.video, "--whole", "--detector", f"python:{slow}:detect"]
    command = [*LIQUIDTRACK, *words, "--jsonl", out, "--cache", cache]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    used = crossing.folder / "used.txt"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (used.exists() and used.read_text().count("\n") > 5):
        time.sleep(0.05)
    assert not out.exists()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    assert "ended early" in stdout
    assert "Traceback" not in stderr
    seen = len(read(out).frames)
    assert 3 < seen < crossing.frames
    kept = DetectionCache(cache)
    assert (kept.complete, kept.last + 1) == (False, seen)
    crossing.uses()
    again = [str(word) for word in (*words, "--jsonl", tmp_path / "all.jsonl", "--cache", cache, "--quiet")]
    assert main(again) == 0
    assert crossing.uses() == crossing.frames  # all of them: a Python detector may remember earlier frames
    assert DetectionCache(cache).complete
    assert len(read(tmp_path / "all.jsonl").frames) == crossing.frames


def test_truncated_video_is_tracked_as_far_as_it_goes(
    crossing: Crossing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "whole.mkv"
    write_video(SCENE, whole)
    torn = tmp_path / "torn.mkv"
    torn.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    out, cache = tmp_path / "o.jsonl", tmp_path / "c.npz"
    detector = f"python:{crossing.folder / 'detector.py'}:detect"
    words = [
        "track",
        str(torn),
        "--whole",
        "--quiet",
        "--detector",
        detector,
        "--jsonl",
        str(out),
        "--cache",
        str(cache),
    ]
    assert main(words) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert 5 < len(read(out).frames) < crossing.frames
    assert not DetectionCache(cache).complete


def test_kill_leaves_no_half_cache(crossing: Crossing, tmp_path: Path) -> None:
    slow = crossing.folder / "slow.py"
    slow.write_text(f"import time\n{DETECTOR}".replace("    with", "    time.sleep(0.1)\n    with"))
    words = ["track", crossing.video, "--whole", "--detector", f"python:{slow}:detect", "--jsonl", tmp_path / "a.jsonl"]
    process = subprocess.Popen([*LIQUIDTRACK, *words, "--cache", tmp_path / "c.npz"], stdout=subprocess.DEVNULL)
    used = crossing.folder / "used.txt"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (used.exists() and used.read_text().count("\n") > 3):
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert not (tmp_path / "c.npz").exists()
    assert not (tmp_path / "a.jsonl").exists()


MISTAKES = {
    "box": (["--box", "1,2,30,40"], "works frame by frame, not with --whole"),
    "reid": (["--reid"], "--reid works frame by frame, not with --whole"),
    "classes": (["--classify", "imagenet"], "works frame by frame"),
    "masks": (["--masks", "OUT/masks"], "--masks works frame by frame"),
    "no horizon": (["--horizon", "0"], "give seconds above 0"),
    "window of delayed frames": (["--show", "--horizon", "2"], "cannot show frames that --horizon delays"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_does_not_go_together_is_one_sentence(
    name: str, crossing: Crossing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags, said = MISTAKES[name]
    words = [word.replace("OUT", str(tmp_path)) for word in flags]
    assert crossing.track("--jsonl", tmp_path / "a.jsonl", *words) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flags", [["--horizon", "3"], ["--cache", "c.npz"], ["--fill", "none"], ["--doubt", "d"]])
def test_settings_of_whole_need_it(flags: list[str], crossing: Crossing, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", str(crossing.video), *flags]) == 2
    assert f"{flags[0]} belongs to --whole; add --whole, or leave it out." in capsys.readouterr().err
