"""The C library of the engine, which `build` has put into the cache folder.

Its name holds a checksum of the sources, the constants and the processor, so that another version of the package or
another processor never loads it. It depends on neither Python's nor NumPy's version.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sys
from functools import cache
from pathlib import Path

from models.runtime.cache import cache_folder
from tracker.learned.compiled.layout import header

SOURCES = Path(__file__).parent
FILES = ("motion.c", "pairs.c", "boxes.h", "maths.h")
# Without reassociation and contraction, every processor gives the same bits.
FLAGS = ("-O3", "-std=c11", "-shared", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")


def folder() -> Path:
    """Where the libraries are."""
    return cache_folder() / "compiled"


def library_path() -> Path:
    """The library of this version of the package on this processor."""
    digest = hashlib.sha256(header().encode())
    for name in FILES:
        digest.update((SOURCES / name).read_bytes())
    digest.update(" ".join((*FLAGS, sys.platform, platform.machine(), _processor())).encode())
    return folder() / f"engine-{digest.hexdigest()[:24]}.so"


@cache
def load_library() -> ctypes.CDLL | None:
    """The library, or None where none was built, it cannot be loaded, or $LIQUIDTRACK_NUMPY asks for NumPy alone."""
    if os.environ.get("LIQUIDTRACK_NUMPY", "0") not in ("", "0") or not folder().is_dir():
        return None
    path = library_path()
    try:
        return ctypes.CDLL(str(path)) if path.is_file() and _own(path) else None
    except OSError:
        return None


def _own(path: Path) -> bool:
    """Whether only this user (or root) can have written the file: it will be executed."""
    if not hasattr(os, "getuid"):
        return True
    about = path.stat()
    return about.st_uid in (os.getuid(), 0) and not about.st_mode & 0o022


def _processor() -> str:
    """What the processor can do, as far as the system says."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            return next((line for line in file if line.lower().startswith(("flags", "features"))), "")
    except OSError:
        return platform.processor()
