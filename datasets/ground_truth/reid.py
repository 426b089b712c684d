"""Re-identification data sets: images of known identities, `<identity>/<camera>_<anything>.png`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.sources.images import is_image, natural
from models.errors import ConfigError
from tracker.types import Int64


@dataclass(frozen=True, eq=False, slots=True)
class Identities:
    """N images, grouped by identity.

    Attributes:
        names: names of the identities, sorted.
        pictures: (N) image files.
        identity: (N,) int64, an index into `names`.
        camera: (N,) int64, an index into `cameras`.
        cameras: names of the cameras, sorted; "" for images without an underscore in their name.
    """

    names: tuple[str, ...]
    pictures: tuple[Path, ...]
    identity: Int64
    camera: Int64
    cameras: tuple[str, ...]


def read_identities(folder: Path) -> Identities:
    """The images of `folder`: one folder per identity, or image files directly in it, one per identity, named by it.

    Raises:
        ConfigError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder; name one of <identity>/<camera>_<number>.png.")
    found: list[tuple[str, Path]] = []
    for place in sorted(folder.iterdir()):
        if place.is_dir():
            found += [(place.name, p) for p in sorted(place.iterdir(), key=natural) if is_image(p)]
        elif is_image(place):
            found.append((place.stem, place))
    if not found:
        raise ConfigError(f"{folder}: holds no pictures; put them into <identity>/<camera>_<number>.png.")
    found.sort(key=lambda pair: pair[0])
    names = tuple(dict.fromkeys(name for name, _ in found))
    seen = [path.stem.partition("_")[0] if "_" in path.stem and path.parent != folder else "" for _, path in found]
    cameras = tuple(sorted(set(seen)))
    return Identities(
        names,
        tuple(path for _, path in found),
        np.array([names.index(name) for name, _ in found], np.int64),
        np.array([cameras.index(name) for name in seen], np.int64),
        cameras,
    )
