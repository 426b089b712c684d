"""The options of a command, read from its dataclass: one list for help text, completion and checks of the parser.

It imports neither tyro nor anything heavier than the dataclass.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from models.checks.seconds import IN_SECONDS
from tools.cli.choices import CHOICES

# The headings of the help text, in this order, and the sections (fields of the dataclasses) below each.
TITLES = {
    "Options": "",
    "Processes": "engine",
    "Recording": "recording",
    "Page": "serving",
    "Input": "reading",
    "Detection": "detection",
    "Tracking": "tracking",
    "Looks": "schedule",
    "Learning from a camera": "adaptation",
    "Whole video": "offline",
    "Appearance embeddings": "appearance_features",
    "Re-identification": "returning",
    "Classification": "recognition",
    "Single-object tracking": "pointing",
    "Outlines": "outlining",
    "Mask prompts": "marking",
    "Mask propagation": "propagation",
    "Network": "model",
    "Output": "output",
    "Drawing": "view",
    "Label files": "labels",
    "Prices of operations": "prices",
    "Compute": "",
}
# Options with a fixed heading, whichever section holds them.
PLACED = {
    "Input": ("skip_bad_rows",),
    "Detection": ("keep_ids", "detector_batch"),
    "Tracking": ("camera_motion",),
    "Whole video": ("whole", "horizon", "cache", "doubt"),
    "Output": (
        *("out", "formats", "video", "json", "csv", "latex", "plot", "save", "export", "show", "overwrite", "quiet"),
        *("per_sequence", "per_class", "answers", "work"),
    ),
    "Compute": ("threads", "workers", "device"),
}
# Names of other tools that the help shows next to ours; `tools.cli.typed` accepts these and more.
SHOWN_ALIASES = {"score": "conf", "nms": "iou", "input_size": "imgsz"}
_ATTRIBUTE = re.compile(r"(\w+): (.*)")
_METAVARS = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name with underscores, type, default (MISSING: required), and help text."""

    name: str
    hint: Any
    default: Any
    help: str
    title: str  # its heading in the help text
    positional: bool
    own: bool  # defined by the command, not by a shared section

    @property
    def flag(self) -> str:
        """The flag as it is typed."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def flags(self) -> tuple[str, ...]:
        """All accepted flags; empty for a positional argument."""
        if self.positional:
            return ()
        return (self.flag, *((f"--no-{self.flag[2:]}",) if self.is_switch else ()), *_aliases(self.hint))

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value: --x and --no-x."""
        return self.hint is bool

    @property
    def several(self) -> bool:
        """Whether it takes any number of values."""
        return get_origin(_plain(self.hint)) is tuple

    @property
    def choices(self) -> tuple[str, ...]:
        """The accepted values, where they are a fixed set."""
        return tuple(map(str, _choices(self.hint))) or CHOICES.get(self.name, ())

    @property
    def metavar(self) -> str:
        """Placeholder of its value."""
        if self.positional:
            name = self.name.upper()
            return f"{name} ..." if self.several else name
        kind = _plain(self.hint)
        if self.several:
            return f"{_metavar(get_args(kind)[0])} ..."
        return _metavar(self.hint)


def options(kind: type) -> list[Option]:
    """Every option of the dataclass `kind`, sections flattened, in the order of the headings."""
    found = list(_walk(kind, "Options", True))
    order = {title: k for k, title in enumerate(TITLES)}
    return sorted(found, key=lambda option: (order[option.title], option.own))


def _walk(kind: type, title: str, own: bool) -> Iterator[Option]:
    hints = get_type_hints(kind, include_extras=True)
    texts = attributes(kind)
    headings = {section: heading for heading, section in TITLES.items() if section}
    placed = {name: heading for heading, names in PLACED.items() for name in names}
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from _walk(hint, headings[field.name], False)
            continue
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        place = placed.get(field.name, title)
        positional = "Positional" in str(getattr(hint, "__metadata__", ""))
        yield Option(field.name, hint, default, texts.get(field.name, ""), place, positional, own)


def attributes(kind: type) -> Mapping[str, str]:
    """The help text of every field of the dataclass `kind`, from the section "Attributes:" of its docstring."""
    _, _, text = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        inner = line[4:]
        if not inner.startswith(" ") and (match := _ATTRIBUTE.match(inner)):
            name = match[1]
            found[name] = match[2]
        elif name and inner.strip():
            found[name] += f" {inner.strip()}"
    return found


def description(kind: type) -> str:
    """The docstring of the dataclass `kind` without its attributes."""
    return (inspect.getdoc(kind) or "").partition("\n\nAttributes:")[0]


def _plain(hint: Any) -> Any:
    """The type without annotations and without None."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        (rest,) = [arg for arg in get_args(hint) if arg is not type(None)]
        return _plain(rest)
    return hint


def _choices(hint: Any) -> tuple[Any, ...]:
    plain = _plain(hint)
    if get_origin(plain) is tuple:
        return _choices(get_args(plain)[0])
    return get_args(plain) if get_origin(plain) is Literal else ()


def _metavar(hint: Any) -> str:
    if IN_SECONDS in _annotations(hint):
        return "SECONDS"
    plain = _plain(hint)
    if get_origin(plain) is Literal:
        return "NAME" if isinstance(get_args(plain)[0], str) else "INT"
    return _METAVARS[plain]


def _aliases(hint: Any) -> tuple[str, ...]:
    """Alternative names that the dataclass defines (`tyro.conf.arg`)."""
    return tuple(alias for note in _annotations(hint) for alias in getattr(note, "aliases", None) or ())


def _annotations(hint: Any) -> tuple[Any, ...]:
    found = tuple(getattr(hint, "__metadata__", ()))
    for arg in get_args(hint):
        if not isinstance(arg, str):
            found += _annotations(arg)
    return found
