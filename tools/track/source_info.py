"""`liquidtrack info SOURCE`: properties of a source, and the regularity of its times.

All times of a recording are read, from the packets alone where there are any. A camera or stream is read for a while.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from itertools import takewhile
from typing import Any

import numpy as np

from datasets.source_factory import open_source
from datasets.sources.live import Live
from models.checks.printable import as_lines
from models.errors import ConfigError
from tools.track.config.source_info import InfoConfig
from tracker.types import Float64

PERCENTILES = (0, 1, 5, 25, 50, 75, 95, 99, 100)
BINS = 12  # most lines of the histogram
BAR = 40  # its longest bar, in characters


def info(config: InfoConfig) -> None:
    """Print the properties of the source.

    Raises:
        LiquidTrackError: the source cannot be opened, or fails while it is read.
    """
    if not (math.isfinite(config.sample) and config.sample > 0):
        raise ConfigError(f"sample is {config.sample}; give seconds above 0.")
    facts = gather(config)
    print(json.dumps(facts, ensure_ascii=False) if config.json else text(facts))


def gather(config: InfoConfig) -> dict[str, Any]:
    """The properties of the source as plain values; times in seconds."""
    reading = config.reading
    with open_source(config.source, reading) as source:
        facts: dict[str, Any] = asdict(source.info)
        del facts["pictures"]  # one name per frame
        if isinstance(source, Live):
            end = config.sample if reading.end is None else min(config.sample, reading.end)
            facts["listened"] = end
            times = np.array([frame.time for frame in takewhile(lambda frame: frame.time < end, source)])
            facts |= {"dropped": source.dropped, "skipped": source.skipped, "reconnects": source.reconnects}
        else:
            times = source.times()
            facts |= source.details()
            facts |= {"frames": len(times), "duration": float(times[-1] - times[0]) if len(times) else None}
    facts["intervals"] = intervals(times)
    return facts


def intervals(times: Float64) -> dict[str, Any] | None:
    """Regularity of `times`, (F,) seconds, increasing; None for fewer than two.

    `share_off` is the share of intervals that differ from the median by more than a tenth, or by more than 1 ms, the
    rounding of files with times in milliseconds.
    """
    steps = np.diff(times)
    if not len(steps):
        return None
    median = float(np.median(steps))
    largest = int(np.argmax(steps))
    return {
        "mean_rate": float(len(steps) / steps.sum()),
        "median": median,
        "mean": float(steps.mean()),
        "deviation": float(steps.std()),
        "percentiles": {str(p): float(v) for p, v in zip(PERCENTILES, np.percentile(steps, PERCENTILES), strict=True)},
        "largest_gap": {"seconds": float(steps[largest]), "after_frame": largest, "at": float(times[largest])},
        "share_off": float((np.abs(steps - median) > max(median / 10, 0.001 + 1e-9)).mean()),
        "histogram": histogram(steps),
    }


def histogram(steps: Float64) -> list[dict[str, Any]]:
    """[{from, to, count}, ...] in seconds: a bin per value where there are few, else bins of equal ratio."""
    values, counts = np.unique(np.round(steps, 4), return_counts=True)
    if len(values) <= BINS:
        return [{"from": float(v), "to": float(v), "count": int(n)} for v, n in zip(values, counts, strict=True)]
    edges = np.geomspace(steps.min(), steps.max(), BINS + 1)
    edges[0], edges[-1] = steps.min(), steps.max()
    counts, _ = np.histogram(steps, edges)
    return [
        {"from": float(low), "to": float(high), "count": int(n)}
        for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def text(facts: dict[str, Any]) -> str:
    """The result of `gather` as readable text."""
    lines = [str(facts["name"])]

    def row(name: str, value: object) -> None:
        lines.append(f"  {name:10} {value}")

    turned = f", turned {facts['rotation']} degrees clockwise" if facts["rotation"] else ""
    row("size", f"{facts['width']}x{facts['height']}{turned}")
    if facts.get("codec"):
        row("codec", f"{facts['codec']} ({facts['pixels']}) in {facts['container']}")
        row("audio", facts["audio"] or "none")
    if facts["rate"] is not None:
        row("rate", f"{facts['rate']:g} frames/s nominal")
    even = facts["intervals"]
    if facts["live"]:
        row("listened", f"{facts['listened']:g} s: {facts['dropped']} frames dropped, {facts['skipped']} skipped")
    else:
        row("frames", facts["frames"])
        if facts["start"]:
            row("start", f"{facts['start']:.6g} s on the file's own clock; times count from the first frame")
        if facts["duration"] is not None:
            row("duration", f"{facts['duration']:.3f} s")
    if facts.get("problem"):
        row("problem", facts["problem"])
    if even is None:
        return as_lines(lines)
    mean = f"{even['mean_rate']:.3f} frames/s on average"
    if even["share_off"] == 0:
        row("times", f"steady, {_ms(even['median'])} apart, {mean}")
    else:
        gap = even["largest_gap"]
        row("times", f"uneven: {100 * even['share_off']:.1f} % are off the median by more than a tenth")
        row("", f"median {_ms(even['median'])}, {mean}")
        row("", f"largest gap {_ms(gap['seconds'])} after frame {gap['after_frame']} ({gap['at']:.3f} s)")
        row("", "below: " + ", ".join(f"{p} % {_ms(even['percentiles'][p])}" for p in ("5", "50", "95", "99")))
    lines += ["", "  interval between frames"]
    most = max(item["count"] for item in even["histogram"])
    for item in even["histogram"]:
        same = item["from"] == item["to"]
        label = _ms(item["from"]) if same else f"{_ms(item['from'])} .. {_ms(item['to'])}"
        lines.append(f"  {label:>22} {item['count']:7} {'#' * math.ceil(BAR * item['count'] / most)}".rstrip())
    return as_lines(lines)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 10 else f"{seconds:.1f} s"
