"""Threads and device of the networks. Standard library only: configuration modules import it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

Device = Literal["auto", "cpu", "cuda"]


CORES = "LIQUIDTRACK_CORES"  # environment variable, so that processes of a process know it too


def usable_cores() -> int:
    """CPU cores that this process may use: those of the system, or fewer where $LIQUIDTRACK_CORES says so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(CORES, "")
    return min(cores, max(1, int(share))) if share.isdecimal() else cores


def limit_cores(share: int) -> None:
    """Makes this process and those that it starts use `share` cores, beside others on the same machine."""
    os.environ[CORES] = str(share)


def beside_threads() -> int:
    """Threads for the work beside the networks: half of the cores, since waiting for a busy core delays all stages."""
    return max(1, usable_cores() // 2)


def decoder_threads() -> int:
    """Threads of a video decoder; 0: as many as it likes.

    Beside other processes it is 2, whatever their number: what a decoder makes of damaged frames depends on it.
    """
    return 2 if os.environ.get(CORES) else 0


@dataclass(frozen=True, slots=True)
class Compute:
    """Threads and device of each network of a run, shared by all networks.

    Attributes:
        threads: CPU threads of one network; 0 takes all cores that the process may use.
        device: its device; auto takes CUDA where the installed ONNX Runtime or torch supports it.
    """

    threads: int = 0
    device: Device = "auto"

    @classmethod
    def shared(cls, networks: int = 1, threads: int = 0, device: Device = "auto") -> Compute:
        """The share of one of `networks` networks that run at the same time.

        One share of the cores is left for reading, drawing and encoding: on two cores a network that takes both only
        delays them.

        >>> Compute.shared(networks=2, threads=3)
        Compute(threads=3, device='auto')

        Args:
            networks: number of networks that run at the same time.
            threads: threads of each of them; 0 divides the cores evenly.
            device: device of the networks.
        """
        return cls(threads or max(1, usable_cores() // (networks + 1)), device)
