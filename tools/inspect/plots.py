"""The plots of `liquidtrack inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tools.inspect.findings import Findings
from tools.reporting.plots import pyplot, save

COLOURS = {"inter": "tab:blue", "command": "tab:orange", "motor": "tab:green"}


def time_constants(found: Findings, path: Path) -> None:
    """A line per unit: 10 to 90 % of its time constant over the matches, the median as a dot; response times above."""
    assert found.seconds is not None
    figure, axes = pyplot().subplots(figsize=(8, 7), layout="constrained")
    at = 0
    for layer, units in found.groups().items():
        low, middle, high = np.quantile(found.seconds[:, units], (0.1, 0.5, 0.9), axis=0)
        at = _lines(axes, at, low, middle, high, COLOURS.get(layer, "tab:blue"), layer)
    moving = [column[np.isfinite(column)] for column in found.answers.T]
    spans = np.array([np.quantile(column, (0.1, 0.5, 0.9)) for column in moving if len(column)]).reshape(-1, 3)
    if len(spans):
        _lines(axes, at, spans[:, 0], spans[:, 1], spans[:, 2], "tab:purple", "answer between looks")
    axes.set_xscale("log")
    axes.set(xlabel="seconds: 10 to 90 % of the matches, dot: median", yticks=[])
    axes.set_title(f"Time constants of the {found.cell} state's units and of its answers")
    axes.axvspan(0.033, 2, color="0.93", zorder=0, label="a frame to the life of a track")
    axes.grid(axis="x", alpha=0.3)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.01, 1))
    save(figure, path)


def _lines(axes: Any, at: int, low: Any, middle: Any, high: Any, colour: str, label: str) -> int:
    """Draw lines sorted by their medians from height `at` on; return the next free height, after a gap."""
    order = np.argsort(middle)
    rows = at + np.arange(len(order))
    axes.hlines(rows, low[order], high[order], color=colour, linewidth=2, alpha=0.6)
    axes.plot(middle[order], rows, "o", color=colour, markersize=5, label=label)
    return int(rows[-1]) + 2


def neurons(found: Findings, path: Path) -> None:
    """Two heat maps with a row per unit: its response to each input, and its correlation with each input."""
    plt = pyplot()
    height = max(4.0, 1.8 + 0.2 * len(found.layers))
    figure, both = plt.subplots(1, 2, figsize=(13, height), layout="constrained", sharey=True)
    titles = ("Response: std of the unit for one std of the input", "Correlation of the state with the input")
    columns = ((*found.inputs, "e times dt"), found.inputs)
    limits = (float(np.quantile(abs(found.response), 0.98)), 1.0)
    for axes, title, values, names, limit in zip(
        both, titles, (found.response, found.correlation), columns, limits, strict=True
    ):
        picture = axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_title(title, fontsize=10)
        figure.colorbar(picture, ax=axes, shrink=0.6)
        for units in list(found.groups().values())[1:]:
            axes.axhline(units[0] - 0.5, color="black", linewidth=1.2)
    middles = [float(units.mean()) for units in found.groups().values()]
    both[0].set_yticks(middles, list(found.groups()), rotation=90, va="center")
    save(figure, path)


def pairs(found: Findings, path: Path) -> None:
    """Mean absolute response of the log-odds of a pair to each feature, coloured by the sign of the mean."""
    figure, axes = pyplot().subplots(figsize=(8, 1.5 + 0.24 * len(found.features)), layout="constrained")
    order = np.argsort(found.size)
    colours = np.where(found.slope[order] > 0, "tab:blue", "tab:red")
    axes.barh(range(len(order)), found.size[order], color=colours, alpha=0.5)
    axes.barh(range(len(order)), abs(found.slope[order]), color=colours)
    axes.set_yticks(range(len(order)), [found.features[i] for i in order])
    axes.set_xlabel("change of the log-odds for one std more; pale: mean size, full: size of the mean")
    axes.set_title("What decides a pair in doubt (blue: speaks for it, red: against)")
    axes.grid(axis="x", alpha=0.3)
    save(figure, path)
