"""Parquet table: the columns of the CSV table (`csv_table`), typed, in row groups that are written as frames come.

The file's metadata holds under `liquidtrack` a JSON object: version, names, size, start, frames and times of all frames
(also of those without boxes), and what is said of the tracks as a whole, as in JSON lines. A Parquet file can be read
only once it is complete: its index stands at the end. A run that is killed leaves none; name a second output.

The reader takes any Parquet file with the columns frame, left, top, right and bottom. Needs pyarrow (extra `parquet`).
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.columns import ATTRIBUTE, COLUMNS, NAME, NEEDED, clock_of_rows, extra_columns, infos_of_rows
from datasets.formats.label_rows import UNKNOWN_LINK, UNKNOWN_PROVENANCE, LabelRows
from datasets.formats.provenance import WORDS
from datasets.formats.table import assemble
from datasets.formats.text import BadRows, log, number, start_of
from datasets.formats.timeline import Clock, make_clock
from datasets.formats.track_info import TrackInfo, list_from_json, merged
from datasets.formats.writer import FrameBoxes, Writer, is_plain, make_folder, writing
from models.errors import DataError
from models.extras import needs
from tracker.types import Float64, Int64

VERSION = 1
KEY = b"liquidtrack"
GROUP = 1 << 16  # rows of a row group
MAX_ROWS = 1 << 26  # two hours at 30 Hz with 300 boxes a frame
TEXTS = ("class", "provenance", NAME)
TRUTHS = ("occluded", "ignore")


def _arrow() -> tuple[Any, Any]:
    """pyarrow and its Parquet module.

    Raises:
        ConfigError: the extra `parquet` is missing.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise needs("Parquet", error) from None
    return pyarrow, pyarrow.parquet


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """Tracks or detections."""
    arrow, parquet = _arrow()
    try:
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows > MAX_ROWS:
                raise DataError(f"{path} has {file.metadata.num_rows} rows, more than {MAX_ROWS}; is it a label file?")
            about = (file.schema_arrow.metadata or {}).get(KEY) or (file.metadata.metadata or {}).get(KEY)
            known = [n for n in file.schema_arrow.names if n in (*COLUMNS, NAME) or n.startswith(ATTRIBUTE)]
            _check(path, known)
            table = {name: _column(arrow, name, file.read(columns=[name]).column(0)) for name in known}
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or 'No such file'}); check the path.") from error
    except Exception as error:  # Arrow raises a dozen kinds for damaged bytes
        reason = str(error).split("\n")[0][:80] or type(error).__name__
        raise DataError(
            f"{path} is no whole Parquet table ({reason}); a run that was killed leaves none, so write it again."
        ) from error
    bad = BadRows(path, skip_bad_rows)
    head = _head(path, about)
    return _annotations(table, head, bad)


def _check(path: Path, known: list[str]) -> None:
    missing = [name for name in NEEDED if name not in known]
    if missing:
        raise DataError(f"{path.name}: the column {missing[0]} is missing; a table has at least {', '.join(NEEDED)}.")
    if len(set(known)) < len(known):
        twice = next(name for k, name in enumerate(known) if name in known[:k])
        raise DataError(f"{path.name}: the column {twice[:40]} stands there twice; keep one.")


def _column(arrow: Any, name: str, column: Any) -> Any:
    """A column as float64 with nan, or as a list of texts with empty ones for nulls."""
    if name in TEXTS or name.startswith(ATTRIBUTE):
        return [value or "" for value in column.cast(arrow.string()).to_pylist()]
    return np.asarray(column.cast(arrow.float64()).fill_null(float("nan")).to_numpy(), np.float64)


def _head(path: Path, about: bytes | None) -> dict[str, Any]:
    """The checked metadata; empty for other programs' files."""
    if about is None:
        return {}
    try:
        head = json.loads(about)
        version, names, size = head["version"], head["names"], head.get("size")
        fine = type(version) is int and isinstance(names, list) and all(isinstance(name, str) for name in names)
        fine &= size is None or (len(size) == 2 and all(type(v) is int and 0 < v < 2**31 for v in size))
        frames, times = head["frames"], head.get("times")
        fine &= isinstance(frames, list) and (times is None or (isinstance(times, list) and len(times) == len(frames)))
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise DataError(f"{path.name}: its metadata are no JSON of liquidtrack; write the file again.") from error
    if not fine:
        raise DataError(f"{path.name}: its metadata do not belong together; write the file again.")
    if version > VERSION or version < 1:
        raise DataError(f"{path.name}: version {version}; this program reads {VERSION}, so install a newer one.")
    return dict(head)


def _annotations(table: dict[str, Any], head: dict[str, Any], bad: BadRows) -> Annotations:
    n = len(table["frame"])

    def column(name: str, usual: float) -> Float64:
        values: Float64 = table.get(name, np.full(n, usual))
        return np.where(np.isnan(values), usual, values) if name in ("id", "score", "link", "visibility") else values

    def where(i: int) -> str:
        return f"row {i + 1}"

    names: list[str] = list(head.get("names", ()))
    label = _labels(table.get("class") or ["object"] * n, names, bool(head), where, bad)
    box = np.stack([table[edge] for edge in ("left", "top", "right", "bottom")], axis=1).reshape(n, 4)
    seen = column("visibility", -1.0)
    link = column("link", UNKNOWN_LINK)
    truths = {name: np.nan_to_num(table[name]) != 0 if name in table else None for name in TRUTHS}
    rows = LabelRows(
        table["frame"], column("id", -1.0), box, column("score", 1.0), label, None, truths["ignore"],
        np.where(seen == -1, 1.0, seen) if (seen != -1).any() else None, None, None,
        link if (link != UNKNOWN_LINK).any() else None, _origins(table.get("provenance"), where, bad),
        truths["occluded"],
    )  # fmt: skip
    size = None if head.get("size") is None else (head["size"][0], head["size"][1])
    attributes = {name.removeprefix(ATTRIBUTE): table[name] for name in table if name.startswith(ATTRIBUTE)}
    found = () if head else infos_of_rows(rows.id, rows.frame, table.get(NAME), attributes)
    said = list_from_json(head.get("tracks"), bad.path.name)
    tracks: tuple[TrackInfo, ...] = merged(said, found)
    clock = _clock(head, bad, size) if head else clock_of_rows(rows.frame, table.get("time"), where, bad)
    got = assemble(rows, where, bad, tuple(names) or ("object",), clock, size=size, tracks=tracks)
    return replace(got, start=start_of(head.get("start")))


def _clock(head: dict[str, Any], bad: BadRows, size: tuple[int, int] | None) -> Clock:
    def numbers(values: list[Any]) -> list[float]:
        return [float("nan") if (v := number(value)) is None else v for value in values]

    times = None if head.get("times") is None else numbers(head["times"])
    clock = make_clock(numbers(head["frames"]), times, lambda i: f"frame {i + 1} of the metadata", bad, size=size)
    bad.good -= len(clock.frames)
    return clock


def _labels(kinds: list[str], names: list[str], closed: bool, where: Any, bad: BadRows) -> Int64:
    """(N,) index of each class in `names`, which grows where the file does not list them; -1 for others."""
    index = {name: k for k, name in reversed(list(enumerate(names)))}
    out = np.zeros(len(kinds), np.int64)
    for i, kind in enumerate(kinds):
        kind = kind or "object"
        if kind not in index:
            if closed:
                bad(where(i), f"class {kind[:40]!r} is not among the names in the metadata")
                out[i] = -1
                continue
            index[kind] = len(names)
            names.append(kind)
        out[i] = index[kind]
    return out


def _origins(words: list[str] | None, where: Any, bad: BadRows) -> Int64 | None:
    if words is None or not any(words):
        return None
    out = np.full(len(words), UNKNOWN_PROVENANCE, np.int64)
    for i, word in enumerate(words):
        if word in WORDS:
            out[i] = WORDS[word]
        elif word:
            bad(where(i), f"provenance is {word[:40]!r}; it is one of {', '.join(WORDS)}")
    return out


class ParquetWriter(Writer):
    """Writes the table; memory is that of one row group, and of the frames' times."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        _arrow()  # reports a missing pyarrow before a run begins

    def _open(self) -> None:
        arrow, parquet = _arrow()
        self._extra = extra_columns(self.tracks.values())
        kinds = {
            "frame": arrow.int64(), "time": arrow.float64(), "id": arrow.int64(), "occluded": arrow.bool_(),
            "ignore": arrow.bool_(),
        }  # fmt: skip
        texts = dict.fromkeys(("class", "provenance", *self._extra), arrow.string())
        columns = [(name, kinds.get(name) or texts.get(name) or arrow.float32()) for name in (*COLUMNS, *self._extra)]
        self._schema, self._arrow_module = arrow.schema(columns), arrow
        self._held: dict[str, list[Any]] = {name: [] for name, _ in columns}
        self._frames: list[int] = []
        self._times: list[float | None] = []
        with writing(self.path):
            if self.path.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            if not is_plain(self.path):
                raise OSError(29, "this format needs an ordinary file")
            make_folder(self.path.parent)
            self._file = self.path.open("wb")
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        self._frames.append(index)
        self._times.append(time)
        n, held = len(boxes), self._held
        origins = [boxes.origin(k) for k in range(n)]
        link = None if boxes.link is None else [None if v != v else v for v in boxes.link.tolist()]
        values = [
            [index] * n, [time] * n, boxes.id.tolist(), [self.names[k] for k in boxes.label.tolist()],
            boxes.score.tolist(), *(boxes.xyxy[:, edge].tolist() for edge in range(4)),
            [None if origin is None else origin.word for origin in origins], _listed(boxes.occluded, n), link,
            _listed(boxes.ignore, n), _listed(boxes.visibility, n),
        ]  # fmt: skip
        for name, column in zip(COLUMNS, values, strict=True):
            held[name] += [None] * n if column is None else column
        for name in self._extra:
            held[name] += [self._told(id, index, name) for id in boxes.id.tolist()]
        if len(held["frame"]) >= GROUP:
            self._flush()

    def _told(self, id: int, index: int, column: str) -> str | None:
        if column == NAME:
            return self.tracks[id].name or None if id in self.tracks else None
        return self.attributes(id, index).get(column.removeprefix(ATTRIBUTE))

    def _flush(self) -> None:
        with writing(self.path):
            self._writer.write_table(self._arrow_module.table(self._held, schema=self._schema))
        for column in self._held.values():
            column.clear()

    def _close(self) -> None:
        info = self.info
        about = {
            "version": VERSION,
            "source": info.name,
            "names": list(self.names),
            "size": [info.width, info.height] if info.width > 0 and info.height > 0 else None,
            "start": info.start,
            "rate": info.rate,
            "frames": self._frames,
            "times": self._times if any(time is not None for time in self._times) else None,
            "tracks": [track.to_json() for track in self.tracks.values()],
        }
        try:
            if self._held["frame"]:
                self._flush()
            with writing(self.path):
                self._writer.add_key_value_metadata({KEY: json.dumps(about, ensure_ascii=False)})
                self._writer.close()
        except DataError:
            log.warning("%s is not complete and cannot be read; a Parquet file is readable at its end only", self.path)
            raise
        finally:
            with suppress(OSError):
                self._file.close()


def _listed(column: Any, n: int) -> list[Any]:
    return [None] * n if column is None else column.tolist()
