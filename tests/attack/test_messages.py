"""Printed messages: no secret, no control character, one line, on any terminal."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.attack.harness import CLOSED, RAW, Word, assert_answered, attack, kept
from tests.support.moving_box_clip import write_clip

SECRET = "S3cr3tPw"
ADDRESSES = [
    f"rtsp://bob:{SECRET}@127.0.0.1:1/x",
    f"rtsp://bob:{SECRET[:4]}/{SECRET}@127.0.0.1:1/x",
    f"rtsp://bob:a@{SECRET}@127.0.0.1:1/x",
    f"rtsp://127.0.0.1:1/user=bob_password={SECRET}_channel=1_stream=0.sdp",
    f"http://127.0.0.1:1/live;token={SECRET};x=1",
    f"http://127.0.0.1:1/x?api_key={SECRET}&y=1",
    f"http://127.0.0.1:1/x?y=1&access_token={SECRET}",
    f"http://127.0.0.1:1/x#password={SECRET}",
    f"http://127.0.0.1:1/token/{SECRET}/x.m3u8",
    f"HTTP://BOB:{SECRET}@127.0.0.1:1/",
    f"rtmp://127.0.0.1:1/live/{SECRET}",
    f"srt://127.0.0.1:1?passphrase={SECRET}",
    f"rtsp:/bob:{SECRET}@127.0.0.1/x",
    f"rtsp//bob:{SECRET}@127.0.0.1/x",
    f"bob:{SECRET}@127.0.0.1/x",
    f"user=bob_password={SECRET}",
]
WITH_ADDRESS: dict[str, list[str]] = {
    "no command": ["{}"],
    "mistyped command": ["trakc", "{}"],
    "track": ["track", "{}", "--jsonl", "o.jsonl", "--stall", "1", "--reconnect", "0"],
    "info": ["info", "{}", "--stall", "1", "--reconnect", "0"],
    "identify": ["identify", "{}", "tracks.jsonl", "gallery"],
    "render": ["render", "{}", "tracks.jsonl"],
    "mot": ["mot", "{}", "out"],
    "convert": ["convert", "{}", "o.jsonl"],
    "detector": ["track", "absent.mp4", "--detector", "{}"],
    "flag": ["track", "absent.mp4", "--score", "{}"],
    "config": ["track", "absent.mp4", "--config", "{}"],
    "times": ["track", "scene:3", "--times", "{}", "--jsonl", "o.jsonl"],
}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("where", WITH_ADDRESS)
def test_secrets_in_addresses_are_never_printed(where: str, address: str, tmp_path: Path) -> None:
    words = [word.replace("{}", address) for word in WITH_ADDRESS[where]]
    assert_answered(attack(words, cwd=tmp_path), secrets=[SECRET])
    for path in tmp_path.rglob("*"):  # settings that are kept beside results
        assert not path.is_file() or SECRET not in path.read_text("utf-8", "replace")


EVIL = [
    "\x1b[31mred",
    "\x1b]0;title\x07x",
    "two\nlines",
    "back\rward",
    "\x9b31m",
    "\u202egpj",
    "\x08\x08x",
    "\x7f",
    "\u2028",
]
WITH_NAME: dict[str, list[str]] = {
    "command": ["{}"],
    "second word": ["bench", "{}"],
    "source": ["track", "{}", "--jsonl", "o.jsonl"],
    "scene": ["track", "scene:{}", "--jsonl", "o.jsonl"],
    "address": ["info", "nothing://{}"],
    "glob": ["info", "{}*.png"],
    "flag": ["track", "absent", "--{}"],
    "value": ["track", "absent", "--{}=1"],
    "number": ["track", "absent", "--score", "{}"],
    "choice": ["track", "absent", "--motion", "{}"],
    "detector": ["track", "absent", "--detector", "{}"],
    "code": ["track", "scene:3", "--detector", "python:{}:x", "--jsonl", "o.jsonl"],
    "box": ["track", "absent", "--box", "{}"],
    "mask": ["track", "absent", "--mask-box", "{}"],
    "config": ["info", "absent", "--config", "{}"],
    "labels": ["convert", "{}", "o.jsonl"],
    "format": ["convert", "a", "b", "--from-format", "{}"],
    "scores": ["eval", "mot", "{}", "{}"],
    "shell": ["completion", "{}"],
    "key": ["track", "absent", "{}=1"],
}


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
@pytest.mark.parametrize("where", WITH_NAME)
def test_no_control_character_reaches_the_terminal(where: str, evil: str, tmp_path: Path) -> None:
    words = [word.replace("{}", evil) for word in WITH_NAME[where]]
    assert_answered(attack(words, cwd=tmp_path))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.mark.parametrize("evil", [evil for evil in EVIL if "/" not in evil], ids=range(len(EVIL)))
def test_reports_escape_malicious_file_names(evil: str, tmp_path: Path, clip: Path) -> None:
    source = tmp_path / f"{evil}.mp4"
    shutil.copy(clip, source)
    with kept(source):
        assert_answered(attack(["info", source.name], cwd=tmp_path), code=0)
        answer = attack(["info", source.name, "--json"], cwd=tmp_path)
        assert_answered(answer, code=0)
        assert json.loads(answer.stdout)["name"] == source.name
        assert_answered(
            attack(["track", source.name, "--detector", "background", "--jsonl", f"{evil}.jsonl"], cwd=tmp_path), code=0
        )


SPLIT = "two\nSPLIT"  # a careless report would start a line with the second line of this name


def test_line_break_in_a_name_breaks_no_report_line(tmp_path: Path, clip: Path) -> None:
    video, labels = tmp_path / f"{SPLIT}.mp4", tmp_path / f"{SPLIT}.jsonl"
    shutil.copy(clip, video)
    head = {"format": "liquidtrack", "version": 1, "names": [SPLIT], "source": SPLIT, "width": 64, "height": 48}
    boxes = [{"id": 1, "xyxy": [5, 5, 35, 35], "label": SPLIT, "score": 0.9}]
    rows = [{"frame": k, "seconds": None, "boxes": boxes} for k in range(9)]
    labels.write_text("\n".join(map(json.dumps, [head, *rows])) + "\n")
    sequence = tmp_path / SPLIT / SPLIT
    for kind in ("gt", "det"):
        (sequence / kind).mkdir(parents=True)
        (sequence / kind / f"{kind}.txt").write_text("1,1,5,5,30,30,1,1,1\n2,1,6,5,30,30,1,1,1\n")
    (sequence / "seqinfo.ini").write_text("[Sequence]\nframeRate=25\nimWidth=64\nimHeight=48\n")
    lines: list[str] = []
    for words in (
        ["info", video.name],
        ["track", video.name, "--detector", f"file:{labels.name}", "--classes", SPLIT, "--jsonl", f"{SPLIT} o.jsonl"],
        ["track", video.name, "--detector", f"file:{labels.name}", "--jsonl", f"{SPLIT} o2.jsonl"],
        ["convert", labels.name, f"{SPLIT} o.xml"],
        ["render", video.name, labels.name, "--video", f"{SPLIT} o.mp4"],
        ["eval", "mot", labels.name, labels.name, "--per-class", "--per-sequence"],
        ["mot", SPLIT, f"{SPLIT} out"],
        ["eval", "mot", SPLIT, f"{SPLIT} out", "--per-sequence"],
    ):
        answer = attack(words, cwd=tmp_path)
        assert_answered(answer, code=0)
        lines += (answer.stdout + answer.stderr).decode().splitlines()
    assert sum("two\\nSPLIT" in line for line in lines) >= 7
    assert not [line for line in lines if line.startswith("SPLIT")]


def test_class_names_from_a_file_are_escaped(tmp_path: Path, clip: Path) -> None:
    head = {
        "format": "liquidtrack",
        "version": 1,
        "names": ["\x1b[31mcar\x07"],
        "source": "x",
        "width": 64,
        "height": 48,
    }
    (tmp_path / "d.jsonl").write_text(json.dumps(head) + "\n")
    for words in (
        ["track", clip, "--detector", "file:d.jsonl", "--classes", "none", "--jsonl", "o.jsonl"],
        ["convert", "d.jsonl", "o.xml"],
        ["eval", "mot", "d.jsonl", "d.jsonl"],
    ):
        assert_answered(attack(words, cwd=tmp_path), code=(0, 2), more_lines=True)


@pytest.mark.parametrize(
    "words", [["--help"], ["track", "--help"], ["info", "scene:3"], ["completion", "bash"], ["--version"]]
)
@pytest.mark.parametrize("how", ["closed", "full", "both closed", "no reader", "not for writing"])
def test_closed_or_full_standard_output_is_handled(words: list[str], how: str, tmp_path: Path) -> None:
    if "closed" in how:
        answer = attack(words, cwd=tmp_path, stdout=CLOSED, stderr=CLOSED if "both" in how else None)
        assert_answered(answer, code=0)
        return
    if how == "no reader":
        reading, number = os.pipe()
        os.close(reading)
    else:
        number = os.open("/dev/full" if how == "full" else "/dev/null", os.O_WRONLY if how == "full" else os.O_RDONLY)
    try:
        answer = attack(words, cwd=tmp_path, stdout=number)
    finally:
        os.close(number)
    assert_answered(answer, code=0 if how == "no reader" else 2)


@pytest.mark.parametrize("how", ["closed", "full", "no reader"])
def test_closed_or_full_standard_error_loses_no_results(how: str, tmp_path: Path, clip: Path) -> None:
    words: list[Word] = ["track", clip, "--detector", "background", "--jsonl", "o.jsonl"]
    reading, number = os.pipe()
    os.close(reading)
    if how == "full":
        os.dup2(full := os.open("/dev/full", os.O_WRONLY), number)
        os.close(full)
    try:
        stderr = CLOSED if how == "closed" else number
        assert attack(words, cwd=tmp_path, stderr=stderr).code == 0
        assert attack(["info", "absent"], cwd=tmp_path, stderr=stderr).code == 2
    finally:
        os.close(number)
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) > 10


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": None}


@pytest.mark.parametrize(
    "words", [["info", "Zoë.mp4"], ["info", "absent-é.mp4"], ["Zoë"], ["track", "--help"], ["--help"]]
)
def test_ascii_locale_is_supported(words: list[str], tmp_path: Path, clip: Path) -> None:
    shutil.copy(clip, tmp_path / "Zoë.mp4")
    answer = attack(words, cwd=tmp_path, env=ASCII)
    assert_answered(answer, code=(0, 2))
    assert answer.stdout.isascii()
    assert answer.stderr.isascii()


def test_internal_error_is_one_sentence_and_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tools.cli.main import FAILED, main

    def faulty(place: str) -> None:
        raise IndexError(f"out of range for rtsp://bob:{SECRET}@cam/x \x1b[31m\nand more")

    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tools.cli.main.load", faulty)
    assert main(["info", f"rtsp://bob:{SECRET}@cam/x"]) == FAILED
    (line,) = capsys.readouterr().err.splitlines()
    (log,) = (tmp_path / "cache/faults").glob("*.log")
    assert str(log) in line
    assert line.startswith("liquidtrack: a fault of liquidtrack's own (IndexError: out of range for ")
    report = log.read_text()
    assert "Traceback (most recent call last)" in report
    assert "in faulty" in report
    for text in (line, report):
        assert SECRET not in text
        assert RAW.search(text) is None


def test_internal_error_without_a_report_folder_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tools.cli.main import FAILED, main

    monkeypatch.setenv("LIQUIDTRACK_CACHE", "/proc/nowhere")
    monkeypatch.setattr("tools.cli.main.load", lambda place: 1 / 0)
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")
    assert main(["info", "x"]) == FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert "ZeroDivisionError" in line
    assert "no file could be written" in line


@pytest.mark.parametrize("number", [0, 1, 2])
def test_text_without_secrets_is_unchanged(number: int) -> None:
    from datasets.sources.credentials import strip_credentials_from_text

    text = [
        "see https://github.com/a/b#c and x=3, low_score=7 at 0:01@2",
        "error parsing --box: 1,2,3,4@2.5:name; see liquidtrack track --help.",
        "det.txt line 812: width is -3.0; a box needs a positive width (use --skip-bad-rows to drop such rows).",
    ][number]
    assert strip_credentials_from_text(text) == text


def test_too_many_prompted_boxes_are_refused(tmp_path: Path) -> None:
    words = ["track", "scene:3", "--jsonl", "o.jsonl"]
    for k in range(2000):
        words += ["--box", f"{k % 50},5,10,10"]
    assert_answered(attack(words, cwd=tmp_path), says="2000 boxes")


def test_error_sentence_length_is_bounded(tmp_path: Path) -> None:
    sentence = assert_answered(attack(["x" * 100_000], cwd=tmp_path))
    assert len(sentence) < 3_000
