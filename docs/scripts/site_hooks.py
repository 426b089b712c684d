"""What `mkdocs build` makes by itself: the command reference, the list of decisions, the pages of results and notes.

Pages that follow from the code or from a folder's files are made here at build time, so that they cannot go stale.
"""

from __future__ import annotations

import dataclasses
import html
import importlib
import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from models.checks.renames import COMMANDS as OLD_COMMANDS
from models.checks.renames import LAST
from models.checks.renames import OPTIONS as OLD_OPTIONS
from tools.cli.commands import COMMANDS
from tools.cli.main import load
from tools.cli.options import SHOWN_ALIASES, TITLES, Option, description, options

FOLDERS = {"Measurements": "results", "Decisions": "decisions", "Laboratory notes": "lab"}
WEIGHTS = Path("models/weights")  # where the model cards are, from the project's folder
RECORD = re.compile(r"# (.+)\n\nStatus: (.+)\n")
ROOMS = {"": "", "reid": "Re-identification", "learned": "Learned motion"}  # headings that a room's name does not give
CARD_LINK = re.compile(r"\[([^\]]+)\]\(\.\./\.\./docs/([^)#]+)\)")
PUBLIC = re.compile(r"^<!-- public names of ([\w.]+) -->$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the navigation's sections that stand for folders."""
    config.nav = [_filled(entry, Path(config.docs_dir)) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add one page a command and one a model card."""
    for path, content in {**command_pages(), **card_pages(Path(config.docs_dir))}.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Append the table of records to the index of decisions, and fill in the public names of packages."""
    if page.file.src_uri == "decisions/index.md":
        return f"{markdown}\n\n{decision_table(Path(config.docs_dir) / 'decisions')}"
    return PUBLIC.sub(lambda match: public_names(match[1]), markdown)


def public_names(package: str) -> str:
    """The reference of what `package` defines and lists in `__all__`, under a heading for each of its rooms."""
    face = importlib.import_module(package)
    rooms: dict[str, list[str]] = {}
    for name in sorted(face.__all__, key=lambda name: (name[0].isupper(), name.lower())):  # functions, then classes
        try:
            value = getattr(face, name)
        except ImportError as error:
            return f"*This page was built without `{error.name}`, which these names need.*"
        if (inspect.isclass(value) or inspect.isfunction(value)) and _is_of(package, value.__module__):
            room = value.__module__.removeprefix(f"{package}.").rpartition(".")[0]
            rooms.setdefault(ROOMS.get(room, room.replace("_", " ").capitalize()), []).append(
                f"::: {value.__module__}.{value.__qualname__}\n    options:\n      heading_level: 3\n"
            )
    order = sorted(rooms, key=lambda room: (room != "Pipeline", room))  # where most readers begin
    return "\n".join(f"## {room or 'Main names'}\n\n" + "\n".join(rooms[room]) for room in order)


def _is_of(package: str, module: str) -> bool:
    """Errors have a section of their own in the page of `models`; other packages offer them too."""
    return module.startswith(f"{package}.") and module != "models.errors"


def decision_table(folder: Path) -> str:
    """Every record of `folder` with its status, as a table."""
    rows = ["| record | status |", "|---|---|"]
    for path in sorted(folder.glob("[0-9]*.md")):
        title, status = RECORD.match(path.read_text(encoding="utf-8")).groups()  # type: ignore[union-attr]
        rows.append(f"| [{title}]({path.name}) | {status} |")
    return "\n".join(rows)


def card_pages(docs: Path) -> dict[str, str]:
    """Path of each model card's page -> its text. A link to a page that is not there yet becomes plain text."""

    def link(match: re.Match[str]) -> str:
        text, target = match.groups()
        return f"[{text}](../{target})" if (docs / target).exists() else text

    return {
        _card(path): CARD_LINK.sub(link, path.read_text(encoding="utf-8"))
        for path in sorted((docs.parent / WEIGHTS).glob("*.md"))
    }


def _card(path: Path) -> str:
    return "cards/index.md" if path.name == "README.md" else f"cards/{path.name}"


def command_pages() -> dict[str, str]:
    """Path of each page of the command reference -> its text."""
    rows = "\n".join(f"| [`{name}`]({_slug(name)}.md) | {command.help} |" for name, command in COMMANDS.items())
    index = (
        "# Command line\n\n"
        "Each page lists all options of one command, as `liquidtrack COMMAND --help-all` does. Options can also be "
        "read from a file with `--config FILE.toml`. Its keys are the options' names without dashes in front.\n\n"
        f"| command | what it does |\n|---|---|\n{rows}\n\n"
        "## Old names\n\n"
        f"Old names of commands and options work until version {LAST} and print the new name.\n\n"
        f"| old | new |\n|---|---|\n{_old_names()}\n"
    )
    pages = {f"reference/commands/{_slug(name)}.md": command_page(name) for name in COMMANDS}
    return {"reference/commands/index.md": index} | pages


def _old_names() -> str:
    pairs = [*OLD_COMMANDS.items(), *((f"--{old}", f"--{new}") for old, new in OLD_OPTIONS)]
    return "\n".join(f"| `{old}` | `{new}` |".replace("_", "-") for old, new in pairs)


def command_page(name: str) -> str:
    """All options of a command, a table for each heading of its help text."""
    kind = load(COMMANDS[name].config)
    found = options(kind)
    places = [option for option in found if option.positional]
    usage = [option.metavar.replace(" ...", "...") for option in places]
    parts = [
        f"# `liquidtrack {name}`",
        _cell(description(kind)),
        f"```bash\nliquidtrack {' '.join([name, *usage])} [OPTIONS]\n```",
    ]
    if places:
        parts.append(_table("argument", places))
    for title in TITLES:
        if members := [option for option in found if option.title == title and not option.positional]:
            parts += [f"## {title}", _table("option", members)]
    return "\n\n".join(parts) + "\n"


def _table(first: str, members: Sequence[Option]) -> str:
    lines = [f"| {first} | meaning | default |", "|---|---|---|"]
    for option in members:
        if option.positional:
            left = f"`{option.metavar}`"
        else:
            flag = f"--[no-]{option.flag[2:]}" if option.default is True else option.flag
            names = [flag, *(f"--{alias}" for alias in [SHOWN_ALIASES.get(option.name)] if alias)]
            value = "" if option.is_switch else f" {option.metavar}"
            left = "<br>".join(f"`{flag}{value}`" for flag in names)
        choices = f" One of {', '.join(f'`{choice}`' for choice in option.choices)}." if option.choices else ""
        lines.append(f"| {left} | {_cell(option.help)}{choices} | {_default(option)} |")
    return "\n".join(lines)


def _default(option: Option) -> str:
    value = option.default
    if value is dataclasses.MISSING:
        return "required"
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value in ((), ""):
        return ""
    return f"`{' '.join(map(str, value)) if isinstance(value, tuple) else value}`"


def _cell(text: str) -> str:
    """Text for a table: nothing in it is markup."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("*", "\\*")


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
    if title == "Model cards":
        cards = sorted((docs.parent / WEIGHTS).glob("*.md"), key=lambda path: (path.name != "README.md", path.name))
        return {title: [_card(path) for path in cards]}
    if title in FOLDERS:
        pages = sorted((docs / FOLDERS[title]).glob("*.md"), key=lambda path: (path.name != "index.md", path.name))
        return {title: [str(path.relative_to(docs)) for path in pages]}
    if isinstance(value, list):
        return {title: [_filled(inner, docs) for inner in value]}
    return entry
