"""Building the engine's C library into the cache folder, with the compiler of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from models.errors import ConfigError
from models.runtime.cache import atomic
from tracker.learned.compiled.layout import header
from tracker.learned.compiled.library import FILES, FLAGS, SOURCES, folder, library_path, load_library

NATIVE = ("-march=native", "-mcpu=native")  # of which a compiler knows one
LONGEST_S = 120.0  # seconds after which a compiler is given up


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
