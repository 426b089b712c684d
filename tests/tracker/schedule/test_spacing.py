"""Looks that follow no doubt."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.schedule.spacing import at_random, ends, evenly, middles, widest

counts = st.integers(1, 300)


@given(counts, counts)
def test_even_looks_are_as_many_as_asked_and_begin_with_the_first_frame(frames: int, looks: int) -> None:
    chosen = evenly(frames, looks)
    assert chosen.sum() == min(frames, looks)
    assert chosen[0]
    gaps = np.diff(chosen.nonzero()[0])
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


@given(counts, counts, st.integers(0, 5))
def test_random_looks_are_as_many_as_asked_and_depend_on_the_seed_alone(frames: int, looks: int, seed: int) -> None:
    chosen = at_random(frames, looks, seed)
    assert chosen.sum() == min(frames, looks)
    assert chosen[0]
    assert (chosen == at_random(frames, looks, seed)).all()


@given(counts, counts)
def test_parts_of_a_block_end_with_its_last_frame(frames: int, looks: int) -> None:
    last = ends(frames, looks)
    assert len(last) == min(frames, looks)
    assert last[-1] == frames - 1
    assert (np.diff(last) > 0).all()
    assert last[0] >= 0


@settings(deadline=None)
@given(st.lists(st.integers(0, 500), min_size=2, max_size=40, unique=True), counts)
def test_the_widest_intervals_are_halved_first(known: list[int], count: int) -> None:
    looks = np.array(sorted(known))
    new = widest(looks, count)
    assert len(np.unique(np.concatenate([looks, new]))) == len(looks) + len(new)
    assert len(new) == min(count, int(looks[-1] - looks[0] + 1 - len(looks)))
    if len(new):
        gap = np.diff(looks)
        assert new[0] == middles(looks)[gap.argmax()]


def test_no_frames_have_no_looks() -> None:
    assert len(evenly(0, 5)) == len(at_random(0, 5, 0)) == 0
