"""The link head: NumPy equals torch, an untrained head is the motion prior, and the order of the links is no matter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import WeightsError
from models.link_head.config import LinkHeadConfig
from models.link_head.inference import LinkHeadNumpy, load_link_head, own_link_head, save_link_head
from models.link_head.model import PRIOR_BIAS, PRIOR_WEIGHT, LinkHead
from tracker.offline.doubt.features import DOUBTS
from tracker.offline.linking.features import FEATURES

CONFIG = LinkHeadConfig(hidden=16, message_size=5, doubt_hidden=7)
EARLIER, LATER, PIECES = np.array([0, 0, 1, 1, 2]), np.array([2, 3, 2, 3, 3]), 5


def a_head(noise: float) -> LinkHead:
    model = LinkHead(9, 6, CONFIG)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.parameters():
            if value.requires_grad:
                value += noise * torch.randn(value.shape, generator=generator)
        model.mean += 0.3
        model.scale *= 1.7
    return model


def numpy_of(model: LinkHead) -> LinkHeadNumpy:
    return LinkHeadNumpy({name: value.numpy() for name, value in model.state_dict().items()}, CONFIG)


def test_numpy_gives_the_log_odds_of_torch() -> None:
    model, random = a_head(0.3), np.random.default_rng(0)
    x, prior = random.normal(size=(5, 9)).astype(np.float32), random.normal(0, 8, 5)
    with torch.no_grad():
        parts = torch.from_numpy(prior.astype(np.float32)), torch.from_numpy(EARLIER), torch.from_numpy(LATER)
        expected = model(torch.from_numpy(x), *parts, PIECES).numpy()
        doubts = random.normal(size=(4, 6)).astype(np.float32)
        right = torch.sigmoid(model.doubt(torch.from_numpy(doubts))).numpy()
    np.testing.assert_allclose(numpy_of(model).logits(x, prior, EARLIER, LATER, PIECES), expected, atol=1e-4)
    np.testing.assert_allclose(numpy_of(model).right(doubts), right, atol=1e-5)


def test_an_untrained_head_gives_the_prior() -> None:
    x, prior = np.ones((5, 9), np.float32), np.linspace(-30, 30, 5)
    found = numpy_of(a_head(0.0)).logits(x, prior, EARLIER, LATER, PIECES)
    np.testing.assert_allclose(found, PRIOR_WEIGHT * np.clip(prior, -20, 20) + PRIOR_BIAS, atol=1e-5)


def test_the_order_of_the_links_does_not_matter() -> None:
    head, random = numpy_of(a_head(0.3)), np.random.default_rng(2)
    x, prior, order = random.normal(size=(5, 9)).astype(np.float32), random.normal(0, 5, 5), random.permutation(5)
    found = head.logits(x, prior, EARLIER, LATER, PIECES)
    shuffled = head.logits(x[order], prior[order], EARLIER[order], LATER[order], PIECES)
    np.testing.assert_allclose(shuffled, found[order], atol=1e-5)


def test_a_competing_link_changes_the_log_odds() -> None:
    head = numpy_of(a_head(0.3))
    x, prior = np.zeros((2, 9), np.float32), np.array([3.0, 3.0])
    alone = head.logits(x[:1], prior[:1], EARLIER[:1], LATER[:1], PIECES)
    beside = head.logits(x, prior, np.array([0, 1]), np.array([2, 2]), PIECES)
    assert abs(alone[0] - beside[0]) > 1e-3


def test_no_links_have_no_log_odds() -> None:
    none = np.zeros(0, np.int64)
    assert len(own_link_head().logits(np.zeros((0, FEATURES), np.float32), np.zeros(0), none, none, 3)) == 0


def test_the_package_s_head_fits_the_features_and_is_small() -> None:
    head = own_link_head()
    assert (head.features, head.doubts) == (FEATURES, DOUBTS)
    assert sum(value.size for value in head.weights.values()) <= 50_000


def test_a_saved_head_is_the_same_and_another_file_is_refused(tmp_path: Path) -> None:
    head = numpy_of(a_head(0.3))
    save_link_head(tmp_path / "a.safetensors", head.weights, CONFIG, {})
    again = load_link_head(tmp_path / "a.safetensors")
    assert again.config == CONFIG
    assert all((again.weights[name] == value).all() for name, value in head.weights.items())
    with pytest.raises(WeightsError, match="a link head"):
        load_link_head(tmp_path / "b.safetensors")
