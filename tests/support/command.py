"""The command line in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

LIQUIDTRACK = (sys.executable, "-m", "tools.cli.main")


def liquidtrack(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*LIQUIDTRACK, *map(str, words)]
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, timeout=120, **options
    )
    return done
