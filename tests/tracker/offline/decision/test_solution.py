"""The best linking, its probabilities and margins: against SciPy, and against all linkings one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from models.errors import DataError
from tests.support.link_problems import random_recording
from tracker.offline.decision import assignment
from tracker.offline.decision.assignment import best_linking
from tracker.offline.decision.components import connected_components
from tracker.offline.decision.crossings import find_crossings
from tracker.offline.decision.problem import LinkProblem
from tracker.offline.decision.solution import solve, swap_margin
from tracker.types import Bool, Float64, Int64


def problem_of(gain: Float64, possible: Bool) -> LinkProblem:
    """n pieces before m others, with gain (n, m)."""
    n, m = gain.shape
    earlier, later = possible.nonzero()
    frame = np.r_[np.zeros(n, np.int64), np.ones(m, np.int64)]
    return LinkProblem(frame, frame, earlier, later + n, gain[possible])


@st.composite
def small_problems(draw: st.DrawFn) -> LinkProblem:
    seed, n, m = draw(st.integers(0, 10**6)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    rng = np.random.default_rng(seed)
    gain = rng.normal(draw(st.sampled_from([-2.0, 0.0, 3.0])), draw(st.sampled_from([0.0, 1.0, 4.0])), (n, m))
    possible = rng.random((n, m)) < draw(st.sampled_from([0.3, 0.8, 1.0]))
    return problem_of(gain + np.eye(n, m) * draw(st.sampled_from([0.0, 4.0])), possible)


def all_linkings(problem: LinkProblem) -> tuple[Float64, Bool]:
    """(L,) the worth of each linking that is possible, and (L, K) its pairs."""
    gain = problem.gain
    found: list[tuple[float, list[int]]] = []

    def extend(piece: int, taken: frozenset[int], pairs: list[int], worth: float) -> None:
        if piece == len(problem):
            found.append((worth, pairs))
            return
        extend(piece + 1, taken, pairs, worth)
        for k in np.flatnonzero(problem.earlier == piece).tolist():
            if problem.later[k] not in taken and gain[k] > -np.inf:
                extend(piece + 1, taken | {int(problem.later[k])}, [*pairs, k], worth + gain[k])

    extend(0, frozenset(), [], 0.0)
    chosen = np.zeros((len(found), len(gain)), bool)
    for row, (_, pairs) in enumerate(found):
        chosen[row, pairs] = True
    return np.array([worth for worth, _ in found]), chosen


def worth_of(problem: LinkProblem, follower: Int64) -> float:
    return float(problem.gain[follower[problem.earlier] == problem.later].sum())


@settings(max_examples=150, deadline=None)
@given(small_problems())
def test_linking_probabilities_and_margins_equal_those_of_all_linkings(problem: LinkProblem) -> None:
    worth, chosen = all_linkings(problem)
    solution = solve(problem)
    follower = solution.follower
    linked = follower[follower >= 0]
    assert len(np.unique(linked)) == len(linked)
    assert worth_of(problem, follower) == pytest.approx(worth.max(), abs=1e-9)

    weight = np.exp(worth - worth.max())
    exact = weight @ chosen / weight.sum()
    error = np.abs(solution.probability - exact)
    assert error.max(initial=0) < 0.35  # belief propagation where more than four links can be exchanged
    assert error.mean() < 0.05 if len(error) else True

    crossings = find_crossings(problem.earlier, problem.later, problem.gain, follower)
    assert (crossings.log_odds > -1e-9).all()
    for one in range(len(crossings.first)):
        swapped = follower.copy()
        for kept, pair in ((crossings.second, crossings.first_swapped), (crossings.first, crossings.second_swapped)):
            swapped[problem.earlier[pair[one]]] = problem.later[kept[one]]
        assert worth.max() - worth_of(problem, swapped) == pytest.approx(crossings.log_odds[one], abs=1e-9)

    margin = swap_margin(problem, follower)
    for piece in range(len(problem)):
        for names, other, values in (
            (problem.earlier, follower[piece], margin.end),
            (problem.later, np.r_[(follower == piece).nonzero()[0], -1][0], margin.start),
        ):
            mine = np.flatnonzero(names == piece)
            there = problem.later if names is problem.earlier else problem.earlier
            same = chosen[:, mine[there[mine] == other]].any(axis=1) if other >= 0 else ~chosen[:, mine].any(axis=1)
            rest = worth[~same]
            if len(rest):
                assert values[piece] == pytest.approx(worth.max() - rest.max(), abs=1e-6)
            else:
                assert values[piece] == np.inf


@pytest.mark.parametrize("cells", [0, assignment.DENSE_CELLS])
@pytest.mark.parametrize("centre", [-1.0, 2.0])
def test_linking_equals_the_assignment_of_scipy(cells: int, centre: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignment, "DENSE_CELLS", cells)  # 0: the sparse solver for all
    for seed in range(5):
        rng = np.random.default_rng(seed)
        gain = rng.normal(centre, 2, (80, 70))
        possible = rng.random((80, 70)) < 0.2
        problem = problem_of(gain, possible)
        cost = np.where(possible, -np.maximum(gain, 0), 0)
        rows, columns = linear_sum_assignment(cost)
        assert worth_of(problem, best_linking(problem)) == pytest.approx(-cost[rows, columns].sum(), abs=1e-9)


def test_probabilities_of_two_crossing_links_are_those_of_keep_and_swap() -> None:
    problem = problem_of(np.array([[9.0, 8.5], [8.0, 9.0]]), np.ones((2, 2), bool))
    solution = solve(problem)
    assert solution.follower.tolist() == [2, 3, -1, -1]
    keep = 1 / (1 + np.exp(-1.5))
    np.testing.assert_allclose(solution.probability, [keep, 1 - keep, 1 - keep, keep], atol=2e-3)
    crossings = find_crossings(problem.earlier, problem.later, problem.gain, solution.follower)
    np.testing.assert_allclose(crossings.log_odds, [1.5])
    np.testing.assert_allclose(crossings.swap_probability, [1 - keep])
    np.testing.assert_allclose(swap_margin(problem, solution.follower).end[:2], 1.5)


def test_probabilities_of_one_end_and_of_one_start_sum_to_one() -> None:
    problem = random_recording(4, objects=12, frames=600, noise=4.0).problem
    solution = solve(problem)
    ends = solution.end + np.bincount(problem.earlier, solution.probability, len(problem))
    starts = solution.start + np.bincount(problem.later, solution.probability, len(problem))
    np.testing.assert_allclose(ends, 1, atol=1e-6)
    np.testing.assert_allclose(starts, 1, atol=1e-6)


def test_probabilities_are_calibrated_where_the_log_odds_are() -> None:
    """Log-odds of true and other pairs are normal with means of +3 and -3 and a variance of 6: their own ratio."""
    says, right = [], []
    for seed in range(10):
        recording = random_recording(seed, objects=12, frames=1500, piece_frames=25)
        problem, rng = recording.problem, np.random.default_rng(seed)
        true = recording.true_follower[problem.earlier] == problem.later
        ratio = rng.normal(np.where(true, 3.0, -3.0), 6**0.5)
        solution = solve(replace(problem, log_odds=ratio + 2))  # a candidate is likelier than none: few pieces end
        chosen = solution.follower[problem.earlier] == problem.later
        says.append(solution.probability[chosen])
        right.append(true[chosen])
    confidence, hit = np.concatenate(says), np.concatenate(right)
    decile = np.minimum((10 * confidence).astype(int), 9)
    errors = [abs(confidence[decile == k].mean() - hit[decile == k].mean()) for k in range(3, 10)]
    assert len(hit) > 4000
    assert max(errors) < 0.1
    assert errors[-1] < 0.02


def test_forced_and_forbidden_pairs_have_probability_one_and_zero() -> None:
    problem = random_recording(1).problem
    free = solve(problem)
    chosen = np.flatnonzero(free.follower[problem.earlier] == problem.later)
    other = np.flatnonzero(
        (problem.earlier == problem.earlier[chosen[3]]) & (problem.later != problem.later[chosen[3]])
    )
    forced, forbidden = np.zeros((2, len(problem.earlier)), bool)
    forced[other[0]] = forbidden[chosen[9]] = True
    bound = replace(problem, forced=forced, forbidden=forbidden)
    solution = solve(bound)
    assert solution.follower[problem.earlier[other[0]]] == problem.later[other[0]]
    assert solution.follower[problem.earlier[chosen[9]]] != problem.later[chosen[9]]
    assert solution.probability[other[0]] == 1
    assert solution.probability[chosen[[3, 9]]].tolist() == [0, 0]
    margin = swap_margin(bound, solution.follower)
    assert margin.end[problem.earlier[other[0]]] == margin.start[problem.later[other[0]]] == np.inf


def test_log_odds_of_free_ends_and_starts_count_against_links() -> None:
    problem = problem_of(np.full((1, 1), 3.0), np.ones((1, 1), bool))
    assert best_linking(problem)[0] == 1
    assert best_linking(replace(problem, end=np.array([2.0, 0]), start=np.array([0, 0.9])))[0] == 1
    assert best_linking(replace(problem, end=np.array([2.0, 0]), start=np.array([0, 1.1])))[0] == -1


def test_order_of_pairs_does_not_decide_between_equal_optima() -> None:
    rng = np.random.default_rng(0)
    problem = problem_of(rng.integers(1, 3, (30, 30)).astype(float), rng.random((30, 30)) < 0.4)
    expected = best_linking(problem)
    for _ in range(5):
        order = rng.permutation(len(problem.earlier))
        earlier, later, log_odds = problem.earlier[order], problem.later[order], problem.log_odds[order]
        assert (best_linking(replace(problem, earlier=earlier, later=later, log_odds=log_odds)) == expected).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(0, 60), st.integers(0, 10**6))
def test_components_are_those_of_a_search_from_each_node(n: int, edges: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, n, (2, edges))
    together = np.eye(n, dtype=bool)
    together[first, second] = together[second, first] = True
    for _ in range(n):
        together = together @ together
    np.testing.assert_array_equal(connected_components(n, first, second), together.argmax(axis=1))


def test_nothing_to_link_is_solved() -> None:
    none = np.zeros(0, np.int64)
    for pieces in (0, 1, 3):
        frame = np.arange(pieces)
        solution = solve(LinkProblem(frame, frame, none, none, np.zeros(0)))
        assert solution.follower.tolist() == [-1] * pieces
        assert solution.start.tolist() == solution.end.tolist() == [1] * pieces


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"log_odds": np.array([1.0, np.nan])}, "log_odds of pair 1 is nan; give finite log-odds"),
        ({"log_odds": np.array([1.0, np.inf])}, "log_odds of pair 1 is inf; give finite log-odds"),
        ({"start": np.array([0, 0, np.nan])}, "start of piece 2 is nan; give finite log-odds"),
        ({"end": np.zeros(2)}, "end has 2 values for 3 pieces"),
        ({"later": np.array([1, 3])}, "a pair names piece 3; give pieces from 0 to 2"),
        ({"earlier": np.array([-1, 1])}, "a pair names piece -1; give pieces from 0 to 2"),
        (
            {"earlier": np.array([1, 0]), "later": np.array([0, 1])},
            "piece 0 starts in frame 0, but is to follow piece 1 that ends in frame 4",
        ),
        ({"later": np.array([1, 1])}, "the pair of pieces 0 and 1 is given twice"),
        ({"last": np.array([2, 4, 5])}, "piece 2 ends in frame 5 before its first frame 6"),
        ({"later": np.array([1])}, "later has 1 values for 2 pairs"),
        ({"forced": np.array([True, True])}, "piece 0 has 2 forced followers; force one at most"),
        ({"forced": np.array([True, False]), "forbidden": np.array([True, False])}, "is both forced and forbidden"),
    ],
)
def test_bad_problems_are_named_in_one_sentence(change: dict[str, Int64 | Float64 | Bool], message: str) -> None:
    good = LinkProblem(
        np.array([0, 3, 6]), np.array([2, 4, 8]), np.array([0, 0]), np.array([1, 2]), np.array([1.0, 2.0])
    )
    with pytest.raises(DataError, match=message):
        replace(good, **change)
