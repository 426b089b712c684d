"""How many processes a machine takes, and what each of them gets: threads, memory, GPUs."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass
from pathlib import Path

from models.errors import ConfigError
from models.runtime.compute import usable_cores
from tools.batch.engines.types import TaskNeeds

TASK_MEMORY = 1 << 30  # bytes of one task where nothing is known
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Placement:
    """The processes of one machine.

    Attributes:
        workers: number of processes.
        threads: CPU threads of each.
        gpus: CUDA_VISIBLE_DEVICES of each; empty where tasks need none.
        memory: bytes that are there for all of them.
    """

    workers: int
    threads: int
    gpus: tuple[str, ...]
    memory: int


def place_tasks(workers: int, needs: TaskNeeds) -> Placement:
    """The processes for tasks of these needs.

    Args:
        workers: number of processes; 0: as many as the machine takes.
        needs: of one task.

    Raises:
        ConfigError: not even one task fits; or `workers` tasks do not fit.
    """
    cores, memory = available_cores(), available_memory()
    groups = _gpu_groups(visible_gpus(), needs.gpus)
    fits = min(
        memory // needs.memory if needs.memory else math.inf,
        len(groups) if needs.gpus else math.inf,
    )
    if fits < 1:
        short = (
            f"{needs.memory / 1e9:.3g} GB and {memory / 1e9:.3g} GB are free"
            if groups or not needs.gpus
            else (f"{needs.gpus:g} GPUs and there are {len(visible_gpus())}")
        )
        raise ConfigError(f"one recording needs {short}; lower --task-memory or --task-gpus.")
    if workers > fits:
        raise ConfigError(f"--on asks for {workers} processes and {fits} fit; lower it, or what a task needs.")
    if not workers:
        likely = max(1, memory // TASK_MEMORY) if not needs.memory else math.inf
        workers = int(min(max(1, cores // max(1, needs.threads)), fits, likely))
    threads = needs.threads or max(1, cores // workers)
    return Placement(workers, threads, tuple(groups[:workers]), memory)


def available_cores() -> int:
    """CPU cores that this process may use, also by the quota of its container."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (CGROUP / "cpu.max").read_text().split()
        return max(1, min(usable_cores(), math.ceil(int(quota) / int(period))))  # quota "max" is none: ValueError
    with contextlib.suppress(OSError, ValueError):
        quota_us = int((CGROUP / "cpu/cpu.cfs_quota_us").read_text())
        if quota_us > 0:
            period_us = int((CGROUP / "cpu/cpu.cfs_period_us").read_text())
            return max(1, min(usable_cores(), math.ceil(quota_us / period_us)))
    return usable_cores()


def available_memory() -> int:
    """Bytes of memory that are free here, also by the limit of the container."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):
            free = min(free, max(0, int((CGROUP / limit).read_text()) - int((CGROUP / used).read_text())))
            break
    return free


def visible_gpus() -> list[str]:
    """The NVIDIA GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for part in named.split(",") if (name := part.strip()) and name != "-1"]
    found = sorted(int(path.name[6:]) for path in Path("/dev").glob("nvidia[0-9]*") if path.name[6:].isdecimal())
    return [str(number) for number in range(len(found))]


def _gpu_groups(gpus: list[str], needed: float) -> list[str]:
    """GPUs of each task that can run at the same time, spread over the GPUs first."""
    if not needed:
        return []
    if needed > 1:
        size = math.ceil(needed)
        return [",".join(gpus[k : k + size]) for k in range(0, len(gpus) - size + 1, size)]
    return gpus * int(1 / needed + 1e-9)
