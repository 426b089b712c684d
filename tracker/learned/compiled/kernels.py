"""The C functions as functions of arrays. N tracks, M observations, K pairs; float64 unless stated.

An argument is copied only where its memory does not lie as C reads it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from models.association_head.inference import HeadNumpy
from models.errors import ConfigError
from tracker.association.costs import Pairs
from tracker.learned.compiled.layout import P_WIDTH
from tracker.learned.compiled.library import load_library
from tracker.motion.base import Observations
from tracker.motion.track_averages import SPANS
from tracker.types import Float32, Float64, Int64

P = ctypes.POINTER(ctypes.c_ubyte)
INT, REAL = ctypes.c_int, ctypes.c_double
ARGUMENTS = {
    "liquid_observe": (INT, P, P, P, P, P, P),
    "liquid_predict": (INT, P, INT, REAL, P, P, P, P, P, P, P),
    "liquid_update": (INT, P, INT, P, P, P, P, REAL, P, P, P, P, P, P),
    "liquid_start": (INT, INT, P, P, P, P, REAL, P, P, P, P, P),
    "liquid_warp": (INT, P, INT, INT, P, P),
    "liquid_near": (INT, P, INT, P, REAL, ctypes.c_int64, P, P),
    "liquid_logits": (ctypes.c_int64, P, P, INT, P, P, P, INT, P, P, P, P, P, P, P, P, P, P),
}
SMALL = 64  # pairs an observation for which there is room at first


class Kernels:
    """The C functions of a head and the filter's constants.

    Args:
        library: of `load_library`.
        head: the association head, with the cell `cfc-leaky` and track statistics.
        modes: (4, C) the filter's time constants, speeds, diffusions and noises, in the order of its coordinates.
    """

    def __init__(self, library: ctypes.CDLL, head: HeadNumpy, modes: Float64) -> None:
        for name, arguments in ARGUMENTS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, ctypes.c_int64 if name == "liquid_near" else None
        c, w = head.config, head.weights()
        rounds = range(c.message_rounds)
        names = ["cell.blocks.0", "flow", "readout", "first", "second", "judge"]
        names += [f"{name}.{k}" for k in rounds for name in ("listen", "revise")]
        heard = w["listen.0.bias"].shape[0] if c.message_rounds else 1
        weights = np.concatenate([w[f"{name}.{part}"].ravel() for name in names for part in ("weight", "bias")])
        sizes = (head.inputs, c.units, c.query_size, head.features, c.hidden, c.message_size, heard, c.message_rounds)
        self._of = head
        self._library, self._query, self._units = library, c.query_size, c.units
        self._modes, self._spans = _numbers(modes), _numbers(SPANS)
        self._head = (
            _at(np.array(sizes, np.int32)),
            _at(np.array([c.time_unit, c.slowing, c.similarity_weight])),
            _at(weights),
        )

    def __deepcopy__(self, memo: object) -> Kernels:
        return self  # it never changes

    def __reduce__(self) -> tuple[Callable[..., Kernels], tuple[HeadNumpy, Float64]]:
        return restored, (self._of, self._modes)

    def observe(self, xyxy: Float64, score: Float64, label: Int64) -> tuple[Float64, Float64, Float64]:
        """(M, 4) coordinates, (M,) crowding and (M,) containment of boxes (M, 4); see `Observations`."""
        m = len(score)
        coordinates, crowding, containment = np.empty((m, 4)), np.empty(m), np.empty(m)
        if m:
            self._library.liquid_observe(
                m, _given(xyxy), _given(score), _whole(label), _at(coordinates), _at(crowding), _at(containment)
            )
        return coordinates, crowding, containment

    def start(self, observations: Observations, weight: Float64, time: float, width: int) -> Float64:
        """(M, width) rows of new tracks; `weight` are the log weights of the filter's modes."""
        m = len(observations.score)
        rows = np.empty((m, width))
        if m:
            seen = (_given(observations.coordinates), _given(observations.score), _crowding(observations))
            self._library.liquid_start(m, width, *seen, _given(weight), time, _at(self._modes), *self._head, _at(rows))
        return rows

    def predict(self, rows: Float64, time: float, scale: Float64) -> tuple[Float64, Float32]:
        """(N, P_WIDTH) predictions, as `layout` says, and (N, Q + 1) float32 codes and waits, of rows (N, width)."""
        n = len(rows)
        predictions, codes = np.empty((n, P_WIDTH)), np.empty((n, self._query + 1), np.float32)
        if n:
            self._library.liquid_predict(
                n,
                _given(rows),
                rows.shape[1],
                time,
                _at(self._modes),
                *self._head,
                _given(scale),
                _at(predictions),
                _at(codes),
            )
        return predictions, codes

    def update(self, rows: Float64, predictions: Float64, observations: Observations, time: float) -> Float64:
        """(N, width) the rows after a match each, of rows (N, width), `predictions` (N, P_WIDTH), and observations."""
        n, new = len(rows), np.empty_like(rows)
        if n:
            seen = (_given(observations.coordinates), _given(observations.score), _crowding(observations))
            self._library.liquid_update(
                n,
                _given(rows),
                rows.shape[1],
                _given(predictions),
                *seen,
                time,
                _at(self._modes),
                _at(self._spans),
                *self._head,
                _at(new),
            )
        return new

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        """(N, width) the rows in the pixels of a frame whose camera has moved by the (2, 3) `affine`."""
        n, new = len(rows), np.empty_like(rows)
        if n:
            self._library.liquid_warp(n, _given(rows), rows.shape[1], self._units, _given(affine), _at(new))
        return new

    def near(self, predictions: Float64, coordinates: Float64, reach: float) -> tuple[Int64, Int64]:
        """(K,) observations j and (K,) tracks i, in that order, within `reach` standard deviations and one height."""
        n, m = len(predictions), len(coordinates)
        most = SMALL * m
        while n and m:
            track, detection = np.empty(most, np.int64), np.empty(most, np.int64)
            count = self._library.liquid_near(
                n, _given(predictions), m, _given(coordinates), reach, most, _at(track), _at(detection)
            )
            if count <= most:
                return detection[:count], track[:count]
            most = count
        none = np.zeros(0, np.int64)
        return none, none

    def logits(self, pairs: Pairs, predictions: Float64, codes: Float32) -> Float64:
        """(K,) log-odds of pairs, as of `Learned.logits`; `predictions` and `codes` as of `predict`."""
        seen, k = pairs.observations, len(pairs.track)
        logits = np.empty(k)
        if k:
            assert seen.containment is not None
            columns = (seen.coordinates, seen.xyxy, seen.score, seen.crowding, seen.containment)
            self._library.liquid_logits(
                k,
                _whole(pairs.track),
                _whole(pairs.detection),
                len(predictions),
                _given(predictions),
                _at(codes),
                _given(pairs.score),
                len(seen.score),
                *[_given(column) for column in columns],
                None if pairs.similarity is None else _given(pairs.similarity),
                *self._head,
                _at(logits),
            )
        return logits


def restored(head: HeadNumpy, modes: Float64) -> Kernels:
    """The kernels of a pickled tracker, in the process that reads it.

    Raises:
        ConfigError: no library was built there.
    """
    library = load_library()
    if library is None:
        raise ConfigError(
            "this tracker runs in C, which is not built on this machine; run `liquidtrack compile` here, or set "
            "LIQUIDTRACK_NUMPY=1 where the tracker is made."
        )
    return Kernels(library, head, modes)


def _at(array: Any) -> ctypes.c_ubyte:
    """The memory of a writable array that is not empty; it keeps the array alive."""
    return ctypes.c_ubyte.from_buffer(array)


def _given(array: Any) -> ctypes.c_ubyte:
    return _at(_numbers(array))


def _numbers(array: Any) -> Float64:
    ready = np.ascontiguousarray(array, np.float64)
    return ready if ready.flags.writeable else ready.copy()


def _whole(array: Int64) -> ctypes.c_ubyte:
    ready = np.ascontiguousarray(array, np.int64)
    return _at(ready if ready.flags.writeable else ready.copy())


def _crowding(observations: Observations) -> ctypes.c_ubyte:
    n = len(observations.score)
    return _given(np.zeros(n) if observations.crowding is None else observations.crowding)
