"""Shared functions of plots: matplotlib without a display, and its errors in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets.output_guard.guard import begin
from models.errors import ConfigError
from models.extras import needs


def pyplot() -> Any:
    """matplotlib.pyplot, drawing into files.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise needs("the plot", error) from None
    return plt


def check(path: Path) -> None:
    """Check that `path` can be plotted to; call it before long work.

    Raises:
        ConfigError: matplotlib is missing, or cannot write such a file at this path.
    """
    plt = pyplot()
    figure = plt.figure()
    known = figure.canvas.get_supported_filetypes()
    plt.close(figure)
    if path.suffix[1:] not in known:
        raise ConfigError(f"{path} cannot be written (no picture ends so); give a .png, .svg or .pdf.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path} cannot be written (there is no such folder); give a .png, .svg or .pdf elsewhere.")


def save(figure: Any, path: Path) -> None:
    """Write a figure and close it.

    Raises:
        ConfigError: the file cannot be written, or its suffix is not an image format.
    """
    begin()
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be written ({error}); give a .png, .svg or .pdf elsewhere.") from None
    finally:
        pyplot().close(figure)
