"""Help texts of the commands, from their dataclasses: the common options on one screen, or all options.

The short form shows the first sentence of each help text, so that sentence must stand alone.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from tools.cli.options import SHOWN_ALIASES, TITLES, Option, description, options

ASKED = ("-h", "--help", "--help-all")
# Options in the short help of commands with more options than fit on a screen, in the order of the options.
USUAL: dict[str, tuple[str, ...]] = {
    "track": (
        *("source", "more_sources", "start", "end", "every", "rate"),
        *("detector", "classes", "score", "nms", "input_size"),
        *("motion", "camera_motion", "max_age", "min_confirm", "appearance", "reid", "classify"),
        "whole",
        *("box", "select", "mask", "mask_box"),
        *("out", "video", "mot", "jsonl", "coco", "cvat", "yolo", "show", "overwrite", "quiet"),
        *("threads", "device"),
    ),
    "batch": (
        *("recordings", "include", "exclude", "pictures", "again", "shard", "watch", "dry_run", "on", "retries"),
        *("every", "rate", "detector", "classes", "score", "camera_motion", "whole", "looks", "split"),
        *("out", "formats", "report", "progress_json", "overwrite", "quiet"),
        *("threads", "device"),
    ),
    "annotate": (
        *("source", "tracks", "project", "who", "quiet", "host", "port", "browser"),
        *("start", "end", "every", "rate", "times"),
        *("detector", "classes", "score", "nms", "input_size"),
        *("motion", "camera_motion", "max_age", "min_confirm", "appearance"),
        *("smooth", "fill", "max_absence", "threads", "device"),
    ),
    "bench whole-speed": (
        *("sequence", "seconds", "rate", "objects", "horizon", "constraints", "motion"),
        *("smooth", "fill", "max_absence", "json", "overwrite"),
    ),
    "mot": (
        *("root", "out", "skip_bad_rows", "motion", "cost", "high_score", "low_score", "new_track_score"),
        *("match_probability", "max_age", "min_confirm", "camera_motion"),
        *("whole", "smooth", "fill", "max_absence", "overwrite", "quiet", "workers"),
    ),
}
NARROWEST, WIDEST = 60, 120  # width of the text in columns
MAX_SHORT_OPTIONS = 28  # most options that the short help shows in full
LEFT = 25  # width of the flags in columns, with the gap after them


def asked(words: Sequence[str]) -> str:
    """The first word of `ASKED` before a bare `--`; "" where there is none."""
    for word in words:
        if word == "--":
            break
        if word in ASKED:
            return word
    return ""


def help_text(kind: type, command: str, everything: bool, columns: int | None = None, bold: bool | None = None) -> str:
    """The help of one command.

    Args:
        kind: the dataclass of the command.
        command: its name, as in `eval mot`.
        everything: show all options with their whole texts, else the common options with the first sentence of each.
        columns: width of the terminal; None queries it.
        bold: print bold headings; None: only in a terminal.
    """
    width = min(max(columns or shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    found = options(kind)
    shown = found if everything else _usual(found, command)
    places = " ".join(_place(option) for option in found if option.positional)
    about = description(kind)
    lines = [f"usage: liquidtrack {' '.join([command, *places.split()])} [OPTIONS]", ""]
    paragraphs = about.split("\n\n") if everything else [first_sentence(about.split("\n\n")[0]) + "."]
    for paragraph in paragraphs:
        lines += [*textwrap.wrap(" ".join(paragraph.split()), width, break_on_hyphens=False), ""]
    if positional := [option for option in shown if option.positional]:
        lines += [line for option in positional for line in _entry(_left(option), _right(option, everything), width)]
    strong = _heading(bold)
    for title in TITLES:
        if members := [option for option in shown if option.title == title and not option.positional]:
            lines += [""] * everything + [strong(title)]
            lines += [line for option in members for line in _entry(_left(option), _right(option, everything), width)]
    lines += [""] * everything + [strong("Help and settings")]
    for left, right in _general(command, len(found), len(shown), everything):
        lines += _entry(left, right, width)
    return "\n".join(lines)


def _usual(found: Sequence[Option], command: str) -> list[Option]:
    """Options of the short help; a command with many options leaves out those of the shared sections."""
    if command in USUAL:
        return [option for option in found if option.name in USUAL[command]]
    return [option for option in found if option.own or len(found) <= MAX_SHORT_OPTIONS]


def _general(command: str, count: int, shown: int, everything: bool) -> Iterator[tuple[str, str]]:
    yield (
        "--config FILE.toml",
        "read options from a file. Typed options win over the file." if everything else ("read options from a file"),
    )
    if everything:
        yield "--allow-code", "let that file name Python code to run (python:MODULE:CALLABLE)"
        yield "--help", "the usual options alone"
    elif shown < count:
        yield "--help-all", f"all {count} options, with details"
    else:
        yield "--help-all", "the same with details"


def _heading(bold: bool | None) -> Any:
    if bold is None:
        bold = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return (lambda title: f"\x1b[1m{title}\x1b[0m") if bold else (lambda title: f"{title}:")


def _place(option: Option) -> str:
    name = option.metavar.replace(" ...", "...")
    return name if option.default is dataclasses.MISSING else f"[{name}]"


def _left(option: Option) -> str:
    if option.positional:
        return option.metavar
    if option.is_switch:
        return f"--[no-]{option.flag[2:]}" if option.default else option.flag
    alias = f", --{SHOWN_ALIASES[option.name]}" if option.name in SHOWN_ALIASES else ""
    return f"{option.flag}{alias} {option.metavar}"


def _right(option: Option, everything: bool) -> str:
    text = option.help if everything else first_sentence(option.help)
    notes = []
    if option.choices:
        notes.append(", ".join(option.choices))
    if option.default is dataclasses.MISSING and not option.positional:
        notes.append("required")
    elif default := _default(option):
        notes.append(f"default: {default}")
    if not notes:
        return text
    note = f"({'; '.join(notes)})"
    return f"{text.removesuffix('.')} {note}" if not everything or ". " not in text else f"{text} {note}"


def _default(option: Option) -> str:
    value = option.default
    if value is dataclasses.MISSING or value is None or value is False or value == () or value == "":
        return ""
    if value is True:
        return "on"
    if isinstance(value, tuple):
        return " ".join(map(_said, value))
    return _said(value)


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def first_sentence(text: str) -> str:
    """The first sentence of a help text, without its full stop."""
    return re.split(r"\.\s+", text, maxsplit=1)[0].removesuffix(".")


def _entry(left: str, right: str, width: int) -> list[str]:
    """One option: its flag, and its text to the right, or below a long flag."""
    lines = textwrap.wrap(" ".join(right.split()), width - LEFT, break_on_hyphens=False) or [""]
    start = f"  {left}"
    if len(start) > LEFT - 1:
        return [start, *(" " * LEFT + line for line in lines)]
    return [f"{start:{LEFT}}{lines[0]}".rstrip(), *(" " * LEFT + line for line in lines[1:])]
