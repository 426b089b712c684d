"""Re-identification of returning people: an engine that gives new ids, and known embeddings."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from models.runtime.maths import unit
from tracker.reid.config import ReidConfig
from tracker.reid.gallery import NO_TRACK
from tracker.reid.stage import ReidStage
from tracker.types import Float32, Frame, Int64, State, Tracks

DIM, SIZE = 200, (800, 300)
PEOPLE = np.random.default_rng(0).normal(size=(12, DIM))


class Stage:
    """People stand 60 pixels apart, the k-th at 60 k; the engine's id of each is given frame by frame."""

    def __init__(self, config: ReidConfig | None = None) -> None:
        self.rng = np.random.default_rng(1)
        self.looked: list[int] = []
        self.who: dict[int, int] = {}  # place -> person
        self.fresh = iter(range(900, 999))
        self.returning = ReidStage(self.look, DIM, lambda: next(self.fresh), config)
        self.blank = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)

    def look(self, frame: Frame, boxes: Int64) -> Float32:
        places = ((boxes[:, 0] + 5) // 60).tolist()
        self.looked.append(len(places))
        return unit(np.array([PEOPLE[self.who[p]] + 0.5 * self.rng.normal(size=DIM) for p in places], np.float32))

    def step(
        self, time: float, here: Iterable[tuple[int, int, int]], lost: Iterable[int] = (), label: int = 0
    ) -> dict[int, int]:
        """(engine's id, person, place) of all visible people -> person to displayed id."""
        here, lost = list(here), list(lost)
        self.who = {place: who for _, who, place in here}
        ids = [engine for engine, _, _ in here] + lost
        boxes = [[60 * p, 100, 60 * p + 40, 200] for _, _, p in here] + [[700, 100, 740, 200]] * len(lost)
        n = len(ids)
        unseen = np.array([0.0] * len(here) + [0.5] * len(lost))
        state = np.where(unseen > 0, State.LOST, State.ACTIVE).astype(np.int8)
        tracks = Tracks(
            np.array(ids, np.int64), np.array(boxes, np.float32).reshape(-1, 4), np.full(n, 0.9, np.float32),
            np.full(n, label), state, unseen, np.arange(n),
        )  # fmt: skip
        got = self.returning(Frame(self.blank, int(time * 100), time), tracks)
        assert len(set(got.id.tolist())) == n
        whose = {int(box[0]) // 60: who for box, (_, who, _) in zip(boxes, here, strict=False)}
        return {whose[int(b[0]) // 60]: int(i) for i, b in zip(got.confirmed.id, got.confirmed.xyxy, strict=True)}


def run(
    stage: Stage, times: Iterable[float], here: Iterable[tuple[int, int, int]], **more: int
) -> list[dict[int, int]]:
    people = list(here)
    return [stage.step(t, people, **more) for t in times]


def seconds(start: float, length: float, rate: float = 10.0) -> list[float]:
    return [round(start + k / rate, 3) for k in range(int(length * rate))]


FIVE = [(k + 1, k, k) for k in range(5)]


@pytest.mark.parametrize("rate", [25.0, 10.0, 3.0])
def test_ids_are_restored_after_an_absence_at_any_frame_rate(rate: float) -> None:
    stage = Stage()
    before = run(stage, seconds(0, 4, rate), FIVE)
    assert all(shown == {k: k + 1 for k in range(5)} for shown in before)  # empty gallery: no id is withheld
    stage.step(4.5, [])
    back = run(stage, seconds(20, 2, rate), [(11 + k, k, (k + 2) % 5) for k in range(5)])
    for shown in back:  # no person is ever shown under another id
        assert all(id == who + 1 for who, id in shown.items())
    assert back[-1] == before[-1]
    late = next(t for t, shown in zip(seconds(20, 2, rate), back, strict=True) if len(shown) == 5)
    assert late - 20 <= 0.5 + 1 / rate


def test_unknown_person_gets_a_new_id() -> None:
    stage = Stage()
    run(stage, seconds(0, 4), FIVE)
    stage.step(4.5, [])
    back = run(stage, seconds(20, 2), [(11, 1, 1), (12, 8, 3)])
    assert back[-1] == {1: 2, 8: 12}


def test_visible_identity_is_not_assigned_to_a_returning_lookalike() -> None:
    stage = Stage()
    run(stage, seconds(0, 4), FIVE)
    # the first person stays, and a lookalike appears
    rest = [(1, 0, 0)]
    stage.step(4.5, rest)
    run(stage, seconds(5, 15, 2), rest)
    back = [stage.step(t, [*rest, (9, 0, 5)]) for t in seconds(20, 2)]
    assert all(shown.get(0) in (1, 9) for shown in back)
    ids = set(stage.returning.gallery.id[stage.returning.gallery.track_id != NO_TRACK].tolist())
    assert ids == {1, 9}


def test_unreachable_or_other_class_track_is_not_reidentified() -> None:
    stage = Stage()
    run(stage, seconds(0, 4), FIVE)
    stage.step(4.0, [])
    assert run(stage, seconds(4.1, 1), [(11, 0, 11)])[-1] == {0: 11}  # eleven places off within .2 s
    stage.step(5.2, [])
    assert run(stage, seconds(20, 1), [(12, 1, 1)], label=3)[-1] == {1: 12}


def test_reid_corrects_ids_swapped_by_the_engine() -> None:
    stage = Stage()
    run(stage, seconds(0, 4), FIVE)
    # after ten seconds without frames the engine takes them for one another by place
    back = run(stage, seconds(14, 2), [(1, 1, 0), (2, 0, 1), (3, 2, 2), (4, 9, 3)])
    for shown in back:
        assert all(shown.get(who, who + 1) == who + 1 for who in (0, 1, 2))
    new = back[-1].pop(9)
    assert back[-1] == {1: 2, 0: 1, 2: 3}
    assert new >= 900  # a number that the engine has not given


def test_lost_tracks_keep_their_identity_and_are_hidden() -> None:
    stage = Stage()
    run(stage, seconds(0, 2), FIVE)
    assert stage.step(2.5, FIVE[:3], lost=[4, 5]) == {0: 1, 1: 2, 2: 3}
    assert stage.step(3.0, FIVE) == {k: k + 1 for k in range(5)}


def test_memory_is_bounded_by_count_and_seconds() -> None:
    stage = Stage(ReidConfig(reid=True, reid_gallery_size=3, reid_memory=30.0))
    for k in range(12):  # each of another class, so that none can match
        run(stage, seconds(3 * k, 1), [(k + 1, k, 2)], label=k)
        assert len(stage.returning.gallery) <= 4
    stage.step(34.5, [])
    assert stage.returning.gallery.id.tolist() == [10, 11, 12]
    stage.step(100.0, [])
    assert len(stage.returning.gallery) == 0


def test_crops_per_frame_are_bounded_and_become_rare() -> None:
    stage = Stage(ReidConfig(reid=True, reid_crops=2))
    run(stage, seconds(0, 30), FIVE)
    assert max(stage.looked) == 2
    assert sum(stage.looked) < 5 * 40  # of 1,500 boxes


def test_track_too_small_for_a_crop_gets_a_new_id() -> None:
    stage = Stage()
    run(stage, seconds(0, 4), FIVE)
    stage.step(4.5, [])
    before = len(stage.looked)
    tracks = Tracks(
        np.array([11]), np.array([[0, 0, 8, 9]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64),
        np.array([State.ACTIVE], np.int8), np.zeros(1), np.zeros(1, np.int64),
    )  # fmt: skip
    shown = [stage.returning(Frame(stage.blank, 0, t), tracks).confirmed.id.tolist() for t in seconds(20, 1)]
    assert shown[0] == []
    assert shown[-1] == [11]
    assert len(stage.looked) == before
