"""Folders of masks in DAVIS's layout, with or without images: one folder per sequence, one PNG per frame.

ROOT/Annotations/480p/<sequence>/00000.png      truth (DAVIS); also ROOT/Annotations/<sequence>/..., ROOT/<sequence>/...
ROOT/JPEGImages/480p/<sequence>/00000.jpg       images, if ROOT/Annotations exists
RESULTS/<sequence>/00000.png                    results, as DAVIS's own tools and most programs write them
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.sources.images import is_image, natural
from models.errors import ConfigError, DataError

ANNOTATIONS, PICTURES = "Annotations", "JPEGImages"


@dataclass(frozen=True, slots=True)
class MaskSequence:
    """One sequence.

    Attributes:
        name: name of its folder.
        masks: mask file of each frame, in natural order; the stem is the frame's name.
        pictures: image file of each of these frames; empty if there are only masks.
    """

    name: str
    masks: tuple[Path, ...]
    pictures: tuple[Path, ...] = ()


def find_sequences(root: Path, only: tuple[str, ...] = (), pictures: bool = False) -> list[MaskSequence]:
    """The sequences of masks under `root`, by name.

    Args:
        root: one of the layouts above.
        only: names of the sequences to return; empty returns all.
        pictures: whether each frame's image is needed too.

    Raises:
        ConfigError: there are no such folders, or none with a name in `only`.
        DataError: a mask has no image.
    """
    if not root.is_dir():
        raise ConfigError(f"{root}: there is no such folder; name one with a folder of PNG masks for each sequence.")
    home = _home(root)
    found = {folder.name: _masks(folder) for folder in sorted(p for p in home.iterdir() if p.is_dir())}
    found = {name: masks for name, masks in found.items() if masks}
    if not found:
        raise ConfigError(f"{root}: holds no <sequence>/00000.png; name a folder in DAVIS's layout.")
    for name in only:
        if name not in found:
            raise ConfigError(f"{home}: holds no sequence {name!r}; there are {', '.join(found)}.")
    names = [name for name in found if not only or name in only]
    return [MaskSequence(n, found[n], _pictures(home, n, found[n]) if pictures else ()) for n in names]


def _masks(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted((p for p in folder.iterdir() if p.suffix.lower() == ".png" and p.is_file()), key=natural))


def _home(root: Path) -> Path:
    """The folder that holds the sequences' folders; below Annotations there may be a folder for the resolution."""
    home = root / ANNOTATIONS if (root / ANNOTATIONS).is_dir() else root
    inner = sorted(p for p in home.iterdir() if p.is_dir())
    if home != root and inner and not any(_masks(folder) for folder in inner):
        with_sequences = [f for f in inner if any(_masks(p) for p in f.iterdir() if p.is_dir())]
        if len(with_sequences) > 1 and "480p" in {f.name for f in with_sequences}:
            return home / "480p"
        if with_sequences:
            return with_sequences[0]
    return home


def _pictures(home: Path, name: str, masks: tuple[Path, ...]) -> tuple[Path, ...]:
    parts = home.parts
    if ANNOTATIONS not in parts:
        raise ConfigError(f"{home}: holds masks without pictures; name the folder above {ANNOTATIONS} and {PICTURES}.")
    at = len(parts) - 1 - parts[::-1].index(ANNOTATIONS)
    folder = Path(*parts[:at], PICTURES, *parts[at + 1 :]) / name
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder; the pictures of {name} belong there.")
    by_stem = {p.stem: p for p in folder.iterdir() if is_image(p)}
    missing = next((mask for mask in masks if mask.stem not in by_stem), None)
    if missing is not None:
        raise DataError(f"{folder}: the picture of the mask {missing.name} is missing; add it or take the mask away.")
    return tuple(by_stem[mask.stem] for mask in masks)
