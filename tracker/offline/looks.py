"""Looks chosen from coarse to fine: evenly spaced ones first, then more inside the intervals that were in doubt.

A recording is known before and behind an interval, so that a schedule need not guess how doubtful the next match will
be: it tracks the looks that it has, compares each with what was predicted (`tracker.schedule.evidence`), and spends the
rest of the budget where a look in the middle saves most. Frames come in blocks; a block may be the whole recording. A
detector is asked only for the frames that are looked at.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tracker.boxes import moved_boxes
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.offline.online import OnlineRun
from tracker.offline.types import VideoDetections
from tracker.schedule.config import AUTO, LooksConfig
from tracker.schedule.evidence import Floor, LookEvidence, evidence
from tracker.schedule.online import OnlineSchedule, Outlook
from tracker.schedule.spacing import ends, middles, widest
from tracker.types import Bool, Detections, Float64, Int64

Detect = Callable[[int], Detections]

BASE = 0.7  # share of a budget that is spent on evenly spaced looks
ROUNDS = 2  # rounds in which the rest is spent
FEW = 0.03  # share of the looks; where a round of `--looks auto` adds fewer, it is the last: each tracks all anew
AUTO_ROUNDS = 8  # of `--looks auto`: halves half a second down to single frames
EPS_S = 1e-6  # seconds, the resolution of the tracker's clock
AUTO_LOSS = 0.04  # share of the boxes between two looks that may be lost for want of a look, with `--looks auto`


class Follower:
    """The online tracker over looks at numbered frames. A deep copy follows on from the same state.

    Args:
        config: the tracker.
        size: (width, height) of the images, pixels; (0, 0) where unknown.

    Raises:
        ConfigError, WeightsError: as `Tracker`.
    """

    def __init__(self, config: TrackerConfig, size: tuple[int, int] = (0, 0)) -> None:
        self._run = OnlineRun(config, size)
        self.last = -1  # number of the latest look
        self.time = 0.0  # seconds, its time
        self.found: tuple[Int64, Float64] = np.zeros(0, np.int64), np.zeros((0, 4))  # ids and boxes that it found
        self.track = np.zeros(0, np.int64)  # track of each of its detections, -1 where it is of none
        self.shown = np.zeros(0, np.int64)  # the same, -1 also where the track is not confirmed

    def look(
        self, number: int, time: float, detections: Detections, warp: Float64 | None = None, compare: bool = True
    ) -> LookEvidence | None:
        """Tracks the next look; returns how it compares with what was expected, None for the first.

        Args:
            number: of the frame.
            time: seconds.
            detections: what was found.
            warp: (2, 3) camera motion since the look before.
            compare: without it, nothing is expected, and None returned.
        """
        first = self.last < 0
        before = self._run.predict(time) if compare and not first else None
        self._run.add(time, detections, warp)
        now = self._run.tracks()
        self._run.forget(1)
        on = (now.track >= 0).nonzero()[0]
        self.track, self.shown = now.track, np.where(now.confirmed, now.track, -1)
        since, self.last, self.time = time - self.time, number, time
        self.found = now.track[on], detections.xyxy[on].astype(np.float64)
        if before is None:
            return None
        boxes = before.xyxy.astype(np.float64)
        expected = (
            before.id,
            boxes if warp is None else moved_boxes(boxes, warp),
            before.time_since_update <= since + EPS_S,
        )
        return evidence(expected, self.found, now.margin[on])


def track_backwards(follower: Follower, looks: Sequence[tuple[float, Detections, Float64 | None]]) -> list[Int64]:
    """The track of each detection of each look, where the looks are tracked from the last to the first.

    Args:
        follower: tracks them; nothing was tracked before.
        looks: seconds, detections, and the camera motion since the look before.
    """
    found, warp = list[Int64](), None
    for time, detections, since in reversed(looks):
        follower.look(0, -time, detections, warp, compare=False)
        found.append(follower.track)
        warp = None if since is None else np.linalg.inv(np.vstack([since, [0, 0, 1]]))[:2]
    return found[::-1]


def disputed_links(forwards: Sequence[Int64], backwards: Sequence[Int64]) -> list[float]:
    """For each look but the first, how many links to the look before the two directions make differently.

    Args:
        forwards, backwards: the track of each detection of each look, -1 without one.
    """
    made = [[_links(*pair) for pair in pairwise(tracks)] for tracks in (forwards, backwards)]
    return [0.5 * len(one ^ other) for one, other in zip(*made, strict=True)]


def _links(earlier: Int64, later: Int64) -> set[tuple[int, int]]:
    row = {track: k for k, track in enumerate(later.tolist()) if track >= 0}
    return {(k, row[track]) for k, track in enumerate(earlier.tolist()) if track in row}


class LookChooser:
    """Chooses the looks of frames that come in blocks, within a budget that is kept from block to block.

    Args:
        config: the budget.
        tracking: the tracker whose doubt decides.
        size: (width, height) of the images, pixels; (0, 0) where unknown.
        base: share of the budget that is spent on evenly spaced looks.
        rounds: rounds in which the rest is spent.

    Raises:
        ConfigError, WeightsError: as `Tracker`.

    Attributes:
        frames, looks: numbers of frames so far, and of looks among them.
        shown: of each look of the latest block, the track of each detection, -1 without a confirmed one: what online
            tracking of the looks shows.
    """

    def __init__(
        self,
        config: LooksConfig,
        tracking: TrackerConfig | None = None,
        size: tuple[int, int] = (0, 0),
        base: float = BASE,
        rounds: int = ROUNDS,
    ) -> None:
        self.config, self._base, self._rounds = config, base, rounds
        self._follower = Follower(tracking or TrackerConfig(), size)
        self._fresh = copy.deepcopy(self._follower)
        self._floor = Floor()
        self._start: float | None = None
        self._camera: Float64 | None = None  # motion from the latest look to the latest frame
        self.frames = self.looks = 0
        self.shown: list[Int64] = []

    def choose(self, times: Float64, warps: Float64 | None, detect: Detect) -> Bool:
        """(F,) which frames of the next block are looked at.

        Args:
            times: (F,) seconds, rising also from block to block.
            warps: (F, 2, 3) camera motion from the frame before each; None where it is unknown.
            detect: the detections of a frame of the block, by its number from 0; asked once for each look.
        """
        block = _Block(times, warps, self._camera, detect, self.frames)
        self._floor.begin()
        self.shown = []
        if len(times) == 0:
            return np.zeros(0, bool)
        self._start = times[0] if self._start is None else self._start
        budget = self._budget(block)
        chosen = np.zeros(len(times), bool)
        if budget == 0:  # a budget of less than a look a block
            return self._done(block, chosen)
        if budget is None:
            duration = float(times[-1] - (self._follower.time if self.frames else times[0]))
            chosen[ends(len(times), int(np.ceil(duration / self.config.newcomer)))] = True
        else:
            chosen[ends(len(times), max(1, round(self._base * budget)))] = True
        if self.frames == 0 and (budget is None or budget > 1):
            chosen[0] = True
        for turn in range(AUTO_ROUNDS if budget is None else self._rounds):
            left = len(times) if budget is None else budget - int(chosen.sum())
            take = left if budget is None else -(-left // (self._rounds - turn))
            new = self._worthwhile(block, chosen, take)
            if take <= 0 or not len(new):
                break
            chosen[new] = True
            if budget is None and len(new) < FEW * chosen.sum():
                break
        if budget is not None:
            known = np.concatenate([[-1], chosen.nonzero()[0]])  # the first interval begins before the block
            chosen[widest(known, budget - int(chosen.sum()))] = True
        return self._done(block, chosen)

    def _worthwhile(self, block: _Block, chosen: Bool, count: int) -> Int64:
        """(K,) at most `count` frames in the middle of the intervals where a look saves most."""
        follower = copy.deepcopy(self._follower)
        numbers = chosen.nonzero()[0]
        before = np.concatenate([[follower.last - self.frames if follower.last >= 0 else -1], numbers[:-1]])
        seen, forwards = list[tuple[LookEvidence | None, float, int]](), list[Int64]()
        for number in numbers.tolist():
            since = float(block.times[number]) - follower.time
            seen.append((block.follow(follower, number), since, max(1, len(follower.found[0]))))
            forwards.append(follower.track)
        backwards = track_backwards(copy.deepcopy(self._fresh), block.looks(numbers.tolist()))
        disputed = [0.0, *disputed_links(forwards, backwards)]
        shown = dict[tuple[int, int], tuple[LookEvidence, float, int]]()
        for k, (known, since, tracks) in enumerate(seen):
            if known is not None:
                shown[int(before[k]), int(numbers[k])] = replace(known, disputed=disputed[k]), since, tracks
        floor = self._floor.learn({at: known.sums / tracks for at, (known, _, tracks) in shown.items()})
        worth = np.zeros(len(numbers))
        for k, at in enumerate(zip(before.tolist(), numbers.tolist(), strict=True)):
            if at in shown and at[1] - at[0] >= 2:
                known, since, tracks = shown[at]
                enough = self.config.looks == AUTO and known.above(floor, tracks) <= AUTO_LOSS * tracks
                worth[k] = 0 if enough else known.worth(since)
        middle = middles(np.concatenate([before[:1], numbers]))
        best = np.argsort(-worth, kind="stable")[:count]
        return middle[best[(worth[best] > 0) & (middle[best] >= 0)]]

    def _budget(self, block: _Block) -> int | None:
        """How many looks are left for the block; None where doubt decides."""
        assert self._start is not None
        frames = self.frames + len(block.times)
        passed = float(block.times[-1]) - self._start
        share = self.config.share((frames - 1) / passed if passed > 0 else 1.0)
        if share is None:
            return None
        return min(len(block.times), max(round(share * frames), 1) - self.looks)

    def _done(self, block: _Block, chosen: Bool) -> Bool:
        self.shown = []
        for number in chosen.nonzero()[0].tolist():
            block.follow(self._follower, number, compare=False)
            self.shown.append(self._follower.shown)
        self._camera = block.camera(self._follower.last - self.frames, len(block.times) - 1)
        self.frames += len(block.times)
        self.looks += int(chosen.sum())
        return chosen


class _Block:
    """Successive frames, and what is known of them. Frames are numbered from 0; earlier ones lie below."""

    def __init__(
        self, times: Float64, warps: Float64 | None, before: Float64 | None, detect: Detect, first: int
    ) -> None:
        self.times, self._warps, self._before, self._detect, self._first = times, warps, before, detect, first
        self._known: dict[int, Detections] = {}

    def follow(self, follower: Follower, number: int, compare: bool = True) -> LookEvidence | None:
        """Looks at one frame."""
        if number not in self._known:
            self._known[number] = self._detect(number)
        warp = self.camera(follower.last - self._first, number) if follower.last >= 0 else None
        return follower.look(self._first + number, float(self.times[number]), self._known[number], warp, compare)

    def looks(self, numbers: list[int]) -> list[tuple[float, Detections, Float64 | None]]:
        """Seconds, detections, and the camera motion since the one before, of frames that were looked at."""
        before = [-1, *numbers[:-1]]
        pairs = zip(before, numbers, strict=True)
        return [(float(self.times[k]), self._known[k], self.camera(last, k)) for last, k in pairs]

    def camera(self, last: int, number: int) -> Float64 | None:
        """(2, 3) the motion from frame `last` (below 0: the latest look before the block) to frame `number`."""
        if self._warps is None:
            return None
        whole = np.eye(3)
        if last < 0 and self._before is not None:
            whole[:2] = self._before
        for warp in self._warps[max(last + 1, 0) : number + 1]:
            whole = np.vstack([warp, [0, 0, 1]]) @ whole
        return whole[:2]


def choose_looks(video: VideoDetections, config: LooksConfig, tracking: TrackerConfig | None = None) -> Bool:
    """(F,) which frames of a recording are looked at, of which the detections of all frames are known.

    Raises:
        ConfigError, WeightsError: as `Tracker`.
    """
    if config.every:
        return np.ones(len(video.times), bool)
    return LookChooser(config, tracking, video.size).choose(video.times, video.warps, video.at)


def choose_online(video: VideoDetections, config: LooksConfig, tracking: TrackerConfig | None = None) -> Bool:
    """(F,) the looks that `OnlineSchedule` chooses frame by frame, without knowing what comes.

    Raises:
        ConfigError, WeightsError: as `Tracker`.
    """
    tracker, schedule = Tracker(tracking, size=video.size), OnlineSchedule(config)
    looked, camera = np.zeros(len(video.times), bool), np.eye(3)
    for k, time in enumerate(video.times.tolist()):
        if video.warps is not None:
            camera = np.vstack([video.warps[k], [0, 0, 1]]) @ camera
        outlook = Outlook(*tracker.outlook(time)) if k else Outlook.none()
        if schedule.due(time, outlook):
            tracker.update(video.at(k), time, None if video.warps is None or k == 0 else camera[:2])
            looked[k], camera = True, np.eye(3)
    return looked
