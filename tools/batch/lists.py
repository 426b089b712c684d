"""Recordings from a CSV file: one row each, and further columns as settings of that recording."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets.source_factory import path_of
from datasets.storage.addresses import base_name, is_store, is_web
from models.checks.paths import checked, read_bounded
from models.checks.printable import one_line
from models.errors import ConfigError, DataError
from tools.batch.config import RecordingConfig
from tools.batch.finding import VIDEOS, FoundRecording, SearchRules, Taken, stems_of
from tools.cli.options import Option, options

LARGEST = 64 << 20  # bytes
COLUMN, NAME = "recording", "name"
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def listed(path: Path, rules: SearchRules, taken: Taken = lambda stem: None) -> Iterator[FoundRecording]:
    """The recordings of a list, in its order.

    Raises:
        DataError: the file is no such list; the message names the line.
    """
    found = []
    for number, source, name, settings in _rows(path):
        label = name or _label(source, path.absolute().parent)
        if rules.takes(label):
            found.append((number, source, label, settings))
    labels = [label for _, _, label, _ in found]
    if len(set(labels)) < len(labels):
        twice = next(label for k, label in enumerate(labels) if label in labels[:k])
        number = next(n for n, _, label, _ in reversed(found) if label == twice)
        raise DataError(f"{path} line {number}: {twice} is there twice; give each a name of its own, in a column name.")
    for (_, source, label, settings), stem in zip(found, _stems(labels, taken), strict=True):
        yield FoundRecording(source, label, stem, settings)


def _stems(labels: list[str], taken: Taken) -> list[str]:
    folders: dict[str, list[int]] = {}
    for k, label in enumerate(labels):
        folders.setdefault(label.rpartition("/")[0], []).append(k)
    stems = [""] * len(labels)
    for folder, members in folders.items():
        prefix = f"{folder}/" if folder else ""
        names = stems_of([labels[k].rpartition("/")[2] for k in members], prefix, taken)
        for k, name in zip(members, names, strict=True):
            stems[k] = f"{prefix}{name}"
    return stems


def _rows(path: Path) -> Iterator[tuple[int, str, str, tuple[tuple[str, str], ...]]]:
    """(line, source, name or "", settings) of each row."""
    text = read_bounded(path, LARGEST).decode("utf-8-sig", "replace")
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: is no CSV file ({error}); give a column recording, one line for each.") from None
    if not rows:
        raise DataError(f"{path}: is empty; give a column recording, one line for each.")
    head = [column.strip() for column in rows[0]]
    if COLUMN not in head and len(head) == 1 and (os.path.splitext(head[0])[1].lower() in VIDEOS or "/" in head[0]):
        rows, head = [[COLUMN], *rows], [COLUMN]  # a plain list of paths without a heading
    at = head.index(COLUMN) if COLUMN in head else 0
    known = {option.name: option for option in options(RecordingConfig)}
    for column in [column for k, column in enumerate(head) if k != at and column not in (NAME, "")]:
        if column.replace("-", "_") not in known:
            raise DataError(f"{path} line 1: {column[:80]!r} is no setting of a recording; take the column out.")
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > len(head):
            raise DataError(
                f"{path} line {number}: {len(row)} values for {len(head)} columns; quote those with a comma."
            )
        cells = {column: cell.strip() for column, cell in zip(head, row, strict=False)}
        source = row[at].strip() if at < len(row) else ""
        if not source or one_line(source) != source:
            raise DataError(f"{path} line {number}: the recording is {source[:80]!r}; give a path or an address.")
        settings = tuple(
            (column.replace("-", "_"), cell)
            for column, cell in cells.items()
            if cell and column not in (head[at], NAME)
        )
        yield number, _source(source, path.absolute().parent), _name(path, number, cells.get(NAME, "")), settings


def _name(path: Path, number: int, name: str) -> str:
    parts = name.split("/")
    if name and (name.startswith("/") or any(part in ("", ".", "..") or part.startswith(".") for part in parts)):
        raise DataError(f"{path} line {number}: the name {name[:80]!r} leads elsewhere; give one below the results.")
    return name


def _source(text: str, folder: Path) -> str:
    named = path_of(text)
    return text if named is None else os.path.abspath(folder / checked(named))


def _label(source: str, folder: Path) -> str:
    """The path below the list's folder; the name alone for what lies elsewhere."""
    if is_store(source) or is_web(source):
        return base_name(source)
    if path_of(source) is None:
        return "".join(c if c.isalnum() or c in "-_.+ " else "_" for c in source).strip(" .")
    inside = os.path.relpath(source, folder)
    return os.path.basename(source) if inside.startswith("..") else Path(inside).as_posix()


def typed_values(settings: tuple[tuple[str, str], ...], where: str) -> dict[str, Any]:
    """The cells of a row as a TOML file would hold them.

    Raises:
        ConfigError: a cell of a switch is neither true nor false.
    """
    known = {option.name: option for option in options(RecordingConfig)}
    return {name: _typed(known[name], text, where) for name, text in settings}


def _typed(option: Option, text: str, where: str) -> Any:
    if option.is_switch:
        if text.lower() not in TRUE + FALSE:
            raise ConfigError(f"{where}: {option.name} is {text[:80]!r}; give true or false.")
        return text.lower() in TRUE
    return text.split() if option.several else text
