"""Training clips: short runs of frames with uneven times, missed and false detections, and moving cameras."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass, replace

import numpy as np

from datasets.ground_truth.tracking import PartlyLabelled, TrackingSequence
from datasets.simulation.detector_noise import PERFECT, Found, NoiseModel, Rng, perturb_boxes, simulate
from datasets.simulation.embeddings import SimulatedEmbeddings
from datasets.simulation.occlusion import Occluders, OcclusionModel
from tracker.types import Detections, Float32, Float64, Int64

FRAMES = 64  # frames to learn from
# largest number of burn-in frames, which half of the clips have: scene statistics take longer to learn than motion
BURN_IN_FRAMES = 192
# share of clips whose detections are the ground truth; a good detector is close to it
CLEAN_SHARE = 0.15
# share of clips with additional errors that are independent between frames, also with real detections
NOISY_SHARE = 0.3
OCCLUDER_SHARE = 0.4  # share of clips with static occluders
# share of clips where the detector reports only the visible part of an occluded person
VISIBLE_ONLY_SHARE = 0.4
STUTTER = 0.15  # share of clips whose source sometimes stalls and then skips frames, while its clock runs on
FRAMES_BETWEEN_STALLS = 40  # frames between two stalls, on average
# horizontal stretch of positions and boxes in a third of the clips: people are tall, cars are not
STRETCH_RANGE = (0.5, 4.0)
MIN_SCORE = 0.1  # lowest score of a detection that is used
MAX_ABSENCE_S = 3.0  # seconds within which an absent object counts as seen again


@dataclass(frozen=True, eq=False, slots=True)
class TrainingClip:
    """A run of L frames.

    Attributes:
        burn_in: number of frames at the beginning that are tracked but not learned from.
        times: (L,) seconds from 0.
        detections: detections of each frame.
        number: for each frame, (M,) the object id of each detection, -1 for a false alarm, `UNLABELLED` for unknown.
        seen_again: for each frame, the ids of the objects that appear within the next `MAX_ABSENCE_S` seconds.
        warps: for each frame, the camera motion since the previous frame, or None.
        open: ids of the objects that are labelled in some frames only.
        spans: (P, 2) as in `PartlyLabelled`.
    """

    burn_in: int
    times: Float64
    detections: tuple[Detections, ...]
    number: tuple[Int64, ...]
    seen_again: tuple[frozenset[int], ...]
    warps: tuple[Float64 | None, ...]
    open: frozenset[int] = frozenset()
    spans: Int64 | None = None


# (frames, frames a second of the sequence, random numbers) -> (frames,) source frames from 0, increasing
GapPattern = Callable[[int, float, Rng], Int64]


def gaps(n: int, rate: float, rng: Rng) -> Int64:
    """(n,) source frames from 0, increasing: every frame, a fixed stride, random gaps, or bursts with blackouts."""
    family = rng.integers(5)
    if family == 0:
        step = np.ones(n, np.int64)
    elif family == 1:
        step = np.full(n, rng.integers(2, 11))
    elif family == 2:
        step = rng.geometric(rng.uniform(0.15, 0.7), n)
    elif family == 3:
        step = rng.integers(1, rng.integers(4, 12), n)
    else:
        step, at = np.ones(n, np.int64), 0
        while at < n:
            at += max(1, round(rng.uniform(0.2, 1.5) * rate))
            if at < n:
                step[at] += round(rng.uniform(0.3, 1.5) * rate)
    return np.concatenate([[0], np.cumsum(step[1:])])


def stutter(kept: Int64, rng: Rng) -> Int64:
    """(n,) the frames that are shown instead of `kept` (n,), by a source that stops or slows down at times."""
    shown, k = kept.copy(), int(rng.geometric(1 / FRAMES_BETWEEN_STALLS))
    while k < len(kept):
        end = k + int(rng.integers(2, 8))
        shown[k:end] = kept[k] + (rng.uniform(0, 0.7) * (kept[k:end] - kept[k])).astype(np.int64)
        k = end + int(rng.geometric(1 / FRAMES_BETWEEN_STALLS))
    return shown


@dataclass(frozen=True, eq=False, slots=True)
class ClipView:
    """Geometric augmentation of a clip's boxes, the same in all frames except for the shake.

    Attributes:
        mirror: whether left and right are swapped.
        shake: (L, 2) camera pan, pixels.
        told: whether the camera motion given to the tracker includes the shake.
        wide: factor on all widths and horizontal positions.
    """

    mirror: bool
    shake: Float64
    told: bool
    wide: float

    def boxes(self, xyxy: Float64, k: int) -> Float64:
        """(M, 4) boxes of frame `k` after the augmentation."""
        if self.mirror:
            xyxy = xyxy[:, [2, 1, 0, 3]] * [-1, 1, -1, 1]
        seen: Float64 = (xyxy + np.tile(self.shake[k], 2)) * [self.wide, 1, self.wide, 1]
        return seen

    def warp(self, warp: Float64 | None, k: int) -> Float64 | None:
        """The camera motion between frames `k - 1` and `k` after the augmentation."""
        return _seen_through(warp, self.mirror, self.shake, k, self.told, self.wide)


@dataclass(frozen=True, eq=False, slots=True)
class Draft:
    """A clip in the making.

    Attributes:
        source: the sequence that the clip is taken from.
        noise: error model from which detectors are drawn.
        burn_in: number of frames at the beginning that are tracked but not learned from.
        times: (L,) frame times given to the tracker, seconds from 0.
        kept: (L,) source frames that are shown, not decreasing.
        clean: whether the detector is perfect.
        found: for each frame, object ids, boxes and scores.
        moves: for each frame, the camera motion since the previous frame, or None.
        warps: for each frame, the camera motion that is given to the tracker, or None.
        embeddings: for each frame, the (M, D) embeddings of its detections, or None.
    """

    source: TrackingSequence
    noise: NoiseModel
    burn_in: int
    times: Float64
    kept: Int64
    clean: bool = False
    found: tuple[Found, ...] = ()
    moves: tuple[Float64 | None, ...] = ()
    warps: tuple[Float64 | None, ...] = ()
    embeddings: tuple[Float32 | None, ...] = ()


Transform = Callable[[Draft, Rng], Draft]


def sample(
    sequences: list[TrackingSequence], noise: NoiseModel, rng: Rng, frames: int = FRAMES, pattern: GapPattern = gaps
) -> TrainingClip:
    """One clip with one random detector, gap pattern, mirroring, speed and camera: `TRANSFORMS` on a run of frames."""
    draft = draw_run(sequences, noise, rng, frames, pattern)
    for transform in TRANSFORMS:
        draft = transform(draft, rng)
    return finished(draft)


def draw_run(
    sequences: list[TrackingSequence], noise: NoiseModel, rng: Rng, frames: int, pattern: GapPattern = gaps
) -> Draft:
    """A run of frames of one sequence with gaps between them; half of the runs begin with a burn-in.

    All data sets are drawn equally often, so that the largest does not dominate. Within a data set, the probability of
    a sequence is proportional to its length.
    """
    homes = sorted({s.home for s in sequences})
    home = homes[rng.integers(len(homes))]
    choice = [s for s in sequences if s.home == home]
    length = np.array([len(s.times) for s in choice], float)
    s = choice[int(rng.choice(len(choice), p=length / length.sum()))]
    rate = 1 / float(np.median(np.diff(s.times)))
    burn_in = int(rng.integers(BURN_IN_FRAMES)) if rng.random() < 0.5 else 0
    steps = pattern(frames + burn_in, rate, rng)
    at = int(rng.integers(max(1, len(s.times) - min(int(steps[-1]), len(s.times) // 2))))
    kept = at + steps
    kept = kept[kept < len(s.times)]
    return Draft(s, noise, min(burn_in, max(0, len(kept) - frames)), s.times[kept] - s.times[at], kept)


def stall(draft: Draft, rng: Rng) -> Draft:
    """Stalls the source at random moments, while its clock runs on."""
    return replace(draft, kept=stutter(draft.kept, rng)) if rng.random() < STUTTER else draft


def detect(draft: Draft, rng: Rng) -> Draft:
    """Adds the sequence's own detections, or those of a simulated detector."""
    s, clean = draft.source, rng.random() < CLEAN_SHARE
    if s.detections is not None and not clean and rng.random() < 0.8:
        found = [s.detections.at(k) for k in draft.kept.tolist()]
    else:
        found = simulate(s.truth, s.times, draft.kept, PERFECT if clean else draft.noise.sample(rng), rng)
    return replace(draft, clean=clean, found=tuple(found), moves=tuple(between(s, draft.kept)))


def show_visible_parts(draft: Draft, rng: Rng) -> Draft:
    """Applies a detector's occlusion behaviour to people behind other people: mostly the visible part, or a miss."""
    if draft.clean or rng.random() >= VISIBLE_ONLY_SHARE:
        return draft
    eye = OcclusionModel(rng)
    people = (draft.source.truth.at(k) for k in draft.kept.tolist())
    found = [eye.behind(one, boxes, number) for one, (number, boxes, _) in zip(draft.found, people, strict=True)]
    return replace(draft, found=tuple(found))


def add_obstacles(draft: Draft, rng: Rng) -> Draft:
    """Adds static occluders to the scene."""
    if draft.clean or rng.random() >= OCCLUDER_SHARE:
        return draft
    return replace(draft, found=tuple(_behind_obstacles(draft.source, draft.kept, draft.moves, draft.found, rng)))


def add_errors(draft: Draft, rng: Rng) -> Draft:
    """Adds errors that are independent between frames."""
    if draft.clean or rng.random() >= NOISY_SHARE:
        return draft
    edge, missed, alarms = rng.uniform(0, [0.12, 0.25, 0.15])
    return replace(draft, found=tuple(perturb_boxes(one, edge, missed, alarms, rng) for one in draft.found))


def tell_camera_motion(draft: Draft, rng: Rng) -> Draft:
    """Gives the camera motion to the tracker, or withholds it."""
    return replace(draft, warps=draft.moves if rng.random() < 0.7 else (None,) * len(draft.kept))


def hold_camera(draft: Draft, rng: Rng) -> Draft:
    """Applies mirroring, speed, stretch and the shake of a hand-held camera.

    These are one transform because they are drawn in another order than they are applied: the shake is stretched.
    """
    mirror = rng.random() < 0.5
    speed = float(np.exp(rng.normal(0, 0.25)))
    wide = float(np.exp(rng.uniform(*np.log(STRETCH_RANGE)))) if rng.random() < 1 / 3 else 1.0
    shaken = rng.random() < 0.3
    shake = _camera(draft.source.times[draft.kept], rng) if shaken else np.zeros((len(draft.kept), 2))
    view = ClipView(mirror, shake, rng.random() < 0.5, wide)
    found = []
    for k, (who, boxes, score) in enumerate(draft.found):
        good = score >= MIN_SCORE
        found.append((who[good], view.boxes(boxes[good], k), score[good]))
    warps = tuple(view.warp(warp, k) for k, warp in enumerate(draft.warps))
    return replace(draft, times=draft.times * speed, found=tuple(found), warps=warps)


def embed(draft: Draft, rng: Rng) -> Draft:
    """Adds embeddings to half of the clips, in some of their frames only."""
    looks = SimulatedEmbeddings(rng, draft.noise.embedding) if rng.random() < 0.5 else None
    share = rng.uniform(0.3, 1)
    seen: list[Float32 | None] = [None] * len(draft.found)
    if looks is not None:
        for k, (who, boxes, _) in enumerate(draft.found):
            if rng.random() < share:
                seen[k] = looks.at(who, boxes, float(draft.times[k]))
    return replace(draft, embeddings=tuple(seen))


# In the order of their random draws: another order gives other clips for the same seed.
TRANSFORMS: tuple[Transform, ...] = (
    stall,
    detect,
    show_visible_parts,
    add_obstacles,
    add_errors,
    tell_camera_motion,
    hold_camera,
    embed,
)


def finished(draft: Draft) -> TrainingClip:
    """The clip of a draft."""
    detections = []
    for (_, boxes, score), embedding in zip(draft.found, draft.embeddings, strict=True):
        one = Detections(_single(boxes), _single(np.clip(score, 0, 1)), np.zeros(len(boxes), np.int64))
        detections.append(one if embedding is None else one.with_embedding(embedding))
    there = tuple(_there(draft.source, int(k)) for k in draft.kept)
    number = tuple(who for who, _, _ in draft.found)
    open_, spans = frozenset[int](), None
    if isinstance(draft.source, PartlyLabelled):
        open_, spans = frozenset(draft.source.open), draft.source.spans
    return TrainingClip(draft.burn_in, draft.times, tuple(detections), number, there, draft.warps, open_, spans)


def _single(values: Float64) -> Float32:
    return values.astype(np.float32)


def _there(s: TrackingSequence, k: int) -> frozenset[int]:
    end = int(np.searchsorted(s.times, s.times[k] + MAX_ABSENCE_S, side="right")) - 1
    if end <= k:
        return frozenset()
    told = (s.truth,) if s.detections is None else (s.truth, s.detections)
    return frozenset(i for boxes in told for i in boxes.id[boxes.start[k + 1] : boxes.start[end + 1]].tolist())


def between(s: TrackingSequence, kept: Int64) -> list[Float64 | None]:
    """The camera motion from each kept frame to the next, in pixels."""
    if not s.warps:
        return [None] * len(kept)
    out: list[Float64 | None] = [None]
    for a, b in zip(kept[:-1].tolist(), kept[1:].tolist(), strict=True):
        whole = np.eye(3)
        for k in range(a + 1, b + 1):
            if k in s.warps:
                whole = _after(s.warps[k], whole)
        out.append(whole[:2])
    return out


def _after(move: Float64, whole: Float64) -> Float64:
    """(3, 3) composition of two camera motions: `whole` (3, 3), then the affine `move` (2, 3)."""
    chained: Float64 = np.concatenate([move, [[0, 0, 1]]]) @ whole
    return chained


def _behind_obstacles(
    s: TrackingSequence, kept: Int64, moves: Several[Float64 | None], found: Several[Found], rng: Rng
) -> list[Found]:
    """The detections with static occluders in the scene; the occluders move with the camera motion."""
    at: list[Float64] = []
    whole = np.eye(3)
    for move in moves:
        if move is not None:
            whole = _after(move, whole)
        at.append(whole)
    obstacles = Occluders(s.truth, kept, [np.linalg.inv(a).astype(np.float64) for a in at], rng)
    return [obstacles.hide(one, a) for one, a in zip(found, at, strict=True)]


def _camera(times: Float64, rng: Rng) -> Float64:
    """(L, 2) pan of a hand-held camera in pixels; the velocity has a time constant of 1 second."""
    speed = rng.uniform(20, 250)
    v, at, out = rng.normal(0, speed, 2) * [1, 0.4], np.zeros(2), []
    for dt in np.diff(times, prepend=times[0]):
        keep = np.exp(-dt)
        at = at + v * (1 - keep)
        v = keep * v + np.sqrt(1 - keep**2) * rng.normal(0, speed, 2) * [1, 0.4]
        out.append(at)
    return np.array(out)


def _seen_through(
    warp: Float64 | None, mirror: bool, shake: Float64, k: int, told: bool, wide: float
) -> Float64 | None:
    """The warp between frames k - 1 and k after mirroring, stretch and, if `told`, the shake."""
    if k == 0:
        return None
    moved = bool(np.any(shake)) and told
    if warp is None and not moved:
        return None
    full = np.eye(3)
    if warp is not None:
        full[:2] = warp
    if mirror:
        flip = np.diag([-1.0, 1, 1])
        full = flip @ full @ flip
    if moved:
        full[:2, 2] += shake[k] - full[:2, :2] @ shake[k - 1]
    full = np.diag([wide, 1, 1]) @ full @ np.diag([1 / wide, 1, 1])
    return full[:2]
