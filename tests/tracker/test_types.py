"""The structs of arrays: accepted and refused values, and the errors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.errors import DataError
from tracker.types import Detections, Frame, State, Tracks

BOX = [[10, 20, 30, 60], [0, 0, 5, 5]]


def tracks(**changes: object) -> Tracks:
    values: dict[str, object] = {
        "id": [1, 2],
        "xyxy": BOX,
        "score": [0.9, 0.5],
        "label": [0, 1],
        "state": [State.ACTIVE, State.LOST],
        "time_since_update": [0.0, 0.25],
        "detection": [0, -1],
    }
    return Tracks(**(values | changes))  # type: ignore[arg-type]


def test_detections_convert_columns_to_the_declared_types() -> None:
    found = Detections(BOX, [1, 0.5], [0, 3])  # type: ignore[arg-type]
    assert found.xyxy.dtype == np.float32
    assert found.score.dtype == np.float32
    assert found.label.dtype == np.int64
    assert len(found.take([1])) == 1
    assert found.take(found.score > 0.7).label.tolist() == [0]


@pytest.mark.parametrize(
    ("xyxy", "score", "label", "words"),
    [
        ([[0, 0, float("nan"), 1]], [1], [0], "finite"),
        ([[0, 0, 0, 1]], [1], [0], "right > left"),
        ([[5, 0, 1, 1]], [1], [0], "right > left"),
        ([[0, 0, 1]], [1], [0], r"\(N, 4\)"),
        (BOX, [1], [0, 0], "2 boxes"),
        (BOX, [1, 1.5], [0, 0], "between 0 and 1"),
        (BOX, [1, float("nan")], [0, 0], "between 0 and 1"),
        (BOX, [1, 1], [0, 0, 0], "2 boxes"),
    ],
)
def test_invalid_detections_are_refused(xyxy: list, score: list, label: list, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Detections(xyxy, score, label)  # type: ignore[arg-type]


def test_embeddings_and_masks_need_one_row_per_box() -> None:
    with pytest.raises(DataError, match="embedding"):
        Detections(BOX, [1, 1], [0, 0], embedding=np.zeros((1, 8)))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="mask"):
        Detections(BOX, [1, 1], [0, 0], mask=np.zeros((1, 8, 8), bool))  # type: ignore[arg-type]
    found = Detections(BOX, [1, 1], [0, 0]).with_embedding(np.eye(2, 8, dtype=np.float32))  # type: ignore[arg-type]
    assert found.take([1]).embedding.tolist() == [np.eye(2, 8)[1].tolist()]  # type: ignore[union-attr]


def test_empty_structs_are_empty_and_typed() -> None:
    assert len(Detections.empty()) == len(Tracks.empty()) == 0
    assert Detections.empty().xyxy.shape == Tracks.empty().xyxy.shape == (0, 4)


def test_confirmed_tracks_are_active_and_just_detected() -> None:
    found = tracks()
    assert found.confirmed.id.tolist() == [1]
    assert tracks(state=[State.TENTATIVE, State.ACTIVE], time_since_update=[0, 0]).confirmed.id.tolist() == [2]


def test_tracks_refuse_repeated_ids() -> None:
    with pytest.raises(DataError, match="repeat"):
        tracks(id=[4, 4])


def test_structs_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        tracks().id = np.zeros(2)  # type: ignore[misc,assignment]


def test_invalid_images_and_times_are_refused() -> None:
    assert Frame(np.zeros((4, 6, 3), np.uint8), 0, 0.0).size == (6, 4)
    for bgr in (np.zeros((4, 6), np.uint8), np.zeros((4, 6, 4), np.uint8), np.zeros((4, 6, 3), np.float32)):
        with pytest.raises(DataError, match="uint8, BGR"):
            Frame(bgr, 0, 0.0)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="finite"):
        Frame(np.zeros((4, 6, 3), np.uint8), 0, float("nan"))


def test_concat_keeps_every_column_in_order() -> None:
    one, other = tracks(class_score=[0.5, 0.25]), tracks(id=[3, 4])
    both = Tracks.concat([one, other])
    assert both.id.tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(both.class_scores(), [0.5, 0.25, np.nan, np.nan])
    for name in ("xyxy", "score", "label", "state", "time_since_update", "detection"):
        column = getattr(both, name)
        np.testing.assert_array_equal(column, np.concatenate([getattr(one, name), getattr(other, name)]))
        assert column.dtype == getattr(one, name).dtype
    assert both.mask is None
    assert len(Tracks.concat([])) == 0


def test_concat_refuses_a_repeated_id() -> None:
    with pytest.raises(DataError, match="repeat"):
        Tracks.concat([tracks(), tracks()])


def test_tracks_without_a_mask_take_no_memory_for_it() -> None:
    pixels = np.zeros((2, 30, 40), bool)
    pixels[0, 3:6] = pixels[1, 10:20] = True
    masked, plain = tracks(mask=pixels), tracks(id=[3, 4])
    both = Tracks.concat([plain, masked])
    assert both.mask is not None
    assert both.mask.pixels.shape == (2, 30, 40)
    assert both.mask.shape == (4, 30, 40)
    np.testing.assert_array_equal(np.asarray(both.mask), np.concatenate([0 * pixels, pixels]).astype(bool))
    assert [mask is not None for mask in both.mask] == [False, False, True, True]
    last = both.take([3, 0])
    assert last.mask is not None
    np.testing.assert_array_equal(last.mask[0], pixels[1])
    assert not last.mask[1].any()


def test_masks_of_another_count_or_size_are_refused() -> None:
    with pytest.raises(DataError, match="1 masks for 2 tracks"):
        tracks(mask=np.zeros((1, 4, 4), bool))
    with pytest.raises(DataError, match=r"\(N, H, W\) of bool"):
        tracks(mask=np.zeros((2, 4, 4)))
    with pytest.raises(DataError, match="4x4 and 5x4 pixels"):
        Tracks.concat([tracks(mask=np.zeros((2, 4, 4), bool)), tracks(id=[3, 4], mask=np.zeros((2, 4, 5), bool))])
