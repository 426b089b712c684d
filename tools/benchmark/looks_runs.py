"""The entrants of `bench looks` over one sequence: which frames each looks at, and its tracks in every frame."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.formats.timeline import read_seqinfo
from tools.benchmark import baseline_trackers as peers
from tools.benchmark.peer_offline import FILL_S, PeerTracks, fill_lines
from tools.benchmark.peer_runs import RATE, plain
from tools.track.detections import write_tracks
from tools.track.recording import RecordedSequence, read_recording
from tracker.config import TrackerConfig
from tracker.offline.config import OfflineConfig
from tracker.offline.looked import at_looks, track_looked
from tracker.offline.looks import choose_looks, choose_online
from tracker.schedule.config import AUTO, LooksConfig
from tracker.schedule.spacing import at_random, evenly
from tracker.types import Bool

SCHEDULE, ONLINE, EVEN, RANDOM = "schedule", "online schedule", "every n-th", "random"
WHOLE = " whole"  # behind the name of an entrant that decides with the whole video
LOOKS = "looks"  # suffix of the files beside the results of an entrant: (looks, frames) of a sequence


@dataclass(frozen=True, slots=True)
class Entrant:
    """One way to track with few looks.

    Attributes:
        name: `schedule`, `online schedule`, `every n-th` or `random`, each also with the whole video; or a peer's run.
        budget: share of the frames; None: auto.
    """

    name: str
    budget: float | None

    @property
    def folder(self) -> str:
        """The name of its folder of results."""
        return f"{AUTO if self.budget is None else f'{self.budget:g}'}/{plain(self.name)}"

    @property
    def rule(self) -> str:
        """Which frames it looks at: peers look at every n-th."""
        name = self.name.removesuffix(WHOLE)
        return name if name in (SCHEDULE, ONLINE, RANDOM) else EVEN

    @property
    def ours(self) -> bool:
        """Whether it is our tracker."""
        return self.name.removesuffix(WHOLE) in (SCHEDULE, ONLINE, EVEN, RANDOM)


@dataclass(frozen=True, slots=True)
class Runs:
    """What all entrants share.

    Attributes:
        entrants: the entrants.
        out: folder of their results.
        tracking: our online tracker.
        offline: how its decisions are taken again, and what is filled.
        camera_motion: use gmc.txt where there is one.
        seed: seed of the random looks.
    """

    entrants: tuple[Entrant, ...]
    out: Path
    tracking: TrackerConfig
    offline: OfflineConfig
    camera_motion: bool
    seed: int

    def __call__(self, sequence: Path) -> None:
        """Tracks one sequence with every entrant, into `out`/<folder>/<sequence>.txt and .looks."""
        recording = read_recording(sequence, self.camera_motion)
        rate = read_seqinfo(sequence / "seqinfo.ini").rate or RATE
        chosen: dict[tuple[str, float | None], Bool] = {}
        for entrant in self.entrants:
            which = entrant.rule, entrant.budget
            if which not in chosen:
                chosen[which] = self._looks(recording, *which)
            looked, folder = chosen[which], self.out / entrant.folder
            folder.mkdir(parents=True, exist_ok=True)
            if entrant.ours:
                whole = entrant.name.endswith(WHOLE)
                tracks = track_looked(recording.detections, looked, self.tracking, self.offline, whole=whole)
                write_tracks(recording, tracks, folder)
            else:
                (folder / f"{recording.name}.txt").write_text(peer_text(entrant.name, recording, looked, rate))
            (folder / f"{recording.name}.{LOOKS}").write_text(json.dumps([int(looked.sum()), len(looked)]))

    def _looks(self, recording: RecordedSequence, rule: str, budget: float | None) -> Bool:
        frames = len(recording.frames)
        if rule in (SCHEDULE, ONLINE):
            config = LooksConfig(AUTO if budget is None else repr(budget))
            choose = choose_looks if rule == SCHEDULE else choose_online
            return choose(recording.detections, config, self.tracking)
        assert budget is not None
        looks = max(1, round(budget * frames))
        return evenly(frames, looks) if rule == EVEN else at_random(frames, looks, self.seed)


def entrants(
    budgets: tuple[float, ...], runs: list[str], *, auto: bool, random: bool, whole: bool
) -> tuple[Entrant, ...]:
    """All entrants, the schedule first."""
    rules = [SCHEDULE, ONLINE, EVEN, *([RANDOM] if random else [])]
    names = [*rules, *([rule + WHOLE for rule in rules] if whole else []), *runs]
    found = [Entrant(name, budget) for budget in budgets for name in names]
    controls = (ONLINE, EVEN, RANDOM)
    found = [run for run in found if run.budget != 1 or not run.name.startswith(controls)]  # nothing to choose there
    ours = [SCHEDULE, ONLINE, *([SCHEDULE + WHOLE] if whole else [])]
    return (*found, *(Entrant(name, None) for name in ours if auto))


def looks_of(folder: Path) -> float:
    """The share of the frames that the results in a folder looked at."""
    counts = np.array([json.loads(path.read_text()) for path in sorted(folder.glob(f"*.{LOOKS}"))])
    return float(counts[:, 0].sum() / counts[:, 1].sum())


def peer_text(run: str, recording: RecordedSequence, looked: Bool, rate: float) -> str:
    """MOTChallenge text of a peer that is shown the looks, with straight lines between them."""
    video, seen = recording.detections, at_looks(recording.detections, looked)
    number = looked.nonzero()[0]
    motion = None if seen.warps is None else dict(enumerate(seen.warps))
    found = [np.column_stack([at.xyxy, at.score]).astype(np.float64) for at in map(seen.at, range(len(number)))]
    rows = peers.track(run, found, seen.times.tolist(), rate, motion)
    boxes = np.array([row for _, row in rows], np.float64).reshape(-1, 5)
    frame = number[np.array([k - 1 for k, _ in rows], np.int64)] if rows else np.zeros(0, np.int64)
    apart = float(np.diff(seen.times).max(initial=0.0))
    tracks = fill_lines(PeerTracks(frame, boxes[:, 4].astype(np.int64), boxes[:, :4]), video.times, max(FILL_S, apart))
    order = np.lexsort((tracks.id, tracks.frame))
    filled = np.column_stack([tracks.xyxy, tracks.id])[order]
    return peers.to_mot(zip((recording.frames[tracks.frame[order]] + 1).tolist(), filled, strict=True))
