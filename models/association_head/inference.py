"""The association head in NumPy: the same network as `model.AssociationHead`, without torch; float32 inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association_head.built_in import head_path
from models.association_head.config import HeadConfig
from models.association_head.shapes import head_inputs, head_shapes
from models.liquid.inference import cfc, leaky_cfc, sigmoid
from models.runtime.arrays import Float32
from models.runtime.weight_files import check_shapes, read_checksummed, write_checksummed

Index = NDArray[np.int64]
MAX_LOGIT = np.float32(15.0)  # `model.MAX_LOGIT`
MAX_TIME = np.float32(1e6)  # time units; `liquid.cell.MAX_TIME`
NOTHING: Float32 = np.zeros((0, 2), np.float32)
FORMAT = "liquidtrack-head-4"
HOW = "train one with `liquidtrack train association`"


class HeadNumpy:
    """The head's step, query and log-odds over NumPy arrays: N tracks, K pairs, float32; shapes as in `model`."""

    def __init__(self, weights: dict[str, Float32], config: HeadConfig) -> None:
        self.config = config
        self.inputs, self.features = head_inputs(weights, config), weights["first.weight"].shape[1] - config.query_size
        self._w = w = {name: np.asarray(value, np.float32) for name, value in weights.items()}
        self._blocks = []
        inner = "cell.cell" if config.cell == "mixed-cfc" else "cell"
        for k in range(sum(name.endswith(".sign") for name in w)):
            weight, mask, sign, bias = (w[f"{inner}.blocks.{k}.{part}"] for part in ("weight", "mask", "sign", "bias"))
            directed = weight[:2] * (mask - abs(sign)) + abs(weight[:2]) * sign
            both = np.concatenate([directed, weight[2:] * mask])
            self._blocks.append((both.reshape(-1, both.shape[2]).T.copy(), bias.ravel()))

    def weights(self) -> dict[str, Float32]:
        """Every array by its name in `model.AssociationHead`."""
        return dict(self._w)

    def step(self, x: Float32, h: Float32, dt: Float32) -> Float32:
        """The states (N, state) after a match."""
        t = np.minimum(dt / np.float32(self.config.time_unit), MAX_TIME)[:, None]
        match self.config.cell:
            case "cfc-leaky":
                return self._leaky(x, h, t)
            case "cfc":
                return self._cfc(x, h, t)
            case "mixed-cfc":
                return self._mixed(x, h, t)
            case "gru-dt":
                return self._gru(x, h, t)
        return h

    def _leaky(self, x: Float32, h: Float32, t: Float32) -> Float32:
        weight, bias = self._w["cell.blocks.0.weight"], self._w["cell.blocks.0.bias"]
        heard = np.concatenate([x, h], 1) @ weight.reshape(-1, weight.shape[2]).T + bias.ravel()
        return leaky_cfc(heard, h, t)

    def _cfc(self, x: Float32, h: Float32, t: Float32) -> Float32:
        # one array for all layers: the inputs, then the neurons, overwritten with their new states layer by layer
        heard, at = np.concatenate([x, h], 1), x.shape[1]
        for weight, bias in self._blocks:
            new = cfc(heard @ weight + bias, t)
            heard[:, at : at + new.shape[1]] = new
            at += new.shape[1]
        return heard[:, x.shape[1] :]

    def _mixed(self, x: Float32, h: Float32, t: Float32) -> Float32:
        w, units = self._w, self.config.units
        h, c = h[:, :units], h[:, units:]
        gates = x @ w["cell.drive.weight"].T + w["cell.drive.bias"] + h @ w["cell.recur.weight"].T
        u, i, f, o = np.split(gates, 4, axis=1)
        fade = np.exp(-t * np.logaddexp(w["cell.rate"], np.float32(0)))
        c = sigmoid(f + np.float32(1)) * fade * c + sigmoid(i) * np.tanh(u)
        return np.concatenate([self._cfc(x, sigmoid(o) * np.tanh(c), t), c], 1)

    def _gru(self, x: Float32, h: Float32, t: Float32) -> Float32:
        w = self._w
        told = np.concatenate([x, np.log1p(t)], 1) @ w["cell.cell.weight_ih"].T + w["cell.cell.bias_ih"]
        kept = h @ w["cell.cell.weight_hh"].T + w["cell.cell.bias_hh"]
        (r, z, n), (own_r, own_z, own_n) = np.split(told, 3, axis=1), np.split(kept, 3, axis=1)
        new = np.tanh(n + sigmoid(r + own_r) * own_n)
        y: Float32 = new + sigmoid(z + own_z) * (h - new)
        return y

    def query(self, h: Float32, elapsed: Float32) -> tuple[Float32, Float32]:
        """The code (N, Q) and the corrections (N, 9)."""
        flow, n = self._linear("flow", h[:, : self.config.units]), self.config.query_size
        both, a, b = np.tanh(flow[:, : 2 * n]), flow[:, 2 * n : 3 * n], flow[:, 3 * n :]
        if self.config.slowing:
            elapsed = self.config.slowing * np.log1p(elapsed / np.float32(self.config.slowing))
        rate: Float32 = np.log1p(np.exp(-abs(a))) + np.maximum(a, 0)  # softplus
        s = sigmoid(b - rate * elapsed[:, None])
        code = s * both[:, :n] + (1 - s) * both[:, n:]
        return code, self._linear("readout", code)

    def logits(
        self,
        features: Float32,
        base: Float32,
        gap: Float32,
        code: Float32,
        at: tuple[Index, Index],
        known: Float32 = NOTHING,
    ) -> Float32:
        """(K,) log-odds of the pairs of one frame.

        Args:
            features: (K, features).
            base: (K,).
            gap: (K, 2).
            code: (N, Q) query codes of the tracks, not of the pairs.
            at: (K,) indices of each pair's track and detection.
            known: (S, 2) gaps of the frame's unambiguous matches, which are not among the pairs.
        """
        (row, column), w, split = at, self._w, features.shape[1]
        # (columns, K) internally: NumPy's inner loops then run over all pairs
        told = w["first.weight"][:, split:] @ code.T + w["first.bias"][:, None]
        x = w["first.weight"][:, :split] @ features.T + told.take(row, 1)
        out = self._layer("judge", np.maximum(self._layer("second", np.maximum(x, 0)), 0))
        z, word = base + out[0], np.tanh(out[1:])
        rivals, shift, count = _CompetingPairs(row, column), known.sum(0), np.float32(len(known) + 0.1)
        for k in range(self.config.message_rounds):
            c = np.minimum(np.maximum(z, -MAX_LOGIT), MAX_LOGIT)
            sums, bests = rivals(c)
            sure = np.exp(2 * c - sums[0] - sums[1])
            with np.errstate(invalid="ignore"):  # OpenBLAS computes beyond short vectors, and may flag what it drops
                mean = (gap.T @ sure + shift) / (sure.sum() + count)
            numbers = np.concatenate([c[None], sums, bests]) / 4
            heard = np.concatenate([numbers, np.arcsinh(4 * (gap.T - mean[:, None])) / 2, word])
            out = self._layer(f"revise.{k}", np.maximum(self._layer(f"listen.{k}", heard), 0))
            z, word = z + out[0], word + out[1:]
        return np.asarray(z, np.float32)

    def _layer(self, name: str, x: Float32) -> Float32:
        y: Float32 = self._w[f"{name}.weight"] @ x
        y += self._w[f"{name}.bias"][:, None]
        return y

    def _linear(self, name: str, x: Float32) -> Float32:
        y: Float32 = x @ self._w[f"{name}.weight"].T + self._w[f"{name}.bias"]
        return y


def save_head(path: Path, weights: dict[str, Float32], config: HeadConfig, card: dict[str, str]) -> None:
    """Writes a safetensors file that holds the weights, the config, their sha256 and the model card."""
    write_checksummed(path, weights, config, FORMAT, card)


def load_head(path: Path, kind: type[HeadNumpy] = HeadNumpy) -> HeadNumpy:
    """The head in a file of `save_head`, or that of the package with this name, as a `kind` of head.

    Raises:
        WeightsError: the file is missing, damaged, no head, or of another version.
    """
    path = head_path(path)
    weights, config = read_checksummed(path, HeadConfig, FORMAT, "a head", HOW)
    first = weights["first.weight"].shape if "first.weight" in weights else ()
    features = max(0, first[1] - config.query_size) if len(first) == 2 else 0
    check_shapes(path, weights, head_shapes(config, head_inputs(weights, config), features), HOW)
    return kind(weights, config)


class _CompetingPairs:
    """The competing pairs of K pairs: those of the same row and those of the same column, computed together."""

    def __init__(self, row: Index, column: Index) -> None:
        rows = int(row.max(initial=-1)) + 1
        self._group = np.concatenate([row, column + rows])
        self._n = rows + int(column.max(initial=-1)) + 1

    def __call__(self, z: Float32) -> tuple[Float32, Float32]:
        """(2, K) log(1 + sum exp) over each pair's row and column, (2, K) best competitor; "no match" counts as 0."""
        group, n = self._group, self._n
        both = np.concatenate([z, z])
        total = np.log1p(np.bincount(group, np.exp(both), n)).astype(np.float32)
        return total.take(group).reshape(2, -1), best_of_others(both, group, n).reshape(2, -1)


def best_of_others(values: NDArray[Any], group: Index, groups: int) -> NDArray[Any]:
    """(K,) the largest value of the other elements in each group, at least 0; ties for first get the next lower."""
    best, second = np.zeros((2, groups), values.dtype)
    np.maximum.at(best, group, values)
    top = values >= best.take(group)
    np.maximum.at(second, group, np.where(top, values.dtype.type(0), values))
    others: NDArray[Any] = np.where(top, second.take(group), best.take(group))
    return others
