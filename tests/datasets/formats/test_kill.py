"""A process killed while it writes leaves a file that can be read; a full disk costs only what was not yet written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import FORMATS, read
from datasets.formats.writer import FrameBoxes
from models.errors import DataError, LiquidTrackError
from tests.support.annotations import target
from tracker.protocols import SourceInfo

EACH = pytest.mark.parametrize("name", FORMATS)
GROWING = [name for name in FORMATS if name != "parquet"]  # a Parquet file can be read at its end only
EACH_GROWING = pytest.mark.parametrize("name", GROWING)

WRITE_FOREVER = """
import sys
import numpy as np
from datasets.formats import FORMATS
from datasets.formats.writer import FrameBoxes
from tracker.protocols import SourceInfo

name, path, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
writer = FORMATS[name].writer(path)
writer.open(SourceInfo("street", 640, 480), ("person", "car"))
k = 0
while True:
    ids = np.arange(n) + 1 + k // 7
    left = np.arange(n, dtype=np.float32) * 3 + k % 50
    xyxy = np.stack([left, left, left + 10, left + 20.5], axis=1)
    writer.put(k, k * 0.04, FrameBoxes(ids, xyxy, np.full(n, 0.5, np.float32), ids % 2))
    k += 1
    print(k, flush=True)
"""


@EACH_GROWING
@pytest.mark.parametrize(("boxes", "frames"), [(3, 40), (120, 25), (2, 900)])
def test_killed_writer_leaves_all_frames(name: str, boxes: int, frames: int, tmp_path: Path) -> None:
    path = target(tmp_path, name)
    command = [sys.executable, "-c", WRITE_FOREVER, name, str(path), str(boxes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        done = 0
        for line in process.stdout:
            done = int(line)
            if done == frames:
                break
        process.send_signal(signal.SIGKILL)
        for line in process.stdout:
            done = int(line)
    assert process.returncode == -signal.SIGKILL
    assert done >= frames
    got = read(path)
    assert len(got.frames) in (done, done + 1)  # the one that was being written may be there
    assert got.times is not None
    assert got.times[:done].tolist() == [k * 0.04 for k in range(done)]
    for k in (0, done // 2, done - 1):
        at = got.at(k)
        order = np.argsort(got.id[at])
        assert got.id[at][order].tolist() == (np.arange(boxes) + 1 + k // 7).tolist()
        left = np.arange(boxes) * 3 + k % 50
        assert np.allclose(got.xyxy[at][order], np.stack([left, left, left + 10, left + 20.5], 1), atol=0.01)
        assert [got.names[c] for c in got.label[at][order]] == [("person", "car")[i % 2] for i in got.id[at][order]]


@EACH_GROWING
def test_file_is_complete_after_every_frame(name: str, tmp_path: Path) -> None:
    """Read by others' parsers, not by ours, where there are some."""
    path = target(tmp_path, name)
    writer = FORMATS[name].writer(path)
    writer.open(SourceInfo("street", 640, 480), ("person",))
    for k in range(700):  # more than the room that COCO's images get at first
        writer.put(k, k / 25, _boxes(k % 3))
        if k % 100 == 0 or k > 690:
            if name == "coco":
                content = json.loads(path.read_text())
                assert len(content["images"]) == k + 1
                assert content["images"][k]["time"] == k / 25
                assert len(content["annotations"]) == sum(f % 3 for f in range(k + 1))
            elif name == "cvat":
                boxes = [b for b in ET.parse(path).getroot().iter("box") if b.get("outside") == "0"]
                assert len(boxes) == sum(f % 3 for f in range(k + 1))
            assert len(read(path).frames) == k + 1
    writer.close()


def _boxes(n: int) -> FrameBoxes:
    xyxy = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)[:n]
    return FrameBoxes(np.arange(n), xyxy, np.ones(n, np.float32), np.zeros(n, np.int64))


def test_closed_coco_file_is_compact(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with FORMATS["coco"].writer(path) as writer:
        writer.open(SourceInfo("s", 640, 480), ("person",))
        for k in range(3):
            writer.put(k, k / 25, _boxes(2))
    assert path.stat().st_size < 2000
    assert len(json.loads(path.read_text())["images"]) == 3


@pytest.mark.parametrize("name", ["coco", "cvat", "jsonl", "mot", "kitti", "csv"])
def test_truncation_keeps_all_earlier_frames(name: str, tmp_path: Path) -> None:
    """The kernel may cut a large write between two pages: that cuts the last frame's boxes, and no frame before."""
    path = target(tmp_path, name)
    writer = FORMATS[name].writer(path)
    writer.open(SourceInfo("street", 640, 480), ("person",))
    ends = []
    for k in range(6):
        writer.put(k, k / 25, _boxes(2))
        ends.append(writer._file.end)  # type: ignore[attr-defined]
    whole = path.read_bytes()
    writer.close()
    for end in range(ends[3] + 1, ends[4]):
        path.write_bytes(whole[:end])
        got = read(path, name)
        assert len(got.frames) >= 4
        assert (np.bincount(got.row, minlength=4)[:4] == 2).all()


LIMITED = """
import resource, sys
import numpy as np
from datasets.formats import FORMATS
from datasets.formats.writer import FrameBoxes
from models.errors import LiquidTrackError
from tracker.protocols import SourceInfo

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
writer = FORMATS[sys.argv[1]].writer(sys.argv[2])
box = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
done = 0
try:
    writer.open(SourceInfo("street", 640, 480), ("person",))
    for k in range(100000):
        writer.put(k, k / 25, FrameBoxes(np.arange(2), box, np.ones(2, np.float32), np.zeros(2, int)))
        done += 1
except LiquidTrackError as error:
    print(done)
    print(error)
try:
    writer.close()
except LiquidTrackError as error:
    print(error)
"""


@pytest.mark.parametrize("name", [name for name in GROWING if name != "yolo"])
def test_full_disk_is_one_sentence_and_loses_no_written_frame(name: str, tmp_path: Path) -> None:
    path = target(tmp_path, name)
    run = [sys.executable, "-c", LIMITED, name, str(path), "150000"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    frames, message, *_ = done.stdout.splitlines()
    assert "cannot be written (File too large)" in message
    assert message.startswith(str(path.parent))
    got = read(path)
    assert int(frames) > 100
    assert np.bincount(got.row, minlength=len(got.frames))[: int(frames)].tolist() == [2] * int(frames)
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("name", [name for name in GROWING if name != "yolo"])
def test_dev_full_is_one_sentence(name: str) -> None:
    writer = FORMATS[name].writer(Path("/dev/full"))

    def fill() -> None:
        writer.open(SourceInfo("s", 640, 480), ("person",))
        writer.put(0, 0.0, _boxes(1))

    with pytest.raises(DataError, match=r"/dev/full cannot be written \(.*\)"):
        fill()
    writer.close()
    assert not Path("/dev/times.csv").exists()
    assert not Path("/dev/full.names").exists()


def test_jsonl_is_written_to_a_pipe_line_by_line(tmp_path: Path) -> None:
    command = '"$0" -c "$1" jsonl /dev/stdout 2 2>/dev/null | head -n 2'
    run = ["bash", "-c", command, sys.executable, WRITE_FOREVER]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(done.stdout.splitlines()[0])["format"] == "liquidtrack"


@EACH
def test_invalid_target_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    wrong = [tmp_path / "file" / "deeper" / "out", Path("/proc/nowhere/out"), tmp_path / "nul\0name"]
    if name == "yolo":
        wrong.append(tmp_path / "file")
    else:
        wrong.append(tmp_path / "folder")
    for path in wrong:
        writer = FORMATS[name].writer(path)
        with pytest.raises(LiquidTrackError, match=r"cannot be written \(.*\); free space or name another place"):
            writer.open(SourceInfo("s", 640, 480), ("person",))
        writer.close()
    assert (tmp_path / "file").read_text() == "x"


@EACH
def test_a_frame_out_of_order_is_refused(name: str, tmp_path: Path) -> None:
    writer = FORMATS[name].writer(target(tmp_path, name))
    writer.open(SourceInfo("s", 640, 480), ("person",))
    writer.put(4, 0.1, _boxes(1))
    with pytest.raises(DataError, match="frame 4 comes after frame 4"):
        writer.put(4, 0.2, _boxes(1))
    with pytest.raises(DataError, match="beyond the 1 names"):
        writer.put(5, 0.2, FrameBoxes(np.ones(1, int), _boxes(1).xyxy, np.ones(1, np.float32), np.ones(1, int)))
    writer.close()
    assert len(read(target(tmp_path, name))) == 1
