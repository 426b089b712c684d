"""What `mkdocs build` makes by itself: the command reference, the list of decisions, the pages of results and notes.

Pages that follow from the code or from a folder's files are made here at build time, so that they cannot go stale.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.cli.main import COMMANDS, Command, load
from tools.cli.settings import parse

COLUMNS = "100"  # the width of the help texts
FULL_HELP = ("--help-all", "--help")  # the first that the command knows
FOLDERS = {"Results": "results", "Decisions": "decisions", "Laboratory notes": "lab", "Model cards": "cards"}
RECORD = re.compile(r"# (.+)\n\nStatus: (.+)\n")
PUBLIC = re.compile(r"^<!-- public names of ([\w.]+) -->$", re.MULTILINE)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the navigation's sections that stand for folders."""
    config.nav = [_filled(entry, Path(config.docs_dir)) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add one page a command and one a model card."""
    for path, content in command_pages().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Append the table of records to the index of decisions, and fill in the public names of packages."""
    if page.file.src_uri == "decisions/index.md":
        return f"{markdown}\n\n{decision_table(Path(config.docs_dir) / 'decisions')}"
    return PUBLIC.sub(lambda match: public_names(match[1]), markdown)


def public_names(package: str) -> str:
    """The reference of everything that `package` lists in `__all__`, each at the place where it is defined."""
    face = importlib.import_module(package)
    lines = []
    for name in sorted(face.__all__, key=str.lower):
        value = getattr(face, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            lines += [f"::: {value.__module__}.{value.__qualname__}", ""]
    return "\n".join(lines)


def decision_table(folder: Path) -> str:
    """Every record of `folder` with its status, as a table."""
    rows = ["| record | status |", "|---|---|"]
    for path in sorted(folder.glob("[0-9]*.md")):
        title, status = RECORD.match(path.read_text(encoding="utf-8")).groups()  # type: ignore[union-attr]
        rows.append(f"| [{title}]({path.name}) | {status} |")
    return "\n".join(rows)


def command_pages() -> dict[str, str]:
    """Path of each page of the command reference -> its text."""
    rows = "\n".join(f"| [`{name}`]({_slug(name)}.md) | {command.help} |" for name, command in COMMANDS.items())
    index = (
        "# Command line\n\n"
        "Each page shows the full help of one command. `liquidtrack COMMAND --help` prints the same in the terminal.\n"
        "Settings can also be read from a file: `--config FILE.toml`, whose keys are the flags.\n\n"
        f"| command | what it does |\n|---|---|\n{rows}\n"
    )
    pages = {"reference/commands/index.md": index}
    for name, command in COMMANDS.items():
        text = full_help(name, command)
        pages[f"reference/commands/{_slug(name)}.md"] = f"# `liquidtrack {name}`\n\n```text\n{text}\n```\n"
    return pages


def full_help(name: str, command: Command) -> str:
    """The longest help text that the command prints, without colours."""
    kept = {key: os.environ.get(key) for key in ("COLUMNS", "NO_COLOR")}
    os.environ.update(COLUMNS=COLUMNS, NO_COLOR="1")
    try:
        for flag in FULL_HELP:
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit, Exception):
                parse(load(command.config), f"liquidtrack {name}", [flag])
            if text := ESCAPES.sub("", out.getvalue()).strip():
                return text
    finally:
        for key, value in kept.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})
    raise RuntimeError(f"liquidtrack {name} --help printed nothing")


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _filled(entry: Any, docs: Path) -> Any:
    """A section of FOLDERS with the pages of its folder; the command reference with its commands; else as it is."""
    if not isinstance(entry, dict):
        return entry
    ((title, value),) = entry.items()
    if title == "Command line":
        names = [{name: f"reference/commands/{_slug(name)}.md"} for name in COMMANDS]
        return {title: ["reference/commands/index.md", *names]}
    if title in FOLDERS:
        pages = sorted((docs / FOLDERS[title]).glob("*.md"), key=lambda path: (path.name != "index.md", path.name))
        return {title: [str(path.relative_to(docs)) for path in pages]}
    if isinstance(value, list):
        return {title: [_filled(inner, docs) for inner in value]}
    return entry
