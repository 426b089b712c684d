"""Boxes follow their pixels, whatever is done to the image."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("albumentations", reason="training augmentation needs the extra `train`")

from datasets.augmentation.detection import (
    MIN_VISIBILITY,
    AugmentedImage,
    compose,
    fit_into,
    flat,
    photometric,
)
from tracker.types import Bool, UInt8

COLOURS = {0: (0, 0, 255), 1: (0, 255, 0), 2: (255, 0, 0)}  # BGR of each class's rectangles


def picture(seed: int, size: tuple[int, int] = (300, 200), boxes: int = 3) -> AugmentedImage:
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
    return AugmentedImage(
        bgr, np.array(rows, np.float32), np.array(labels), np.ones(boxes, np.float32), np.ones(3, bool)
    )


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without changes of colour, so that the pixels still show what is where."""
    monkeypatch.setattr("datasets.augmentation.detection.photometric", lambda bgr, rng: bgr)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("seed", range(40))
def test_augmented_boxes_match_their_pixels(seed: int) -> None:
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
            assert inside.mean() > 0.9  # edges blur when an image grows
        free[:, max(0, int(top) - 2) : int(bottom) + 3, max(0, int(left) - 2) : int(right) + 3] = False
    assert not free.any()  # no coloured pixel is outside the boxes


@pytest.mark.usefixtures("plain")
def test_mostly_cropped_objects_have_zero_label_weight() -> None:
    made = [compose(lambda: picture(1), 160, np.random.default_rng(k)) for k in range(60)]
    trust = np.concatenate([m.trust for m in made])
    assert set(np.unique(trust)) == {0.0, 1.0}
    # a box that is sure has kept its share: none is a sliver of the large ones
    sides = np.concatenate([(m.xyxy[:, 2:] - m.xyxy[:, :2])[m.trust > 0] for m in made])
    assert sides.min() >= 3
    assert 0 < MIN_VISIBILITY < 1


def test_augmentation_is_reproducible_from_its_seed() -> None:
    one, other = (compose(lambda: picture(2), 128, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.bgr, other.bgr)
    np.testing.assert_array_equal(one.xyxy, other.xyxy)


def checksum() -> str:
    """Of training images and boxes from fixed seeds."""
    whole = hashlib.sha256()
    for seed in range(6):
        made = compose(lambda: picture(2), 128, np.random.default_rng(seed))
        whole.update(made.bgr.tobytes() + made.xyxy.tobytes() + made.label.tobytes() + made.trust.tobytes())
    return whole.hexdigest()


def test_augmentation_is_reproducible_across_processes_and_offline() -> None:
    code = (
        "import sys, urllib.request; urllib.request.build_opener = None\n"
        "sys.modules['torch'] = None  # albumentations would take a second to load it\n"
        f"from {__name__} import checksum; print(checksum())"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[3], check=True)
    assert (done.stdout.strip(), done.stderr) == (checksum(), "")


def test_boxes_are_resized_mirrored_and_cropped_at_subpixel_accuracy() -> None:
    """An image of columns that hold their own number: where a box's edges come to lie can be read from the pixels."""
    ramp = np.linspace(0, 255, 200)[None, :, None]
    bgr = np.broadcast_to(np.rint(ramp), (100, 200, 3)).astype(np.uint8)
    box, one = np.array([[50.5, 20, 120.25, 80]], np.float32), np.ones(1, np.float32)
    source = AugmentedImage(bgr, box, np.zeros(1, int), one, np.ones(1, bool))
    mirrored = 0
    for seed in range(40):
        made = fit_into(source, (400, 300), 300, np.random.default_rng(seed))  # padded only: the box stays whole
        (left, top, right, bottom) = made.xyxy[0].tolist()
        picture = np.flatnonzero((made.bgr[:, :, 0] != 127).any(axis=1))
        columns = np.flatnonzero((made.bgr[:, :, 0] != 127).any(axis=0))
        start, width = columns[0], columns[-1] + 1 - columns[0]
        up = made.bgr[picture[0], columns[-1], 0] > made.bgr[picture[0], start, 0]
        mirrored += not up
        want = np.array([50.5, 120.25]) / 200 * width
        want = start + (want if up else width - want[::-1])
        np.testing.assert_allclose([left, right], want, atol=2e-3)
        height = picture[-1] + 1 - picture[0]
        np.testing.assert_allclose([top, bottom], picture[0] + np.array([0.2, 0.8]) * height, atol=2e-3)
        assert made.trust[0] == 1
    assert 10 < mirrored < 30


def test_mostly_cropped_objects_are_ignored() -> None:
    bgr = np.zeros((100, 100, 3), np.uint8)
    boxes = np.array([[0, 0, 100, 100], [10, 10, 30, 30], [0, 0, 2, 2], [90, 90, 200, 200], [150, 150, 160, 160]])
    source = AugmentedImage(bgr, boxes.astype(np.float32), np.arange(5), np.full(5, 0.8, np.float32), np.ones(5, bool))
    kinds = set()
    for seed in range(80):
        made = fit_into(source, (60, 60), 100, np.random.default_rng(seed))
        assert (made.xyxy >= 0).all()
        assert (made.xyxy <= 60).all()
        assert 4 not in made.label  # outside of its image
        assert not made.trust[np.isin(made.label, [2, 3])].any()  # too small; too little within the image
        trust = dict(zip(made.label.tolist(), made.trust.tolist(), strict=True))
        sides = dict(zip(made.label.tolist(), (made.xyxy[:, 2:] - made.xyxy[:, :2]).tolist(), strict=True))
        assert trust[0] == pytest.approx(0.8)  # a 36 % part is seen
        if 1 in trust:
            share = np.prod(sides[1]) / 400
            assert (trust[1] > 0) == (share >= MIN_VISIBILITY and min(sides[1]) >= 3), (share, sides[1])
            kinds.add(trust[1] > 0)
    assert kinds == {True, False}


def test_no_blur_moves_an_object_out_of_its_box() -> None:
    bgr = np.full((60, 60, 3), 40, np.uint8)
    bgr[20:40, 25:35] = 220
    for seed in range(400):
        grey = photometric(bgr, np.random.default_rng(seed)).astype(float).mean(axis=2)
        rows, columns = np.nonzero(grey > (grey.min() + grey.max()) / 2)
        assert abs(rows.mean() - 29.5) < 0.6, seed
        assert abs(columns.mean() - 29.5) < 0.6, seed


def test_photometric_changes_are_drawn_independently() -> None:
    """One seed for each transform would let all changes fall on the same images."""
    changed = photometric_of(lambda bgr: abs(bgr.mean() - 120) > 5)
    rough = photometric_of(lambda bgr: np.abs(np.diff(bgr[:, :, 1].astype(int), axis=1)).mean() > 1)
    shares = rough[changed].mean(), rough[~changed].mean()
    assert all(0.05 < share < 0.3 for share in shares), shares  # 15 % noise, blocks of compression do not show


def photometric_of(test: Callable[[UInt8], bool]) -> Bool:
    flat = np.full((24, 24, 3), (90, 120, 150), np.uint8)
    return np.array([test(photometric(flat, np.random.default_rng(k))) for k in range(300)])


def test_composed_classes_are_known_only_if_known_in_every_tile() -> None:
    half = picture(3)
    partly = AugmentedImage(half.bgr, half.xyxy, half.label, half.trust, np.array([True, False, True]))
    source = cycle([half, partly])
    known = [compose(lambda: next(source), 96, np.random.default_rng(k)).known for k in range(20)]
    assert all(k[0] and k[2] for k in known)
    assert not all(k[1] for k in known)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (700, 2)])
def test_images_of_one_pixel_or_one_line_are_augmented(size: tuple[int, int]) -> None:
    bgr = np.full((size[1], size[0], 3), 200, np.uint8)
    none = AugmentedImage(
        bgr, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32), np.ones(1, bool)
    )
    for seed in range(10):
        made = compose(lambda: none, 64, np.random.default_rng(seed))
        assert made.bgr.shape == (64, 64, 3)
        assert len(made.xyxy) == 0


def test_photometric_changes_alter_pixels_and_keep_shape_and_type() -> None:
    bgr = picture(4).bgr
    made = [photometric(bgr, np.random.default_rng(k)) for k in range(60)]
    assert all(m.shape == bgr.shape and m.dtype == np.uint8 for m in made)
    assert np.mean([np.abs(m.astype(int) - bgr).max() > 20 for m in made]) > 0.5
    assert np.mean([np.abs(m.astype(float) - bgr).mean() for m in made]) < 60  # and leaves something to see


def test_flat_rows_carry_their_image_index() -> None:
    number, label, xyxy, trust = flat([picture(1, boxes=2), picture(2, boxes=3)])
    assert number.tolist() == [0, 0, 1, 1, 1]
    assert len(label) == len(xyxy) == len(trust) == 5
