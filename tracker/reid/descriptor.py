"""Person descriptors: features of a frozen CNN in horizontal stripes, and a metric learned from a few identities.

Stripes from top to bottom separate head, trunk and legs (Sun et al., arXiv:1711.09349, without its training). The
metric is the first half of KISSME (Koestinger et al., CVPR 2012): differences between two images of one person from
two cameras are whitened, so that differences between cameras have little weight.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.backbones.feature_maps import FrozenMaps
from models.errors import DataError, WeightsError
from models.runtime.cache import atomic
from models.runtime.maths import unit
from models.runtime.weight_files import check_shapes, encode, read_arrays
from tracker.types import Float32, Float64, Int64, UInt8

STRIDES = (4, 8, 16)
SIZE = (256, 128)  # height and width to which every image is resized: persons are taller than wide
STRIPES = 8
DIMENSIONS = 200  # principal components in which the metric is learned
RIDGE = 0.2  # share of the mean variance added to each variance: a few identities do not show every variation
EVIDENCE = 8  # columns of evidence in `identify`
FORMAT = "liquidtrack-identity-1"
NONE: Float32 = np.zeros((), np.float32)
HOW = "give a file that `liquidtrack train reid` wrote"


class IdentityFeatures:
    """The frozen CNN on crops of persons (or other objects, all cropped alike); arguments and errors are those of
    `FrozenMaps`.

    Attributes:
        dim: length of an image's features.
    """

    def __init__(self, threads: int = 0, device: str = "auto", weights: str | None = None) -> None:
        self._maps = FrozenMaps(STRIDES, threads, device, weights)
        self.dim = 2 * STRIPES * self._maps.channels

    def __call__(self, bgr: UInt8) -> Float32:
        """(H, W, 3) image -> (2, D), original and mirrored: mean and maximum of each stripe, of all strides."""
        picture = np.asarray(cv2.resize(bgr, SIZE[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
        parts = []
        for one in self._maps([picture, np.ascontiguousarray(picture[:, ::-1])]):
            maps = one.reshape(2, one.shape[1], STRIPES, -1)
            for pooled in (maps.mean(axis=3), maps.max(axis=3)):
                rows: Float32 = pooled.transpose(0, 2, 1).reshape(2, -1).astype(np.float32)
                parts.append(unit(rows))
        return np.asarray(np.concatenate(parts, axis=1), np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class Metric:
    """A linear metric: unit embeddings in which the images of one identity are near each other.

    Attributes:
        mean: (D,) mean of the features.
        axes: (D, E) matrix that multiplies the centred features.
        weights: (8,) weights of the evidence in this metric, see `tracker.reid.open_set`; None where there were too few
            people to learn them.
    """

    mean: Float32
    axes: Float32
    weights: Float64 | None = None

    def __call__(self, features: Float32) -> Float32:
        """(..., 2, D) features of images and their mirror images -> (..., E) of unit length."""
        turned = np.asarray((features - self.mean) @ self.axes, np.float32)
        flat = unit(turned.reshape(-1, turned.shape[-1])).reshape(turned.shape)
        both = np.asarray(flat.sum(axis=-2), np.float32)
        return np.asarray(unit(both.reshape(-1, both.shape[-1])).reshape(both.shape), np.float32)

    def save(self, path: Path, about: dict[str, str]) -> None:
        """Writes the metric, with a description of its training data.

        Raises:
            ConfigError: it cannot be written.
        """
        content = {"mean": self.mean, "axes": np.ascontiguousarray(self.axes)}
        known = {} if self.weights is None else {"identify": json.dumps(self.weights.round(4).tolist())}
        with atomic(path, "free space, or name another file") as part:
            part.write_bytes(encode(content, {"format": FORMAT, "about": json.dumps(about), **known}))


def load_metric(path: Path, features: int | None = None) -> Metric:
    """A metric that `train reid` wrote.

    Args:
        path: the file.
        features: length of the features that it is used with; None for any.

    Raises:
        WeightsError: the file is missing, damaged, of another kind, or for other features.
    """
    arrays, about = read_arrays(path, "an identity metric", HOW)
    if about.get("format") != FORMAT:
        raise WeightsError(f"{path}: is no identity metric; {HOW}.")
    have, shape = arrays.get("mean", NONE).shape, arrays.get("axes", NONE).shape
    if len(have) != 1 or len(shape) != 2 or shape[0] != have[0] or not 1 <= shape[1] <= shape[0]:
        raise WeightsError(f"{path}: holds no mean (D,) and axes (D, E) of a metric; {HOW}.")
    check_shapes(path, arrays, {"mean": have, "axes": shape}, HOW)
    if features not in (None, *have):
        raise WeightsError(
            f"{path}: is a metric of shapes {have} and {shape} where features have {features} "
            "numbers; write one anew with `liquidtrack train reid`."
        )
    mean, axes = arrays["mean"].astype(np.float32), arrays["axes"].astype(np.float32)
    return Metric(mean, axes, _weights(path, about.get("identify")))


def _weights(path: Path, text: str | None) -> Float64 | None:
    if text is None:
        return None
    try:
        weights = np.array(json.loads(text), np.float64)
    except (ValueError, TypeError, RecursionError):
        weights = np.zeros(0)
    if weights.shape != (EVIDENCE,) or not (np.abs(weights) < 1e6).all():
        raise WeightsError(f"{path}: its weights for `identify` are no {EVIDENCE} numbers; {HOW}.")
    return weights


def plain(features: Float32) -> Float32:
    """(..., 2, D) -> (..., D) unit embeddings without a metric."""
    both = np.asarray(features.sum(axis=-2), np.float32)
    return np.asarray(unit(both.reshape(-1, both.shape[-1])).reshape(both.shape), np.float32)


def fit_metric(features: Float32, identity: Int64, camera: Int64) -> Metric:
    """Learns a metric from (N, 2, D) features of images with their identities and cameras.

    Pairs of one identity from two cameras are compared; if no identity has two cameras, all pairs of one identity.

    Raises:
        DataError: no identity has two images.
    """
    flat = features.reshape(-1, features.shape[-1]).astype(np.float64)
    who, where = np.repeat(identity, 2), np.repeat(camera, 2)
    mean = flat.mean(axis=0)
    centred = flat - mean
    # fewer images than dimensions: the components follow from the Gram matrix
    values, vectors = np.linalg.eigh(centred @ centred.T)
    order = np.argsort(-values)[: min(DIMENSIONS, len(flat) - 1)]
    order = order[values[order] > 1e-9 * values.max()]
    components = centred.T @ vectors[:, order] / np.sqrt(values[order])
    z = centred @ components
    differences = []
    across = any(len(np.unique(camera[identity == k])) > 1 for k in np.unique(identity))
    for k in np.unique(who):
        rows, seen = z[who == k], where[who == k]
        i, j = np.triu_indices(len(rows), 1)
        wanted = seen[i] != seen[j] if across else np.ones(len(i), bool)
        differences.append(rows[i[wanted]] - rows[j[wanted]])
    d = np.concatenate(differences) if differences else z[:0]
    if len(np.unique(identity)) == len(identity) or not len(d):
        raise DataError("no identity has two pictures; give several pictures of each, best from two cameras.")
    spread = d.T @ d / (2 * len(d))
    spread += RIDGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    within, turn = np.linalg.eigh(spread)
    return Metric(mean.astype(np.float32), (components @ (turn / np.sqrt(within))).astype(np.float32))
