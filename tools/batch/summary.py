"""The table of a batch: one row for each recording, from the records beside the results."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from models.errors import ConfigError
from tools.batch.finding import FoundRecording
from tools.batch.journal import JournalEntry
from tools.batch.results import ResultFolder

CSV, PARQUET = "summary.csv", "summary.parquet"


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One recording.

    Attributes:
        recording: its path below the folder of recordings.
        state: done, changed (done with other settings, source or version), failed or open.
        frames, seconds, tracks: of the video; None where it is not done.
        classes: number of tracks of each class, as `person: 3, car: 1`.
        warnings: sentences about it, parted by " | ".
        error: what is wrong.
        processing_seconds: time that it took, where that is known.
        results: place of its results without an ending, below the folder of results.
        outputs: names of its results; not in the table.
    """

    recording: str
    state: str
    frames: int | None
    seconds: float | None
    tracks: int | None
    classes: str
    warnings: str
    error: str
    processing_seconds: float | None
    results: str
    outputs: tuple[str, ...] = ()


HEAD = [field.name for field in fields(SummaryRow) if field.name != "outputs"]


def summary_rows(
    recordings: Iterable[FoundRecording],
    folder: ResultFolder,
    journal: dict[str, JournalEntry],
    changed: Mapping[str, str],
) -> Iterator[SummaryRow]:
    """A row for each recording; `changed` says of some why their results are not as asked for."""
    for one in recordings:
        record, known = folder.record(one.stem), journal.get(one.label)
        seconds = None if known is None else known.seconds
        if record is not None and record.recording == one.label:
            why = changed.get(one.label, "" if known is None else known.error)
            yield SummaryRow(
                recording=one.label,
                state="changed" if one.label in changed else "done",
                frames=record.frames,
                seconds=round(record.seconds, 3),
                tracks=record.tracks,
                classes=", ".join(f"{name}: {count}" for name, count in sorted_classes(record.classes)),
                warnings=" | ".join(record.warnings),
                error=why,
                processing_seconds=seconds,
                results=one.stem,
                outputs=tuple(record.outputs),
            )
            continue
        error = folder.error(one.stem)
        said = (
            error.error if error is not None and error.recording == one.label else "" if known is None else known.error
        )
        yield SummaryRow(one.label, "failed" if said else "open", None, None, None, "", "", said, seconds, one.stem)


def sorted_classes(classes: dict[str, int]) -> list[tuple[str, int]]:
    """The most frequent first."""
    return sorted(classes.items(), key=lambda pair: (-pair[1], pair[0]))


def write_csv(rows: Iterable[SummaryRow], folder: ResultFolder) -> None:
    """Writes summary.csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for row in rows:
        writer.writerow(["" if (value := getattr(row, name)) is None else value for name in HEAD])
    folder.put(CSV, text.getvalue().encode("utf-8", "surrogateescape"))


def write_parquet(rows: Iterable[SummaryRow], folder: ResultFolder) -> None:
    """Writes summary.parquet; needs the extra parquet."""
    import pyarrow
    import pyarrow.parquet

    kinds = {"frames": pyarrow.int64(), "tracks": pyarrow.int64()}
    kinds |= dict.fromkeys(("seconds", "processing_seconds"), pyarrow.float64())
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in HEAD])
    columns: dict[str, list[Any]] = {name: [] for name in HEAD}
    for row in rows:
        for name in HEAD:
            value = getattr(row, name)
            columns[name].append(value.encode("utf-8", "replace").decode() if isinstance(value, str) else value)
    data = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns, schema=schema), data)
    folder.put(PARQUET, data.getvalue())


def check_tables(folder: ResultFolder, names: Iterable[str], overwrite: bool) -> None:
    """Checks that nothing of the user's stands where the tables and the report go.

    Raises:
        ConfigError: something does.
    """
    for name in names:
        if not overwrite and folder.has(name) and not folder.begun:
            raise ConfigError(
                f"{folder.shown(name)} exists and was not written by batch; name another --out, or add --overwrite."
            )
