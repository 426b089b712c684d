"""A linking that a person corrects: every constraint holds, and only what it touches changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import DataError
from tests.support.link_problems import LinkRecording, random_recording
from tracker.offline.constraints.piece_table import PieceTable
from tracker.offline.constraints.session import LinkSession
from tracker.offline.decision.problem import LinkProblem
from tracker.offline.decision.solution import solve, swap_margin
from tracker.offline.types import Constraint
from tracker.types import Float64, Int64


def session_of(recording: LinkRecording, constraints: tuple[Constraint, ...] = ()) -> LinkSession:
    r = recording
    return LinkSession.of(r.times, r.frame, r.piece, r.cut_cost, r.problem, constraints)


def small_recording(seed: int) -> LinkRecording:
    rng = np.random.default_rng(seed)
    objects, frames, length = int(rng.integers(1, 6)), int(rng.integers(10, 80)), int(rng.integers(3, 20))
    recording = random_recording(seed, objects, frames, length, candidates=5)
    if rng.random() < 0.3:  # detections that belong to no piece
        frame, piece = np.append(recording.frame, 3), np.append(recording.piece, -1)
        order = np.argsort(frame, kind="stable")
        owner = np.append(recording.object, 1000)
        cost = np.append(recording.cut_cost, np.nan)
        recording = replace(
            recording, frame=frame[order], piece=piece[order], object=owner[order], cut_cost=cost[order]
        )
    return recording


def random_constraint(recording: LinkRecording, rng: np.random.Generator) -> Constraint:
    """Often true, sometimes not."""
    first, second = rng.integers(0, len(recording.frame), 2).tolist()
    if rng.random() < 0.3:
        second = int(rng.choice(np.flatnonzero(recording.object == recording.object[first])))
    truth = bool(recording.object[first] == recording.object[second])
    return Constraint(first, second, truth if rng.random() < 0.6 else bool(rng.random() < 0.5))


def assert_valid(session: LinkSession, frame: Int64) -> None:
    track = session.track
    known = track > 0
    assert len(np.unique(np.stack([track[known], frame[known]]), axis=1).T) == known.sum()  # once in a frame
    for one in session.constraints:
        assert (track[one.first] == track[one.second]) == one.same
    whole = solve(session.problem)  # everything anew
    np.testing.assert_array_equal(session.follower, whole.follower)
    np.testing.assert_allclose(session.solution.probability, whole.probability, atol=1e-6)
    np.testing.assert_allclose(session.margins.end, swap_margin(session.problem, whole.follower).end, atol=1e-6)


def same_tracks(a: Int64, b: Int64) -> bool:
    return len(np.unique(np.stack([a, b]), axis=1).T) == len(np.unique(a)) == len(np.unique(b))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_every_constraint_holds_and_equals_solving_everything_anew(seed: int) -> None:
    rng = np.random.default_rng(seed)
    recording = small_recording(seed)
    session = session_of(recording)
    for _ in range(8):
        try:
            changed = session.with_constraint(random_constraint(recording, rng))
        except DataError:
            continue
        assert_valid(changed, recording.frame)
        np.testing.assert_array_equal(changed.change.rows, np.flatnonzero(session.track != changed.track))
        names = [set(zip(one.track.tolist(), range(len(one.track)), strict=True)) for one in (session, changed)]
        moved = {name for name, _ in names[0] ^ names[1]} - {-1}
        assert set(changed.change.ids.tolist()) == moved
        session = changed
    anew = session_of(recording, session.constraints)
    assert same_tracks(anew.track, session.track)
    if session.constraints:
        left = session.without(session.constraints[int(rng.integers(len(session.constraints)))])
        assert_valid(left, recording.frame)
        assert same_tracks(left.track, session_of(recording, left.constraints).track)
        np.testing.assert_array_equal(left.change.rows, np.flatnonzero(session.track != left.track))
    none = session
    while none.constraints:
        none = none.without(none.constraints[0])
    assert same_tracks(none.track, session_of(recording).track)


def test_truth_about_the_most_doubtful_links_leads_to_the_true_tracks() -> None:
    """An annotator who is asked about the least sure wrong decision until none is wrong."""
    recording = random_recording(7, objects=8, frames=600, piece_frames=25, noise=3.0)
    first = np.array([np.flatnonzero(recording.piece == k)[0] for k in range(len(recording.problem))])
    last = np.array([np.flatnonzero(recording.piece == k)[-1] for k in range(len(recording.problem))])
    session, answers, before = session_of(recording), 0, []
    while True:
        wrong = np.flatnonzero(session.follower != recording.true_follower)
        before.append(len(wrong))
        if len(wrong) == 0:
            break
        piece = int(wrong[session.margins.end[wrong].argmin()])
        said, true = int(session.follower[piece]), int(recording.true_follower[piece])
        if true >= 0:
            session = session.with_constraint(Constraint(int(last[piece]), int(first[true]), same=True))
        else:
            session = session.with_constraint(Constraint(int(last[piece]), int(first[said]), same=False))
        answers += 1
    assert len(session.table) == len(recording.problem)  # nothing had to be cut
    assert before[0] > 20
    assert answers < before[0]  # some answers mend more than one link
    assert same_tracks(session.track, recording.object)


def two_scenes(seed: int) -> tuple[LinkRecording, Int64]:
    """Two recordings one after the other without a candidate between them; and the scene of each detection."""
    a, b = random_recording(seed, 5, 120, 15), random_recording(seed + 1000, 5, 120, 15)
    n, pieces = len(a.times), len(a.problem)
    problem = LinkProblem(
        np.append(a.problem.first, b.problem.first + n),
        np.append(a.problem.last, b.problem.last + n),
        np.append(a.problem.earlier, b.problem.earlier + pieces),
        np.append(a.problem.later, b.problem.later + pieces),
        np.append(a.problem.log_odds, b.problem.log_odds),
    )
    both = LinkRecording(
        np.append(a.times, b.times + a.times[-1]),
        np.append(a.frame, b.frame + n),
        np.append(a.object, b.object + 1000),
        np.append(a.piece, b.piece + pieces),
        np.append(a.cut_cost, b.cut_cost),
        problem,
        np.zeros(0, np.int64),
    )
    return both, np.repeat([0, 1], [len(a.frame), len(b.frame)])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_what_is_not_connected_to_a_constraint_does_not_change(seed: int) -> None:
    rng = np.random.default_rng(seed)
    recording, scene = two_scenes(seed % 50)
    session = session_of(recording)
    here, there = session, session.solution.probability
    for _ in range(5):
        first, second = rng.choice(np.flatnonzero(scene == 0), 2).tolist()
        try:
            here = here.with_constraint(Constraint(first, second, bool(rng.random() < 0.5)))
        except DataError:
            continue
    np.testing.assert_array_equal(here.track[scene == 1], session.track[scene == 1])
    other = session.problem.earlier >= recording.piece[scene == 1].min()
    np.testing.assert_allclose(here.solution.probability[: len(there)][other], there[other], atol=1e-9)


def two_lanes(cost: float = 2.0) -> tuple[Int64, Int64, Float64, LinkProblem]:
    """Two objects in ten frames each, in two pieces each: 0 then 2, and 1 then 3; a swap is nearly as likely."""
    frame = np.repeat(np.arange(10), 2)
    piece = np.tile([0, 1], 10)
    piece[10:] += 2
    problem = LinkProblem(
        np.array([0, 0, 5, 5]),
        np.array([4, 4, 9, 9]),
        np.array([0, 0, 1, 1]),
        np.array([2, 3, 2, 3]),
        np.array([4.0, 3.5, 3.5, 4.0]),
    )
    return frame, piece, np.full(20, cost), problem


def lanes_session(*constraints: Constraint) -> LinkSession:
    frame, piece, cost, problem = two_lanes()
    return LinkSession.of(np.arange(10) / 10, frame, piece, cost, problem, constraints)


def test_different_at_a_crossing_swaps_both_tracks() -> None:
    session = lanes_session()
    assert session.track.tolist() == [1, 2] * 10
    changed = session.with_constraint(Constraint(0, 18, same=False))
    assert changed.track.tolist() == [1, 2] * 5 + [2, 1] * 5
    assert changed.change.ids.tolist() == [1, 2]
    assert changed.change.rows.tolist() == list(range(10, 20))
    assert changed.without(Constraint(0, 18, same=False)).track.tolist() == [1, 2] * 10


def test_confirmed_link_is_certain() -> None:
    session = lanes_session()
    assert 0.6 < session.solution.probability[0] < 0.8
    np.testing.assert_allclose(session.margins.end[:2], 1)
    sure = session.with_constraint(Constraint(8, 10, same=True))
    assert sure.solution.probability.tolist()[:2] == [1, 0]
    assert sure.solution.probability[3] > 0.9
    assert len(sure.change.rows) == len(sure.change.ids) == 0
    np.testing.assert_allclose(sure.margins.end, swap_margin(sure.problem, sure.follower).end)


def test_same_object_in_overlapping_pieces_swaps_inside_them() -> None:
    session = lanes_session()
    changed = session.with_constraint(Constraint(0, 9, same=True))  # lane 0 first, lane 1 in frame 4
    assert changed.track[0] == changed.track[9]
    assert changed.track[1] == changed.track[8]  # the rests follow each other, too
    assert len(changed.table) == 6


def test_different_objects_in_one_piece_cut_it_where_it_is_doubtful() -> None:
    frame, piece, cost, problem = two_lanes()
    cost[6] = 0.1  # lane 0, frame 3
    session = LinkSession.of(np.arange(10) / 10, frame, piece, cost, problem)
    changed = session.with_constraint(Constraint(0, 8, same=False))
    track = changed.track
    assert (track[[0, 2, 4]] == track[0]).all()
    assert (track[[6, 8]] == track[6]).all()
    assert track[0] != track[6]
    assert changed.track[6] == 1  # the larger part keeps the id: with the piece that follows it
    assert changed.track[0] == 3


def test_same_object_takes_the_best_path_and_gives_back_what_it_breaks() -> None:
    """0 -> 1 -> 2 and 3 -> 4 -> 5; said: 0 and 5 are one object."""
    first, last = np.array([0, 4, 8] * 2), np.array([2, 6, 10] * 2)
    problem = LinkProblem(
        first,
        last,
        np.array([0, 1, 3, 4, 1, 4, 0, 3]),
        np.array([1, 2, 4, 5, 5, 2, 4, 1]),
        np.array([5.0, 5.0, 5.0, 5.0, 3.0, 3.0, -5.0, -5.0]),
    )
    frame = np.concatenate([np.arange(a, b + 1) for a, b in zip(first, last, strict=True)])
    piece = np.repeat(np.arange(6), 3)
    session = LinkSession.of(np.arange(11) / 10, frame, piece, np.ones(18), problem)
    assert session.follower.tolist() == [1, 2, -1, 4, 5, -1]
    changed = session.with_constraint(Constraint(0, 17, same=True))
    assert changed.follower.tolist() == [1, 5, -1, 4, 2, -1]


def test_detection_without_a_piece_joins_a_track_and_does_not_end_it() -> None:
    """Two pieces of one object in frames 0 to 2 and 6 to 8, and a detection between them that belongs to no piece."""
    frame, piece = np.array([0, 1, 2, 4, 6, 7, 8]), np.array([0, 0, 0, -1, 1, 1, 1])
    problem = LinkProblem(np.array([0, 6]), np.array([2, 8]), np.array([0]), np.array([1]), np.array([3.0]))
    session = LinkSession.of(np.arange(9) / 10, frame, piece, np.ones(7), problem)
    assert session.track.tolist() == [1, 1, 1, -1, 1, 1, 1]
    for other in (0, 5):
        joined = session.with_constraint(Constraint(other, 3, same=True))
        assert joined.track.tolist() == [1] * 7
        assert joined.change.rows.tolist() == [3]
        assert joined.change.ids.tolist() == [1]
        assert joined.without(joined.constraints[0]).track.tolist() == session.track.tolist()
    assert session.with_constraint(Constraint(0, 3, same=False)).track.tolist() == [1, 1, 1, 2, 1, 1, 1]


def test_candidates_score_the_parts_of_cut_pieces() -> None:
    frame, piece, cost, problem = two_lanes()
    asked = []

    def candidates(table: PieceTable, pieces: Int64) -> tuple[Int64, Int64, Float64]:
        asked.append(pieces.tolist())
        return np.array([0, 4]), np.array([4, 3]), np.array([-1.0, 9.0])

    session = LinkSession.of(np.arange(10) / 10, frame, piece, cost, problem, candidates=candidates)
    changed = session.with_constraint(Constraint(0, 8, same=False))
    assert asked == [[0, 4]]
    assert changed.follower.tolist() == [-1, 2, -1, -1, 3]


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_nothing_detected_is_a_session_without_tracks(frames: int) -> None:
    none = np.zeros(0, np.int64)
    problem = LinkProblem(none, none, none, none, np.zeros(0))
    session = LinkSession.of(np.arange(frames) / 10, none, none, np.zeros(0), problem)
    assert len(session.track) == len(session.change.ids) == len(session.solution.probability) == 0
    with pytest.raises(DataError, match="names detection 0, but there are none"):
        session.with_constraint(Constraint(0, 0, same=True))


def test_one_frame_is_a_session_of_single_detections() -> None:
    frame, piece, none = np.zeros(3, np.int64), np.arange(3), np.zeros(0, np.int64)
    problem = LinkProblem(frame, frame, none, none, np.zeros(0))
    session = LinkSession.of(np.zeros(1), frame, piece, np.zeros(3), problem)
    assert session.with_constraint(Constraint(0, 2, same=False)).track.tolist() == [1, 2, 3]
    with pytest.raises(DataError, match="both are in frame 0"):
        session.with_constraint(Constraint(0, 2, same=True))


def test_pieces_that_do_not_agree_with_their_detections_are_refused() -> None:
    frame, piece, cost, problem = two_lanes()
    times = np.arange(10) / 10
    with pytest.raises(DataError, match="cut_cost has 3 values for 20 detections"):
        LinkSession.of(times, frame, piece, cost[:3], problem)
    with pytest.raises(DataError, match="a detection is in frame 9, but there are 5"):
        LinkSession.of(times[:5], frame, piece, cost, problem)
    with pytest.raises(DataError, match="first and last frames of the pieces are not those of their detections"):
        LinkSession.of(times, frame, piece, cost, replace(problem, last=problem.last - 1))
    with pytest.raises(DataError, match="give constraints instead"):
        LinkSession.of(times, frame, piece, cost, replace(problem, forced=np.zeros(4, bool)))
    with pytest.raises(DataError, match="is none of the 0 constraints"):
        lanes_session().without(Constraint(0, 1, same=False))
