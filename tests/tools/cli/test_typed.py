"""Times in any form, lists with commas, and the flags of other tools: understood, or answered with ours."""

from __future__ import annotations

from typing import Any

import pytest

from models.checks.seconds import parse_seconds
from models.errors import ConfigError
from tools.cli.command_words import split
from tools.cli.commands import COMMANDS
from tools.cli.main import load
from tools.cli.settings import flatten, parse, settings
from tools.cli.typed import ANSWERS, FILMING, LEARNING, SAME


def typed(line: str) -> dict[str, Any]:
    """The settings of a command line, by name."""
    name, words = split(line.split())
    return {key: str(value) for key, value in flatten(parse(load(COMMANDS[name].config), f"liquidtrack {name}", words))}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90.5", 90.5),
        ("90s", 90.0),
        ("0:01", 1.0),
        ("1:30.25", 90.25),
        ("90:00", 5400.0),
        ("00:01:02.5", 62.5),
        ("1h2m3s", 3723.0),
        ("2min", 120.0),
        ("500ms", 0.5),
        ("250us", 0.00025),
        ("1e3", 1000.0),
        ("-1", -1.0),
    ],
)
def test_seconds_are_read_as_ffmpeg_reads_them(text: str, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "1:60", "1:60:00", "1:2:3:4", ":30", "1:", "1s2m", "1,5", "soon", "0x10"])
def test_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"float|clock"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("track a.mp4 --start 0:01 --end=00:01:02.5", {"start": "1.0", "end": "62.5"}),
        ("track a.mp4 --max-age 1500ms --trails 2s", {"max_age": "1.5", "trails": "2.0"}),
        ("track a.mp4 --box 1,2,3,4@0:01", {"box": "('1,2,3,4@0:01',)"}),
        ("bench motion a --seconds 1s,500ms 2", {"seconds": "(1.0, 0.5, 2.0)"}),
        ("track a.mp4 --classes person,car bus", {"classes": "('person', 'car', 'bus')"}),
        ("eval mot a b --classes=1,3", {"classes": "('1', '3')"}),
        ("track a.mp4 --mask-box 1,2,3,4 5,6,7,8", {"mask_box": "('1,2,3,4', '5,6,7,8')"}),
        ("track a.mp4 --conf 0.3 --iou=0.5", {"score": "0.3", "nms": "0.5"}),
        ("track --source a.mp4 --model b.onnx", {"source": "a.mp4", "detector": "b.onnx"}),
        ("track -i a.mp4 -ss 1:00 -to 2:00", {"source": "a.mp4", "start": "60.0", "end": "120.0"}),
        ("track a.mp4 -o b.mp4", {"video": "b.mp4"}),
        ("track a.mp4 -o b.jsonl --output=c.xml", {"jsonl": "b.jsonl", "cvat": "c.xml"}),
        ("convert a.xml -o b.json", {"input": "a.xml", "output": "b.json"}),
        ("convert -o b.json a.xml", {"input": "a.xml", "output": "b.json"}),
        ("mot a -o b", {"root": "a", "out": "b"}),
        ("track a.mp4 --imgsz 640 --iou 0.6", {"input_size": "640", "nms": "0.6"}),
        ("train detection a --imgsz 640 --lr 0.1", {"input_size": "640", "learning_rate": "0.1"}),
        ("track a.mp4 --fps 25 --vid-stride 5", {"rate": "25.0", "every": "5"}),
    ],
)
def test_common_spellings_are_understood(line: str, wanted: dict[str, str]) -> None:
    found = typed(line)
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bench vfr a b --detector x --imgsz 640", "--detector fused:640"),
        ("track a.mp4 --save", "--video out.mp4"),
        ("track a.mp4 --save-txt", "--mot out.txt"),
        ("track a.mp4 --tracker bytetrack.yaml", "--motion"),
        ("track a.mp4 --track-buffer 30", "--max-age SECONDS"),
        ("track a.mp4 conf=0.25", "write --score 0.25"),
        ("track source=a.mp4", "write a.mp4 alone"),
        ("track a.mp4 save=True", "--video out.mp4"),
        ("track a.mp4 -o out.xyz", "its suffix tells no format"),
        ("track a.mp4 -o", "needs a value"),
        ("info a.mp4 -o b.json", "has no such output"),
        ("track a.mp4 --start 1:99", "--start 1:99: that is no time; give seconds such as 90.5"),
        ("identify a.mp4 --tracks b.jsonl c", "write liquidtrack identify SOURCE TRACKS GALLERY"),
    ],
)
def test_foreign_flag_without_equivalent_suggests_ours(line: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        typed(line)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_foreign_flag_shadows_our_own() -> None:
    """A flag of ours always means itself; an alias leads to a setting that some command has."""
    everywhere = set().union(*(settings(load(command.config)) for command in COMMANDS.values()))
    for table in (SAME, FILMING, LEARNING):
        for ours in table.values():
            assert everywhere.intersection(ours) or ours == ("overwrite",), ours
    assert all(setting in everywhere for setting, _ in ANSWERS.values())
