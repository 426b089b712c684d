"""Where a long recording is cut: into segments that share some seconds with the next one, at key frames if it has some.

Nothing is decoded for it: frame numbers, times and key frames of a video come from one pass over its packets. Numbers
and times are those of the whole recording in every segment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.frame_list import FrameList, seekable_frames
from datasets.sources.recorded import Recorded
from models.errors import ConfigError
from tools.track.config.video import TrackConfig
from tools.track.whole_checks import frame_by_frame
from tracker.types import Float64, Int64

OVERLAP_S = 10.0  # at least the longest absence over which --whole links by default
NEAR = 0.25  # of a segment's length: a key frame so near is taken; a rest so short gets no segment of its own
LEAD = 1.25  # of a segment's length that may be decoded before it, for nothing
LONGEST = 2.0  # times as long as asked is a segment of a video with few key frames, from which on that is said


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a recording that is tracked alone.

    Attributes:
        number: its place, from 0.
        first, end: the frames that it tracks, `first` <= position < `end`, among the frames that the run reads.
        start_s, end_s: the same in seconds, as `SourceConfig` selects them; `end_s` is None at the end.
    """

    number: int
    first: int
    end: int
    start_s: float
    end_s: float | None

    def reading(self, config: SourceConfig) -> SourceConfig:
        """The settings of the source for this segment alone."""
        return replace(config, start=self.start_s, end=self.end_s)


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The segments of a recording.

    Attributes:
        segments: in order. Where there is only one, the recording is tracked as a whole.
        note: a sentence for the user: why it was not cut, or not as asked; empty where it was.
    """

    segments: tuple[Segment, ...]
    note: str = ""


def plan(config: TrackConfig, split: float, overlap: float | None = None) -> SplitPlan:
    """Plans the segments of `config.source`. A recording that cannot be cut gets one segment, and a sentence why.

    Args:
        config: the settings of the run; the part that it reads is cut.
        split: length of a segment, seconds.
        overlap: seconds that a segment shares with the next one; None: `OVERLAP_S`, or as long as a lost track lives.

    Raises:
        ConfigError: a setting does not go with segments, or they are too short for their overlap.
        LiquidTrackError: the source cannot be opened.
    """
    shared = check_split(config, split, overlap)
    with open_source(config.source, replace(config.reading, start=0.0, end=None, every=1)) as source:
        name = source.info.name
        if not isinstance(source, Recorded) or source.info.live:
            return _uncut(config, 1, f"{name} is live, and only recordings are cut into segments.")
        frames = seekable_frames(source, config.reading)
    if frames is None:
        why = "its frames can only be found by decoding it from its beginning"
        return _uncut(config, 1, f"{name} is tracked in one piece: {why}.")
    begins, ends = cut(frames.times, _beginnings(frames), split, shared)
    longest = float(np.diff(np.append(frames.times[begins], frames.times[-1])).max())
    if len(begins) == 1:
        why = "it has no key frame to cut at, and each segment would decode it from its beginning"
        note = f"{name} is tracked in one piece: {why}." if longest > LONGEST * split else ""
        return _uncut(config, len(frames.times), note)
    between = (frames.times[1:] + frames.times[:-1]) / 2  # no rounding can move a frame across
    segments = []
    for k, (first, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        start_s = float(between[first - 1]) if k else config.reading.start
        end_s = float(between[end - 1]) if end < len(frames.times) else config.reading.end
        segments.append(Segment(k, first, end, start_s, end_s))
    notes = []
    if longest > LONGEST * split:
        notes.append(f"{name} has few key frames: its segments are up to {longest:.0f} s long instead of {split:g} s.")
    if shared < config.tracking.max_age:
        notes.append(
            f"segments share {shared:g} s, and a lost track is kept for {config.tracking.max_age:g} s (--max-age): an"
            f" object that is lost for longer where two of them meet gets a new id; give --split-overlap"
            f" {config.tracking.max_age:g} or more."
        )
    return SplitPlan(tuple(segments), " ".join(notes))


def cut(times: Float64, keys: Int64, split: float, overlap: float) -> tuple[Int64, Int64]:
    """(first frames, frames after the last) of the segments: each begins about `split` seconds after the one before.

    It begins at a key frame if there is one near enough. Else it begins between two, which costs the decoding of the
    frames from the key frame before it on, about a segment's length at most; else at the next key frame. Every segment
    shares at least two frames with the next one, and none with the one after that.

    Args:
        times: (F,) seconds of all frames, strictly increasing.
        keys: (K,) positions of the key frames, sorted; the first frame counts as one.
        split: length of a segment without what it shares with the next one, seconds.
        overlap: seconds that two segments share, at most half of `split`.
    """
    begins, ends = [0], list[int]()
    last = len(times) - 1
    keys = np.union1d(keys, [0])
    while times[last] - times[begins[-1]] > split:
        before = times[begins[-1]]
        at = int(np.searchsorted(times, before + split))  # up to `last`
        near = keys[np.abs(times[keys] - before - split) < NEAR * split]
        lead = times[at] - times[keys[keys <= at][-1]]
        if len(near):
            at = int(near[np.argmin(np.abs(times[near] - before - split))])
        elif lead > LEAD * split:
            later = keys[keys > at]
            if not len(later):
                break
            at = int(later[0])
        at = max(at, begins[-1] + 1, ends[-1] if ends else 0)
        end = max(int(np.searchsorted(times, times[at] + overlap)), at + 2)
        if end > last or times[last] - times[at] < NEAR * split:
            break
        begins.append(at)
        ends.append(end)
    return np.array(begins), np.array([*ends, len(times)])


def check_split(config: TrackConfig, split: float, overlap: float | None = None) -> float:
    """Checks the settings of a run in segments; returns the seconds that two segments share.

    Raises:
        ConfigError: they contradict each other.
    """
    shared = max(OVERLAP_S, config.tracking.max_age) if overlap is None else overlap
    if not 0 < shared < float("inf"):
        raise ConfigError(f"split_overlap is {shared}; give seconds above 0.")
    if not 2 * shared <= split < float("inf"):
        raise ConfigError(
            f"split is {split:g}; segments share {shared:g} s, so give at least {2 * shared:g} s, or a shorter"
            " --split-overlap."
        )
    asked = {
        **dict.fromkeys(frame_by_frame(config), True),
        "--keep-ids": config.keep_ids,
        "--show": config.output.show,
        "--record": config.output.record is not None,
        "--cache": config.output.cache is not None,
        "--live-boxes": config.output.live_boxes != "seen",
    }
    asked.pop("--classify", None)  # the classes of a segment are those of its own frames
    if used := [flags for flags, given in asked.items() if given]:
        raise ConfigError(f"{used[0]} needs the recording in one piece; leave it or --split out.")
    return shared


def _beginnings(frames: FrameList) -> Int64:
    """(K,) positions of the frames at which decoding can begin: each image of a folder, the key frames of a video."""
    if frames.table is None:
        return np.arange(len(frames.times))
    keys = np.searchsorted(frames.table.pts, frames.table.keys)  # numbers of the key frames
    return np.unique(np.searchsorted(frames.numbers, keys[keys <= frames.numbers[-1]]))


def _uncut(config: TrackConfig, frames: int, note: str) -> SplitPlan:
    return SplitPlan((Segment(0, 0, frames, config.reading.start, config.reading.end),), note)
