"""The C library of the engine: built once in the cache folder by this machine's compiler, and loaded from there.

Its name holds a checksum of the sources, the constants and the processor, so that another version of the package or
another processor never loads it. It depends on neither Python's nor NumPy's version.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from models.errors import ConfigError
from models.runtime.cache import atomic, cache_folder
from tracker.learned.compiled.layout import header

SOURCES = Path(__file__).parent
FILES = ("motion.c", "pairs.c", "boxes.h", "maths.h")
# Without reassociation and contraction, every processor gives the same bits.
FLAGS = ("-O3", "-std=c11", "-shared", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
NATIVE = ("-march=native", "-mcpu=native")  # of which a compiler knows one
LONGEST_S = 120.0  # seconds after which a compiler is given up


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


def build_library() -> Path:
    """Compiles the library into the cache folder and returns its path.

    Raises:
        ConfigError: there is no C compiler, it fails, or the folder cannot be written.
    """
    names = (os.environ.get("CC", ""), "cc", "gcc", "clang")
    compiler = next((found for name in names if (found := _which(name))), None)
    if compiler is None:
        raise ConfigError(
            "there is no C compiler here (tried $CC, cc, gcc, clang); install one, such as the package gcc, or track "
            "without: NumPy does the same."
        )
    path = library_path()
    with tempfile.TemporaryDirectory() as beside, atomic(path) as part:
        (Path(beside) / "layout.h").write_text(header())
        sources = [str(SOURCES / name) for name in FILES if name.endswith(".c")]
        for native in ([NATIVE[0]], [NATIVE[1]], []):
            said = _compile([compiler, *FLAGS, *native, "-I", beside, *sources, "-o", str(part), "-lm"])
            if said is None:
                break
        else:
            raise ConfigError(f"{compiler}: cannot compile the engine ({said:.200}); set CC to another compiler.")
    path.chmod(0o755)
    load_library.cache_clear()
    return path


def _compile(command: list[str]) -> str | None:
    """Runs a compiler; returns its first error, or the last line of what it says, where it fails."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if run.returncode == 0:
        return None
    said = run.stderr.strip().splitlines() or [f"exit code {run.returncode}"]
    return next((line for line in said if "error" in line), said[-1])


def remove_libraries() -> int:
    """Deletes every library in the cache folder and returns how many there were.

    Raises:
        ConfigError: the folder cannot be written.
    """
    paths = sorted(folder().glob("engine-*.so")) if folder().is_dir() else []
    for path in paths:
        try:
            path.unlink()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be deleted ({error.strerror}); delete it by hand.") from error
    load_library.cache_clear()
    return len(paths)


def _which(name: str) -> str | None:
    return shutil.which(name) if name else None


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
