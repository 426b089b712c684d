"""Rolling windows: tracks of a recording of any length, each decision with a bounded future, in bounded memory.

A window holds the frames whose tracks are still open, `horizon` seconds after them, and a context before them that is
decided already. The online tracker runs once over all frames; its decisions in a window are taken again like those of a
recording. The tracks get the ids that the detections of the context have, so that an id goes on from window to window
and none is given twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from models.errors import ConfigError
from tracker.config import TrackerConfig
from tracker.offline.config import OfflineConfig
from tracker.offline.online import OnlineRun
from tracker.offline.track import track_whole
from tracker.offline.types import Decisions, Kind, VideoDetections, WholeTracks
from tracker.types import Bool, Detections, Float64, Int64

TimedDetections = tuple[float, Detections, Float64 | None]  # seconds, detections, camera motion as in `FrameContext`
TrackRecording = Callable[[VideoDetections], WholeTracks]
MOST_OVERLAP = 8  # a window is at least this share of its context, so that no frame is tracked more than ten times
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


@dataclass(frozen=True, eq=False, slots=True)
class DecisionList:
    """Decisions by frames and ids: K rows, in order of time.

    Attributes:
        kind: (K,) values of `Kind`.
        earlier: (K,) frame before the decision; -1 for a start.
        later: (K,) frame after it; -1 for an end.
        id: (K,) the track.
        rival: (K,) the track of the most likely other choice; 0 where it is none, or is not known yet.
        probability: (K,) that the decision is right, 0..1.
    """

    kind: Int64
    earlier: Int64
    later: Int64
    id: Int64
    rival: Int64
    probability: Float64

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, eq=False, slots=True)
class FinishedFrames:
    """Successive frames whose tracks are final.

    Attributes:
        first: number of the first of them, from 0 over the whole recording.
        oldest: number of the earliest frame that their decisions can name.
        times: (F,) their times, seconds.
        tracks: their rows. `frame` and `detection` count over the whole recording; `decisions` is empty.
        decisions: the decisions that end in these frames.
    """

    first: int
    oldest: int
    times: Float64
    tracks: WholeTracks
    decisions: DecisionList


def finished(video: VideoDetections, tracks: WholeTracks) -> FinishedFrames:
    """The tracks of a whole recording as one piece."""
    ids = _id_of_row(tracks, len(video))
    decisions = _list(tracks.decisions, np.ones(len(tracks.decisions), bool), video, ids)
    return FinishedFrames(0, 0, video.times, _without_decisions(tracks), decisions)


def track_windows(
    frames: Iterable[TimedDetections],
    config: TrackerConfig | None = None,
    offline: OfflineConfig | None = None,
    *,
    horizon: float,
    size: tuple[int, int] = (0, 0),
    track: TrackRecording | None = None,
) -> Iterator[FinishedFrames]:
    """The tracks of frames that arrive one after the other; every frame is returned once, in order.

    A frame is returned when the frames up to `horizon` to 2 x `horizon` seconds after it have arrived; with a short
    horizon a little later, since each window tracks its context again. With a horizon longer than the recording the
    result is that of `track_whole`.

    Args:
        frames: seconds (rising), detections and camera motion of each frame.
        config: the online tracker that decides first.
        offline: how its decisions are taken again.
        horizon: seconds of future that a decision uses, above 0.
        size: (width, height) of the images, pixels; (0, 0) where unknown.
        track: tracks the recording of a window; `track_whole` with the settings if None.

    Raises:
        ConfigError, DataError, WeightsError: as `track_whole`; also a horizon that is not above 0.
    """
    windows = RollingWindows(config, offline, horizon=horizon, size=size, track=track)
    for time, detections, warp in frames:
        if (piece := windows.add(time, detections, warp)) is not None:
            yield piece
    if (piece := windows.close()) is not None:
        yield piece


class RollingWindows:
    """`track_windows` for a caller that has the frames one by one; the arguments are the same."""

    def __init__(
        self,
        config: TrackerConfig | None = None,
        offline: OfflineConfig | None = None,
        *,
        horizon: float,
        size: tuple[int, int] = (0, 0),
        track: TrackRecording | None = None,
    ) -> None:
        if not horizon > 0:
            raise ConfigError(f"horizon is {horizon}; give seconds above 0.")
        self._config, self._offline = config or TrackerConfig(), offline or OfflineConfig()
        self._track, self._started = track, False
        self._online = OnlineRun(self._config, size) if track is None else None
        # A link across the longest absence still has `horizon` seconds of evidence before it.
        self._horizon, self._context, self._size = horizon, self._offline.max_absence + horizon, size
        self._step = max(horizon, self._context / MOST_OVERLAP)
        self._frames: list[TimedDetections] = []  # the context, which is finished, and the open frames
        self._finished = 0
        self._given = np.zeros(0, np.int64)  # ids of the detections of the finished frames, 0 without one
        self._first = self._rows_before = 0  # frames and detections that were dropped
        self._next_id = 1

    def add(self, time: float, detections: Detections, warp: Float64 | None = None) -> FinishedFrames | None:
        """Takes the next frame; returns the frames that are final with it, if there are any."""
        self._frames.append((time, detections, warp))
        if self._online is not None:
            self._online.add(time, detections, warp if self._started else None)
        self._started = True
        if time - self._frames[self._finished][0] < self._horizon + self._step:
            return None
        return self._finish(time - self._horizon)

    def close(self) -> FinishedFrames | None:
        """The rest of the frames, once no more will come."""
        return self._finish(np.inf) if len(self._frames) > self._finished else None

    def _finish(self, until: float) -> FinishedFrames:
        """Tracks all frames that are kept; those up to the time `until` become final."""
        video = _video(self._frames, self._size)
        if self._track is not None:
            tracks = self._track(video)
        else:
            assert self._online is not None
            tracks = track_whole(video, self._config, self._offline, online=self._online.tracks())
        end = int(np.searchsorted(video.times, until, "right"))
        new = (tracks.frame >= self._finished) & (tracks.frame < end)
        tracks = replace(tracks, id=self._ids(tracks, new, len(video)))
        ids = _id_of_row(tracks, len(video))
        last = np.where(tracks.decisions.later >= 0, tracks.decisions.later, tracks.decisions.earlier)
        at = video.frame.take(last) if len(last) else last
        decided = (at >= self._finished) & (at < end)
        decisions = _list(tracks.decisions, decided, video, ids, self._first)
        first = self._first + self._finished
        times = video.times[self._finished : end]
        result = FinishedFrames(first, self._first, times, self._rows(tracks, new), decisions)
        self._drop(video, ids, end)
        return result

    def _ids(self, tracks: WholeTracks, new: Bool, detections: int) -> Int64:
        """The ids of the rows: those of the context, new ones for tracks that begin in `new` rows, 0 for later ones."""
        given = np.zeros(detections, np.int64)
        given[: len(self._given)] = self._given
        known = carried_ids(tracks, given)
        begun = np.setdiff1d(tracks.id[new], np.fromiter(known, np.int64, len(known)))
        known |= {int(old): self._next_id + k for k, old in enumerate(begun.tolist())}
        self._next_id += len(begun)
        values, place = np.unique(tracks.id, return_inverse=True)
        return np.array([known.get(value, 0) for value in values.tolist()], np.int64).take(place)

    def _rows(self, tracks: WholeTracks, new: Bool) -> WholeTracks:
        """The `new` rows with numbers of the whole recording."""
        part = _take(tracks, new)
        detection = np.where(part.detection >= 0, part.detection + self._rows_before, -1)
        order = np.lexsort((part.id, part.frame))
        return _take(replace(part, frame=part.frame + self._first, detection=detection), order)

    def _drop(self, video: VideoDetections, ids: Int64, end: int) -> None:
        """Marks the frames before `end` as finished, and drops those before the context."""
        kept = int(np.searchsorted(video.times, video.times[end - 1] - self._context)) if end else 0
        rows, rows_end = np.searchsorted(video.frame, [kept, end]).tolist()
        self._given = ids[rows:rows_end].copy()
        del self._frames[:kept]
        if self._online is not None:
            self._online.forget(kept)
        self._finished = end - kept
        self._first += kept
        self._rows_before += rows


def carried_ids(tracks: WholeTracks, given: Int64, latest: bool = True) -> dict[int, int]:
    """The id that each track takes over from its detections, by its own id; tracks without one are left out.

    No id is taken over by two tracks. Where a track could have several, or an id goes to several tracks, the pair with
    the latest common detection comes first, or the pair with the most common detections.

    Args:
        tracks: rows sorted by frame.
        given: (N,) ids of the detections, 0 where there is none.
        latest: latest detection first, instead of most detections.
    """
    rows = (tracks.detection >= 0).nonzero()[0]
    rows = rows[given.take(tracks.detection[rows]) > 0] if len(rows) else rows
    if not len(rows):
        return {}
    pairs = np.stack([tracks.id[rows], given.take(tracks.detection[rows])], axis=1)
    pairs, place, count = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    last = np.zeros(len(pairs), np.int64)
    np.maximum.at(last, place.ravel(), tracks.frame[rows])
    order = np.lexsort((-last, -count) if not latest else (-count, -last))
    taken: dict[int, int] = {}
    gone: set[int] = set()
    for new, old in pairs[order].tolist():
        if new not in taken and old not in gone:
            taken[new] = old
            gone.add(old)
    return taken


def _video(frames: list[TimedDetections], size: tuple[int, int]) -> VideoDetections:
    known = any(warp is not None for _, _, warp in frames)
    warps = np.array([IDENTITY if warp is None else warp for _, _, warp in frames]) if known else None
    return VideoDetections.of(((time, found) for time, found, _ in frames), size, warps)


def _id_of_row(tracks: WholeTracks, detections: int) -> Int64:
    """(N,) the id of each detection, 0 without one."""
    ids = np.zeros(detections, np.int64)
    seen = tracks.detection >= 0
    ids[tracks.detection[seen]] = tracks.id[seen]
    return ids


def _list(decisions: Decisions, which: Bool, video: VideoDetections, ids: Int64, first: int = 0) -> DecisionList:
    """The decisions `which`, by frames (of the whole recording, in which the video begins at `first`) and ids."""

    def of(rows: Int64, values: Int64, none: int) -> Int64:
        return np.where(rows >= 0, values.take(rows, mode="clip") if len(values) else none, none)

    kind, probability = decisions.kind[which], decisions.probability[which]
    earlier, later, rival = decisions.earlier[which], decisions.later[which], decisions.rival[which]
    frame = video.frame + first
    return DecisionList(
        kind,
        of(earlier, frame, -1),
        of(later, frame, -1),
        of(np.where(kind == Kind.END, earlier, later), ids, 0),
        of(rival, ids, 0),
        probability,
    )


def _take(tracks: WholeTracks, rows: Bool | Int64) -> WholeTracks:
    columns = ("frame", "id", "xyxy", "score", "label", "detection", "link", "std")
    return replace(_without_decisions(tracks), **{name: getattr(tracks, name)[rows] for name in columns})


def _without_decisions(tracks: WholeTracks) -> WholeTracks:
    none = np.zeros(0, np.int64)
    return replace(tracks, decisions=Decisions(none, none, none, np.zeros(0), none))
