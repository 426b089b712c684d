"""Simulated embeddings have the similarities of the real ones that the module names."""

from __future__ import annotations

import numpy as np

from datasets.simulation.embeddings import DIM, SimulatedEmbeddings
from tracker.appearance.track_embedding import similarity, update_embedding

NUMBERS = np.arange(8)
APART = np.column_stack([90.0 * NUMBERS, 0 * NUMBERS, 90.0 * NUMBERS + 40, 0 * NUMBERS + 100])


def test_simulated_similarities_match_real_clips() -> None:
    own, others = [], []
    for seed in range(30):
        looks, memory = SimulatedEmbeddings(np.random.default_rng(seed)), np.zeros((8, DIM), np.float32)
        for k in range(30):
            seen = looks.at(NUMBERS, APART, k / 10)
            np.testing.assert_allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-6)
            if k >= 10:
                i, j = np.divmod(np.arange(64), 8)
                alike = similarity(memory, seen, i, j)
                own += alike[i == j].tolist()
                others += alike[i != j].tolist()
            memory = update_embedding(memory, seen, np.full(8, 0.1), np.full(8, 0.8))
    assert 0.55 < np.mean(own) < 0.72
    assert -0.15 < np.mean(others) < 0.0
    assert 0.1 < np.std(own) < 0.2
    assert 0.15 < np.std(others) < 0.25


def test_occluded_object_embedding_resembles_its_occluder() -> None:
    one = np.array([[0.0, 0, 40, 100], [0, 5, 40, 105]])  # the second stands nearer and hides the first almost whole
    hidden = []
    for seed in range(40):
        looks = SimulatedEmbeddings(np.random.default_rng(seed))
        first, second = looks.at(np.array([0, 1]), one, 0.0)
        alone = looks.at(np.array([1]), one[1:], 0.01)[0]
        hidden.append((first @ alone, second @ alone))
    like_first, like_second = np.mean(hidden, axis=0)
    assert like_first > 0.8 * like_second > 0.3


def test_clutter_embeddings_are_mutually_dissimilar() -> None:
    looks = SimulatedEmbeddings(np.random.default_rng(0))
    seen = np.concatenate([looks.at(np.array([-1]), APART[:1], k / 10) for k in range(20)])
    assert abs((seen @ seen.T)[np.triu_indices(20, 1)]).mean() < 0.3
