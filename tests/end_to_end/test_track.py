"""`liquidtrack track` from the shell: real clip in, every sink out, true times all the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from datasets import read
from tests.support.command import LIQUIDTRACK, liquidtrack
from tests.support.moving_box_clip import TIMES, box_at, write_clip, write_detections
from tools.cli.main import main

LABEL_SINKS = {
    "mot": "out.txt",
    "jsonl": "out.jsonl",
    "coco": "out.json",
    "cvat": "out.xml",
    "yolo": "yolo",
    "kitti": "k/0.txt",
    "labelstudio": "ls.json",
    "csv": "table.csv",
    "parquet": "out.parquet",
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "square.mp4")


@pytest.fixture(scope="module")
def detections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_detections(tmp_path_factory.mktemp("det") / "det.txt")


@pytest.fixture(scope="module")
def results(clip: Path, detections: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    flags = [word for name, file in LABEL_SINKS.items() for word in (f"--{name}", out / file)]
    done = liquidtrack("track", clip, "--detector", f"file:{detections}", "--video", out / "out.mp4", *flags)
    assert done.returncode == 0, done.stderr
    assert "20 frames, 2.70 s of video, 1 tracks" in done.stdout
    return out


@pytest.mark.parametrize("name", LABEL_SINKS)
def test_every_label_sink_keeps_boxes_and_true_times(results: Path, name: str) -> None:
    got = read(results / LABEL_SINKS[name], name)
    assert got.times is not None
    assert got.frames.tolist() == list(range(len(TIMES)))
    np.testing.assert_allclose(got.times, TIMES, atol=1e-3)
    assert set(got.id.tolist()) == {1}
    expected = np.array([box_at(TIMES[row]) for row in got.row])
    np.testing.assert_allclose(
        got.xyxy, expected, atol=2.0 if name in ("cvat", "labelstudio") else 0.02
    )  # few key frames
    assert len(got) >= len(TIMES) - 3  # a tracker may wait a detection or two before it confirms a track


def test_output_video_keeps_every_presentation_time(results: Path) -> None:
    with av.open(str(results / "out.mp4")) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    np.testing.assert_allclose(np.array(times) - times[0], TIMES, atol=1e-3)


def test_resolved_settings_reproduce_the_run(results: Path, tmp_path: Path) -> None:
    (settings,) = results.glob("*.run.toml")
    again = tmp_path / "again.txt"
    done = liquidtrack("track", "--config", settings, "--mot", again, "--video", tmp_path / "again.mp4", "--quiet")
    assert done.returncode == 0, done.stderr
    assert again.read_bytes() == (results / "out.txt").read_bytes()


def test_start_end_and_every_keep_frame_numbers_and_times(clip: Path, detections: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.jsonl"
    done = liquidtrack(
        "track", clip, "--detector", f"file:{detections}", "--jsonl", out, "--start", 0.1, "--end", 2.0, "--every", 2
    )
    assert done.returncode == 0, done.stderr
    got = read(out)
    assert got.times is not None
    kept = [i for i, t in enumerate(TIMES) if 0.1 <= t < 2.0 and i % 2 == 0]
    assert got.frames.tolist() == kept
    np.testing.assert_allclose(got.times, [TIMES[i] for i in kept], atol=1e-3)


def test_a_file_detector_needs_no_torch(clip: Path, detections: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from tools.cli.main import main;"
        f"code = main(['track', {str(clip)!r}, '--detector', 'file:{detections}', '--mot', {str(tmp_path / 'o')!r}]);"
        "heavy = {'torch', 'torchvision', 'onnxruntime', 'scipy'} & set(sys.modules);"
        "print(sorted(heavy)); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_top_level_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tools.cli.main import main; main(['--help']);"
        "print(sorted({'numpy', 'cv2', 'av', 'torch', 'tyro', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_python_callable_is_a_detector(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "bright.py").write_text(
        "import cv2, numpy as np\n"
        "from tracker import Detections\n"
        "def detect(frame):\n"
        "    x, y, w, h = cv2.boundingRect((frame.bgr[..., 1] > 128).astype(np.uint8))\n"
        "    return Detections([[x, y, x + w, y + h]], [1.0], [0])\n"
    )
    out = tmp_path / "out.jsonl"
    done = liquidtrack("track", clip, "--detector", "python:bright:detect", "--jsonl", out, env=_path(tmp_path))
    assert done.returncode == 0, done.stderr
    got = read(out)
    np.testing.assert_allclose(got.xyxy, [box_at(TIMES[r]) for r in got.row], atol=3)


def _path(folder: Path) -> dict[str, str]:
    import os

    root = Path(__file__).parents[2]
    return os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{root}"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_cleanly_with_everything_written(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\n"
        "from tracker import Detections\n"
        "def detect(frame):\n"
        "    time.sleep(0.05)\n"
        "    return Detections([[10, 10, 40, 40]], [1.0], [0])\n"
    )
    clip = write_clip(tmp_path / "long.mp4", [i / 25 for i in range(2000)])
    out, video = tmp_path / "out.json", tmp_path / "out.mp4"
    process = subprocess.Popen(
        [*LIQUIDTRACK, "track", clip, "--detector", "python:slow:detect", "--coco", out, "--video", video],
        env=_path(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (out.exists() and len(json.loads(out.read_text())["images"]) > 5):
        time.sleep(0.1)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    assert "ended early" in stdout
    assert "Traceback" not in stderr
    images = json.loads(out.read_text())["images"]
    assert 5 < len(images) < 2000
    with av.open(str(video)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= len(images) - 1


MISTAKES: dict[str, tuple[list[str], str]] = {
    "unknown command": (["trak"], "no command 'trak'"),
    "half a command": (["eval"], "needs one more word"),
    "missing file": (["track", "none.mp4", "--jsonl", "o.jsonl"], "none.mp4"),
    "unknown detector": (["track", "CLIP", "--detector", "yolo9000", "--jsonl", "o.jsonl"], "yolo9000"),
    "unknown class": (
        ["track", "CLIP", "--detector", "file:DET", "--classes", "unicorn", "--jsonl", "o.jsonl"],
        "unicorn",
    ),
    "unknown motion": (["track", "CLIP", "--detector", "file:DET", "--motion", "warp", "--jsonl", "o.jsonl"], "warp"),
    "unknown cost": (["track", "CLIP", "--detector", "file:DET", "--cost", "luck", "--jsonl", "o.jsonl"], "luck"),
    "unknown backbone": (
        ["track", "CLIP", "--detector", "file:DET", "--appearance", "vgg", "--jsonl", "o.jsonl"],
        "vgg",
    ),
    "missing weights": (["track", "CLIP", "--detector", "none.onnx", "--jsonl", "o.jsonl"], "none.onnx"),
    "damaged weights": (["track", "CLIP", "--detector", "onnx:DET", "--jsonl", "o.jsonl"], "det.txt"),
    "missing config": (["track", "CLIP", "--config", "none.toml"], "none.toml"),
    "unwritable output": (["track", "CLIP", "--detector", "file:DET", "--jsonl", "/proc/none/o.jsonl"], "/proc/none"),
    "output is a folder": (["track", "CLIP", "--detector", "file:DET", "--mot", "FOLDER"], "FOLDER"),
    "full disk": (["track", "CLIP", "--detector", "file:DET", "--jsonl", "/dev/full"], "/dev/full"),
    "output is the source": (["track", "CLIP", "--detector", "file:DET", "--video", "CLIP"], "is the source itself"),
    "two sinks, one file": (
        ["track", "CLIP", "--detector", "file:DET", "--mot", "x", "--coco", "x"],
        "would both write",
    ),
    "no display": (["track", "CLIP", "--detector", "file:DET", "--show"], "display"),
    "unknown video type": (["track", "CLIP", "--detector", "file:DET", "--video", "o.xyz"], "xyz"),
    "COCO to standard output": (["track", "CLIP", "--detector", "file:DET", "--coco", "-"], "standard output"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_one_sentence_and_exit_code_2(name: str, clip: Path, detections: Path, tmp_path: Path) -> None:
    import os

    words, said = MISTAKES[name]
    places = {"CLIP": str(clip), "DET": str(detections), "FOLDER": str(tmp_path)}
    for short, place in places.items():
        words = [word.replace(short, place) for word in words]
        said = said.replace(short, place)
    quiet = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = liquidtrack(*words, cwd=tmp_path, env=quiet | {"PYTHONPATH": str(Path(__file__).parents[2])})
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr


@pytest.mark.parametrize(
    ("words", "late", "said"),
    [
        ((), 3, "warning: det.txt has detections for 3 frames after the last one; does it belong to this video?"),
        ((), 0, None),
        (("--every", "3"), 0, None),
        (("--every", "3"), 2, "for 1 frame after"),  # 18 was the last one seen: there may be 20
        (("--end", "1"), 0, None),
        (("--start", "1"), 0, None),
    ],
)
def test_detections_of_a_longer_video_are_reported(
    words: tuple[str, ...], late: int, said: str | None, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    det = write_detections(tmp_path / "det.txt", [*TIMES, *(3.0 + k for k in range(late))])
    assert main(["track", str(clip), "--detector", str(det), "--mot", str(tmp_path / "out.txt"), *words]) == 0
    printed = capsys.readouterr().out
    assert ("warning" in printed) == (said is not None)
    assert said is None or said in printed


@pytest.mark.parametrize("kept", ["tracks.jsonl", "tracks.txt", "tracks.xml"])
def test_ids_of_a_tracks_file_are_kept_if_requested(kept: str, tmp_path: Path) -> None:
    lines = ['{"format": "liquidtrack", "version": 1, "names": ["person", "car"]}']
    for k in range(4):  # two far apart and one that jumps, which no tracker would call one object
        boxes = [{"id": 7, "xyxy": [10 + k, 10, 40 + k, 60], "label": "car", "score": 0.1}]
        boxes += [{"id": 41, "xyxy": [200 * (k % 2), 100, 200 * (k % 2) + 50, 150], "label": "person", "score": 0.3}]
        boxes += [{"xyxy": [5, 5, 50, 50], "label": "car", "score": 0.9}]
        lines.append(json.dumps({"frame": k, "seconds": k / 10, "boxes": boxes}))
    (tmp_path / "source.jsonl").write_text("\n".join(lines) + "\n")
    tracks = tmp_path / kept
    assert main(["convert", str(tmp_path / "source.jsonl"), str(tracks), "--cvat-keyframes", "0"]) == 0
    words = ["track", "scene:1", "--end", "0.35", "--detector", f"file:{tracks}", "--quiet", "--jsonl"]
    assert main([*words, str(tmp_path / "all.jsonl"), "--keep-ids"]) == 0
    got = read(tmp_path / "all.jsonl")
    assert set(got.id.tolist()) == {7, 41}
    assert main([*words, str(tmp_path / "one.jsonl"), "--keep-ids", "--classes", "car"]) == 0
    assert set(read(tmp_path / "one.jsonl").id.tolist()) == {7}
    assert main([*words, str(tmp_path / "x.jsonl"), "--keep-ids", "--reid"]) == 2
    assert main(["track", "scene:1", "--keep-ids", "--detector", "background", "--mot", str(tmp_path / "x.txt")]) == 2
    (tmp_path / "det.txt").write_text("1,-1,1,2,30,40,0.5\n")
    words[words.index(f"file:{tracks}")] = f"file:{tmp_path / 'det.txt'}"
    assert main([*words, str(tmp_path / "x.jsonl"), "--keep-ids"]) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--start", "3"], "its last frame is at 2.7 s"),
        (["--start", "1e4", "--end", "2e4"], "its last frame is at 2.7 s"),
        (["--start", "1", "--end", "1.5"], "no frame is left from the start at 1 s on"),
    ],
)
def test_start_beyond_the_last_frame_is_refused(words: list[str], says: str, clip: Path, tmp_path: Path) -> None:
    done = liquidtrack("track", clip, "--detector", "background", "--jsonl", tmp_path / "o.jsonl", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*.jsonl"))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("words", [["--start", "0.3"], ["--every", "3"], []])
def test_seek_time_in_the_written_video_shows_the_frame(
    words: list[str], name: str, clip: Path, detections: Path, tmp_path: Path
) -> None:
    out, video = tmp_path / "a.jsonl", tmp_path / name
    detector = f"file:{detections}"
    assert main(["track", str(clip), "--detector", detector, "--video", str(video), "--jsonl", str(out), *words]) == 0
    head, *lines = (json.loads(line) for line in out.read_text().splitlines())
    with av.open(str(video)) as container:
        shown = np.array([frame.time for frame in container.decode(video=0)])
    assert [int(np.searchsorted(shown, line["seek"], "right")) - 1 for line in lines] == list(range(len(lines)))
    assert len(lines) == len(shown)
    assert [head["video_start"] + line["seconds"] for line in lines] == pytest.approx(shown.tolist(), abs=1e-3)
    assert [line["source_frame"] for line in lines] == [
        k
        for k, t in enumerate(TIMES)
        if t >= (0.3 if "--start" in words else 0) and k % (3 if "--every" in words else 1) == 0
    ]
