"""Old names of options and commands: they work with a notice, as flags and in files, but not beside the new name."""

from __future__ import annotations

import pytest

from models.checks.renames import COMMANDS as OLD_COMMANDS
from models.checks.renames import LAST, OPTIONS, new_name, with_new_names
from models.errors import ConfigError
from tools.cli.commands import COMMANDS
from tools.cli.main import OK, load, main
from tools.cli.renames import with_new_flags, with_new_keys
from tools.cli.settings import settings

KNOWN = {name: settings(load(command.config)) for name, command in COMMANDS.items()}
PAIRS = [
    (command, old, new)
    for old, new in dict.fromkeys(OPTIONS)
    for command, known in KNOWN.items()
    if new in known and new_name(old, known) == new
]


def test_every_old_name_is_of_some_command() -> None:
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
