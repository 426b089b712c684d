"""The table of commands: every entry loads, explains itself, and keeps its settings' names apart."""

from __future__ import annotations

import ast

import pytest

from tools.cli.main import COMMANDS, MISTAKE, OK, load, main
from tools.cli.settings import settings


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_its_settings_have_names_of_their_own(name: str) -> None:
    assert callable(load(COMMANDS[name].run))
    assert settings(load(COMMANDS[name].config))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_setting_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for setting, positional in settings(load(COMMANDS[name].config)).items():
        assert positional or f"--{setting.replace('_', '-')}" in text


def test_help_lists_all_and_no_command_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == OK
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    assert main([]) == MISTAKE
    assert main(["--version"]) == OK


def test_a_system_without_opencvs_libraries_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_library(place: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("tools.cli.main.load", no_library)
    assert main(["info", "clip.mp4"]) == MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert "apt install libgl1" in line


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == OK
    script = capsys.readouterr().out
    assert all(name.split()[0] in script for name in COMMANDS)
    assert "vfr" in script


def test_completion_knows_the_second_word_also_where_there_is_only_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == OK
    line = next(text for text in capsys.readouterr().out.splitlines() if text.startswith("COMPLETION_SPEC"))
    spec = ast.literal_eval(line.partition("=")[2].strip())
    found = {
        f"{first} {second}".strip()
        for first, inner in spec["subcommands"].items()
        for second in inner.get("subcommands", {}) or [""]
    }
    assert found == set(COMMANDS)
