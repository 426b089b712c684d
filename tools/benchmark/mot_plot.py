"""The plot of `liquidtrack bench mot`: HOTA against the mean time between frames, a line for each entrant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.timeline import read_seqinfo
from datasets.subsampling.sequences import is_even, thin_indices
from tools.reporting.plots import pyplot, save
from tools.track.sequences import find_sequences

TIMED = "+t"  # baselines that get the true times
MARKERS = {"drop70": "v", "jitter": "D", "bursty": "s"}  # marker of uneven times; even times are dots


def mean_interval(root: Path, profile: str, seeds: Sequence[int]) -> float:
    """Mean time between kept frames in seconds, over all sequences under `root` and all seeds.

    Raises:
        DataError: there is no sequence, or one has no readable seqinfo.ini.
    """
    seconds, steps = 0.0, 0
    for folder in find_sequences(root):
        clock = read_seqinfo(folder / "seqinfo.ini")
        rate = clock.rate or 1.0
        for seed in seeds:
            kept = thin_indices(len(clock.frames), rate, profile, folder.name, seed)
            seconds += float(kept[-1] - kept[0]) / rate
            steps += len(kept) - 1
    return seconds / max(steps, 1)


def plot(hota: Mapping[str, Mapping[str, float]], interval: Mapping[str, float], path: Path) -> None:
    """Plot the HOTA of every entrant and profile in percent at the mean interval of the profile in seconds.

    Profiles of even times are joined by a line. Profiles of uneven times have a separate marker.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(8.5, 5), layout="constrained")
    even = sorted((p for p in interval if is_even(p)), key=lambda p: interval[p])
    uneven = [p for p in interval if not is_even(p)]
    colours = _colours(list(hota), plt)
    for name, values in hota.items():
        colour, timed = colours[name], name.endswith(TIMED)
        style = {"color": colour, "linewidth": 2 if _ours(name) else 1.2, "linestyle": ":" if timed else "-"}
        face = "white" if timed else colour
        axes.plot(
            [interval[p] for p in even], [values[p] for p in even], marker="o", markersize=5,
            markerfacecolor=face, label=name, **style,
        )  # fmt: skip
        for p in uneven:
            axes.plot(
                interval[p], values[p], MARKERS.get(p, "^"), color=colour, markersize=8, markerfacecolor=face,
                markeredgewidth=1.3, zorder=3,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks([interval[p] for p in even], [f"{1000 * interval[p]:.0f} ms\n{p}" for p in even])
    top = max(v for values in hota.values() for v in values.values())
    for p in uneven:
        axes.axvline(interval[p], color="0.85", linewidth=0.8, zorder=0)
    axes.set(xlabel="mean time between frames", ylabel="HOTA, percent", title="What is left when frames are missing")
    axes.set_ylim(top=top + 1.5)
    axes.grid(axis="y", alpha=0.3)
    entrants = axes.legend(title="even times" if uneven else None, loc="upper left", bbox_to_anchor=(1.01, 1))
    if uneven:
        axes.add_artist(entrants)
        handles = [
            plt.Line2D([], [], color="0.3", linestyle="", marker=MARKERS.get(p, "^"), markersize=8,
                       label=f"{p}, {1000 * interval[p]:.0f} ms") for p in uneven
        ]  # fmt: skip
        axes.legend(handles=handles, title="uneven times", loc="lower left", bbox_to_anchor=(1.01, 0))
    save(figure, path)


def _ours(name: str) -> bool:
    return name.split(" ")[0].partition(":")[0] in ("kalman", "liquid")


def _colours(names: list[str], plt: Any) -> dict[str, Any]:
    """A colour for each entrant; a baseline has the same colour with and without times."""
    plain = list(dict.fromkeys(name.removesuffix(TIMED) for name in names))
    wheel = plt.get_cmap("tab10")
    return {name: wheel(plain.index(name.removesuffix(TIMED)) % 10) for name in names}


def means(figures: Mapping[str, Mapping[str, Sequence[Any]]]) -> dict[str, dict[str, float]]:
    """The mean HOTA over seeds, by entrant and profile."""
    return {
        name: {p: float(np.mean([e.combined.hota for e in found])) for p, found in of.items()}
        for name, of in figures.items()
    }
