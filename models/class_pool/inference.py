"""The class pool in NumPy: the same network as `model.ClassPool`, without torch; float32 inside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.class_pool.config import ClassPoolConfig
from models.liquid.inference import cfc, sigmoid
from models.runtime.arrays import Float32
from models.runtime.weight_files import check_shapes, read_checksummed, write_checksummed

FIRST_VIEW_S = np.float32(5.0)  # `model.FIRST_VIEW_S`
INITIAL_KEEP_LOGIT = np.float32(4.0)  # `model.INITIAL_KEEP_LOGIT`
FORMAT = "liquidtrack-class-pool-1"
WEIGHTS = Path(__file__).parents[1] / "weights"
HOW = "train one with `liquidtrack train classification`"


@dataclass(frozen=True, eq=False, slots=True)
class ClassPoolNumpy:
    """The pool's step and probabilities over NumPy arrays (shapes as in `model.ClassPool`).

    Attributes:
        weights: every array by its name in `model.ClassPool`.
        config: its sizes.
    """

    weights: dict[str, Float32]
    config: ClassPoolConfig

    def step(self, e: Float32, quality: Float32, dt: Float32, belief: Float32, h: Float32) -> tuple[Float32, Float32]:
        """The belief (N, K) and the state (N, S) after one view."""
        w = self.weights
        x = self._features(e, quality, dt, self.probability(belief, h))
        seconds = np.asarray(np.where(np.isfinite(dt), np.minimum(dt, FIRST_VIEW_S), FIRST_VIEW_S), np.float32)[:, None]
        z = np.concatenate([x, h], 1)
        weight = w["cell.blocks.0.weight"]
        h = cfc(
            z @ weight.reshape(-1, weight.shape[2]).T + w["cell.blocks.0.bias"].ravel(),
            seconds / np.float32(self.config.time_unit),
        )
        read = np.concatenate([h, x], 1) @ w["read.weight"].T + w["read.bias"]
        weight = self.news(dt)[:, None] * np.logaddexp(read[:, 1:], np.float32(0))
        belief = sigmoid(read[:, :1] + INITIAL_KEEP_LOGIT) * belief
        for kind, said in enumerate(self._evidence(e)):
            belief += weight[:, kind : kind + 1] * said
        return belief, h

    def news(self, dt: Float32) -> Float32:
        """(N,) the share of new evidence in a view `dt` (N,) seconds after the last one."""
        tau, least = self.weights["pace"]
        seen = np.isfinite(dt)
        old = np.exp(-np.where(seen, np.minimum(dt, FIRST_VIEW_S), FIRST_VIEW_S) / np.exp(tau))
        return np.where(seen, 1 - (1 - sigmoid(least)) * old, 1).astype(np.float32)

    def probability(self, belief: Float32, h: Float32) -> Float32:
        """(N, K) class probabilities."""
        z = np.exp(h @ self.weights["trust.weight"].T + self.weights["trust.bias"]) * belief
        return softmax(z)

    def _evidence(self, e: Float32) -> list[Float32]:
        kinds = [e, np.log1p(np.exp(e - self.weights["floor"]))] if self.config.soft else [e]
        return [np.asarray(k - k.mean(axis=1, keepdims=True), np.float32) for k in kinds]

    def _features(self, e: Float32, quality: Float32, dt: Float32, before: Float32) -> Float32:
        first = ~np.isfinite(dt)
        waited = np.where(first, FIRST_VIEW_S, np.minimum(dt, FIRST_VIEW_S))
        told: list[NDArray[Any]] = [quality.T, np.log(waited + np.float32(0.02))[None] / 2, first[None]]
        if self.config.agreement:
            rows, best, leader = np.arange(len(e)), e.argmax(axis=1), before.argmax(axis=1)
            told += [before[rows, best][None], before[rows, leader][None], ((leader == best) & ~first)[None]]
        if self.config.soft:
            p = softmax(e)
            second, top = np.partition(p, -2, axis=1)[:, -2:].T
            doubt = -(p * np.log(p + np.float32(1e-12))).sum(axis=1)
            told += [top[None], np.log(top / (second + np.float32(1e-6)))[None] / 5, doubt[None] / 3]
        return np.asarray(np.concatenate(told).T, np.float32)


def softmax(z: Float32) -> Float32:
    """(N, K) logits -> (N, K) probabilities, row by row."""
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True), np.float32)


def log_softmax(z: Float32) -> Float32:
    """The logarithm of `softmax`."""
    z = z - z.max(axis=1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)), np.float32)


def save_class_pool(path: Path, pool: ClassPoolNumpy, card: dict[str, str]) -> None:
    """Writes a safetensors file that holds the weights, the config, their sha256 and the model card.

    Raises:
        ConfigError: it cannot be written.
    """
    write_checksummed(path, pool.weights, pool.config, FORMAT, card)


def load_class_pool(path: Path) -> ClassPoolNumpy:
    """The pool in a file of `save_class_pool`.

    Raises:
        WeightsError: the file is missing, damaged, no class pool, or of another version.
    """
    weights, c = read_checksummed(path, ClassPoolConfig, FORMAT, "a class pool", HOW)
    width = c.inputs + c.units
    shapes: dict[str, tuple[int, ...]] = {
        "cell.blocks.0.weight": (4, c.units, width),
        "cell.blocks.0.bias": (4, c.units),
        "read.weight": (1 + c.kinds, width),
        "read.bias": (1 + c.kinds,),
        "trust.weight": (1, c.units),
        "trust.bias": (1,),
        "pace": (2,),
    }
    check_shapes(path, weights, shapes | ({"floor": (1,)} if c.soft else {}), HOW)
    return ClassPoolNumpy(weights, c)


@cache
def own_class_pool(name: str) -> ClassPoolNumpy:
    """The package's own pools: `views` for a classifier's probabilities, `labels` for a detector's classes."""
    return load_class_pool(WEIGHTS / f"recognition-{name}.safetensors")
