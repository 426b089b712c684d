"""Old names of options and commands: they work with a notice, as flags and in files, but not beside the new name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.checks.renames import COMMANDS as OLD_COMMANDS
from models.checks.renames import LAST, OPTIONS, new_name, with_new_names
from models.errors import ConfigError
from tools.cli.commands import COMMANDS
from tools.cli.main import MISTAKE, OK, load, main
from tools.cli.renames import OVER, with_new_command, with_new_flags, with_new_keys
from tools.cli.settings import parse, settings, to_toml
from tools.track.config.video import TrackConfig

KNOWN = {name: settings(load(command.config)) for name, command in COMMANDS.items()}
PAIRS = [
    (command, old, new)
    for old, new in dict.fromkeys(OPTIONS)
    for command, known in KNOWN.items()
    if new in known and new_name(old, known) == new
]


def test_every_old_name_belongs_to_a_command() -> None:
    assert {(old, new) for _, old, new in PAIRS} == set(OPTIONS)
    assert set(OLD_COMMANDS.values()) <= set(COMMANDS)
    assert not set(OLD_COMMANDS) & set(COMMANDS)


@pytest.mark.parametrize(("command", "old", "new"), PAIRS)
def test_an_old_flag_works_with_one_notice(command: str, old: str, new: str) -> None:
    flag, now = (f"--{name.replace('_', '-')}" for name in (old, new))
    for typed, wanted in ((flag, now), (f"{flag}=1", f"{now}=1"), (f"--no{flag[1:]}", f"--no{now[1:]}")):
        words, (notice,) = with_new_flags(["a", typed, "1"], KNOWN[command])
        assert words == ["a", wanted, "1"]
        assert notice == f"{flag} is called {now} now; the old name goes with {LAST}."
    assert with_new_flags(["--", flag], KNOWN[command]) == (["--", flag], [])
    with pytest.raises(ConfigError, match=f"^{flag} is the old name of {now}; give one of them.$"):
        with_new_flags([flag, "1", f"{now}=2"], KNOWN[command])


@pytest.mark.parametrize(("command", "old", "new"), PAIRS)
def test_an_old_key_of_a_file_works_with_one_notice(command: str, old: str, new: str) -> None:
    for key in {old, old.replace("_", "-")}:
        names, (notice,) = with_new_keys([key, "quiet"], KNOWN[command], "run.toml")
        assert names == {key: new, "quiet": "quiet"}
        assert notice == f"run.toml: {key} is called {new} now; old names go with {LAST}."
        with pytest.raises(ConfigError, match=f"^run.toml: {key} is the old name of {new}; keep one of them.$"):
            with_new_keys([key, new], KNOWN[command], "run.toml")
    assert with_new_names({old: 1}, KNOWN[command]) == {new: 1}


@pytest.mark.parametrize("old", OLD_COMMANDS)
def test_an_old_command_works_with_one_notice(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*old.split(), "--help"]) == OK
    said = capsys.readouterr()
    assert said.out.startswith(f"usage: liquidtrack {OLD_COMMANDS[old]} ")
    assert said.err == f"liquidtrack: {old} is called {OLD_COMMANDS[old]} now; the old name goes with {LAST}.\n"


OLD_RUN = """source = "a.mp4"
life = 3.0
tentative_life = 0.25
birth_score = 0.7
reid_looks = 2
recognise = "imagenet"
show_unseen = true
adapt = true
"""


def test_the_settings_of_an_earlier_version_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.run.toml"
    file.write_text(OLD_RUN)
    config = parse(TrackConfig, "liquidtrack track", ["--config", str(file), "--life", "4s"])
    assert config.tracking.max_age == 4.0
    assert (config.tracking.tentative_max_age, config.tracking.new_track_score) == (0.25, 0.7)
    assert config.tracking.online_calibration
    assert config.view.show_lost
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"liquidtrack: --life is called --max-age now; the old name goes with {LAST}."
    assert said[1].startswith(f"liquidtrack: {file}: life is called max_age, ")
    assert len(said) == 2
    written = to_toml(config)
    assert "max_age = 4.0" in written
    assert not re.search(r"^(life|birth_score|recognise)\b", written, re.MULTILINE)


def test_old_and_new_name_together_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.run.toml"
    file.write_text("life = 3.0\nmax_age = 2.0\n")
    for words in (["--life", "1", "--max-age", "2"], ["--config", str(file)]):
        assert main(["track", "a.mp4", *words]) == MISTAKE
        (line,) = capsys.readouterr().err.splitlines()
        assert "is the old name of" in line


@pytest.mark.parametrize("form", ["--over {}", "--over={}"])
@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("command", ["classification", "recognition"])
def test_old_over_argument_is_now_a_command(command: str, over: str, form: str) -> None:
    words, (notice,) = with_new_command(["eval", command, "a", *form.format(over).split(), "--quiet"])
    assert words == [*OVER[over].split(), "a", "--quiet"]
    assert notice == f"eval classification --over {over} is called {OVER[over]} now; --over goes with {LAST}."
