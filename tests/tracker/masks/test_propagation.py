"""Mask propagation on rendered scenes, whose masks are known: several objects, uneven time, bounded memory."""

from __future__ import annotations

import gc
import threading
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.scenes import Scene, render
from models.errors import DataError, WeightsError
from models.runtime.compute import usable_cores
from tracker.masks.config import MaskConfig
from tracker.masks.propagation import MaskPropagator
from tracker.masks.stage import MaskPrompt, MaskStage
from tracker.protocols import SourceInfo
from tracker.types import Frame, State, Tracks, UInt8

pytest.importorskip("torch", reason="the one export needs the extra `torch`")
SMALL = MaskConfig(mask_cells=32)
Clip = list[tuple[Frame, UInt8]]


@pytest.fixture(scope="module", autouse=True)
def networks(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A cache of this module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIQUIDTRACK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def follower(config: MaskConfig = SMALL) -> MaskPropagator:
    try:
        return MaskPropagator(config, threads=1, device="cpu")
    except WeightsError as error:
        pytest.skip(f"the frozen CNN's weights are in the extra `torch`: {error}")


def scene(profile: str = "full", duration: float = 0.8) -> Clip:
    """Two people in the foreground, numbered 1 and 2."""
    clip: Clip = []
    wanted: list[int] = []
    for frame, truth in render(
        Scene(seed=3, width=480, height=270, duration=duration, rate=10, people=4, occluders=0, profile=profile)
    ):
        if not wanted:
            area = truth.mask.sum(axis=(1, 2)) * (truth.label == 0)
            wanted = truth.id[np.argsort(-area)[:2]].tolist()
        numbers = np.zeros(frame.bgr.shape[:2], np.uint8)
        for id, mask in zip(truth.id.tolist(), truth.mask, strict=True):
            if id in wanted:
                numbers[mask] = wanted.index(id) + 1
        clip.append((frame, numbers))
    return clip


def overlap(one: UInt8, two: UInt8, k: int) -> float:
    union = ((one == k) | (two == k)).sum()
    return float(((one == k) & (two == k)).sum() / union) if union else 1.0


@pytest.mark.parametrize("motion", ["liquid", "kalman"])
def test_two_objects_keep_their_masks_and_ids(motion: str) -> None:
    clip = scene()
    follow = follower(MaskConfig(mask_cells=32, mask_motion=motion))  # type: ignore[arg-type]
    follow.add(*clip[0])
    scores = []
    for frame, truth in clip[1:]:
        found = follow.update(frame)
        assert found.number.tolist() == [1, 2]
        scores.append([overlap(truth, found.mask, k) for k in (1, 2)])
        for k in (0, 1):
            rows, columns = np.nonzero(found.mask == k + 1)
            np.testing.assert_array_equal(found.xyxy[k], [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    assert np.mean(scores) > 0.7
    assert np.min(scores) > 0.4


@pytest.mark.skipif(usable_cores() < 2, reason="one core works on one object after the other")
def test_threads_serve_a_whole_run_and_end_with_it() -> None:
    def ours() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("masks")}

    clip = scene(duration=0.4)
    follow = follower()
    before = ours()
    follow.add(*clip[0])
    seen = []
    for frame, _ in clip[1:]:
        follow.update(frame)
        seen.append(ours() - before)
    assert seen[0]
    assert all(earlier <= later for earlier, later in pairwise(seen))  # none is replaced
    del follow
    gc.collect()
    for thread in seen[-1]:
        thread.join(10)
        assert not thread.is_alive()


def test_masks_survive_half_a_second_between_frames() -> None:
    clip = scene("stride5", 2.0)
    follow = follower()
    follow.add(*clip[0])
    found = [(truth, follow.update(frame).mask) for frame, truth in clip[1:]]
    assert np.mean([overlap(*pair, k) for pair in found for k in (1, 2)]) > 0.55


def crossing(steps: int) -> Clip:
    """A chequered square, number 1, behind a striped one, number 2, which goes past it."""
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(90, 170, (18, 32, 3), np.uint8), (480, 270), interpolation=cv2.INTER_CUBIC)
    clip: Clip = []
    y, x = np.mgrid[:270, :480]
    own = (abs(y - 135) < 40) & (abs(x - 240) < 40)
    chequers = np.where(((y // 10 + x // 10) % 2)[..., None] > 0, (40, 60, 220), (30, 200, 230))
    for k in range(steps):
        at = 120 + 240 * k / (steps - 1)
        rival = (abs(y - 135) < 60) & (abs(x - at) < 32)
        stripes = np.where((((x - round(at)) // 8) % 2)[..., None] > 0, (200, 90, 20), (240, 240, 240))
        bgr = np.where(rival[..., None], stripes, np.where(own[..., None], chequers, ground)).astype(np.uint8)
        clip.append((Frame(bgr, k, 0.1 * k), np.where(rival, 2, own).astype(np.uint8)))
    return clip


def test_object_keeps_its_mask_id_after_occlusion() -> None:
    clip = crossing(25)
    follow = follower()
    follow.add(*clip[0])
    found = [(truth, follow.update(frame).mask) for frame, truth in clip[1:]]
    half = [k for k, (truth, _) in enumerate(found) if 0.2 < (truth == 1).mean() / (clip[0][1] == 1).mean() < 0.8]
    assert len(half) > 4
    assert np.mean([overlap(*found[k], 1) for k in half]) > 0.6
    for k in (1, 2):
        assert np.mean([overlap(*pair, k) for pair in found[-4:]]) > 0.8


def test_memory_is_bounded_and_absent_object_has_no_mask() -> None:
    clip = scene(duration=0.2)
    follow = follower(MaskConfig(mask_cells=16, mask_recent=2, mask_spaced=1))
    follow.add(clip[0][0], (clip[0][1] == 1).astype(np.uint8))
    frame, _ = clip[1]
    for k in range(1, 9):
        follow.update(Frame(frame.bgr, k, 0.3 * k))
    assert follow.remembered == 4
    empty = np.full_like(frame.bgr, (200, 120, 40))
    gone = follow.update(Frame(empty, 20, 9.0))
    assert not gone.mask.any()
    assert (gone.time_since_update > 0).all()
    back = follow.update(Frame(frame.bgr, 21, 9.2))
    assert (back.time_since_update == 0).any()


def test_mask_stage_adds_prompted_objects_to_other_tracks() -> None:
    clip = scene(duration=0.3)
    marks = [
        MaskPrompt(0.0, (1,), lambda f: np.where(clip[0][1] == 1, 1, 0).astype(np.uint8)),
        MaskPrompt(0.15, (2,), lambda f: np.where(clip[2][1] == 2, 2, 0).astype(np.uint8)),
    ]
    stage = MaskStage(follower(), marks)
    assert stage.open(SourceInfo("clip", 480, 270), ("person",)) == ("person", "object")
    other = Tracks(*(np.array([v]) for v in (1, (5, 5, 9, 9), 0.5, 0, State.ACTIVE, 0.0, 0)))  # type: ignore[arg-type]
    seen = []
    for frame, _ in clip:
        tracks = stage.update(frame, other)
        assert tracks.mask is not None
        assert tracks.mask.shape == (len(tracks), *frame.bgr.shape[:2])
        seen.append(tracks.id.tolist())
    assert seen == [[1, 3], [1, 3], [1, 2, 3]]
    assert tracks.label.tolist() == [1, 1, 0]
    assert not tracks.mask[2].any()
    np.testing.assert_array_equal(tracks.mask[1], clip[2][1] == 2)
    assert not stage.waiting


def test_mask_of_another_size_is_refused() -> None:
    (frame, numbers), (second, _) = scene(duration=0.2)
    follow = follower()
    with pytest.raises(DataError, match="9 x 9 pixels where the picture is 480 x 270"):
        follow.add(frame, np.ones((9, 9), np.uint8))
    with pytest.raises(DataError, match="the mask is empty"):
        follow.add(frame, np.zeros_like(numbers))
    spot = np.zeros_like(numbers)
    spot[3, 3] = 7
    with pytest.raises(DataError, match="object 7 has fewer than"):
        follow.add(frame, spot)
    follow.add(frame, numbers)
    follow.update(second)
    with pytest.raises(DataError, match="does not come after"):
        follow.update(second)
    with pytest.raises(DataError, match="masks need one size"):
        follow.update(Frame(np.zeros((50, 50, 3), np.uint8), 3, 1.0))


def test_a_missing_package_of_weights_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        MaskPropagator(SMALL, threads=1, weights=str(tmp_path / "no.pth"))
