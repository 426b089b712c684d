"""Mistyped commands, flags, numbers, times, classes and boxes of all commands: one sentence says what to type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_origin

import pytest

from tests.attack.harness import Answer, assert_answered, attack
from tests.support.moving_box_clip import write_clip, write_detections
from tools.cli.commands import COMMANDS
from tools.cli.main import load, main
from tools.cli.settings import settings
from tools.cli.typed import ANSWERS, FILMING, LEARNING, SAME, _hints, _is_seconds

Type = Callable[..., str]
# What a command needs beside its places before it gets as far as its numbers.
NEEDS = {
    "bench pipeline": ("--detector", "x"),
    "bench vfr": ("--detector", "x"),
    "eval video-classes": ("--truth", "x"),
}
KINDS = {"bench cells": ["xor"], "train classification": ["views", "none"], "completion": ["bash"]}


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Type:
    """Types a command line in an empty folder, in this process, and returns the sentence of the answer.

    What is refused before anything runs needs no process of its own; nothing may be written.
    """
    monkeypatch.chdir(tmp_path)

    def answer(*words: str, code: int = 2, says: str = "") -> str:
        ended = main(list(words))
        out, error = capfdbinary.readouterr()
        assert not list(tmp_path.iterdir())
        return assert_answered(Answer(list(words), ended, out, error, 0.0, 0, "", [], ""), code, says=says)

    return answer


def line(name: str) -> list[str]:
    """A command with places that do not exist, and all else that it needs."""
    places = [f"none-{k}" for k, place in enumerate(settings(load(COMMANDS[name].config)).values()) if place]
    return [*name.split(), *KINDS.get(name, places), *NEEDS.get(name, ())]


def flag(setting: str) -> str:
    return "--" + setting.replace("_", "-")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("trak a.mp4", "did you mean liquidtrack track?"),
        ("TRACK a.mp4", "did you mean liquidtrack track?"),
        ("tarck", "did you mean liquidtrack track?"),
        ("trian head a", "did you mean liquidtrack train association?"),
        ("evl mot a b", "did you mean liquidtrack eval mot?"),
        ("identfy a b c", "did you mean liquidtrack identify?"),
        ("eval MOT a b", "did you mean liquidtrack eval mot?"),
        ("eval", "needs one more word"),
        ("bench mto a", "did you mean liquidtrack bench mot?"),
        ("a.mp4", "write 'liquidtrack track a.mp4' to track it"),
        ("./a.mp4 --show", "write 'liquidtrack track ./a.mp4' to track it"),
        ("rtsp://camera/one", "write 'liquidtrack track rtsp://camera/one' to track it"),
        ("liquidtrack track a.mp4", "leave the second liquidtrack out"),
        ("version", "the commands are track"),
        ("--track", "track"),
        ("-x", "the commands are track"),
        ("help trak", "did you mean liquidtrack track?"),
    ],
)
def test_mistyped_command_is_corrected(words: str, says: str, typed: Type) -> None:
    typed(*words.split(), says=says)


@pytest.mark.parametrize("word", ["", " ", "track track", "track\x1b[31m", "tra\nck", "tra\u202eck", "ÿ", "x" * 5000])
def test_unknown_command_is_one_sentence(word: str, typed: Type) -> None:
    assert "there is no command" in typed(word, "a.mp4")


def test_secrets_in_a_mistyped_line_are_not_shown(typed: Type) -> None:
    for words in (
        ["rtsp://u:hunter2@camera/one"],
        ["trak", "rtsp://u:hunter2@camera/one"],
        ["track", "rtsp://u:hunter2@camera/one", "--bogus"],
        ["track", "-i", "rtsp://u:hunter2@camera/one", "--bogus", "rtsp://u:hunter2@camera/one"],
        ["track", "source=rtsp://u:hunter2@camera/one"],
        ["identify", "rtsp://u:hunter2@camera/one", "--tracks", "a", "b"],
        ["track", "a.mp4", "--start", "rtsp://u:hunter2@camera/one"],
        ["track", "a.mp4", "-o", "rtsp://u:hunter2@camera/one"],
    ):
        assert "hunter2" not in typed(*words)


@pytest.mark.parametrize("name", COMMANDS)
def test_mistyped_flag_is_corrected(name: str, typed: Type) -> None:
    known = settings(load(COMMANDS[name].config))
    other = {*SAME, *FILMING, *LEARNING, *ANSWERS}
    for setting in [setting for setting, place in known.items() if not place and len(setting) > 4][:3]:
        for wrong in (setting[:-2] + setting[-1], setting + "s", setting[0] + setting[2] + setting[1] + setting[3:]):
            if wrong not in known and wrong not in other:
                typed(*line(name), flag(wrong), "1", says="did you mean --")
    typed(*line(name), "--zzz", says="there is no option --zzz")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_numeric_setting_refuses_non_numbers(name: str, typed: Type) -> None:
    hints = {setting: hint for setting, hint in _hints(load(COMMANDS[name].config)) if "Literal" not in f"{hint}"}
    hints = {setting: hint for setting, hint in hints.items() if getattr(hint, "__origin__", hint) is not str}
    numbers = {setting: hint for setting, hint in hints.items() if "int" in f"{hint}" or "float" in f"{hint}"}
    for k, (setting, hint) in enumerate(numbers.items()):
        wrong = ("x", "", "1..5", "--", "0x1F", "1e", "five")[k % 7]
        says = "that is no time" if _is_seconds(hint) and wrong else ""
        assert setting.split("_")[0] in typed(*line(name), f"{flag(setting)}={wrong}", says=says)
        if "float" in f"{hint}" and get_origin(hint) is not tuple and k % 3 == 0:
            typed(*line(name), f"{flag(setting)}=nan")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "completion"])
def test_out_of_range_numbers_are_refused_before_the_run(name: str, typed: Type) -> None:
    hints = dict(_hints(load(COMMANDS[name].config)))
    for setting in ("workers", "threads", "seed", "seeds", "data_seed", "weights_seed"):
        if setting in hints:
            for wrong in ("-1", "-99999999999999999999", "99999999999999999999"):
                assert setting in typed(*line(name), f"{flag(setting)}={wrong}")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("bench cells xor --learning-rate=1e999", "learning_rate is inf; give 0 to 1"),
        ("bench cells xor --units 99999999", "units is 99999999; give 0 to 1024"),
        ("bench engine --objects 99999999999", "1 to 100000"),
        ("bench gradients --steps 99999999999", "give 2 to 10000"),
        ("bench pipeline a --detector x --frames 0", "1 or more"),
        ("bench pipeline a --detector x --rounds=-3", "1 or more"),
        ("bench motion a --seconds 1 inf", "up to 3600"),
        ("bench motion a --seconds 1,-2", "above 0"),
    ],
)
def test_benchmark_settings_are_bounded(words: str, says: str, typed: Type) -> None:
    typed(*words.split(), says=says)


TIMES = ["1:60", "1:60:00", "0:0:0:1", ":30", "1:", "1:2:", "soon", "12:30pm", "1m30", "5x", "0x10", "1;2"]
SECONDS = [
    (name, setting)
    for name, command in COMMANDS.items()
    for setting, hint in _hints(load(command.config))
    if _is_seconds(hint)
]


@pytest.mark.parametrize(("name", "setting"), SECONDS)
def test_every_setting_in_seconds_refuses_invalid_times(name: str, setting: str, typed: Type) -> None:
    k = SECONDS.index((name, setting))
    for wrong in (TIMES[k % len(TIMES)], TIMES[(k + 5) % len(TIMES)]):
        typed(*line(name), flag(setting), wrong, says=f"{flag(setting)} {wrong}: that is no time; give seconds")


@pytest.mark.parametrize(("key", "table"), [(key, table) for table in (SAME, FILMING) for key in table])
def test_foreign_flag_with_an_equivalent_is_accepted(key: str, table: dict[str, Any], typed: Type) -> None:
    """Beside an unknown flag: the refusal names only the unknown one."""
    for name in ("track", "info", "eval detection"):
        known = dict(_hints(load(COMMANDS[name].config)))
        ours = next((setting for setting in table[key] if setting in known), None)
        if ours is not None and key not in known:
            value = [] if known[ours] is bool else ["1"]
            said = typed(*line(name), flag(key), *value, "--zzz-none", "9")
            assert "--zzz-none" in said
            assert flag(key) + "," not in said


@pytest.mark.parametrize("key", [flag for flag in ANSWERS if flag not in SAME])
def test_foreign_flag_without_an_equivalent_is_explained(key: str, typed: Type) -> None:
    if key in settings(load(COMMANDS["track"].config)) or any(s in SAME.get(key, ()) for s in ("out", "video")):
        return
    said = typed("track", "a.mp4", flag(key), "1")
    assert said.startswith(f"liquidtrack: {flag(key)}")
    assert "--" in said.removeprefix(f"liquidtrack: {flag(key)}") or "leave it out" in said or "export" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("track a.mp4 conf=0.25", "write --score 0.25"),
        ("track a.mp4 CONF=0.25", "write --score 0.25"),
        ("track source=a.mp4 conf=0.25", "write a.mp4 alone"),
        ("track a.mp4 save=True", "--video out.mp4"),
        ("track a.mp4 -o", "-o needs a value"),
        ("track a.mp4 --output=", "empty"),
        ("track a.mp4 -o out", "a.mp4: there is no such file"),
        ("track a.mp4 -o out.xyz", "--jsonl out.jsonl"),
        ("track -i", "-i needs a value"),
        ("track a.mp4 --start 1,5", "that is no time"),
        ("track -i a.mp4 b.mp4", "or by liquidtrack batch"),
        ("track", "needs SOURCE"),
        ("track --", "needs SOURCE"),
        ("convert a", "needs OUTPUT"),
        ("convert a b c", "unrecognized"),
        ("convert -o", "-o needs a value"),
        ("identify a b", "needs GALLERY"),
        ("identify a --tracks b c", "write liquidtrack identify SOURCE TRACKS GALLERY"),
        ("info a -o b.json", "no such output"),
        ("track a.mp4 --box 1,2,3", "is not x,y,width,height@seconds"),
        ("track a.mp4 --box 1,2,3,4@1:75", "is not x,y,width,height@seconds"),
        ("track a.mp4 --box 1,2,0,4", "has no area"),
        ("track a.mp4 --box 1,2,nan,4", "finite numbers"),
        ("track a.mp4 --box 1,2,3,4@-1", "0 or more seconds"),
        ("track a.mp4 --box 1;2;3;4", "is not x,y,width,height@seconds"),
        ("track a.mp4 --mask-box 1,2,3", "give x,y,w,h in pixels"),
        ("track a.mp4 --mask-polygon 1,2,3,4", "three corners or more"),
        ("track a.mp4 --mask-polygon 1,2,3,4,5,x", "numbers parted by commas"),
        ("track a.mp4 --score 50%", "--score"),
        ("track a.mp4 --score 1.5", "between 0 and 1"),
        ("track a.mp4 --nms=-0.1", "between 0 and 1"),
        ("track a.mp4 --score 0,5", "--score"),
        ("track a.mp4 --video-codec h265", "--video-codec"),
        ("track a.mp4 --device cuda:0", "--device"),
        ("track a.mp4 --detector=", "detector is empty"),
    ],
)
def test_malformed_value_reports_the_expected_form(words: str, says: str, typed: Type) -> None:
    typed(*words.split(), says=says)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("typed")
    write_clip(path / "a.mp4")
    write_detections(path / "det.txt")
    return path


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        ("--detector yolov9", 2, "there is no detector"),
        ("--detector lite0:big", 2, "long side"),
        ("--classes persn", 2, "perhaps person was meant"),
        ("--classes person,caar", 2, "detector fused knows no class 'caar'; perhaps car or chair or carrot was meant"),
        ("--classes 0", 2, "classes go by name"),
        ("--classes all", 2, "knows no class 'all'"),
        ("--classes \x1b[31m", 2, "knows no class"),
        ("--classes Person,CAR", 0, ""),
        ("--start 0:01 --end 00:00:02.5 -o part.jsonl", 0, ""),
        ("--conf 0.3 --iou 0.5 --vid-stride 2 -o seen.jsonl", 0, ""),
        ("--box 10,40,24,24@0:01.5 -o box.jsonl", 0, ""),
        ("--rate nan", 2, "no number"),
        ("--every 0", 2, "every"),
        ("--stall -1", 2, ""),
        ("--start -1", 2, ""),
        ("--end -0:01", 2, "no time"),
        ("--camera-width 99999999999999999999", 2, "whole number"),
    ],
)
def test_typed_values_are_accepted_or_explained(flags: str, code: int, says: str, folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    words = flags.split(" ")
    out = [] if "-o" in words else ["--jsonl", "none.jsonl"]
    answer = attack(["track", "a.mp4", "--quiet", *words, *out], cwd=folder)
    assert_answered(answer, code, says=says, memory=1_500_000_000)
    if code:
        assert {path.name for path in folder.iterdir()} == before
