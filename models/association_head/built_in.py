"""The association heads of the package, by name."""

from __future__ import annotations

from pathlib import Path

_WEIGHTS = Path(__file__).parents[1] / "weights"
HEADS = {
    "": _WEIGHTS / "head.safetensors",  # the default, trained on research data
    "clean": _WEIGHTS / "head-clean.safetensors",  # trained on simulated scenes alone
}


def head_path(name: str | Path | None) -> Path:
    """The file of a head: that of the package for a name in `HEADS` or None, otherwise the file itself.

    A file that has such a name is named by a longer path: `./clean`.
    """
    return HEADS.get("" if name is None else str(name), Path(name or ""))
