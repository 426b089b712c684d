"""Files of settings and single settings that no run can take: one sentence, at once."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.attack.commands import NEEDED, harmless, places
from tests.attack.harness import assert_answered, attack, kept
from tests.support.moving_box_clip import write_clip
from tools.cli.commands import COMMANDS
from tools.cli.main import load
from tools.cli.settings import settings
from tools.cli.typed import _hints

TRACK = ["track", "absent.mp4", "--jsonl", "o.jsonl", "--config", "s.toml"]

FILES: dict[str, bytes] = {
    "deep lists": b"score = " + b"[" * 20_000,
    "deep closed lists": b"classes = " + b"[" * 900 + b"]" * 900,
    "deep tables": b"a" + b".a" * 20_000 + b" = 1",
    "deep inline tables": b"a = " + b"{a=" * 20_000,
    "digits": b"threads = " + b"9" * 6_000,
    "large number": b"threads = 99999999999999999999999999",
    "hexadecimal": b"threads = 0x" + b"f" * 5_000,
    "overflow": b"score = 1e999",
    "nan": b"score = nan",
    "negative": b"every = -1",
    "date": b"score = 1979-05-27T07:32:00Z",
    "time": b"score = 07:32:00",
    "table": b"[score]\na = 1",
    "array of tables": b"[[score]]\na = 1",
    "list for a number": b"score = [1, 2]",
    "list of lists": b"classes = [['a'], ['b']]",
    "boolean for a path": b"jsonl = true",
    "number for a path": b"jsonl = 12\nmot = 12",
    "number for a choice": b"camera_motion = 3",
    "empty path": b"jsonl = ''",
    "NUL in a path": b'jsonl = "a\\u0000b"',
    "NUL in a name": b'detector = "a\\u0000b"',
    "escape in a value": b'source = "\\u001b[31mred"',
    "escape in a key": b'"\\u001b[31mred" = 1',
    "line in a value": b'source = """a\nb"""',
    "line in a list": b'classes = ["a\\nb"]',
    "unknown": b"colour = 3",
    "long key": b"k" * 100_000 + b" = 1",
    "long value": b'motion = "' + b"x" * 100_000 + b'"',
    "twice": b"score = 0.1\nscore = 0.2",
    "no value": b"score =",
    "no TOML": b"<xml>not toml</xml>",
    "JSON": b'{"score": 0.1}',
    "UTF-16": "score = 0.1".encode("utf-16"),
    "Latin-1": b'detector = "caf\xe9"',
    "zeros": bytes(100_000),
    "random": os.urandom(100_000),
    "large": b"# " + b"x" * (2 << 20),
    "code": b'detector = "python:os:system"',
    "code in capitals": b'detector = " PYTHON:os:system"',
    "code in a list": b'classes = ["python:os:system"]',
    "secret": b'detector = "rtsp://bob:S3cr3tPw@cam/x"\nscore = "S"',
    "a flag as value": b'source = "--help"',
    "code as a flag": b'source = "--detector=python:os:system"',
    "a flag in a list": b'classes = ["--video", "x.mp4"]',
}


@pytest.mark.parametrize("name", FILES)
def test_bad_settings_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_bytes(FILES[name])
    with kept(tmp_path):
        assert_answered(attack(TRACK, cwd=tmp_path), secrets=["S3cr3tPw"])


BAD_FILES = ["/dev/zero", "/dev/urandom", "/", "", "absent.toml", "code.toml", "deep.toml"]


@pytest.mark.parametrize(
    ("command", "path"),
    [(c, p) for k, c in enumerate(COMMANDS) for i, p in enumerate(BAD_FILES) if c != "completion" and (i + k) % 2],
)
def test_every_command_reads_settings_with_a_bound(command: str, path: str, tmp_path: Path) -> None:
    name = next(name for name in settings(load(COMMANDS[command].config)))
    (tmp_path / "code.toml").write_text(f"{name} = 'python:os:getcwd'\n")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 9_000)
    words = [*command.split(), *NEEDED.get(command, []), *(harmless(command, place) for place in places(command))]
    with kept(tmp_path):
        assert_answered(attack([*words, "--config", path], cwd=tmp_path, torch=False))


def test_settings_from_a_pipe_are_read(tmp_path: Path) -> None:
    pipe = tmp_path / "s.toml"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("colour = 3\n"))
    writer.start()
    assert_answered(attack(TRACK, cwd=tmp_path), says="no setting 'colour'")
    writer.join()


@pytest.mark.parametrize("words", [["--config"], ["--config="], ["--config", "a.toml", "--config"], ["--allow-code"]])
def test_incomplete_flags_are_refused(words: list[str], tmp_path: Path) -> None:
    assert_answered(attack(["track", "absent.mp4", *words], cwd=tmp_path))


def test_code_named_in_a_settings_file_runs_only_if_allowed(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import pathlib\npathlib.Path('ran').touch()\ndef detect(frame):\n    raise ValueError('mine')\n"
    )
    (tmp_path / "s.toml").write_text("detector = 'python:mine:detect'\n")
    words = ["track", "scene:3", "--config", "s.toml", "--jsonl", "o.jsonl"]
    assert_answered(attack(words, cwd=tmp_path), says="--allow-code")
    assert not (tmp_path / "ran").exists()
    assert_answered(attack([*words, "--allow-code"], cwd=tmp_path), says="mine")
    assert (tmp_path / "ran").exists()


VALUES = [
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e308",
    "1e-308",
    "1e999",
    "9" * 5000,
    "x",
    "",
    "1_0",
    "٣",
    "0x10",
    "--",
    "1,2",
]


def _numbers() -> list[tuple[str, str]]:
    found = []
    for command, place in COMMANDS.items():
        positional = settings(load(place.config))
        for name, hint in _hints(load(place.config)):
            if not positional[name] and _is_number(hint):
                found.append((command, name))
    return found


def _is_number(hint: Any) -> bool:
    return hint in (int, float) or any(map(_is_number, get_args(hint)))


def refuse_number(command: str, name: str, value: str, tmp_path: Path) -> None:
    words = [*command.split(), *NEEDED.get(command, []), *(harmless(command, place) for place in places(command))]
    answer = attack([*words, f"--{name.replace('_', '-')}={value}"], cwd=tmp_path)
    assert_answered(answer)


# A command that reads nothing would begin its work.
NUMBERS = [(command, name) for command, name in _numbers() if places(command) and not command.startswith("simulate ")]
BUSY = ("bench cells", "inspect", "demo", "bench engine", "bench annotate-speed")
NUMBERS = [pair for pair in NUMBERS if pair[0] not in BUSY]


@pytest.mark.parametrize(
    ("command", "name", "value"), [(c, n, VALUES[k % len(VALUES)]) for k, (c, n) in enumerate(NUMBERS) if k % 5 == 0]
)
def test_invalid_number_is_refused(command: str, name: str, value: str, tmp_path: Path) -> None:
    refuse_number(command, name, value, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(("command", "name"), NUMBERS)
def test_every_invalid_number_is_refused_for_every_setting(command: str, name: str, value: str, tmp_path: Path) -> None:
    refuse_number(command, name, value, tmp_path)


CLOCKS = ["4e305", "1e308", "-4e305", "1e300", "1e12", "nan", "inf", "9" * 400, "0x1"]


@pytest.mark.parametrize("time", CLOCKS)
def test_out_of_range_times_are_refused(time: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    (tmp_path / "t.txt").write_text("".join(f"{k}\n" for k in range(19)) + f"{time}\n")
    for words in (["track", clip, "--detector", "background", "--jsonl", "o.jsonl"], ["info", clip]):
        with kept(clip):
            assert_answered(attack([*words, "--times", "t.txt"], cwd=tmp_path))


@pytest.mark.parametrize("rate", ["1e-308", "1e308", "5e-324", "1e-9", "1e12", "0", "-25", "nan", "inf"])
def test_out_of_range_rates_are_refused(rate: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    for words in (["track", clip, "--detector", "background", "--jsonl", "o.jsonl"], ["info", clip]):
        assert_answered(attack([*words, f"--rate={rate}"], cwd=tmp_path), code=2)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/full"])
def test_devices_instead_of_files_are_read_with_a_bound(device: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    for words in (
        ["track", clip, "--detector", f"file:{device}", "--jsonl", "o.jsonl"],
        ["track", clip, "--times", device, "--jsonl", "o.jsonl"],
        ["track", clip, "--detector", f"onnx:{device}", "--jsonl", "o.jsonl"],
        ["track", clip, "--mask", device, "--jsonl", "o.jsonl"],
        ["track", clip, "--association-head", device, "--jsonl", "o.jsonl"],
        ["track", clip, "--reid", "--reid-metric", device, "--jsonl", "o.jsonl"],
        ["convert", device, "o.jsonl"],
        ["render", clip, device],
        ["info", device],
    ):
        assert_answered(attack(words, cwd=tmp_path))
