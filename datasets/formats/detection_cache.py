"""The cache of a detector's work on one video: boxes, embeddings, camera motion and times of every frame in one file.

The file is a ZIP archive of NumPy arrays without pickled objects, as `numpy.savez` writes it: `numpy.load` opens it.
Its members are chunks of `CHUNK_FRAMES` frames (`000000/times.npy`, ...), so that writing and reading need the memory
of one chunk, and `about.json`: what made it, the class names, the image size, and whether it holds the whole video.

Embeddings are kept as float16. `detection_chunk.rounded` gives detections the values that the cache will return, so
that a run that fills the cache and a run that reads it get the same tracks.

A file is written beside its place and moved there when it is complete. Every byte of the content is under a CRC-32.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.detection_chunk import DTYPES, Chunk, DetectedFrame
from datasets.formats.writer import make_folder, writing
from models.errors import DataError
from tracker.offline.types import Float16, VideoDetections
from tracker.types import Bool, Int64

FORMAT, VERSION = "liquidtrack detections", 1
ABOUT = "about.json"
CHUNK_FRAMES = 512
MAX_ABOUT_BYTES = 1 << 22
NO_EMBEDDING = np.zeros((0, 0), np.float16)
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


class Store:
    """Collects the frames of a video in chunks: in memory, or in the file of a cache.

    Args:
        path: the file; None keeps the chunks in memory.
        made_with: the settings and files that determine the content.
        begin: called before the first byte is written.

    Attributes:
        count: number of frames so far.
    """

    def __init__(
        self,
        path: Path | None = None,
        made_with: Mapping[str, str] | None = None,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self.path, self._begin = path, begin
        self.count = 0
        self._made_with = dict(made_with or {})
        self._chunks: list[Chunk] = []
        self._frames: list[DetectedFrame] = []
        self._zip: zipfile.ZipFile | None = None
        self._part: Path | None = None
        self._written = 0

    def add(self, frame: DetectedFrame) -> None:
        """Adds the next frame.

        Raises:
            DataError: the file cannot be written.
        """
        self._frames.append(frame)
        self.count += 1
        if len(self._frames) == CHUNK_FRAMES:
            self._flush()

    def close(self, names: tuple[str, ...], size: tuple[int, int], complete: bool) -> DetectionCache | MemoryCache:
        """Finishes the file, and gives what it holds.

        Args:
            names: class names.
            size: (width, height) of the images, pixels.
            complete: whether the frames are the whole video.

        Raises:
            DataError: the file cannot be written.
        """
        self._flush()
        if self.path is None:
            return MemoryCache(names, size, complete, self._chunks)
        about = {
            "format": FORMAT, "version": VERSION, "made_with": self._made_with, "names": list(names),
            "size": list(size), "complete": complete, "chunks": self._written,
        }  # fmt: skip
        with writing(self.path):
            archive = self._archive()
            archive.writestr(_member(ABOUT), json.dumps(about, ensure_ascii=False, indent=1))
            archive.close()
            assert self._part is not None
            self._part.replace(self.path)
        return DetectionCache(self.path)

    def discard(self) -> None:
        """Removes what was written, if `close` has not finished it."""
        if self._zip is not None:
            self._zip.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)

    def _archive(self) -> zipfile.ZipFile:
        if self._zip is None:
            assert self.path is not None
            self._begin()
            make_folder(self.path.parent)
            self._part = self.path.with_name(f".{self.path.name}.new")  # what a kill left is overwritten
            self._zip = zipfile.ZipFile(self._part, "w", zipfile.ZIP_STORED)
        return self._zip

    def _flush(self) -> None:
        if not self._frames:
            return
        chunk = Chunk.of(self._frames)
        self._frames = []
        if self.path is None:
            self._chunks.append(chunk)
            return
        with writing(self.path):
            for field in fields(chunk):
                data = io.BytesIO()
                np.save(data, getattr(chunk, field.name), allow_pickle=False)
                self._archive().writestr(_member(_name(self._written, field.name)), data.getbuffer())
        self._written += 1


class MemoryCache:
    """The frames of a video in memory; the interface is that of `DetectionCache`."""

    def __init__(self, names: tuple[str, ...], size: tuple[int, int], complete: bool, chunks: Sequence[Chunk]) -> None:
        self.names, self.size, self.complete = names, size, complete
        self._held = list(chunks)

    def chunks(self) -> Iterator[Chunk]:
        """The chunks, in order."""
        yield from self._held

    def frames(self) -> Iterator[DetectedFrame]:
        """The frames, in order, with the memory of one chunk."""
        for chunk in self.chunks():
            yield from chunk.frames()

    def video(self, release: bool = False) -> tuple[Int64, VideoDetections]:
        """The frames' numbers in the source, and all detections.

        Args:
            release: give up what is held, chunk by chunk, so that embeddings are not in memory twice; nothing else can
                be read afterwards.
        """
        small = [replace(chunk, embedding=NO_EMBEDDING) for chunk in self.chunks()]
        if not small:
            return np.zeros(0, np.int64), VideoDetections.of((), self.size)
        columns = {name: np.concatenate([getattr(chunk, name) for chunk in small]) for name in DTYPES}
        warps = None
        if columns["moved"].any():
            warps = np.tile(IDENTITY, (len(columns["moved"]), 1, 1))
            warps[columns["moved"]] = columns["warp"]
        return columns["index"], VideoDetections(
            columns["times"],
            np.repeat(np.arange(len(columns["count"])), columns["count"]),
            columns["xyxy"],
            columns["score"],
            columns["label"].astype(np.int64),
            self.size,
            self._embeddings(columns["embedded"], release),
            warps,
        )

    def _embeddings(self, embedded: Bool, release: bool) -> Float16 | None:
        """(N, D) embeddings of all detections, rows of zeros where there is none; None without any."""
        if not embedded.any():
            return None
        whole: Float16 | None = None
        row = 0
        for chunk in self._released() if release else self.chunks():
            end = row + len(chunk.xyxy)
            if len(chunk.embedding):
                whole = np.zeros((len(embedded), chunk.embedding.shape[1]), np.float16) if whole is None else whole
                whole[row:end][chunk.embedded] = chunk.embedding
            row = end
        return whole

    def _released(self) -> Iterator[Chunk]:
        if not self._held:
            yield from self.chunks()
        while self._held:
            yield self._held.pop(0)


class DetectionCache(MemoryCache):
    """The file of a cache, checked as a whole when it is opened.

    Attributes:
        made_with: the settings and files that determine the content.
        names: class names.
        size: (width, height) of the images, pixels.
        complete: whether it holds the whole video; False where a run was ended early.
        last: number of its last frame in the source; -1 without one.

    Raises:
        DataError: the file cannot be read, is damaged, or is no cache.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        about = self._checked(lambda archive: self._about(archive))
        self.made_with: dict[str, str] = about["made_with"]
        self._count: int = about["chunks"]
        super().__init__(tuple(about["names"]), (about["size"][0], about["size"][1]), about["complete"], ())
        last, widths = (-1, -np.inf), set[int]()
        for chunk in self.chunks():
            if not (chunk.index[0] > last[0] and chunk.times[0] > last[1]):
                raise self._damaged("its frames are out of order")
            last = int(chunk.index[-1]), float(chunk.times[-1])
            widths |= {chunk.embedding.shape[1]} - {0}
        if len(widths) > 1:
            raise self._damaged("its embeddings have different lengths")
        self.last = last[0]

    def chunks(self) -> Iterator[Chunk]:
        for k in range(self._count):
            yield self._checked(lambda archive, k=k: self._chunk(archive, k))

    def _checked(self, work: Any) -> Any:
        """The result of `work` on the open archive; whatever fails there is a damage of the file."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                return work(archive)
        except FileNotFoundError as error:
            raise DataError(f"{self.path} cannot be read ({error.strerror}); check the path.") from error
        except Exception as error:  # zipfile, struct, json and NumPy raise a dozen kinds for damaged bytes
            raise self._damaged(str(error).split("\n")[0][:80] or type(error).__name__) from error

    def _damaged(self, reason: str) -> DataError:
        return DataError(
            f"{self.path} is no whole cache of detections ({reason}); delete it, name another --cache, or add"
            " --overwrite to make it anew."
        )

    def _about(self, archive: zipfile.ZipFile) -> dict[str, Any]:
        members = archive.infolist()
        packed = [m for m in members if m.compress_type != zipfile.ZIP_STORED or m.file_size != m.compress_size]
        if packed or sum(m.file_size for m in members) > self.path.stat().st_size:
            raise ValueError("its members are compressed")
        if archive.getinfo(ABOUT).file_size > MAX_ABOUT_BYTES:
            raise ValueError(f"{ABOUT} is too large")
        about = json.loads(archive.read(ABOUT))
        if about["format"] != FORMAT or about["version"] != VERSION:
            raise ValueError(f"version {about['version']}, this program reads {VERSION}")
        names, size = about["names"], about["size"]
        texts = [*names, *about["made_with"].keys(), *about["made_with"].values()]
        fine = type(about["chunks"]) is int and about["chunks"] >= 0 and type(about["complete"]) is bool
        fine &= isinstance(names, list) and all(isinstance(text, str) for text in texts)
        fine &= len(size) == 2 and all(type(side) is int and 0 <= side < 2**31 for side in size)
        if not fine or len(members) != 1 + len(DTYPES) * about["chunks"]:
            raise ValueError("its parts do not belong together")
        return dict(about)

    def _chunk(self, archive: zipfile.ZipFile, number: int) -> Chunk:
        columns = {}
        for name, dtype in DTYPES.items():
            array = np.load(io.BytesIO(archive.read(_name(number, name))), allow_pickle=False)
            if array.dtype != dtype:
                raise ValueError(f"{name} is {array.dtype}")
            columns[name] = array
        chunk = Chunk(**columns)
        chunk.check(max(len(self.names), 1))
        return chunk


def _name(chunk: int, column: str) -> str:
    return f"{chunk:06d}/{column}.npy"


def _member(name: str) -> zipfile.ZipInfo:
    """A member without the time of its writing, so that the same content gives the same file."""
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
