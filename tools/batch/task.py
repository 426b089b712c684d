"""The task of one recording: `track` into a hidden folder, then the move to its place. It runs in a worker."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets.storage.failures import UnreachableError, is_store_failure
from models.errors import ChangedError, ConfigError, DataError, LiquidTrackError
from tools.batch.config import ENDINGS, RecordingConfig
from tools.batch.counting import TrackCounter
from tools.batch.identity import ResultIdentity, content_mark, identity_of, track_config
from tools.batch.places import open_results
from tools.batch.records import ERROR, ErrorRecord, RunRecord, mark_of, sentence_about
from tools.batch.results import RECORD, ResultFolder, judge, thumbnail_name
from tools.batch.split.join import JoinTask, join
from tools.batch.split.plan import Segment, SplitPlan
from tools.batch.split.plan import plan as plan_segments
from tools.batch.split.segment import SegmentTask, track_segment
from tools.batch.steps import StepFile
from tools.batch.thumbnail import thumbnail
from tools.track.config.video import OutputConfig
from tools.track.observer import Observer
from tools.track.video import track_summary
from tracker.pipeline.loop import Summary

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # no other recording can be written either
SYSTEM = FULL | {errno.EFBIG, errno.EIO, errno.EACCES, errno.EPERM, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
REPORT_LINES = ("warning:", "no track:", "no frame came", "dropped:", "skipped:")  # of track, that become warnings


@dataclass(frozen=True, slots=True)
class RecordingTask:
    """One recording to be tracked.

    Attributes:
        source, label, stem: as in `FoundRecording`.
        out: the folder of the results.
        config: its settings.
        force: track it also where it is done.
        overwrite: replace files that are not its own results.
        wait: wait for another process that works on it; else it is left to that one.
        segment: the part of it that is tracked.
        plan: its segments, which are all tracked, to be joined.
    """

    source: str
    label: str
    stem: str
    out: str
    config: RecordingConfig
    force: bool = False
    overwrite: bool = False
    wait: bool = False
    segment: Segment | None = None
    plan: SplitPlan | None = None

    @property
    def step(self) -> str:
        """What the task is called where it runs."""
        return self.label if self.segment is None else f"{self.label}, segment {self.segment.number + 1}"


def track_recording(task: RecordingTask) -> dict[str, Any]:
    """Track one recording, and put its results and its record in their place.

    Returns:
        state: done; elsewhere (another process works on it); full (the disk is; `error` says so); split (into the
        segments of `plan`, which are to be tracked before it is joined); segment (one of them is done). Where it is
        done, also frames and tracks; `seconds` that it took, and where (`host`).

    Raises:
        LiquidTrackError: it failed; where that is the recording's fault, it is set aside.
    """
    begin = time.perf_counter()
    folder = open_results(task.out)
    try:
        if task.segment is not None:
            _track_segment(folder, task, task.segment)
            return {"state": "segment", "seconds": round(time.perf_counter() - begin, 3)}
        with folder.locked(task.stem, task.wait) as mine:
            if not mine:
                return {"state": "elsewhere"}
            record = _done_earlier(folder, task)
            if record is None and task.config.split is not None and task.plan is None:
                plan = plan_segments(
                    track_config(task.source, task.config), task.config.split, task.config.split_overlap
                )
                if len(plan.segments) > 1:
                    return {"state": "split", "plan": plan}
                task = replace(task, plan=plan)
            record = record or _track(folder, task)
    except (LiquidTrackError, OSError) as error:
        if _system(error) & FULL:
            return {"state": "full", "error": _sentence(error)}
        if is_store_failure(error):
            raise UnreachableError(_sentence(error)) from error  # so that an engine tries again
        raise
    seconds = round(time.perf_counter() - begin, 3)
    found = {"state": "done", "frames": record.frames, "tracks": record.tracks, "video_seconds": record.seconds}
    return {**found, "warnings": list(record.warnings), "seconds": seconds, "host": socket.gethostname()}


def _done_earlier(folder: ResultFolder, task: RecordingTask) -> RunRecord | None:
    """The record of results that another process has finished, or had completed."""
    with contextlib.suppress(ConfigError):  # a file of the user's stands in the way: said before it is tracked again
        folder.finish_earlier(task.stem)
    if task.force:
        return None
    state, _ = judge(folder, task.label, task.source, task.stem, identity_of(task.config))
    return folder.record(task.stem) if state == "done" else None


def _track(folder: ResultFolder, task: RecordingTask) -> RunRecord:
    name = task.stem.rpartition("/")[2]
    folder.check_room(task.stem, [f"{name}{ENDINGS[one]}" for one in task.config.formats], task.overwrite)
    identity, mark = identity_of(task.config), ""
    work = folder.new_work(task.stem)
    try:
        length, mark = content_mark(task.source)
        counter, summary, warnings = _run(task, work, folder)
        if content_mark(task.source) != (length, mark):
            raise ChangedError(f"{task.source} changed while it was tracked; it is tracked again when it is at rest.")
        _only_results(work)
        outputs = {path.name: mark_of(path) for path in sorted(work.iterdir())}
        record = RunRecord(
            task.label, length, mark, identity, outputs, summary.frames, summary.video, summary.tracks,
            summary.detections, counter.classes(), tuple(warnings),
        )  # fmt: skip
        _draw(folder, task, counter)
        folder.commit(work, record)
        folder.publish(task.stem, work, task.overwrite)
        folder.forget_segments(task.stem)
        return record
    except BaseException as error:
        if not (is_store_failure(error) and (work / RECORD).is_file()):  # what is complete is put by the next try
            shutil.rmtree(work, ignore_errors=True)
        if isinstance(error, LiquidTrackError):  # people know the place of the results, not the hidden folder
            error.args = (str(error).replace(str(work), folder.shown(task.stem.rpartition("/")[0])),)
        if isinstance(error, LiquidTrackError) and _is_of_recording(error):
            _set_aside(folder, task, error, mark, identity)
        raise


def _segments_of(task: RecordingTask) -> str:
    """What the segments of a recording are of: its content, its settings and the version."""
    found = identity_of(task.config).digest(), *content_mark(task.source)
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _track_segment(folder: ResultFolder, task: RecordingTask, segment: Segment) -> None:
    doubt = Path("doubt.jsonl") if "doubt" in task.config.formats else None
    config = track_config(task.source, task.config, OutputConfig(doubt=doubt))
    identity = _segments_of(task)
    place = folder.segments(task.stem, identity)
    try:
        with StepFile(folder.hidden / "progress", task.step) as step:
            found = track_segment(SegmentTask(config, segment, place, identity), Observer(seen=step))
        if not found["complete"]:
            raise ChangedError(f"{task.step}: was ended before its end; run the same command again.")
    except LiquidTrackError as error:
        if _is_of_recording(error):
            _set_aside(folder, task, error, content_mark(task.source)[1], identity_of(task.config))
        raise


def _run(task: RecordingTask, work: Path, folder: ResultFolder) -> tuple[TrackCounter, Summary, list[str]]:
    name = task.stem.rpartition("/")[2]
    places: dict[str, Any] = {one: work / f"{name}{ENDINGS[one]}" for one in task.config.formats}
    output, counter = OutputConfig(**places), TrackCounter()
    lines: list[str] = []
    with StepFile(folder.hidden / "progress", task.step) as step, _warned(lines):
        observer = Observer(lambda line: lines.append(line.strip()), step, (counter,))
        config = track_config(task.source, task.config, output)
        if task.plan is not None and task.plan.note:
            lines.append(f"warning: {task.plan.note}")
        if task.plan is None or len(task.plan.segments) == 1:
            summary, live = track_summary(config, observer)
        else:
            identity = _segments_of(task)
            summary, live = join(JoinTask(config, task.plan, folder.segments(task.stem, identity), identity), observer)
    if live:
        raise DataError(f"{task.source}: is live and has no end; track it with liquidtrack track.")
    if not summary.complete:
        raise ChangedError(f"{task.label}: was ended before it was tracked to its end; run the same command again.")
    if not summary.frames:
        raise DataError(f"{task.source}: there is no frame in it.")
    warnings = [line.removeprefix("warning: ") for line in lines if line.startswith(REPORT_LINES)]
    return counter, summary, [line.replace(f"{work}{os.sep}", "") for line in warnings]


@contextlib.contextmanager
def _warned(lines: list[str]) -> Iterator[None]:
    """Collects what is logged as a warning."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if len(lines) < 100:
                lines.append(f"warning: {record.getMessage()}")

    handler = Handler(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


def _only_results(work: Path) -> None:
    """Removes what `track` notes for itself: its manifests, and its settings with paths of the hidden folder."""
    for path in sorted(work.rglob("*")):
        if path.is_file() and (path.name.startswith(".") or path.name.endswith("run.toml")):
            path.unlink()
    for path in sorted(work.iterdir()):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _draw(folder: ResultFolder, task: RecordingTask, counter: TrackCounter) -> None:
    """The thumbnail; a report without one is no reason to fail."""
    if counter.best is None:
        return
    with contextlib.suppress(LiquidTrackError, OSError):
        data = thumbnail(task.source, task.config.reading, counter.best, counter.names)
        if data is not None:
            folder.put(thumbnail_name(task.stem), data)


def _set_aside(
    folder: ResultFolder, task: RecordingTask, error: LiquidTrackError, mark: str, identity: ResultIdentity
) -> None:
    if folder.record(task.stem) is not None:
        return  # its earlier results stay valid
    name = f"{task.stem}{ERROR}"
    if folder.has(name) and folder.error(task.stem) is None:
        return  # a file of the user's
    record = ErrorRecord(task.label, sentence_about(task.label, _sentence(error)), mark, identity.digest())
    with contextlib.suppress(OSError, LiquidTrackError):
        folder.put(name, record.to_json().encode("utf-8", "surrogateescape"))


def _is_of_recording(error: LiquidTrackError) -> bool:
    """Whether another try would meet the same error, since it lies in the recording or its settings."""
    elsewhere = bool(_system(error)) or is_store_failure(error)
    return not elsewhere and error.exit_code == ConfigError.exit_code


def _system(error: BaseException) -> set[int]:
    """The numbers of the system's errors that an error comes from."""
    found: set[int] = set()
    at: BaseException | None = error
    for _ in range(10):
        if at is None:
            break
        if isinstance(at, OSError) and at.errno is not None:
            found |= {at.errno} & SYSTEM
        at = at.__cause__ or at.__context__
    return found


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and not isinstance(error, LiquidTrackError):
        return f"{error.filename or 'the results'} cannot be written ({error.strerror})."
    return str(error)
