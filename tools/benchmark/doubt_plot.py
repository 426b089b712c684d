"""The plot of `liquidtrack bench doubt`: reliability diagrams, and identity changes among the least sure links."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tools.metrics.classification import Reliability
from tools.reporting.plots import pyplot, save
from tracker.types import Float64

FLOOR = 1e-5  # smallest probability that the logarithmic axes show


def plot(
    bins: Mapping[str, Mapping[str, Reliability]],
    curves: Mapping[str, Mapping[str, tuple[Float64, Float64]]],
    path: Path,
) -> None:
    """Two panels for each set.

    Left: the share of wrong decisions against the probability that they are wrong, on logarithmic axes, since nearly
    all decisions are right. Right: the share of the identity changes among the least sure links.

    Args:
        bins: by set and kind of decision.
        curves: by set and kind of decision: shares of the links, and of the identity changes among them.
        path: the file to write.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    figure, axes = pyplot().subplots(len(bins), 2, figsize=(10, 4.5 * len(bins)), layout="constrained", squeeze=False)
    for (left, right), (name, kinds) in zip(axes, bins.items(), strict=True):
        left.plot([FLOOR, 1], [FLOOR, 1], color="0.7", linewidth=0.8)
        for kind, found in kinds.items():
            some = (found.count > 0) & (found.accuracy < 1)  # no mistake has no place on a logarithmic axis
            doubt, wrong = (1 - values[some] for values in (found.confidence, found.accuracy))
            left.plot(np.maximum(doubt, FLOOR), np.maximum(wrong, FLOOR), marker="o", markersize=4, label=kind)
        left.set(xscale="log", yscale="log", xlabel="probability of a wrong decision", ylabel="share of wrong ones")
        left.set_title(f"{name}: reliability")
        for kind, (share, changes) in curves[name].items():
            right.plot(100 * share, 100 * changes, label=kind)
        right.set(xscale="log", xlabel="least sure links, percent", ylabel="identity changes among them, percent")
        right.set_title(f"{name}: identity changes")
        for axis in (left, right):
            axis.grid(alpha=0.3)
            axis.legend(fontsize="small")
    save(figure, path)
