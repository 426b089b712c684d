"""Boxes follow their pixels, whatever is done to the picture."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest

from datasets.augmentation.detection import SEEN, Marked, compose, flat, spoil

COLOURS = {0: (0, 0, 255), 1: (0, 255, 0), 2: (255, 0, 0)}  # BGR of each class's rectangles


def picture(seed: int, size: tuple[int, int] = (300, 200), boxes: int = 3) -> Marked:
    """Filled rectangles on black that do not overlap."""
    rng = np.random.default_rng(seed)
    width, height = size
    bgr = np.zeros((height, width, 3), np.uint8)
    third = width // boxes
    rows, labels = [], []
    for k in range(boxes):
        left, top = k * third + rng.integers(5, third // 3), rng.integers(5, height // 3)
        right, bottom = left + rng.integers(third // 3, third // 2), top + rng.integers(height // 3, height // 2)
        label = int(rng.integers(3))
        bgr[top:bottom, left:right] = COLOURS[label]
        rows.append((left, top, right, bottom))
        labels.append(label)
    return Marked(bgr, np.array(rows, np.float32), np.array(labels), np.ones(boxes, np.float32), np.ones(3, bool))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without changes of colour, so that the pixels still show what is where."""
    monkeypatch.setattr("datasets.augmentation.detection.spoil", lambda bgr, rng: bgr)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("seed", range(40))
def test_boxes_lie_where_their_pixels_are(seed: int) -> None:
    source = cycle([picture(seed * 5 + k) for k in range(5)])
    made = compose(lambda: next(source), 320, np.random.default_rng(seed))
    assert made.bgr.shape == (320, 320, 3)
    of_class = np.stack([(made.bgr == np.array(COLOURS[k])).all(axis=2) for k in range(3)])
    free = of_class.copy()
    for (left, top, right, bottom), label, trust in zip(made.xyxy, made.label, made.trust, strict=True):
        assert 0 <= left < right <= 320
        assert 0 <= top < bottom <= 320
        inside = of_class[label, int(np.ceil(top)) + 1 : int(bottom) - 1, int(np.ceil(left)) + 1 : int(right) - 1]
        if trust and inside.size:
            assert inside.mean() > 0.9  # edges blur when a picture grows
        free[:, max(0, int(top) - 2) : int(bottom) + 3, max(0, int(left) - 2) : int(right) + 3] = False
    assert not free.any()  # no coloured pixel is outside the boxes


@pytest.mark.usefixtures("plain")
def test_what_is_cut_off_is_left_out_of_judgement() -> None:
    made = [compose(lambda: picture(1), 160, np.random.default_rng(k)) for k in range(60)]
    trust = np.concatenate([m.trust for m in made])
    assert set(np.unique(trust)) == {0.0, 1.0}
    # a box that is sure has kept its share: none is a sliver of the large ones
    sides = np.concatenate([(m.xyxy[:, 2:] - m.xyxy[:, :2])[m.trust > 0] for m in made])
    assert sides.min() >= 3
    assert 0 < SEEN < 1


def test_a_picture_can_be_made_again_from_its_seed() -> None:
    one, other = (compose(lambda: picture(2), 128, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.bgr, other.bgr)
    np.testing.assert_array_equal(one.xyxy, other.xyxy)


def test_every_class_must_be_known_in_every_part() -> None:
    half = picture(3)
    partly = Marked(half.bgr, half.xyxy, half.label, half.trust, np.array([True, False, True]))
    source = cycle([half, partly])
    known = [compose(lambda: next(source), 96, np.random.default_rng(k)).known for k in range(20)]
    assert all(k[0] and k[2] for k in known)
    assert not all(k[1] for k in known)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (700, 2)])
def test_pictures_of_a_pixel_or_a_line(size: tuple[int, int]) -> None:
    bgr = np.full((size[1], size[0], 3), 200, np.uint8)
    none = Marked(bgr, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32), np.ones(1, bool))
    for seed in range(10):
        made = compose(lambda: none, 64, np.random.default_rng(seed))
        assert made.bgr.shape == (64, 64, 3)
        assert len(made.xyxy) == 0


def test_spoiling_keeps_shape_and_type_and_does_something() -> None:
    bgr = picture(4).bgr
    made = [spoil(bgr, np.random.default_rng(k)) for k in range(60)]
    assert all(m.shape == bgr.shape and m.dtype == np.uint8 for m in made)
    assert np.mean([np.abs(m.astype(int) - bgr).max() > 20 for m in made]) > 0.5
    assert np.mean([np.abs(m.astype(float) - bgr).mean() for m in made]) < 60  # and leaves something to see


def test_flat_counts_the_pictures() -> None:
    number, label, xyxy, trust = flat([picture(1, boxes=2), picture(2, boxes=3)])
    assert number.tolist() == [0, 0, 1, 1, 1]
    assert len(label) == len(xyxy) == len(trust) == 5
