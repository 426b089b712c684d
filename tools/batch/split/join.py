"""The joining task: from the files of all segments of a recording to the outputs of one run of `track`.

It is one task after the segments. What it writes follows from their files alone, so that neither the number of workers
nor their order can change it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.writer import FrameBoxes, WholeFile
from datasets.source_factory import open_source
from datasets.sources.recorded import Recorded
from models.errors import DataError
from tools.batch.split.joined import JoinedSegments, join_files
from tools.batch.split.plan import SplitPlan
from tools.batch.split.segment import SegmentTask
from tools.batch.split.segment_file import read_facts
from tools.cli.messages import say as say_line
from tools.track.build import build_sinks, outputs
from tools.track.config.video import TrackConfig
from tools.track.findings import nothing_tracked
from tools.track.late_sink import LateSink
from tools.track.observer import NOBODY, Observer
from tools.track.outputs import Beginning, guard, with_defaults
from tools.track.progress import progress
from tools.track.render import GivenTracker
from tools.track.report import report
from tools.track.stop_signals import stoppable
from tracker.pipeline.build import camera_motion_stages
from tracker.pipeline.loop import Pipeline, Summary
from tracker.protocols import SourceInfo
from tracker.segments.types import ONLINE, WHOLE
from tracker.types import Detections, Frame, State, Tracks

NOTHING = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (1, 1, 3))  # the image of a frame that is not decoded


@dataclass(frozen=True, slots=True)
class JoinTask:
    """A recording whose segments are tracked, to be joined. It can be sent to another process, as `SegmentTask`.

    Attributes:
        config: the settings of the run, with its outputs.
        plan: the segments.
        folder: working folder of the recording.
        identity: as in `SegmentTask`.
    """

    config: TrackConfig
    plan: SplitPlan
    folder: Path
    identity: str = ""

    def segments(self) -> list[SegmentTask]:
        """The tasks that come before this one; they can run at the same time, in any order."""
        return [SegmentTask(self.config, segment, self.folder, self.identity) for segment in self.plan.segments]


def join(task: JoinTask, observer: Observer = NOBODY) -> tuple[Summary, bool]:
    """Joins the segments of a recording into all outputs; returns what `track_summary` does.

    Raises:
        DataError: a segment is missing, or was made from another source or with other settings; also any error of the
            outputs.
    """
    start = time.perf_counter()
    config, segments = task.config, task.segments()
    facts = [_facts(segment) for segment in segments]
    one_label = config.whole or not config.schedule.every  # as such runs give each track one class
    joined = join_files([segment.path for segment in segments], WHOLE if config.whole else ONLINE, one_label)
    asked = outputs(config.output)
    source = open_source(config.source, config.reading)
    with ExitStack() as stack:
        stack.callback(source.close)
        assert isinstance(source, Recorded)
        info = source.info
        config = with_defaults(config, info)
        wanted = outputs(config.output)
        beginning = Beginning(config, stack.enter_context(guard(config, info)))
        say: Callable[..., None] = observer.say or say_line
        if not config.quiet and wanted != asked:
            say(f"writing {' and '.join(str(path) for path in wanted.values())}", flush=True)
        drawn = replace(config, view=replace(config.view, show_lost=config.view.show_lost or one_label))
        here, slow = build_sinks(drawn, None, source, beginning.late(source))
        sinks = [*here, *slow, *map(beginning.late(source), observer.writers)]
        labels = [sink for sink in sinks if isinstance(sink, LateSink) and sink.takes_boxes]
        pixels = [sink for sink in sinks if not (isinstance(sink, LateSink) and sink.takes_boxes)]
        with stoppable(source) as stop, progress(info, config.reading, config.quiet, "writing") as tell:

            def seen(frame: Frame) -> None:
                tell(frame)
                observer.seen(frame)

            summary = _write_labels(joined, labels, info, (lambda frame: None) if pixels else seen, stop.is_set)
            if summary.complete and config.output.doubt is not None:
                beginning()
                write_doubt(joined, segments, config.output.doubt)
            if pixels and summary.complete:
                run = _draw(config, joined, source)
                done = run.run([], slow_sinks=pixels, progress=seen, stop=stop)
                summary = replace(summary, complete=done.complete)
    found = sum(int(fact["detections"]) for fact in facts)
    top = max((float(fact["top_score"]), int(fact["top_label"])) for fact in facts)
    wall = time.perf_counter() - start
    summary = replace(summary, wall=wall, detections=found, top_score=top[0], top_label=top[1])
    if observer.say is not None or not config.quiet:
        report(summary, source, wanted if summary.frames else {}, say)
        say(f"  segments: {len(segments)}, joined {', '.join(f'at {s:.1f} s' for s in joined.seconds) or 'nowhere'}")
        for line in dict.fromkeys(line for fact in facts for line in fact["warnings"]):
            say(f"  {line}")
        if line := nothing_tracked(summary, config, joined.names):
            say(f"  {line}")
    return summary, False


def _facts(segment: SegmentTask) -> dict[str, Any]:
    facts = read_facts(segment.path)
    if facts is None:
        raise DataError(f"{segment.path}: the tracks of this segment are missing or damaged; run again to track it.")
    if facts.get("fingerprint") != segment.fingerprint():
        raise DataError(
            f"{segment.path}: this segment was tracked with other settings or from another source; run again to track"
            " it anew."
        )
    return facts


def _write_labels(
    joined: JoinedSegments,
    labels: list[LateSink],
    info: SourceInfo,
    seen: Callable[[Frame], None],
    stopped: Callable[[], bool],
) -> Summary:
    """Writes all outputs that need no image."""
    frames, first, last, ids, whole = 0, 0.0, 0.0, set[int](), True
    for sink in labels:
        sink.open(info, joined.names)
    try:
        for number, seconds, boxes in joined.frames():
            if stopped():
                whole = False
                break
            for sink in labels:
                sink.put(number, seconds, boxes)
            first = first if frames else seconds
            last = seconds
            frames += 1
            ids.update(boxes.id.tolist())
            seen(Frame(NOTHING, number, seconds))
    finally:
        for sink in labels:
            sink.close()
    return Summary(frames, len(ids), last - first, 0.0, {}, whole)


def _draw(config: TrackConfig, joined: JoinedSegments, source: Recorded) -> Pipeline:
    """The pipeline that reads the images, and has the joined tracks in the place of detector and tracker."""
    given = _GivenFrames(joined)
    tracker = GivenTracker(lambda frame: given.waiting.pop(frame.index))
    return Pipeline(source, given, tracker, before=camera_motion_stages(config.camera_motion))


class _GivenFrames:
    """The joined boxes as a detector, so that objects are left out of the estimate of the camera motion."""

    def __init__(self, joined: JoinedSegments) -> None:
        self.names = joined.names
        self._frames: Iterator[tuple[int, float, FrameBoxes]] = joined.frames()
        self._seen: dict[int, float] = {}  # time of the last box of each track that is not filled
        self.waiting: dict[int, Tracks] = {}  # of frames between this stage and the tracker's

    def __call__(self, frame: Frame) -> Detections:
        number, seconds, boxes = next(self._frames, (-1, 0.0, None))
        if boxes is None or number != frame.index:
            what = "it has more frames" if boxes is None else f"frame {frame.index} comes where frame {number} is due"
            raise DataError(f"the video changed since its segments were tracked ({what}); run again to track it anew.")
        self.waiting[number] = self._tracks(seconds, boxes)
        return Detections(boxes.xyxy, boxes.score, boxes.label)

    def _tracks(self, seconds: float, boxes: FrameBoxes) -> Tracks:
        n = len(boxes)
        filled = np.zeros(n, bool) if boxes.filled is None else boxes.filled
        self._seen |= dict.fromkeys(boxes.id[~filled].tolist(), seconds)
        since = np.array([seconds - self._seen.get(one, seconds) for one in boxes.id.tolist()], np.float64)
        state = np.where(filled, State.FILLED, State.ACTIVE).astype(np.int8)
        tracks = Tracks(boxes.id, boxes.xyxy, boxes.score, boxes.label, state, since, np.full(n, -1))
        return tracks if boxes.class_score is None else replace(tracks, class_score=boxes.class_score)


def write_doubt(joined: JoinedSegments, segments: list[SegmentTask], path: Path) -> None:
    """Joins the files of doubtful decisions: each decision of the segment that its last frame is taken from.

    Raises:
        DataError: a file is damaged, or the joined one cannot be written.
    """
    file = WholeFile(path, "")
    try:
        for k, segment in enumerate(segments):
            assert segment.doubt is not None
            file.append("".join(map(partial(_doubt_line, joined, k), _lines(segment.doubt))))
    finally:
        file.close()


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: the doubt of a segment cannot be read ({error}); run again.") from None


def _doubt_line(joined: JoinedSegments, segment: int, decision: dict[str, Any]) -> str:
    """A decision with the ids of the recording; empty where it belongs to another segment, or to no track shown."""
    earlier, later = decision["frames"]
    known = joined.ids[segment]
    if joined.owner(earlier if later is None else later) != segment or decision["id"] not in known:
        return ""
    decision = {**decision, "id": known[decision["id"]], "rival": known.get(decision["rival"])}
    return json.dumps(decision) + "\n"
