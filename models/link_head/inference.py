"""The link head in NumPy: the same network as `model.LinkHead`, without torch; float32 inside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.link_head.config import LinkHeadConfig
from models.link_head.shapes import link_head_shapes
from models.runtime.arrays import Float32, Float64
from models.runtime.maths import expit
from models.runtime.weight_files import check_shapes, read_checksummed, write_checksummed

Index = NDArray[np.int64]
MAX_LOGIT, MAX_PRIOR = np.float32(15.0), np.float32(20.0)  # as in `model`
BLOCK = 65_536  # finished links at once, of which an hour has two million
FORMAT = "liquidtrack-link-head-1"
HOW = "train one with `liquidtrack train links`"
WEIGHTS = Path(__file__).parents[1] / "weights" / "links.safetensors"


@dataclass(frozen=True, eq=False, slots=True)
class LinkHeadNumpy:
    """The head's log-odds over NumPy arrays.

    Attributes:
        weights: every array by its name in `model.LinkHead`.
        config: its sizes.
    """

    weights: dict[str, Float32]
    config: LinkHeadConfig

    @property
    def features(self) -> int:
        """Number of features a link."""
        return len(self.weights["mean"])

    @property
    def doubts(self) -> int:
        """Number of features of a finished link."""
        return len(self.weights["doubt.mean"])

    def logits(self, features: Float32, prior: Float64, earlier: Index, later: Index, pieces: int) -> Float64:
        """(K,) log-odds of K links; the arguments are those of `model.LinkHead.forward`."""
        w = self.weights
        x = np.maximum(self._layer("first", (features - w["mean"]) / w["scale"]), 0)
        out = self._layer("judge", np.maximum(self._layer("second", x), 0))
        told = np.clip(prior.astype(np.float32), -MAX_PRIOR, MAX_PRIOR)
        z = w["base"][0] * told + w["base"][1] + out[:, 0]
        word = np.tanh(out[:, 1:])
        for k in range(self.config.message_rounds):
            c = np.clip(z, -MAX_LOGIT, MAX_LOGIT)
            end_sum, end_best, end_word = _competing(c, word, earlier, pieces)
            start_sum, start_best, start_word = _competing(c, word, later, pieces)
            numbers = np.stack([c, end_sum, start_sum, end_best, start_best], 1) / np.float32(4)
            heard = np.concatenate([numbers, word, end_word, start_word], 1)
            out = self._layer(f"revise.{k}", np.maximum(self._layer(f"listen.{k}", heard), 0))
            z, word = z + out[:, 0], word + out[:, 1:]
        return np.asarray(z, np.float64)

    def right(self, features: Float32) -> Float64:
        """(L,) probability that each link of a finished track is right, of its features (L, doubts)."""
        parts = [self._doubt(features[k : k + BLOCK]) for k in range(0, len(features), BLOCK)]
        odds = np.concatenate([np.zeros(0, np.float32), *parts]).astype(np.float64)
        return expit(odds)

    def _doubt(self, features: Float32) -> Float32:
        w = self.weights
        x = np.maximum(self._layer("doubt.first", (features - w["doubt.mean"]) / w["doubt.scale"]), 0)
        return self._layer("doubt.judge", np.maximum(self._layer("doubt.second", x), 0))[:, 0]

    def _layer(self, name: str, x: Float32) -> Float32:
        y: Float32 = x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return y


def _competing(z: Float32, word: Float32, group: Index, n: int) -> tuple[Float32, Float32, Float32]:
    weight = np.exp(z)
    total = np.bincount(group, weight, n).astype(np.float32)
    best, second = np.zeros((2, n), np.float32)
    np.maximum.at(best, group, z)
    top = z >= best.take(group)
    np.maximum.at(second, group, np.where(top, np.float32(0), z))
    mean = np.stack([np.bincount(group, weight * column, n) for column in word.T], 1) / (1 + total)[:, None]
    others = np.where(top, second.take(group), best.take(group))
    return np.log1p(total).take(group), others, mean.astype(np.float32).take(group, 0)


def save_link_head(path: Path, weights: dict[str, Float32], config: LinkHeadConfig, card: dict[str, str]) -> None:
    """Writes a safetensors file that holds the weights, the config, their sha256 and the model card."""
    write_checksummed(path, weights, config, FORMAT, card)


def load_link_head(path: Path) -> LinkHeadNumpy:
    """The head in a file of `save_link_head`.

    Raises:
        WeightsError: the file is missing, damaged, no link head, or of another version.
    """
    weights, config = read_checksummed(path, LinkHeadConfig, FORMAT, "a link head", HOW)
    check_shapes(
        path, weights, link_head_shapes(config, len(weights.get("mean", ())), len(weights.get("doubt.mean", ()))), HOW
    )
    return LinkHeadNumpy(weights, config)


@cache
def own_link_head() -> LinkHeadNumpy:
    """The head of the package."""
    return load_link_head(WEIGHTS)
