"""`liquidtrack bench startup`: time to the first output, measured from the shell."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from datasets.source_factory import open_source
from models.errors import ConfigError
from tools.benchmark.config.startup_time import BenchStartupConfig
from tools.reporting.files import write_report

LOOK_S = 0.001  # seconds between two checks of the result
PATIENCE_S = 120.0
PROGRAM = (sys.executable, "-m", "tools.cli.main")


def bench_startup(config: BenchStartupConfig) -> None:
    """Print seconds of a bare interpreter, of the help text, and to the first tracked frame in its file.

    Raises:
        LiquidTrackError: the clip cannot be opened or tracked.
    """
    with open_source(str(config.clip)):
        pass  # an invalid clip is reported once, here
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        detections = folder / "det.txt"
        detections.write_text("1,-1,10,10,40,80,0.9\n")
        rounds = [
            {
                "python alone": _whole((sys.executable, "-c", "pass")),
                "--help": _whole((*PROGRAM, "--help")),
                "first tracked frame": _first_frame(config.clip, detections, folder / f"{k}.jsonl"),
            }
            for k in range(config.rounds)
        ]
    figures = {name: min(one[name] for one in rounds) for name in rounds[0]}
    for name, seconds in figures.items():
        print(f"{name:20} {seconds:6.3f} s")
    if config.json is not None:
        write_report(config.json, json.dumps(figures, indent=1))


def _whole(command: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _first_frame(clip: Path, detections: Path, out: Path) -> float:
    """Seconds until `out` holds a header and one frame."""
    command = (*PROGRAM, "track", str(clip), "--detector", f"file:{detections}", "--jsonl", str(out), "--quiet")
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        while not (out.exists() and out.read_bytes().count(b"\n") >= 2):
            if process.poll() is not None or time.perf_counter() - began > PATIENCE_S:
                process.kill()
                said = process.communicate()[1].strip()
                raise ConfigError(f"{clip}: no frame was tracked ({said or 'nothing was said'}); try another clip.")
            time.sleep(LOOK_S)
        return time.perf_counter() - began
    finally:
        process.kill()  # the rest of the clip is not needed
        process.communicate()
