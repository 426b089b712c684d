"""The table of commands: every entry loads, explains itself, and keeps its settings' names apart."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from tools.cli import choices
from tools.cli.command_words import EVERYDAY
from tools.cli.commands import COMMANDS
from tools.cli.help import USUAL, help_text
from tools.cli.main import MISTAKE, OK, load, main
from tools.cli.options import options
from tools.cli.settings import settings


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_with_unique_setting_names(name: str) -> None:
    assert callable(load(COMMANDS[name].run))
    assert settings(load(COMMANDS[name].config))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_setting_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help-all"]) == OK
    text = capsys.readouterr().out
    for option in options(load(COMMANDS[name].config)):
        assert option.help, option.name
        assert (option.metavar if option.positional else option.flag.removeprefix("--")) in text


@pytest.mark.parametrize("columns", [80, 100, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_is_one_screen(name: str, columns: int) -> None:
    lines = help_text(load(COMMANDS[name].config), name, everything=False, columns=columns).splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_names_only_options_that_exist(name: str) -> None:
    known = {option.name for option in options(load(COMMANDS[name].config))}
    assert set(USUAL.get(name, ())) <= known


def test_help_shows_sections_choices_and_aliases_without_none_or_negated_flags(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["track", "--help"]) == OK
    text = capsys.readouterr().out
    for title in ("Input:", "Detection:", "Tracking:", "Appearance embeddings:", "Re-identification:", "Output:"):
        assert f"\n{title}\n" in text
    assert "kalman, liquid; default: liquid" in " ".join(text.split())
    assert "--score, --conf FLOAT" in text
    assert not re.search(r"None|default: \)|--no-|shuffled", text)


def test_help_choices_equal_the_registries() -> None:
    from datasets.subsampling.sequences import PROFILES
    from models.backbones.registry import BACKBONES
    from tracker.association.costs import COSTS
    from tracker.detectors.registry import DETECTORS
    from tracker.motion_registry import MOTIONS

    pytest.importorskip("trackers")
    from tools.benchmark.baseline_trackers import CLASSES

    assert set(choices.MOTIONS) == {name for name in MOTIONS if not name.startswith("liquid-")}
    assert set(choices.COSTS) == set(COSTS)
    assert set(choices.CHOICES["detector"]) == {"auto", *DETECTORS}
    assert set(choices.BACKBONES) == set(BACKBONES)
    assert choices.PROFILES == PROFILES
    assert set(choices.PEERS) == {*CLASSES, "arcsort"}


def test_help_of_a_command_builds_no_parser() -> None:
    code = (
        "import sys; from tools.cli.main import main; main(['track', '--help']);"
        "print(sorted({'numpy', 'cv2', 'tools.cli.settings'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_lists_all_and_no_command_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == OK
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    listed = re.findall(r"^  (\w+(?: [\w-]+)?)  ", text, re.MULTILINE)
    assert tuple(listed[: len(EVERYDAY)]) == EVERYDAY
    assert sorted(listed) == sorted(COMMANDS)
    assert main([]) == MISTAKE
    assert main(["--version"]) == OK


def test_missing_opencv_libraries_are_reported_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_library(place: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("tools.cli.main.load", no_library)
    assert main(["info", "clip.mp4"]) == MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert "apt install libgl1" in line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_covers_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == OK
    script = capsys.readouterr().out
    assert all(name.split()[0] in script for name in COMMANDS)
    assert "vfr" in script


def test_completion_covers_the_second_word_of_single_subcommands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == OK
    line = next(text for text in capsys.readouterr().out.splitlines() if text.startswith("COMPLETION_SPEC"))
    spec = ast.literal_eval(line.partition("=")[2].strip())
    found = {
        f"{first} {second}".strip()
        for first, inner in spec["subcommands"].items()
        for second in inner.get("subcommands", {}) or [""]
    }
    assert found == set(COMMANDS)
