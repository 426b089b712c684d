"""What a person said last about detections wins over what contradicts it."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datasets.projects.statements import without_contradictions
from models.errors import DataError
from tracker.offline.constraints.statements import Statements
from tracker.offline.types import Constraint

FRAME = np.array([0, 0, 1, 2, 2, 3, 4, 5])


def holding(said: list[Constraint]) -> tuple[Constraint, ...]:
    return without_contradictions(said, [*FRAME[[c.first for c in said]], *FRAME[[c.second for c in said]]])


def test_a_join_after_a_split_takes_the_split_back_and_the_other_way_round() -> None:
    cut, joined = Constraint(2, 3, False), Constraint(2, 3, True)
    assert holding([cut, joined]) == (joined,)
    assert holding([joined, cut]) == (cut,)
    assert holding([cut, joined, cut]) == (cut, cut)


def test_chains_of_must_links_contradict_a_cannot_link() -> None:
    chain = [Constraint(0, 2, True), Constraint(2, 3, True)]
    assert holding([Constraint(0, 3, False), *chain]) == tuple(chain)
    assert holding([*chain, Constraint(0, 3, False)]) == (chain[1], Constraint(0, 3, False))


def test_two_detections_of_one_frame_are_never_one_object() -> None:
    assert holding([Constraint(0, 1, True)]) == ()
    assert holding([Constraint(1, 2, True), Constraint(0, 2, True)]) == (Constraint(0, 2, True),)


def accepted(said: tuple[Constraint, ...]) -> bool:
    """Whether the solver takes them."""
    statements = Statements.none(FRAME, np.arange(6.0))
    try:
        for one in said:
            statements = statements.extended(one)
    except DataError:
        return False
    return True


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.booleans()), max_size=9))
def test_the_solver_takes_what_holds_and_nothing_more_could_hold(said: list[tuple[int, int, bool]]) -> None:
    constraints = [Constraint(a, b, same) for a, b, same in said if a != b]
    held = holding(constraints)
    assert accepted(held)
    # from the last one back, each that is left out contradicts those after it
    later: list[Constraint] = []
    rest = list(reversed(held))
    for one in reversed(constraints):
        if rest and rest[0] is one:
            later.append(rest.pop(0))
        else:
            assert not accepted((*later, one))
    assert not rest


def test_pairs_may_be_said_in_either_order() -> None:
    for a, b in itertools.permutations((2, 5)):
        assert holding([Constraint(a, b, False), Constraint(b, a, True)]) == (Constraint(b, a, True),)
