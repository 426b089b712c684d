"""The pages cannot go stale: every command and every flag that they show is understood, decisions are numbered."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from models.checks.renames import new_name
from tests.support.moving_box_clip import TIMES, write_clip
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
def test_every_documented_command_parses(page: str, line: str) -> None:
    name, words = split(shlex.split(line, comments=True)[1:])
    if words:
        config = load(COMMANDS[name].config)
        assert parse(config, f"liquidtrack {name}", words)
        typed = [word[2:].partition("=")[0].replace("-", "_") for word in words if word.startswith("--")]
        old = [name for name in typed if new_name(name, settings(config))]
        assert not old  # though they would still be understood


def test_every_documented_flag_exists() -> None:
    names = {name for command in COMMANDS.values() for name in settings(load(command.config))}
    known = {f"--{prefix}{name.replace('_', '-')}" for name in names for prefix in ("", "no-")} | GENERAL
    for page in PAGES:
        named = re.findall(r"`(--[a-z][a-z0-9-]*)", page.read_text(encoding="utf-8"))
        assert not set(named) - known, page


def test_python_examples_of_the_guides_run(tmp_path: Path) -> None:
    """One after another in one process, on a short clip; python.md has a test of its own."""
    write_clip(tmp_path / "street.mp4", TIMES[:4])
    texts = [page.read_text(encoding="utf-8") for page in PAGES if page.name != "python.md" and "docs" in page.parts]
    code = [block for text in texts for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
    assert len(code) >= 3
    boxes = ("BoxPrompt(412, 180, 36, 90)", "BoxPrompt(10, 40, 24, 24)")  # the clip is smaller than the guide's
    joined = "\n".join(code)
    assert boxes[0] in joined
    joined = joined.replace(*boxes)
    done = subprocess.run([sys.executable, "-c", joined], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" s [") == 4 * len(code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_use_standard_terms(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.name == "glossary.md":  # its last table translates the older words
        text = text.partition("## Older words")[0]
    found = re.findall(r"\b(?:somebody|whoever|likeness|glance|foresee|the head before|git show)\b", text)
    assert not found  # CONTRIBUTING.md says how pages are written
    assert not re.findall(r"(?<![\w.`/*])[-+]?\.\d+\b", text), "a number has a zero: 0.3"


def test_decisions_are_numbered_and_have_a_status() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    for number, path in enumerate(records, 1):
        text = path.read_text(encoding="utf-8")
        assert re.match(rf"# {number}\. .+\n\nStatus: (accepted|superseded by \[.+\]\(.+\.md\))\n", text), path
        assert path.name.startswith(f"{number:04d}-")
