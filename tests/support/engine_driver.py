"""A command that runs tasks in an engine and is ended from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
SCRIPT = """
import sys
from tests.support.engine_tasks import long
from tools.batch.engines.driver import run_tasks
from tools.batch.engines.opening import open_engine

if __name__ == "__main__":
    with open_engine(sys.argv[2]) as engine:
        list(run_tasks(engine, [sys.argv[1]] * 2, long))
"""


def end_driver(folder: Path, place: str, count: int, number: signal.Signals) -> None:
    """Starts a command, sends it a signal when `count` tasks run, and checks that no process of theirs is left.

    Args:
        folder: empty.
        place: where the tasks run, as `--on` names it.
        count: number of processes.
        number: the signal.
    """
    script, begun = folder / "driver.py", folder / "pids"
    script.write_text(SCRIPT)
    begun.mkdir()
    driver = subprocess.Popen(
        [sys.executable, str(script), str(begun), place],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    try:
        patience = time.monotonic() + PATIENCE_S
        while len(list(begun.iterdir())) < count:
            assert time.monotonic() < patience
            time.sleep(0.05)
        driver.send_signal(number)
        driver.wait(PATIENCE_S)
        assert_gone([int(path.name) for path in begun.iterdir()])
    finally:
        driver.kill()
        driver.wait()


def assert_gone(pids: list[int]) -> None:
    """Waits until these processes have ended."""
    patience = time.monotonic() + PATIENCE_S
    while any(_is_running(pid) for pid in pids):
        assert time.monotonic() < patience, f"still there: {pids}"
        time.sleep(0.05)


def workers_of(driver: int) -> list[int]:
    """The worker processes of a process."""
    found = []
    for thread in Path(f"/proc/{driver}/task").glob("*"):  # each worker is a child of the thread that waits for it
        with contextlib.suppress(OSError):
            for child in (thread / "children").read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
