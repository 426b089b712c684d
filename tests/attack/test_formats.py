"""Label files of every format, damaged in every way, through every command that reads them: a result or one sentence.

A file that is damaged and yet can be read gives a result; one that cannot gives one sentence and exit code 2. Neither
takes long, nor much memory, nor changes the file.
"""

from __future__ import annotations

import codecs
import gzip
import itertools
import json
import os
import random
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.formats import FORMATS, write
from datasets.formats.annotations import Annotations
from tests.attack.harness import assert_answered, attack, kept, start

FRAMES = 6
SUFFIX = {name: form.layout.suffix for name, form in FORMATS.items() if form.layout.suffix}
Damage = Callable[[bytes, random.Random], bytes]


def scene() -> Annotations:
    """Two people and a car in six frames of 64 x 48 pixels."""
    row = np.repeat(np.arange(FRAMES), 3)
    left = np.tile([4.0, 20.0, 30.0], FRAMES) + row
    box = np.stack([left, left / 2, left + 10, left / 2 + 20], axis=1).astype(np.float32)
    return Annotations(
        np.arange(FRAMES),
        np.arange(FRAMES) / 10,
        row,
        np.tile([1, 2, 3], FRAMES),
        box,
        np.full(len(row), 0.75, np.float32),
        np.tile([0, 0, 1], FRAMES),
        ("person", "car"),
        np.zeros(len(row), bool),
        (64, 48),
    )


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scene in every format (`mot/a.txt`, `jsonl/a.jsonl`, ...) and its images."""
    folder = tmp_path_factory.mktemp("good")
    for name in FORMATS:
        write(scene(), folder / name / f"a{SUFFIX.get(name, '')}", name)
    (folder / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for k in range(FRAMES):
        cv2.imwrite(str(folder / "pictures" / f"{k:03d}.png"), rng.integers(0, 255, (48, 64, 3), np.uint8))
    return folder


def flipped(data: bytes, chance: random.Random) -> bytes:
    """A few bits changed anywhere."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def shuffled(data: bytes, chance: random.Random) -> bytes:
    """Lines in another order, one of them twice."""
    lines = data.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join([*lines, lines[0]])


def numbers(value: str, share: float = 0.2) -> Damage:
    """Some numbers become `value`."""

    def damage(data: bytes, chance: random.Random) -> bytes:
        return re.sub(rb"-?\d+(\.\d+)?", lambda m: value.encode() if chance.random() < share else m[0], data)

    return damage


def deep(data: bytes, chance: random.Random) -> bytes:
    """A hundred thousand nested brackets or elements."""
    if data[:1] == b"<":
        return data.replace(b"</annotations>", b"<a>" * 100_000)
    return data[: data.rfind(b"]") if b"]" in data else len(data)] + b'[{"a":' * 100_000 + b"\n"


def typed(data: bytes, chance: random.Random) -> bytes:
    """Values of JSON become values of other types; of other formats, words."""
    others = [b'"text"', b"null", b"true", b"[]", b"{}", b"-1", b"1e400", b"[[1]]", b'"\\u0000"']
    if data[:1] == b"{":
        pattern = rb'(?<=: )(-?\d+(\.\d+)?|"[^"]*"|null|\[\])'
        return re.sub(pattern, lambda m: chance.choice(others) if chance.random() < 0.15 else m[0], data)
    return numbers("word", 0.1)(data, chance)


def escapes(data: bytes, chance: random.Random) -> bytes:
    """Terminal escapes and line breaks in names and numbers."""
    for old in (b"person", b"car", b"1"):
        data = data.replace(old, b"\x1b[31m\x07" + old + "\u202e\u2028".encode(), 3)
    return data


BOMB = gzip.compress(b"\n" * (70 << 20), 1)
DAMAGES: dict[str, Damage] = {
    "nothing": lambda data, _: b"",
    "half": lambda data, _: data[: len(data) // 2],
    "most": lambda data, _: data[: len(data) * 9 // 10],
    "a byte short": lambda data, _: data[:-2],
    "flipped": flipped,
    "flipped again": flipped,
    "flipped once more": flipped,
    "shuffled": shuffled,
    "other types": typed,
    "other types again": typed,
    "nested": deep,
    "escapes": escapes,
    "nan": numbers("nan"),
    "infinite": numbers("1e999"),
    "huge": numbers("9" * 30),
    "endless digits": numbers("9" * 5000, 0.02),
    "negative": numbers("-7"),
    "billions": numbers("2000000000", 0.1),
    "no digits": lambda data, _: re.sub(rb"\d", b"", data),
    "latin": lambda data, _: data.replace(b"person", b"pers\xf6n").replace(b"1", b"\xb9"),
    "utf-16": lambda data, _: codecs.BOM_UTF16_LE + data.decode(errors="replace").encode("utf-16-le"),
    "utf-16 cut": lambda data, _: (codecs.BOM_UTF16_LE + data.decode(errors="replace").encode("utf-16-le"))[:-1],
    "utf-32": lambda data, _: data.decode(errors="replace").encode("utf-32"),
    "NUL": lambda data, _: data.replace(b"\n", b"\0\n"),
    "carriage returns": lambda data, _: data.replace(b"\n", b"\r"),
    "one line": lambda data, _: data.replace(b"\n", b" "),
    "endless line": lambda data, _: data.rstrip() + b" 1" * 500_000,
    "endless quote": lambda data, _: data + b'"' * 200_000,
    "endless word": lambda data, _: data + b"a" * 2_000_000,
    "blank megabytes": lambda data, _: data + b" \n" * 2_000_000,
    "a picture": lambda data, _: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
    "packed and cut": lambda data, _: gzip.compress(data)[:-9],
    "packed and flipped": lambda data, chance: flipped(gzip.compress(data), chance),
    "a bomb": lambda data, _: gzip.compress(data) + BOMB,
    "another format": lambda data, _: b"<annotations><meta/></annotations>" if data[:1] != b"<" else b"{}",
    "a list": lambda data, _: b"[" + b"1," * 300_000 + b"1]",
    "entities": lambda data, _: b'<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><annotations>&b;</annotations>',
    "repeated": lambda data, _: data * 20,
}
# What reads a label file: the words, of which FILE is the damaged one and GOOD the same file undamaged.
COMMANDS: dict[str, tuple[str, ...]] = {
    "convert": ("convert", "FILE", "out.jsonl"),
    "convert to cvat": ("convert", "FILE", "out.xml", "--skip-bad-rows"),
    "truth": ("eval", "mot", "FILE", "GOOD", "--quiet", "--workers", "1"),
    "result": ("eval", "mot", "GOOD", "FILE", "--quiet", "--workers", "1"),
    "track": ("track", "PICTURES", "--rate", "10", "--detector", "file:FILE", "--jsonl", "out.jsonl", "--quiet"),
}
CASES = [
    pytest.param(name, damage, list(COMMANDS)[(k + j) % len(COMMANDS)], marks=[pytest.mark.slow] if j else [])
    for j in range(len(COMMANDS))
    for k, (name, damage) in enumerate(itertools.product(FORMATS, DAMAGES))
]


def damaged(good: Path, folder: Path, name: str, damage: Damage, seed: int) -> tuple[Path, list[Path]]:
    """A damaged copy of format `name` in `folder`, and the files that were damaged."""
    chance = random.Random(seed)
    if name == "yolo":
        source, target = good / "yolo" / "a", folder / "a"
        files = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
        hit = [path for path in files if path.name in chance.choice([("000003.txt",), ("data.yaml",), ("tracks.csv",)])]
        for path, data in files.items():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(damage(data, chance) if path in hit else data)
        return target, [target]
    target = folder / f"a{SUFFIX[name]}"
    target.write_bytes(damage((good / name / target.name).read_bytes(), chance))
    for beside in {"mot": ("a.times.csv",), "kitti": ("a.times.csv",), "csv": ("a.frames.csv",)}.get(name, ()):
        (folder / beside).write_bytes((good / name / beside).read_bytes())
    return target, [target]


def ask(good: Path, folder: Path, name: str, damage: Damage, command: str, seed: int = 0) -> None:
    """One attack."""
    path, files = damaged(good, folder, name, damage, seed)
    places = {"FILE": str(path), "GOOD": str(good / name / path.name), "PICTURES": str(good / "pictures")}
    words = [re.sub("FILE|GOOD|PICTURES", lambda m: places[m[0]], word) for word in COMMANDS[command]]
    with kept(*files):
        answer = attack(words, cwd=folder)
    assert_answered(answer, code=(0, 2), more_lines=True)
    if answer.code == 0 and command in ("truth", "result"):
        assert b"HOTA" in answer.stdout


@pytest.mark.parametrize(("name", "damage", "command"), CASES)
def test_damaged_label_file_gives_a_result_or_one_sentence(
    name: str, damage: str, command: str, good: Path, tmp_path: Path
) -> None:
    ask(good, tmp_path, name, DAMAGES[damage], command)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 40))
@pytest.mark.parametrize("name", FORMATS)
def test_randomly_damaged_label_files_give_a_result_or_one_sentence(
    name: str, seed: int, good: Path, tmp_path: Path
) -> None:
    for k, (damage, command) in enumerate(itertools.product((flipped, typed, shuffled), COMMANDS)):
        (tmp_path / str(k)).mkdir()
        ask(good, tmp_path / str(k), name, damage, command, seed)


CHALLENGE = list(zip(DAMAGES, itertools.cycle(("det/det.txt", "seqinfo.ini")), strict=False))


@pytest.mark.parametrize(("damage", "part"), CHALLENGE)
def test_damaged_file_in_a_motchallenge_folder_is_handled(damage: str, part: str, good: Path, tmp_path: Path) -> None:
    sequence = tmp_path / "seq"
    (sequence / "det").mkdir(parents=True)
    rows = re.sub(rb"(?m)^(\d+),\d+,", rb"\1,-1,", (good / "mot" / "a.txt").read_bytes())
    (sequence / "det" / "det.txt").write_bytes(rows)
    ini = "[Sequence]\nname=seq\nframeRate=10\nseqLength=6\nimWidth=64\nimHeight=48\n"
    (sequence / "seqinfo.ini").write_text(ini)
    hit = sequence / part
    hit.write_bytes(DAMAGES[damage](hit.read_bytes(), random.Random(1)))
    with kept(sequence):
        answer = attack(["mot", ".", "out", "--workers", "1", "--quiet"], cwd=tmp_path)
    assert_answered(answer, (0, 2), more_lines=True)


DEVICES = ["/dev/null", "/dev/zero", "/dev/urandom"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("command", COMMANDS)
def test_device_as_label_file_is_refused(device: str, command: str, good: Path, tmp_path: Path) -> None:
    places = {"FILE": device, "GOOD": str(good / "mot" / "a.txt"), "PICTURES": str(good / "pictures")}
    words = [re.sub("FILE|GOOD|PICTURES", lambda m: places[m[0]], word) for word in COMMANDS[command]]
    codes = (0, 2) if device == "/dev/null" else 2
    assert_answered(attack(words, cwd=tmp_path), codes, more_lines=True)


def test_device_as_tracking_result_is_refused(tmp_path: Path) -> None:
    assert_answered(attack(["eval", "mot", "/dev/null", "/dev/null"], cwd=tmp_path), more_lines=True)


def test_huge_sparse_file_is_refused(tmp_path: Path) -> None:
    for size in (900 << 20, 20 << 30):
        (tmp_path / "a.txt").touch()
        os.truncate(tmp_path / "a.txt", size)
        assert_answered(attack(["convert", "a.txt", "b.json"], cwd=tmp_path))
        assert_answered(attack(["eval", "mot", "a.txt", "a.txt"], cwd=tmp_path))


def test_folder_instead_of_file_and_file_instead_of_folder_are_refused(good: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "labels").mkdir()
    for words in (
        ("convert", "empty", "out.json"),
        ("convert", "labels", "out.json"),
        ("convert", str(good / "mot"), "out.json"),
        ("eval", "mot", "empty", "empty"),
        ("eval", "mot", "labels", "empty"),
        ("eval", "mot", str(good / "mot" / "a.txt"), "empty"),
        ("mot", "empty", "out"),
        ("mot", str(good / "mot" / "a.txt"), "out"),
    ):
        assert_answered(attack(words, cwd=tmp_path), more_lines=True)


def test_mask_sizes_are_bounded(tmp_path: Path, good: Path) -> None:
    head = json.dumps({"format": "liquidtrack", "version": 1, "names": ["person"]})
    box = {"xyxy": [1, 2, 30, 40], "label": "person", "mask": {"size": [8192, 8192], "counts": [1 << 26]}}
    for boxes in ([box], [box] * 9, [{**box, "mask": {"size": [10**9, 10**9], "counts": [10**18]}}]):
        (tmp_path / "a.jsonl").write_text(f"{head}\n{json.dumps({'frame': 0, 'seconds': 0, 'boxes': boxes})}\n")
        words = ["track", good / "pictures", "--rate", "10", "--detector", "file:a.jsonl", "--mot", "o.txt", "--quiet"]
        assert_answered(attack(words, cwd=tmp_path), (0, 2), more_lines=True)


@pytest.mark.parametrize("fault", ["cut", "emptied", "deleted", "replaced"])
@pytest.mark.parametrize("flag", ["cvat", "coco"])  # those that are written anew when they are closed
def test_label_file_changed_during_writing_ends_the_run_cleanly(flag: str, fault: str, tmp_path: Path) -> None:
    out = tmp_path / f"o{SUFFIX.get(flag, '')}"
    words = ["track", "scene:3", "--detector", "background", "--motion", "kalman", f"--{flag}", str(out), "--quiet"]
    with start(words, cwd=tmp_path) as run:
        while not (out.exists() and out.stat().st_size > 3000) and Path(f"/proc/{run.pid}").exists():
            time.sleep(0.01)
        if fault in ("cut", "emptied"):
            os.truncate(out, 1500 if fault == "cut" else 0)
        else:
            out.unlink()
            if fault == "replaced":
                out.write_text("hand-made\n")
        run.signal(signal.SIGTERM)
        answer = run.wait()
    if answer.code == 1:  # ended early, as asked: that is no mistake, and needs no sentence
        answer = replace(answer, code=0)
    assert_answered(answer, (0, 2), more_lines=True)
    if fault == "replaced":
        assert out.read_text() == "hand-made\n"
