"""`liquidtrack batch`: many recordings, one task each."""

from __future__ import annotations

import contextlib
import itertools
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import FrameType

from models.errors import ConfigError, LiquidTrackError, SourceError
from tools.batch.config import BatchConfig
from tools.batch.engines.driver import run_tasks
from tools.batch.engines.opening import needs_of, open_engine
from tools.batch.engines.types import EngineError, TaskEngine, TaskOutcome
from tools.batch.finding import FoundRecording
from tools.batch.journal import BatchJournal
from tools.batch.places import open_results
from tools.batch.planning import RecordingsPlace, TaskPlan, check_settings, place_of
from tools.batch.progress import BatchProgress
from tools.batch.records import sentence_about
from tools.batch.report import write_report
from tools.batch.results import JudgedState, ResultFolder
from tools.batch.split.plan import SplitPlan
from tools.batch.summary import CSV, PARQUET, check_tables, summary_rows, write_csv, write_parquet
from tools.batch.task import RecordingTask, track_recording
from tools.cli.interrupt import heard
from tools.cli.messages import complain, say

KEPT_NETWORKS = 4  # that stay loaded in a process between two recordings
MAX_NOTES = 10  # sentences about changed recordings; the table has all of them
SUMMARY_S = 30.0  # seconds between two tables while --watch runs


def batch(config: BatchConfig) -> int:
    """Track many recordings; returns 0 where all are done, 1 where not.

    Raises:
        LiquidTrackError: a mistake that no recording alone has; what is done stays done.
    """
    if not config.recordings.strip():
        raise ConfigError("the folder of recordings is empty; name a folder, a glob or a CSV file.")
    if not config.out.strip():
        raise ConfigError("batch needs --out: name the folder of the results.")
    check_settings(config)
    folder = open_results(config.out, driver=True)
    place = place_of(config, folder)
    if config.dry_run:
        return _listed(config, place, folder)
    check_tables(folder, _tables(config), config.overwrite)
    if not config.watch and next(place.find(), None) is None:
        raise SourceError(f"{config.recordings}: there is no recording in it; see --include, --exclude and --pictures.")
    folder.create()
    return BatchRun(config, place, folder)()


def warm_up() -> None:
    """Loads in a new process what its first task needs."""
    import cv2
    import onnxruntime

    from models.runtime.session import keep_sessions
    from tracker.pipeline import build

    del cv2, onnxruntime, build
    keep_sessions(KEPT_NETWORKS)


class BatchRun:
    """One run over all recordings of a part."""

    def __init__(self, config: BatchConfig, place: RecordingsPlace, folder: ResultFolder) -> None:
        self._config, self._place, self._folder = config, place, folder
        steps = folder.hidden / "progress"
        self._progress = BatchProgress(steps, config.quiet, config.progress_json)
        self._journal = BatchJournal(folder.hidden)
        self._plan = TaskPlan(config, place, folder, self._told)
        self._stop = threading.Event()
        self._total = 0  # recordings of this part
        self._full = ""  # why nothing more can be written
        self._first = True  # whether recordings without a task are told
        self._parts: deque[RecordingTask] = deque()  # segments and joins that can begin
        self._planning: set[str] = set()  # recordings that may become segments
        self._split: dict[str, tuple[set[int], RecordingTask]] = {}  # of each, segments to come, and what joins them
        self._changed: dict[str, str] = {}  # why results are not as asked for
        self.counts = dict.fromkeys(("done", "before", "failed", "aside", "changed", "elsewhere"), 0)

    def __call__(self) -> int:
        config, failure = self._config, None
        if self._place.left_out is not None and not config.quiet:
            complain(f"{self._place.left_out} lies in {config.recordings} and is not searched for recordings")
        with self._stoppable(), self._progress as progress:
            if not config.watch:
                self._total = sum(1 for _ in self._plan.mine())
                progress.total(self._total)
            try:
                self._work()
            except EngineError as error:
                failure = error
            except KeyboardInterrupt:
                self._stop.set()
            self._folder.clear()
        if not self._stop.is_set() or config.watch or self.counts["done"]:
            self._summarise()
        self._conclude()
        if failure is not None:
            raise failure
        missing = sum(self.counts[name] for name in ("failed", "aside", "changed", "elsewhere"))
        if not config.watch:
            missing += max(0, self._total - sum(self.counts.values()))
        return 1 if missing or self._full or (self._stop.is_set() and not config.watch) else 0

    def _work(self) -> None:
        stop = self._stop.is_set
        if self._config.watch:
            with self._engine() as engine:
                self._run(engine, self._plan.watched(self._config.settle, stop))
            return
        tasks = self._until_stop(self._plan.tasks())
        with ExitStack() as stack:
            if (first := next(tasks, None)) is None:
                return
            engine = stack.enter_context(self._engine())
            self._run(engine, itertools.chain([first], tasks))
            if self.counts["elsewhere"] and not stop():  # another command works on them: wait for it
                self.counts["elsewhere"], self._first = 0, False
                self._folder.refresh()
                self._run(engine, self._until_stop(self._plan.tasks(wait=True)))

    def _engine(self) -> contextlib.AbstractContextManager[TaskEngine]:
        settings = self._config.engine
        return open_engine(settings.on, needs=needs_of(settings), warm=warm_up)

    def _until_stop(self, tasks: Iterator[RecordingTask]) -> Iterator[RecordingTask]:
        for task in tasks:
            if self._stop.is_set() or self._full:
                return
            yield task

    def _run(self, engine: TaskEngine, tasks: Iterator[RecordingTask | None]) -> None:
        self._progress.event("engine", on=engine.name, link=engine.link)
        if engine.link and not self._config.quiet and not self._config.progress_json:
            say(f"dashboard: {engine.link}", flush=True)
        written = time.monotonic()
        outcomes = run_tasks(
            engine, self._feed(tasks), track_recording,
            retries=self._config.engine.retries, stop=self._stop.is_set, began=self._began,
        )  # fmt: skip
        with contextlib.closing(outcomes):  # type: ignore[type-var]
            for outcome in outcomes:
                self._settle(outcome)
                if self._config.watch and time.monotonic() - written > SUMMARY_S:
                    self._summarise()
                    written = time.monotonic()

    def _feed(self, tasks: Iterator[RecordingTask | None]) -> Iterator[RecordingTask | None]:
        """Segments and joins before other recordings; None while a segment must end before there is more to do."""
        ended = False
        while not (self._stop.is_set() or self._full):
            if self._parts:
                yield self._parts.popleft()
            elif not ended:
                try:
                    task = next(tasks)
                except StopIteration:
                    ended = True
                    continue
                if task is not None and task.config.split is not None:
                    self._planning.add(task.label)
                yield task
            elif self._split or self._planning:
                yield None
            else:
                return

    def _split_up(self, task: RecordingTask, plan: SplitPlan) -> None:
        """A recording has become segments."""
        self._split[task.label] = set(range(len(plan.segments))), replace(task, plan=plan)
        self._parts += [replace(task, segment=segment) for segment in plan.segments]

    def _settle_segment(self, task: RecordingTask) -> None:
        """A segment is tracked; after the last one, the recording is joined."""
        assert task.segment is not None
        if task.label in self._split:
            missing, join = self._split[task.label]
            missing.discard(task.segment.number)
            if not missing:
                del self._split[task.label]
                self._parts.append(join)

    def _began(self, task: RecordingTask, number: int) -> None:
        self._progress.event("begin", recording=task.step, number=number)

    def _settle(self, outcome: TaskOutcome[RecordingTask]) -> None:
        task, result = outcome.task, outcome.result or {}
        state, error = result.get("state"), sentence_about(task.label, outcome.error or result.get("error") or "")
        self._planning.discard(task.label)
        if state == "elsewhere":
            self.counts["elsewhere"] += 1
            return
        if state == "split":
            self._split_up(task, result["plan"])
            return
        if state == "segment":
            self._settle_segment(task)
            return
        if task.segment is not None:
            if self._split.pop(task.label, None) is None:
                return  # another segment has failed before
            self._parts = deque(part for part in self._parts if part.label != task.label)
        if state == "full":
            self._full = error
        name = "done" if state == "done" else "failed"
        self.counts[name] += 1
        self._journal.add(task.label, result.get("seconds"), error, outcome.tries, result.get("host", ""))
        self._progress.settled(worked=True)
        if name == "failed":
            if not self._full:
                self._progress.note(f"{task.label}: {error}")
            self._progress.event("failed", recording=task.label, error=error, tries=outcome.tries)
        else:
            figures = {k: v for k, v in result.items() if k != "state"}
            self._progress.event("done", recording=task.label, tries=outcome.tries, **figures)

    def _told(self, recording: FoundRecording, state: JudgedState | None, why: str) -> None:
        if not self._first:
            return
        self._progress.settled()
        if state == "done":
            self.counts["before"] += 1
            return
        label, hint = recording.label, ""
        why = sentence_about(label, why)
        name = "aside" if state == "aside" else "failed" if state is None else "changed"
        self.counts[name] += 1
        self._progress.event(name, recording=label, error=why)
        if state == "aside":
            return  # a sentence that was told before; the report has it
        if state in ("changed", "edited"):
            self._changed[label] = why
            if len(self._changed) > MAX_NOTES:
                return
        if state == "changed":
            hint = "; add --again changed to track it again"
        elif state == "edited":
            hint = "; add --again changed --overwrite to replace its results"
        self._progress.note(f"{label}: {why}{hint}")
        if state is None:
            self._journal.add(label, None, why, 0, "")

    def _summarise(self) -> None:
        self._folder.refresh()
        known = self._journal.read()
        try:
            rows = partial(summary_rows, folder=self._folder, journal=known, changed=self._changed)
            if "csv" in self._config.table:
                write_csv(rows(self._place.find()), self._folder)
            if "parquet" in self._config.table:
                write_parquet(rows(self._place.find()), self._folder)
            write_report(rows(self._place.find()), self._folder, self._config.report, str(self._config.recordings))
        except (OSError, LiquidTrackError) as error:
            reason = getattr(error, "strerror", None) or error
            complain(f"the summary in {self._folder.shown()} cannot be written ({reason}); run the same command again")

    def _conclude(self) -> None:
        counts, config = self.counts, self._config
        self._progress.event("end", **counts, stopped=self._stop.is_set())
        done = counts["done"] + counts["before"]
        if self._full:
            complain(f"{self._full} Nothing more was begun; make room and run the same command again.")
        if config.quiet or config.progress_json:
            if self._stop.is_set():
                complain(f"ended; {done} recordings are done; run the same command again to go on")
            return
        parts = [f"{done} done" + (f" ({counts['before']} before)" if counts["before"] else "")]
        parts += [f"{counts['failed']} failed"] * bool(counts["failed"])
        parts += [f"{counts['aside']} set aside before (--again failed)"] * bool(counts["aside"])
        parts += [f"{counts['changed']} left as they are (--again changed)"] * bool(counts["changed"])
        parts += [f"{counts['elsewhere']} left to another command"] * bool(counts["elsewhere"])
        left = 0 if config.watch else self._total - sum(counts.values())
        parts += [f"{left} not begun"] * (left > 0)
        say(f"recordings: {', '.join(parts)}")
        for name in _tables(config):
            if self._folder.has(name):
                say(f"  {name.partition('.')[0]}: {self._folder.shown(name)}")
        if self._stop.is_set() and not config.watch:
            complain("ended before all were done; run the same command again to go on")

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM begin nothing new and drop what runs; a second one ends at once."""

        def end(number: int, frame: FrameType | None) -> None:
            heard()
            if self._stop.is_set():
                raise KeyboardInterrupt
            self._stop.set()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _tables(config: BatchConfig) -> list[str]:
    return [CSV] * ("csv" in config.table) + [PARQUET] * ("parquet" in config.table) + [config.report]


def _listed(config: BatchConfig, place: RecordingsPlace, folder: ResultFolder) -> int:
    """What --dry-run prints."""
    words = {"done": "is done", "aside": "is set aside", "changed": "has changed", "edited": "was edited"}

    def told(recording: FoundRecording, state: JudgedState | None, why: str) -> None:
        what = words[state] if state is not None else "cannot be tracked"
        say(f"{recording.label}: {what}{': ' if why else ''}{why}")

    plan, count = TaskPlan(config, place, folder, told), 0
    for recording in plan.mine():
        count += 1
        if (task := plan.task(recording)) is not None:
            say(f"{task.label}: to be tracked")
    if not count:
        raise SourceError(f"{config.recordings}: there is no recording in it; see --include, --exclude and --pictures.")
    return 0
