"""Recordings of live sources (`track --record`): places that are taken or wrong, full disks, kills."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from tests.attack.harness import Word, assert_answered, attack, kept, start
from tests.support.media_servers import HttpServer, http
from tests.support.output_victims import VICTIMS, put

SLOW = b"""import time
names = ("person",)
def detect(frame):
    time.sleep(0.15)
    return [[10, 10, 40, 40, 0.9, 0]]
"""


@pytest.fixture(scope="module")
def camera() -> Iterator[HttpServer]:
    with http() as server:
        yield server


def words(camera: HttpServer, *more: Word, end: str = "1") -> list[Word]:
    url = camera.url("cam.mjpg")
    return ["track", url, "--detector", "python:slow:detect", "--end", end, "--jsonl", "o.jsonl", *more]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    put(tmp_path / "slow.py", SLOW)
    return tmp_path


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda v: v.__name__)
def test_recording_does_not_overwrite_existing_files(
    victim: Callable[[Path], Path], work: Path, camera: HttpServer
) -> None:
    hurt = victim(work / "r.mp4")
    with kept(hurt):
        answer = attack(words(camera, "--record", "r.mp4"), cwd=work)
        assert_answered(answer, 2, says=("r.mp4",))
    assert not (work / "o.jsonl").exists()


def test_overwriting_recording_keeps_hard_linked_copies(work: Path, camera: HttpServer) -> None:
    (work / "r.mp4").hardlink_to(put(work / "elsewhere.mp4"))
    with kept(work / "elsewhere.mp4"):
        assert_answered(attack(words(camera, "--record", "r.mp4", "--overwrite"), cwd=work), 0)
    assert pictures(work / "r.mp4") > 10


WRONG: dict[str, list[Word]] = {
    "empty": ["--record", ""],
    "a folder": ["--record", "."],
    "the root": ["--record", "/"],
    "no video": ["--record", "r.txt"],
    "no suffix": ["--record", "r"],
    "standard output": ["--record", "-"],
    "a device": ["--record", "/dev/stdout"],
    "below a file": ["--record", "slow.py/r.mp4"],
    "a long name": ["--record", "r" * 300 + ".mp4"],
    "bytes that are no text": ["--record", b"\xff\xfe.mkv.\xff"],
    "the labels": ["--record", "o.mp4", "--video", "o.mp4"],
    "the labels by another way": ["--record", "./x/../o.mp4", "--video", "o.mp4"],
    "without a value": ["--record"],
}


@pytest.mark.parametrize("how", WRONG)
def test_invalid_recording_path_is_refused(how: str, work: Path, camera: HttpServer) -> None:
    with kept(work / "slow.py"):
        assert_answered(attack(words(camera, *WRONG[how]), cwd=work), 2)
    assert [path.name for path in work.iterdir() if path.suffix != ".pyc" and path.name != "__pycache__"] == ["slow.py"]


def test_full_disk_ends_the_run_in_one_sentence_and_keeps_the_recording(work: Path, camera: HttpServer) -> None:
    most = {resource.RLIMIT_FSIZE: 8_000}
    answer = attack(words(camera, "--record", "r.mkv", "--quiet", end="20"), cwd=work, limits=most)
    assert_answered(answer, (1, 2), says=("r.mkv", "stays readable"))
    assert pictures(work / "r.mkv") > 3


@pytest.mark.parametrize("name", ["r.mp4", "r.mkv"])
def test_recording_of_a_killed_run_is_readable_and_not_overwritten(name: str, work: Path, camera: HttpServer) -> None:
    with start(words(camera, "--record", name, end="100"), cwd=work) as running:
        until = time.monotonic() + 25
        while not ((work / name).is_file() and (work / name).stat().st_size > 4_000):
            assert time.monotonic() < until, "it did not come"
            time.sleep(0.02)
        running.signal(signal.SIGKILL)
        running.wait()
    assert pictures(work / name) > 3
    with kept(work / name):
        assert_answered(attack(words(camera, "--record", name), cwd=work), 2, says=("--overwrite",))
