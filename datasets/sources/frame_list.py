"""The list of a source's frames: their numbers and times, as reading it in order would give them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import numpy as np

from datasets.sources.config import SourceConfig
from datasets.sources.images import ImageSource
from datasets.sources.packet_times import SeekTable
from datasets.sources.recorded import Recorded
from datasets.sources.video_files import VideoFile
from models.errors import ConfigError, DataError, SourceError
from tracker.types import Float64, Int64

TRIAL_FRAMES = 24  # decoded to see that every packet of a video is a frame


@dataclass(frozen=True, eq=False, slots=True)
class FrameList:
    """F frames.

    Attributes:
        numbers: (F,) int64, the source's frame numbers, strictly rising.
        times: (F,) seconds since the source's first frame, strictly rising.
        table: where a video's frames lie; None where it can only be decoded from its start.
        problem: what ends the list early, a sentence; None where nothing does.
    """

    numbers: Int64
    times: Float64
    table: SeekTable | None = None
    problem: str | None = None

    def to_bytes(self) -> bytes:
        """The list in NumPy's format, see `from_bytes`."""
        arrays = {"numbers": self.numbers, "times": self.times}
        if self.table is not None:
            base = self.table.time_base
            arrays |= {"pts": self.table.pts, "keys": self.table.keys}
            arrays["base"] = np.array([base.numerator, base.denominator])
        if self.problem is not None:
            arrays["problem"] = np.frombuffer(self.problem.encode(), np.uint8)
        data = io.BytesIO()
        np.savez_compressed(data, allow_pickle=False, **arrays)
        return data.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> FrameList:
        """What `to_bytes` gave.

        Raises:
            DataError: it is damaged.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                table = None
                if "pts" in file:
                    table = SeekTable(file["pts"], file["keys"], Fraction(*file["base"].tolist()))
                problem = file["problem"].tobytes().decode() if "problem" in file else None
                return cls(file["numbers"], file["times"], table, problem)
        except Exception as error:  # zipfile and NumPy raise a dozen kinds for damaged bytes
            raise DataError(f"a list of frames is damaged ({str(error)[:80]}); the video is read again.") from None


def list_frames(reopen: Callable[[], Recorded], config: SourceConfig) -> FrameList:
    """All frames that reading the source in order gives, mostly without decoding it.

    A video whose packet times are not reliable is decoded once from beginning to end.

    Args:
        reopen: opens the source with `config` but without its part (`whole`).
        config: which part of it is read.

    Raises:
        SourceError: the source cannot be opened, or can be read only once.
        ConfigError: no frame is in the part.
    """
    with reopen() as source:
        if source.info.live or (isinstance(source, VideoFile) and source.readable_once):
            raise SourceError(f"{source.info.name} can be read only once; give the video as a file.")
        found = _listed(source)
        name = source.info.name
    if found is None:
        with reopen() as source:
            found = _decoded(source)
    return _chosen(found, config, name)


def seekable_frames(source: Recorded, config: SourceConfig) -> FrameList | None:
    """The list of `list_frames` without decoding the source; None where only reading it all would give it.

    Args:
        source: opened with `config` but without its part, and not read yet; some of its frames are read here.
        config: which part of it is read.

    Raises:
        ConfigError: no frame is in the part.
    """
    if isinstance(source, VideoFile) and source.readable_once:
        return None
    found = _listed(source)
    return None if found is None else _chosen(found, config, source.info.name)


def _listed(source: Recorded) -> FrameList | None:
    """The list without decoding; None where that is not reliable."""
    if isinstance(source, ImageSource):
        return FrameList(source.numbers(), source.times())
    if not isinstance(source, VideoFile) or source.details()["problem"] is not None:
        return None
    table = source.seek_table()
    if table is None:
        return None
    seconds = source.seconds_of(table)
    if len(seconds) != len(table.pts):
        raise DataError(
            f"{source.info.name}: {len(seconds)} times are given, but it has {len(table.pts)} frames; give each one."
        )
    trial = [number for number, _, _ in islice(source.deferred(), TRIAL_FRAMES)]
    if trial != list(range(min(TRIAL_FRAMES, len(table.pts)))):
        return None
    return FrameList(np.arange(len(table.pts)), seconds, table)


def _decoded(source: Recorded) -> FrameList:
    numbers: list[int] = []
    times: list[float] = []
    problem = None
    table = source.seek_table() if isinstance(source, VideoFile) else None
    try:
        for number, time, _ in source.deferred():
            numbers.append(number)
            times.append(time)
    except (SourceError, DataError) as error:  # what came before it is shown
        problem = str(error)
    if not numbers:
        raise SourceError(problem or f"{source.info.name}: there is no frame in it.")
    return FrameList(np.array(numbers, np.int64), np.array(times, np.float64), table, problem)


def _chosen(found: FrameList, config: SourceConfig, name: str) -> FrameList:
    end = np.inf if config.end is None else config.end
    chosen = (found.times >= config.start) & (found.times < end) & (found.numbers % config.every == 0)
    if not chosen.any():
        raise ConfigError(
            f"{name}: no frame is left from the start at {config.start:g} s on (its last frame is at"
            f" {found.times[-1]:g} s); start earlier."
        )
    return FrameList(found.numbers[chosen], found.times[chosen], found.table, found.problem)
