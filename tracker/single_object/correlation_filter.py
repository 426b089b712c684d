"""The correlation filter: object against background, one convolution over frozen features, fitted online.

The filter w minimises  sum_s a_s |x_s * w - y_s|^2 + lambda |w|^2  over a bounded memory of samples x_s, where y_s is
a Gaussian at the object's position. As in ATOM (Danelljan et al., CVPR 2019, section 3.2) it is smaller than the map,
so that every cell around the object is a true example of background, and conjugate gradients continue from the last
solution. Correlations are products of spectra (MOSSE, Bolme et al., CVPR 2010), padded so that nothing wraps around.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.types import Float32, Float64

Complex64 = NDArray[np.complex64]

RIDGE = 0.02  # lambda for each cell of the map; features have a variance of about 1
RESPONSE_STD_CELLS = 0.8  # cells, standard deviation of the target response: 1/10 of the object
MEMORY_S = 2.0  # seconds, time constant of a sample's weight
FIRST_SHARE = 0.3  # share of the weight that the samples of the user's own box keep
FIRST_STEPS, STEPS = 25, 3  # steps of conjugate gradients, from zero and from the last solution
APART = 2  # cells, least distance of two peaks: a quarter of the object
GRAIN = 1e-10  # squared length of a residual that counts as zero


def bump(cells: int, x: float, y: float) -> Float32:
    """(cells, cells) the target response for an object at (x, y), in cells."""
    i = np.arange(cells)
    squares = (i[None, :] - x) ** 2 + (i[:, None] - y) ** 2
    return np.exp(-0.5 * squares / RESPONSE_STD_CELLS**2).astype(np.float32)


class ObjectFilter:
    """A correlation filter and the samples that it is fitted to.

    Args:
        channels: channels of the maps.
        cells: side of the maps.
        shape: (rows, columns) of the filter, odd.
        memory: number of samples that are kept besides the first ones.
        firsts: number of first samples.
    """

    def __init__(self, channels: int, cells: int, shape: tuple[int, int], memory: int, firsts: int) -> None:
        self.cells, self._channels = cells, channels
        self._side = side = cells + max(shape) - 1 + (cells + max(shape) - 1) % 2
        self._half = half = side // 2 + 1
        rows, columns = (np.arange(n) - n // 2 for n in shape)
        # For so few rows the discrete Fourier transform is a matrix product, and so is a part of its inverse.
        self._down = np.exp(-2j * np.pi / side * np.arange(side)[:, None] * rows).astype(np.complex64)
        self._across = np.exp(-2j * np.pi / side * np.arange(half)[:, None] * columns).astype(np.complex64)
        twice = np.full((half, 1), 2.0)  # the other half of the spectrum is the conjugate and is not stored
        twice[[0, -1]] = 1
        self._back = (self._across.conj() * twice / side**2).astype(np.complex64)
        room = memory + firsts
        self._looks = np.zeros((side * half, room, channels), np.complex64)
        self._wanted = np.zeros((room, cells, cells), np.float32)
        self._time = np.zeros(room)
        self._firsts, self._count = firsts, 0
        self._weight = np.zeros(room, np.float32)
        self.filter = np.zeros((channels, *shape), np.float32)
        self._spectrum = self._of_filter(self.filter)

    def spectra(self, maps: Float32) -> Complex64:
        """(..., N, N) -> (..., F) padded spectra."""
        full = np.fft.rfft2(maps, s=(self._side, self._side), axes=(-2, -1)).astype(np.complex64)
        return full.reshape(*maps.shape[:-2], -1)

    def answer(self, looks: Complex64) -> Float32:
        """(B, C, F) spectra of samples -> (B, N, N) response of each cell: ideally 1 at the object, 0 elsewhere."""
        return self._answers(np.ascontiguousarray(looks.transpose(2, 0, 1)), self._spectrum)

    def remember(self, look: Complex64, wanted: Float32, time: float) -> None:
        """Adds a sample at `time` seconds: (C, F) its spectrum, (N, N) its target response. First samples are kept."""
        if self._count < len(self._time):
            at, self._count = self._count, self._count + 1
        else:
            at = self._firsts + int(np.argmin(self._time[self._firsts :]))
        self._looks[:, at], self._wanted[at], self._time[at] = look.T, wanted, time
        age = time - self._time[self._firsts : self._count]
        later = np.exp(-age / MEMORY_S)
        total = later.sum() if len(age) else 0.0
        share = max(FIRST_SHARE, 1 / (1 + total))  # a single new sample has at most the weight of the first ones
        self._weight[: self._firsts] = share / self._firsts
        self._weight[self._firsts : self._count] = later * ((1 - share) / total if total > 0 else 0)

    def solve(self, steps: int = STEPS) -> None:
        """Runs `steps` steps of conjugate gradients towards the best filter for all samples."""
        looks = np.ascontiguousarray(self._looks[:, : self._count])
        weight = self._weight[: self._count, None, None]
        ridge = RIDGE * self.cells**2
        w = self.filter

        def normal(w: Float32) -> Float32:
            return self._gather(looks, weight * self._answers(looks, self._of_filter(w))) + ridge * w

        residual = self._gather(looks, weight * self._wanted[: self._count]) - normal(w)
        direction, length = residual, float((residual * residual).sum())
        for _ in range(steps):
            if length < GRAIN:
                break
            moved = normal(direction)
            step = length / float((direction * moved).sum())
            w, residual = w + step * direction, residual - step * moved
            before, length = length, float((residual * residual).sum())
            direction = residual + length / before * direction
        self.filter = w
        self._spectrum = self._of_filter(w)

    def _of_filter(self, w: Float32) -> Complex64:
        """(C, rows, columns) filter -> (F, C) its spectrum, with its centre at the origin."""
        spectrum: Complex64 = (self._down @ w @ self._across.T).reshape(self._channels, -1).T
        return spectrum

    def _answers(self, looks: Complex64, spectrum: Complex64) -> Float32:
        """(F, B, C) spectra of samples and (F, C) of the filter -> (B, N, N) responses."""
        product = (looks @ spectrum.conj()[:, :, None])[:, :, 0].T.reshape(-1, self._side, self._half)
        full = np.fft.irfft2(product, s=(self._side, self._side), axes=(1, 2))
        return full[:, : self.cells, : self.cells].astype(np.float32)

    def _gather(self, looks: Complex64, errors: Float32) -> Float32:
        """The transpose of `_answers` as a function of the filter: (F, B, C), (B, N, N) -> (C, rows, columns)."""
        errors_f = self.spectra(errors).conj().T[:, :, None]
        product = (looks.transpose(0, 2, 1) @ errors_f)[:, :, 0].T.reshape(self._channels, self._side, self._half)
        inside: Float32 = (self._down.conj().T @ product @ self._back).real
        return inside


def peaks(answer: Float32, most: int) -> tuple[Float64, Float64]:
    """(K, 2) x, y in cells of the highest peaks of (N, N), and (K,) their heights, highest first; at least one.

    Positions between cells follow from the parabola through the neighbours. Peaks are at least `APART` cells apart and
    at least half as high as the highest.
    """
    left = answer.copy()
    places: list[tuple[float, float]] = []
    heights: list[float] = []
    while len(places) < most:
        i, j = (int(k) for k in np.unravel_index(np.argmax(left), left.shape))
        if places and not left[i, j] >= 0.5 * heights[0]:
            break
        places.append((j + _between(answer[i], j), i + _between(answer[:, j], i)))
        heights.append(float(answer[i, j]))
        left[max(i - APART, 0) : i + APART + 1, max(j - APART, 0) : j + APART + 1] = -np.inf
    return np.array(places), np.array(heights)


def _between(line: Float32 | Float64, at: int) -> float:
    if not 0 < at < len(line) - 1:
        return 0.0
    before, here, after = (float(v) for v in line[at - 1 : at + 2])
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
