"""The results page about many recordings: processes against threads, and what a million hours cost."""

from __future__ import annotations

from typing import Any

from result_files import read_figures
from result_tables import Page, have, number, table

MILLION_H = 1e6
YEAR_S = 365.25 * 86400
TERABYTE_MB = 1e6


def batch() -> Page | None:
    """What `bench batch` measured."""
    names = [name for name in ("batch-speed", "batch-cost") if have(name)]
    if not names:
        return None
    parts: list[str] = []
    says: list[str] = []
    if "batch-speed" in names:
        _speed(read_figures("batch-speed"), parts, says)
    if "batch-cost" in names:
        _cost(read_figures("batch-cost"), parts, says)
    about = (
        "Short recordings with JSON lines as their only result. CPU seconds are those of all threads, without the "
        "start of a process; they depend little on what else the machine does."
    )
    return Page("batch", "Many recordings", about, tuple(parts), tuple(says), tuple(names))


def _speed(found: dict[str, Any], parts: list[str], says: list[str]) -> None:
    rows = [
        [
            f"{row['height']}p",
            number(row["frames_a_second"]["threads"]),
            number(row["frames_a_second"]["processes"]),
            number(row["ratio"], 2),
            number(row["threads"]["cpu"] / row["threads"]["wall"], 2),
            number(row["processes"]["cpu"] / row["processes"]["wall"], 2),
        ]
        for row in found["rows"]
    ]
    head = [
        "frames/s",
        "one process",
        f"{found['workers']} processes",
        "ratio",
        "cores, one process",
        "cores, processes",
    ]
    parts += [
        f"## Processes against threads\n\n{found['cores']} cores, load {found['load']:.1f} at the start.",
        table(head, rows),
    ]
    first = max(row["processes"]["first"] for row in found["rows"])
    start = max(row["processes"]["start"] for row in found["rows"])
    begin = max(row["processes"]["begin"] for row in found["rows"])
    says.append(
        f"From nothing to the first tracked frame it takes {first:.1f} s ({start:.1f} s of CPU time for the start of a "
        f"process), and in a later recording {begin:.1f} s."
    )


def _cost(found: dict[str, Any], parts: list[str], says: list[str]) -> None:
    rows = []
    for row in found["rows"]:
        seconds = row["cpu_seconds_an_hour"]["processes"]
        output = row["processes"]["output"] * 3600 / row["seconds"]
        rows.append(
            [
                f"`{row['detector'].rpartition('/')[2]}`",
                row["looks"],
                number(seconds, 0),
                number(seconds * MILLION_H / YEAR_S, 0),
                number(output, 0),
                number(output * MILLION_H / TERABYTE_MB, 0),
            ]
        )
    one = found["rows"][0]
    rate = one["frames"] / one["seconds"]
    head = ["detector", "looks", "CPU s an hour", "core years a million hours", "MB an hour", "TB a million hours"]
    what = (
        f"{one['seconds']:.0f} s of {one['height']}p at {rate:.0f} frames/s; {found['cores']} cores, load "
        f"{found['load']:.0f} at the start. MB and TB are those of JSON lines and grow with the number of objects."
    )
    parts += [f"## What a million hours cost\n\n{what}", table(head, rows)]
    full = next(row for row in found["rows"] if row["detector"] == "fused" and row["looks"] == "all")
    years = full["cpu_seconds_an_hour"]["processes"] * MILLION_H / YEAR_S
    says.append(
        f"With `{full['detector']}` at every frame, a million hours are {years:.0f} core years: a month on "
        f"{12 * years:.0f} cores."
    )
    if (dask := found["overhead"].get("dask:1")) is not None:
        local = found["overhead"]["local:1"]
        says.append(
            f"Client and scheduler of Dask take {1000 * dask:.1f} ms of CPU time for a recording, the command with own "
            f"processes {1000 * local:.1f} ms: for a million recordings of an hour that is "
            f"{dask * MILLION_H / 60:.0f} and {local * MILLION_H / 60:.0f} minutes of one core."
        )
    largest = max(row["processes"]["memory"] for row in found["rows"])
    says.append(f"A process takes {largest:.0f} MB of memory at most.")
