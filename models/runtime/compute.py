"""Threads and device of the networks. Standard library only: configuration modules read it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

Device = Literal["auto", "cpu", "cuda"]


def usable_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def beside_threads() -> int:
    """Threads for the work beside the networks: half of the cores, for waiting for a busy one holds all up."""
    return max(1, usable_cores() // 2)


@dataclass(frozen=True, slots=True)
class Compute:
    """What each network of a run gets to compute with: made once, handed to all.

    Attributes:
        threads: CPU threads of one network; 0 takes all cores that the process may use.
        device: where it runs; auto takes CUDA where the installed ONNX Runtime or torch offers it.
    """

    threads: int = 0
    device: Device = "auto"

    @classmethod
    def shared(cls, networks: int = 1, threads: int = 0, device: Device = "auto") -> Compute:
        """For one of `networks` networks that run side by side.

        One share of the cores stays free for reading, drawing and encoding: on two cores a network that takes both only
        makes them wait.

        >>> Compute.shared(networks=2, threads=3)
        Compute(threads=3, device='auto')

        Args:
            networks: how many run side by side.
            threads: of each of them; 0 divides the cores evenly.
            device: where they run.
        """
        return cls(threads or max(1, usable_cores() // (networks + 1)), device)
