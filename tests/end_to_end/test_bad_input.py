"""Common faults, from the command line: one sentence, exit code 2, nothing lost, no traceback.

`test_track.py` holds what is wrong with the command itself (plug-ins, classes, outputs, no display); here the input is.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import pytest

from datasets import read
from tests.support.command import LIQUIDTRACK
from tests.support.media_servers import http, rtsp
from tests.support.moving_box_clip import TIMES, write_clip, write_detections
from tests.support.striped_video import encode, sound_only, stripes

MPEG = Fraction(1, 90_000)  # s, in which transport streams count
PATIENCE = ("--stall", "1.5", "--reconnect", "0")


def refused(*words: object, said: str, folder: Path, **options: object) -> None:
    """Runs the command in `folder` and checks that it says `said` in its only line."""
    command = [*LIQUIDTRACK, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder, env=_env(), **options)  # type: ignore[call-overload]
    assert done.returncode == 2, (done.stdout, done.stderr)
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert line.startswith("liquidtrack: ")
    assert line.endswith((".", "?"))
    assert said in line


def _env() -> dict[str, str]:
    quiet = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return quiet | {"PYTHONPATH": str(Path(__file__).parents[2])}


def cut(path: Path, share: float) -> None:
    """A clip that ends after `share` of its bytes."""
    path.write_bytes(write_clip(path).read_bytes()[: int(share * path.stat().st_size)])


def pictures(folder: Path, sizes: list[tuple[int, int]]) -> None:
    folder.mkdir()
    for k, size in enumerate(sizes):
        cv2.imwrite(str(folder / f"{k:03}.png"), stripes(k, size))


def one_bad_picture(folder: Path) -> None:
    pictures(folder, [(64, 48)] * 4)
    (folder / "002.png").write_bytes(b"no picture")


def only_text(folder: Path) -> None:
    folder.mkdir()
    (folder / "readme.txt").write_text("no pictures here")


# What a source's name ends with -> (how it is made, further words, what is said, frames that are kept).
SOURCES: dict[str, tuple[Callable[[Path], object] | None, tuple[str, ...], str, int]] = {
    "missing.mp4": (None, (), "there is no such file", 0),
    "empty.mp4": (lambda path: path.write_bytes(b""), (), "the file is empty", 0),
    "no_index.mp4": (lambda path: cut(path, 0.5), (), "its index (the 'moov' box) is missing", 0),
    "cut.mkv": (lambda path: cut(path, 0.6), (), "of its 2079 bytes are missing", 8),
    "cut.avi": (lambda path: cut(path, 0.6), (), "bytes are missing", 8),
    "sound.m4a": (sound_only, (), "no video in it, only audio", 0),
    "text.mp4": (lambda path: path.write_text("hello\n" * 99), (), "not a video", 0),
    "video.jpg": (lambda path: write_clip(path.with_suffix(".mp4")).rename(path), (), "not a picture", 0),
    "raw.h264": (lambda path: encode(path, range(5), container="h264"), (), "carries no times; state its rate", 0),
    "no_pictures": (only_text, (), "no pictures in this folder", 0),
    "timeless": (lambda path: pictures(path, [(64, 48)] * 3), (), "pictures carry no times; state their rate", 0),
    "sizes": (lambda path: pictures(path, [(64, 48)] * 3 + [(80, 60)]), ("--rate", "10"), "003.png is 80x60", 3),
    "bad": (one_bad_picture, ("--rate", "10"), "002.png: not a picture", 2),
    "nothing/*.png": (None, (), "no file of this name is a picture", 0),
    "99": (None, (), "camera 99 cannot be opened", 0),
    "rtsp://somebody:secret@127.0.0.1:1/x": (None, PATIENCE, "rtsp://127.0.0.1:1/x: it cannot be opened", 0),
    "http://127.0.0.1:1/x.mp4": (None, PATIENCE, "http://127.0.0.1:1/x.mp4: it cannot be opened", 0),
    "scene:1?colour=2": (None, (), "a scene has no setting 'colour'", 0),
    "": (None, (), "the source is empty", 0),
}


@pytest.mark.parametrize("name", SOURCES)
def test_bad_source_is_one_sentence(name: str, tmp_path: Path) -> None:
    make, words, said, kept = SOURCES[name]
    if make is not None:
        make(tmp_path / name)
    refused("track", name, "--jsonl", "out.jsonl", *words, said=said, folder=tmp_path)
    assert (tmp_path / "out.jsonl").exists() == (kept > 0)  # what cannot be opened leaves nothing behind
    if kept:
        assert len(read(tmp_path / "out.jsonl").frames) >= kept


@pytest.mark.parametrize("name", ["missing.mp4", "sound.m4a", "no_pictures"])
def test_info_refuses_the_same_sources(name: str, tmp_path: Path) -> None:
    make, _, said, _ = SOURCES[name]
    if make is not None:
        make(tmp_path / name)
    refused("info", name, said=said, folder=tmp_path)


def test_wrong_suffix_alone_is_accepted(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4").rename(tmp_path / "clip.txt")
    command = [*LIQUIDTRACK, "track", "clip.txt", "--jsonl", "out.jsonl", "--quiet"]
    subprocess.run(command, check=True, timeout=120, cwd=tmp_path, env=_env())
    assert len(read(tmp_path / "out.jsonl").frames) == len(TIMES)


@pytest.mark.parametrize("stall", [False, True], ids=["dies", "stalls"])
def test_interrupted_or_stalled_stream_keeps_its_results(stall: bool, tmp_path: Path) -> None:
    with rtsp(frames=(100,), stall=stall) as server:
        command = [*LIQUIDTRACK, "track", server.url(), "--jsonl", "out.jsonl", "--video", "out.mp4", *PATIENCE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=_env())
    assert done.returncode == 2, (done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    assert lines[-1].startswith("liquidtrack: rtsp://127.0.0.1")
    assert "frames until then are kept" in lines[-1]
    kept = read(tmp_path / "out.jsonl")
    assert 0 < len(kept.frames) <= 100  # a busy machine receives few of them, as a live source drops frames
    assert kept.times is not None
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(kept.frames)


def test_interrupted_http_recording_is_one_sentence(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "clip.mkv")
    with http(folder=tmp_path, broken_at=int(0.6 * whole.stat().st_size)) as server:
        refused(
            "track", server.url("files/clip.mkv"), "--jsonl", "out.jsonl", *PATIENCE, said="127.0.0.1", folder=tmp_path
        )
    assert len(read(tmp_path / "out.jsonl").frames) >= 5


DETECTIONS: dict[str, tuple[str, str]] = {
    "nan": ("5,-1,nan,1,2,3,.9", "line 5: left is nan"),
    "infinite": ("5,-1,1,1,inf,3,.9", "line 5: width is inf"),
    "negative size": ("5,-1,10,10,-3,5,.9", "line 5: width is -3.0; a box needs a positive width"),
    "too few columns": ("5,-1,10", "line 5: 3 columns"),
    "too many columns": ("5,-1,10,10,3,5,.9,1,1,1,1,1", "line 5: 12 columns where most lines have 7"),
    "a word": ("5,-1,10,10,3,3,high", "line 5: 'high' is no number"),
    "frame zero": ("0,-1,10,10,3,3,.9", "line 5"),
    "half a frame": ("5.5,-1,10,10,3,3,.9", "line 5"),
}


@pytest.mark.parametrize("name", DETECTIONS)
def test_bad_detection_row_is_one_sentence(name: str, tmp_path: Path) -> None:
    row, said = DETECTIONS[name]
    clip = write_clip(tmp_path / "clip.mp4")
    path = write_detections(tmp_path / "det.txt")
    rows = path.read_text().splitlines()
    path.write_text("\n".join([*rows[:4], row, *rows[5:]]) + "\n")
    words = ("track", clip, "--detector", "file:det.txt", "--jsonl", "out.jsonl")
    refused(*words, said=f"det.txt {said}", folder=tmp_path)
    # ... and the flag that the sentence names helps
    command = [*LIQUIDTRACK, *map(str, words), "--skip-bad-rows", "--quiet"]
    subprocess.run(command, check=True, timeout=120, cwd=tmp_path, env=_env(), stderr=subprocess.DEVNULL)
    assert len(read(tmp_path / "out.jsonl").frames) == len(TIMES)


def test_unsorted_and_missing_detections_are_accepted(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    path = write_detections(tmp_path / "det.txt")
    rows = [row for row in path.read_text().splitlines() if not row.startswith("7,")]
    results = []
    for name, order in (("sorted", rows), ("unsorted", rows[::-1])):
        path.write_text("\n".join(order) + "\n")
        command = [*LIQUIDTRACK, "track", str(clip), "--detector", "file:det.txt", "--mot", f"{name}.txt", "--quiet"]
        subprocess.run(command, check=True, timeout=120, cwd=tmp_path, env=_env())
        results.append((tmp_path / f"{name}.txt").read_text())
    assert results[0] == results[1]
    frames = {int(row.split(",")[0]) for row in results[0].splitlines()}
    assert 7 not in frames
    assert {6, 8} <= frames


@pytest.mark.parametrize("name", ["nan", "too few columns"])
def test_mot_refuses_a_bad_sequence(name: str, tmp_path: Path) -> None:
    row, said = DETECTIONS[name]
    det = write_detections(tmp_path / "root/street/det/det.txt")
    rows = det.read_text().splitlines()
    det.write_text("\n".join([*rows[:4], row, *rows[5:]]) + "\n")
    (tmp_path / "root/street/seqinfo.ini").write_text(f"[Sequence]\nframeRate=25\nseqLength={len(TIMES)}\n")
    refused("mot", "root", "out", said=said, folder=tmp_path)
    subprocess.run(
        [*LIQUIDTRACK, "mot", "root", "out", "--skip-bad-rows", "--quiet"],
        check=True,
        timeout=120,
        cwd=tmp_path,
        env=_env(),
        stderr=subprocess.DEVNULL,
    )
    assert (tmp_path / "out/street.txt").stat().st_size > 0


FILES_OF_TIMES: dict[str, tuple[list[float], str, int]] = {
    "back": ([*TIMES[:5], 0.01, *TIMES[6:]], "line 6: the time 0.01 does not come after 0.2", 0),
    "repeated": ([*TIMES[:5], TIMES[4], *TIMES[6:]], "line 6: the time 0.2 does not come after 0.2", 0),
    "not finite": ([*TIMES[:5], float("nan"), *TIMES[6:]], "line 6: the time is 'nan'", 0),
    "too few": (TIMES[:5], "5 times, but clip.mp4 has more frames", 5),
    "too many": ([*TIMES, 99.0], "21 times, but clip.mp4 has 20 frames", 20),
}


@pytest.mark.parametrize("name", FILES_OF_TIMES)
def test_bad_times_file_is_one_sentence(name: str, tmp_path: Path) -> None:
    times, said, kept = FILES_OF_TIMES[name]
    clip = write_clip(tmp_path / "clip.mp4")
    (tmp_path / "times.txt").write_text("".join(f"{time}\n" for time in times))
    words = ("track", clip, "--times", "times.txt", "--jsonl", "out.jsonl")
    refused(*words, said=f"times.txt{':' if kept else ''} {said}", folder=tmp_path)
    assert not kept or len(read(tmp_path / "out.jsonl").frames) == kept


def test_video_with_decreasing_times_is_one_sentence(tmp_path: Path) -> None:
    # A transport stream carries any times; here the clock restarts in the middle, as after a camera's reboot
    parts = []
    for k in (0, 1):
        part = encode(tmp_path / f"{k}.ts", [90_000 + 3_600 * i for i in range(10)], time_base=MPEG)
        parts.append(part.read_bytes())
    (tmp_path / "two.ts").write_bytes(b"".join(parts))
    refused("track", "two.ts", "--jsonl", "out.jsonl", said="times must increase", folder=tmp_path)
    assert len(read(tmp_path / "out.jsonl").frames) >= 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 3\n", "run.toml: there is no setting 'colour'"),
        ('low_score = "high"\n', "run.toml: --low-score is 'high'; give a number"),
        ("low_score = 7\n", "low_score is 7.0; give a number between 0 and 1"),
        ("low_score = \n", "run.toml: is not valid TOML"),
    ],
)
def test_bad_settings_file_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    (tmp_path / "run.toml").write_text(text)
    refused("track", clip, "--config", "run.toml", "--jsonl", "out.jsonl", said=said, folder=tmp_path)
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("flag", ["mot", "jsonl", "kitti", "coco", "cvat", "yolo", "labelstudio", "csv", "video"])
def test_full_disk_keeps_the_written_results(flag: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [i / 25 for i in range(400)])
    write_detections(tmp_path / "det.txt", [i / 25 for i in range(400)])
    out = tmp_path / {"coco": "o.json", "cvat": "o.xml", "yolo": "o", "video": "o.mp4"}.get(flag, f"o.{flag}")
    most = {"video": 40_000, "coco": 100_000, "labelstudio": 20_000}
    limit = most.get(flag, 4_000)  # bytes that any one file may grow to

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    words = ("track", clip, "--detector", "file:det.txt", f"--{flag}", out)
    refused(*words, said=str(out.name) if flag != "yolo" else "o/", folder=tmp_path, preexec_fn=full)
    if flag == "video":
        kept = 0
        with av.open(str(out)) as container, contextlib.suppress(av.error.InvalidDataError):
            for _ in container.decode(video=0):
                kept += 1
        assert kept > 20
    else:
        assert len(read(out, flag).frames) > 10


@pytest.mark.parametrize("flag", ["mot", "jsonl", "kitti", "coco", "cvat", "labelstudio", "csv"])
def test_full_disk_at_the_first_byte_leaves_no_file(flag: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    write_detections(tmp_path / "det.txt")
    (tmp_path / "results").mkdir()
    head = "from tools.cli.main import main; from datasets.formats.writer import WholeFile; import errno, sys\n"
    full = "def full(self, data, at): raise OSError(errno.ENOSPC, 'No space left on device')\nWholeFile._write = full\n"
    words = ["track", str(clip), "--detector", "file:det.txt", f"--{flag}", "results/out"]
    done = subprocess.run(
        [sys.executable, "-c", f"{head}{full}sys.exit(main({words!r}))"],
        capture_output=True, text=True, timeout=120, cwd=tmp_path, env=_env(),
    )  # fmt: skip
    assert done.returncode == 2, (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    assert "No space left on device" in line
    left = {path.name for path in (tmp_path / "results").iterdir()}
    assert left <= {"out.run.toml", "out.names", ".liquidtrack.json"}


def test_results_never_overwrite_inputs(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    det = write_detections(tmp_path / "det.txt")
    times = tmp_path / "times.txt"
    times.write_text("".join(f"{time}\n" for time in TIMES))
    before = [path.read_bytes() for path in (clip, det, times)]
    words = ("track", clip, "--detector", "det.txt", "--times", times)
    for flag, path, said in (
        ("video", clip, "is the source itself"),
        ("mot", det, "is the detector's file itself"),
        ("kitti", times, "is the file of --times itself"),
    ):
        refused(*words, f"--{flag}", path, said=said, folder=tmp_path)
    assert [path.read_bytes() for path in (clip, det, times)] == before


def without_rights() -> tuple[str, ...]:
    """What to put before a command so that permissions hold for it even if the tests are run by root."""
    if os.geteuid():
        return ()
    prefix = ("setpriv", *(f"--{kind}=-dac_override,-dac_read_search" for kind in ("bounding-set", "inh-caps")))
    if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("root may write anywhere, and there is no setpriv to give that up")
    return prefix


@pytest.mark.parametrize("flag", ["jsonl", "video", "yolo", "mot"])
def test_unwritable_folder_is_one_sentence(flag: str, tmp_path: Path) -> None:
    prefix = without_rights()
    clip = write_clip(tmp_path / "clip.mp4")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    command = [*prefix, *LIQUIDTRACK, "track", str(clip), f"--{flag}", str(locked / "out.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=_env())
    assert done.returncode == 2, (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    assert line.startswith("liquidtrack: ")
    assert "Permission denied" in line
    assert str(locked) in line
    assert not list(locked.iterdir())


def test_unreadable_input_is_one_sentence(tmp_path: Path) -> None:
    prefix = without_rights()
    clip = write_clip(tmp_path / "clip.mp4")
    clip.chmod(0o000)
    command = [*prefix, *LIQUIDTRACK, "track", str(clip), "--jsonl", str(tmp_path / "out.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=_env())
    assert done.returncode == 2, (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    assert "Permission denied" in line
