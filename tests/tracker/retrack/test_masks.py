"""A drawn mask carried in both directions of time, in images whose truth is known."""

from __future__ import annotations

import pytest

from models.errors import DataError
from tests.support.pattern_images import scene
from tests.support.pattern_video import UNEVEN, PatternVideo, video, walking, walking_mask
from tests.support.propagators import small_propagator
from tracker.retrack.masks import KeyMask, MaskRetrack
from tracker.types import Bool

pytest.importorskip("torch", reason="the one export needs the extra `torch`")
LAST = len(UNEVEN) - 1


@pytest.fixture(scope="module", autouse=True)
def networks(own_cache: None) -> None:
    """A cache of this module's own."""


def carried(film: PatternVideo, start: int, end: KeyMask | int, max_lost: float = 1.5) -> dict[int, Bool]:
    job = MaskRetrack(film, film.times, KeyMask(start, walking_mask(start)), end, max_lost, small_propagator)
    return {step.frame: step.mask for step in job if step.mask is not None}


def jaccard(one: Bool, two: Bool) -> float:
    return float((one & two).sum() / (one | two).sum())


def worst(masks: dict[int, Bool]) -> float:
    return min(jaccard(mask, walking_mask(frame)) for frame, mask in masks.items())


def test_reversed_video_carried_forwards_equals_the_video_carried_backwards() -> None:
    film = video()
    back = carried(film, LAST, 0)
    turned = film.reversed()
    job = MaskRetrack(turned, turned.times, KeyMask(0, walking_mask(LAST)), LAST, make=small_propagator)
    ahead = {LAST - step.frame: step.mask for step in job if step.mask is not None}
    assert sorted(ahead) == sorted(back) == list(range(LAST))
    assert all((ahead[k] == back[k]).all() for k in back)
    assert worst(back) > 0.7


def test_two_drawn_masks_meet_in_the_middle_and_every_frame_is_looked_at_once() -> None:
    job = MaskRetrack(
        video(), UNEVEN, KeyMask(LAST, walking_mask(LAST)), KeyMask(0, walking_mask(0)), make=small_propagator
    )
    steps = list(job)
    assert sorted(step.frame for step in steps) == list(range(1, LAST))
    assert job.total == LAST - 1
    middle = UNEVEN[LAST] / 2
    assert all((step.phase == "forwards") == (UNEVEN[step.frame] <= middle) for step in steps)
    assert worst({step.frame: step.mask for step in steps if step.mask is not None}) > 0.75


def test_mask_that_is_lost_early_is_reached_from_the_other_side() -> None:
    """The object is hidden soon after the first mask, for longer than the run forwards waits."""
    film = PatternVideo(UNEVEN, lambda time: scene() if 0.1 < time < 0.3 else scene(walking(time)))
    masks = carried(film, 0, KeyMask(LAST, walking_mask(LAST)), max_lost=0.05)
    hidden = {k for k in range(LAST + 1) if 0.1 < UNEVEN[k] < 0.3}
    assert set(masks) == set(range(1, LAST)) - hidden
    assert worst(masks) > 0.7


def test_one_mask_is_given_up_where_the_object_is_gone() -> None:
    film = PatternVideo(UNEVEN, lambda time: scene(walking(time)) if time < 0.42 else scene(seed=5))
    job = MaskRetrack(film, UNEVEN, KeyMask(0, walking_mask(0)), LAST, 0.1, small_propagator)
    steps = list(job)
    assert [step.frame for step in steps if step.mask is not None] == [1, 2, 3, 4, 5]
    assert steps[-1].frame < LAST


@pytest.mark.parametrize(("frame", "end", "says"), [(12, 3, "frame 12 is not"), (0, -1, "frame -1 is not")])
def test_frame_beyond_the_video_is_refused(frame: int, end: int, says: str) -> None:
    with pytest.raises(DataError, match=says):
        MaskRetrack(video(), UNEVEN, KeyMask(frame, walking_mask(0)), end, make=small_propagator)


def test_mask_of_another_size_and_two_in_one_frame_are_refused() -> None:
    with pytest.raises(DataError, match="both masks are in frame 0"):
        MaskRetrack(video(), UNEVEN, KeyMask(0, walking_mask(0)), KeyMask(0, walking_mask(0)), make=small_propagator)
    with pytest.raises(DataError, match="the mask is 320 x 100 pixels"):
        list(MaskRetrack(video(), UNEVEN, KeyMask(0, walking_mask(0)[:100]), 3, make=small_propagator))
