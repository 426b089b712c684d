"""`liquidtrack bench annotate-speed`: how fast the annotation page is, and how much memory its server takes."""

from __future__ import annotations

import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ConfigError
from models.extras import require
from models.runtime.compute import usable_cores
from tools.benchmark.annotate_browser import TimedPage, headless
from tools.benchmark.annotate_film import RATE, make_film, make_large_project
from tools.benchmark.config.annotate_speed import BenchAnnotateSpeedConfig
from tools.reporting.files import write_report

MEGABYTE = 1_000_000
PAUSE_MS = 150  # between two steps: a person who looks at each frame
QUEUE_PATIENCE_S = 300.0
AIMS = {  # milliseconds, megabytes: what issue 27 asks for
    "open": 2000, "step forwards": 50, "step backwards": 100, "seek": 400, "operation": 100, "memory": 1000,
}  # fmt: skip


def bench_annotate_speed(config: BenchAnnotateSpeedConfig) -> None:
    """Print the figures beside their aims.

    Raises:
        ConfigError: there is no browser, or no server on this system whose memory can be read.
    """
    require("bench annotate-speed", "playwright", "starlette", "uvicorn", "websockets")
    if not Path("/proc/self/status").exists():
        raise ConfigError("the server's memory is read from /proc, which this system has not; use Linux.")
    film, project = _material(config)
    with _serving(film, project) as server, headless(config.browser) as page:
        figures = _measure(config, server, page)
    for name, figure in figures.items():
        print(f"{name:24} {figure['median']:8.0f} {figure['most']:8.0f} {figure['unit']}, aim {figure['aim'] or '-'}")
    if config.json is not None:
        film_says = {"bytes": film.stat().st_size, "size": [config.width, config.height], "hours": config.hours}
        report = {
            "machine": machine(), "film": {**film_says, "key_distance": config.key_distance},
            "tracks": config.tracks, "boxes": round(config.hours * 3600 * RATE) * config.tracks, "figures": figures,
        }  # fmt: skip
        write_report(config.json, json.dumps(report, indent=1))


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"cpu": cpu, "cores": usable_cores(), "system": platform.platform(), "python": platform.python_version(),
            "load": round(os.getloadavg()[0], 1)}  # fmt: skip


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _material(config: BenchAnnotateSpeedConfig) -> tuple[Path, Path]:
    """The film and its project, made where they are not there."""
    config.out.mkdir(parents=True, exist_ok=True)
    size = f"{config.hours:g}h-{config.width}x{config.height}-{config.key_distance}"
    film = config.out / f"film-{size}.mp4"
    project = config.out / f"film-{size}-{config.tracks}.liquidtrack"
    if not film.exists():
        part = film.with_suffix(".part.mp4")
        make_film(part, 3600 * config.hours, (config.width, config.height), config.key_distance)
        part.replace(film)
    if not project.exists():
        part = project.with_suffix(".part")
        part.unlink(missing_ok=True)
        make_large_project(part, film, config.tracks)
        part.replace(project)
    return film, project


class _Server:
    """The server at work: its address, and the memory that it takes."""

    def __init__(self, film: Path, project: Path) -> None:
        command = [sys.executable, "-m", "tools.cli.main", "annotate", film, "--project", project]
        began = time.perf_counter()
        words = [*map(str, command), "--no-browser", "--quiet", "--detector", "none"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        self.open_ms = 1000 * (time.perf_counter() - began)
        if not self.address.startswith("http"):
            raise ConfigError("the server ended at once; see what it said above.")

    def memory(self, name: str) -> float:
        """Megabytes: "VmHWM" the most so far, "VmRSS" now."""
        for line in _lines(f"/proc/{self.process.pid}/status"):
            if line.startswith(name):
                return int(line.split()[1]) * 1024 / MEGABYTE
        raise ConfigError("the server ended before its memory was read; see what it said above.")


@contextmanager
def _serving(film: Path, project: Path) -> Iterator[_Server]:
    server = _Server(film, project)
    try:
        yield server
    finally:
        server.process.send_signal(signal.SIGINT)
        try:
            server.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
        assert server.process.stdout is not None
        server.process.stdout.close()


def _measure(config: BenchAnnotateSpeedConfig, server: _Server, page: TimedPage) -> dict[str, Any]:
    frames = round(config.hours * 3600 * RATE)
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    page.open(server.address)
    figures = {
        "start of the server": _figure("open", [server.open_ms]),
        "page to first picture": _figure("open", [1000 * (time.perf_counter() - began)]),
    }
    middle = frames // 2
    page.go([middle], 0)
    figures["step forwards"] = _figure(
        "step forwards", page.go([middle + k for k in range(1, config.steps + 1)], PAUSE_MS)
    )
    last = middle + config.steps
    back = [last - k for k in range(1, config.steps + 1)]
    figures["step backwards"] = _figure("step backwards", page.go(back, PAUSE_MS))
    page.go([frames // 5], 0)
    figures["back into the unseen"] = _figure(
        "step backwards", page.go([frames // 5 - k for k in range(1, config.steps + 1)], PAUSE_MS)
    )
    jumps = rng.integers(0, frames, config.seeks).tolist()
    figures["seek"] = _figure("seek", page.go(jumps, 2 * PAUSE_MS))
    late = [k * config.key_distance - 1 for k in rng.integers(1, frames // config.key_distance, config.seeks).tolist()]
    figures["seek before a key frame"] = _figure("seek", page.go(late, 2 * PAUSE_MS))
    figures["memory after stepping"] = _figure("memory", [server.memory("VmHWM")])
    bodies = [
        {"kind": "move", "parameters": {"track": 1 + k, "frame": int(frame), "xyxy": [10, 10, 90, 190]}}
        for k, frame in enumerate(rng.integers(0, frames, min(10, config.tracks)).tolist())
    ]
    bodies.append({"kind": "swap", "parameters": {"track": 1, "other": config.tracks, "frame": middle}})
    figures["operation"] = _figure("operation", page.operate(bodies))
    _look_at_all(config, page)
    figures["memory"] = _figure("memory", [server.memory("VmHWM")])
    figures["memory now"] = _figure("memory", [server.memory("VmRSS")])
    page.undo(len(bodies))
    return figures


def _look_at_all(config: BenchAnnotateSpeedConfig, page: TimedPage) -> None:
    """Asks for all that the page can show of all tracks: lanes, counts, doubts."""
    for first in range(1, config.tracks + 1, 50):
        page.ask(f"api/lanes?tracks={','.join(map(str, range(first, min(first + 50, config.tracks + 1))))}")
    page.ask("api/statistics")
    end = time.monotonic() + QUEUE_PATIENCE_S
    while time.monotonic() < end:
        status, text = page.ask("api/queue?limit=60&frame=0")
        answer = json.loads(text)
        if status != 200 or answer.get("counted") == answer.get("parts"):
            return
        time.sleep(1.0)


def _figure(aim: str, values: list[float]) -> dict[str, Any]:
    return {
        "median": round(statistics.median(values), 1), "most": round(max(values), 1), "count": len(values),
        "unit": "MB" if aim == "memory" else "ms", "aim": AIMS[aim],
    }  # fmt: skip
