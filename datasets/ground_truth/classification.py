"""Classification data sets: images with one class each, in a folder or a zip, beside a table of classes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from datasets.formats.text import read_text
from datasets.sources.images import decode_image, is_image, read_image
from models.errors import ConfigError, DataError, SourceError
from tracker.types import UInt8

TABLE = "labels.tsv"
ARCHIVE = "images.zip"
HEADER = ("index", "wnid", "name")


@dataclass(frozen=True, slots=True)
class ClassifiedImage:
    """One image.

    Attributes:
        name: path inside the folder or the zip.
        label: class number, as in the table.
    """

    name: str
    label: int


class ClassifiedImages:
    """The images of a folder with labels.tsv, and images.zip, images/ or the image files themselves.

    Raises:
        ConfigError: the folder, its table or its images are missing.
        DataError: the table is wrong, or an image belongs to no class of it.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder; name one that holds {TABLE} and pictures.")
        if not (folder / TABLE).is_file():
            raise ConfigError(f"{folder}: holds no {TABLE}; it names each class: index, wnid and name a line.")
        self._archive: zipfile.ZipFile | None = None
        self._table = folder / TABLE
        self.names, label_of = _table(self._table)
        if (folder / ARCHIVE).is_file():
            self._root = folder / ARCHIVE
            try:
                self._archive = zipfile.ZipFile(self._root)
            except (OSError, zipfile.BadZipFile) as error:
                raise DataError(f"{self._root}: not a zip that can be read ({error}); fetch it again.") from error
            found: Iterable[str] = self._archive.namelist()
        else:
            self._root = folder / "images" if (folder / "images").is_dir() else folder
            found = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        names = sorted(name for name in found if is_image(Path(name)))
        if not names:
            raise ConfigError(f"{self._root}: holds no pictures; put them into {ARCHIVE}, images/ or the folder.")
        self.pictures = tuple(ClassifiedImage(name, _label(self._root, name, label_of)) for name in names)

    def read(self, picture: ClassifiedImage) -> UInt8:
        """(H, W, 3) uint8 BGR. Call it from one thread at a time.

        Raises:
            SourceError: the image cannot be read.
        """
        if self._archive is None:
            return read_image(self._root / picture.name)
        try:
            data = self._archive.read(picture.name)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise SourceError(f"{self._root / picture.name}: this picture cannot be unpacked ({error}).") from error
        return decode_image(np.frombuffer(data, np.uint8), self._root / picture.name)

    def files(self) -> list[Path]:
        """The table and the zip, or the table and the image files."""
        own = [self._root] if self._archive is not None else [self._root / picture.name for picture in self.pictures]
        return [self._table, *own]

    def close(self) -> None:
        """Closes the zip, if there is one."""
        if self._archive is not None:
            self._archive.close()


def _table(path: Path) -> tuple[dict[int, str], dict[str, int]]:
    """(name by class number, class number by wnid)."""
    lines = [(k, line.split("\t")) for k, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    if not lines or tuple(lines[0][1]) != HEADER:
        raise DataError(f"{path.name} does not begin with the line {' '.join(HEADER)}, parted by tabs.")
    names: dict[int, str] = {}
    label_of: dict[str, int] = {}
    for number, fields in lines[1:]:
        index = fields[0] if len(fields) == len(HEADER) else ""
        if not (index.isascii() and index.isdigit()) or int(index) in names or fields[1] in label_of:
            raise DataError(f"{path.name} line {number}: a class has an index and a wnid of its own, and a name.")
        names[int(index)] = fields[2]
        label_of[fields[1]] = int(index)
    if not names:
        raise DataError(f"{path.name} names no class.")
    return names, label_of


def _label(root: Path, name: str, label_of: dict[str, int]) -> int:
    path = PurePosixPath(name)
    for word in (path.parent.name, path.stem, path.stem.partition("_")[0]):
        if word in label_of:
            return label_of[word]
    raise DataError(f"{root / name}: neither its folder nor its name is a class of {TABLE}; a wnid is expected.")
