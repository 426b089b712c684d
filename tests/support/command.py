"""The command line in a process of its own."""

from __future__ import annotations

import subprocess
import sys

LIQUIDTRACK = (sys.executable, "-m", "tools.cli.main")


def liquidtrack(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [*LIQUIDTRACK, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)  # type: ignore[call-overload]
