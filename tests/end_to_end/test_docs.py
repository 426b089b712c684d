"""The pages cannot go stale: every command and every flag that they show is understood, decisions are numbered."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tools.cli.main import COMMANDS, load, split
from tools.cli.settings import parse, settings

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if not {"lab", "decisions"} & set(path.parts)),
]
GENERAL = {"--help", "--help-all", "--config", "--allow-code"}


def commands(text: str) -> list[str]:
    """The `liquidtrack` commands of the code blocks; a backslash goes on in the next line."""
    found = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(found).replace("\\\n", " ").splitlines()
    in_tables = re.findall(r"`(liquidtrack \w+ [^`]*\w)`", text)
    return [line for line in [*lines, *in_tables] if line.startswith("liquidtrack ") and "--config" not in line]


SHOWN = [(str(page.relative_to(ROOT)), line) for page in PAGES for line in commands(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_every_shown_command_is_understood(page: str, line: str) -> None:
    name, words = split(shlex.split(line, comments=True)[1:])
    if words:
        assert parse(load(COMMANDS[name].config), f"liquidtrack {name}", words)


def test_every_named_flag_exists() -> None:
    names = {name for command in COMMANDS.values() for name in settings(load(command.config))}
    flags = {f"--{prefix}{name.replace('_', '-')}" for name in names for prefix in ("", "no-")} | GENERAL
    for page in PAGES:
        named = re.findall(r"`(--[a-z][a-z-]*)", page.read_text(encoding="utf-8"))
        assert not set(named) - flags, page


def test_decisions_are_numbered_and_have_a_status() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    for number, path in enumerate(records, 1):
        text = path.read_text(encoding="utf-8")
        assert re.match(rf"# {number}\. .+\n\nStatus: (accepted|superseded by \[.+\]\(.+\.md\))\n", text), path
        assert path.name.startswith(f"{number:04d}-")
