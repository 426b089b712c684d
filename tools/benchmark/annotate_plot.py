"""The plot of `liquidtrack bench annotate`: IDF1 and HOTA against the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.reporting.plots import pyplot, save


def plot(minutes: float, curves: Mapping[str, Sequence[tuple[int, int, float, float]]], path: Path) -> None:
    """Two panels: IDF1 and HOTA against clicks for a minute of object.

    Args:
        minutes: minutes of object.
        curves: by name: (operations, clicks, HOTA, IDF1) of each point.
        path: the file to write.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    figure, axes = pyplot().subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for axis, column, label in ((axes[0], 3, "IDF1"), (axes[1], 2, "HOTA")):
        for name, points in curves.items():
            x = [point[1] / minutes for point in points]
            axis.plot(x, [point[column] for point in points], marker="o", markersize=3, label=name)
        axis.set(xscale="symlog", xlabel="clicks for a minute of object", ylabel=f"{label}, percent")
        axis.set_xlim(left=0)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize="small")
    save(figure, path)
