"""Tracks a video into its project, in a process of its own.

What is detected is written into the project in chunks, so that a killed run goes on where it was. The tracks come in
one transaction at the end.
"""

from __future__ import annotations

import io
import json
import signal
import time
from dataclasses import fields, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.detection_cache import CHUNK_FRAMES, MemoryCache
from datasets.formats.detection_chunk import Chunk, DetectedFrame
from datasets.projects import Project
from models.errors import DataError, LiquidTrackError
from tools.annotate.blobs import DETECTING, MADE_WITH, UNTRACKED
from tools.annotate.config import AnnotateConfig
from tools.annotate.opening import opener, who_of
from tools.cli.faults import sentence
from tools.cli.messages import guard_streams
from tools.track.config.video import TrackConfig
from tools.track.detection_pass import DetectionPass, detection_settings
from tools.track.detections_kept import made_with
from tools.track.whole import REMEMBERING
from tracker.offline.track import track_whole
from tracker.offline.types import VideoDetections
from tracker.types import Frame, Int64

TELL_S = 0.2  # seconds between two messages about progress

Message = tuple[str, str, int, int]  # kind ("progress", "done", "failed"), phase or sentence, done, total


def work(line: Connection, path: Path, spec: str, config: AnnotateConfig) -> None:
    """The process: tracks, and says on the line how far it is.

    Args:
        line: takes messages; where the other end is gone, the process ends.
        path: the project, which no other process may write.
        spec: what `open_source` opens.
        config: the settings.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which ends this process
    guard_streams()
    try:
        with Project.open(path) as project:
            _Tracking(line, project, spec, config)()
        _tell(line, "done")
    except LiquidTrackError as error:
        _tell(line, "failed", str(error))
    except (BrokenPipeError, EOFError):
        pass
    except Exception as error:
        _tell(line, "failed", sentence(error, ["annotate", "track"]))


def _tell(line: Connection, kind: str, text: str = "", done: int = 0, total: int = 0) -> None:
    message: Message = kind, text, done, total
    line.send(message)


class _Tracking:
    """One run."""

    def __init__(self, line: Connection, project: Project, spec: str, config: AnnotateConfig) -> None:
        self._line, self._project, self._spec, self._config = line, project, spec, config
        self._frames: list[DetectedFrame] = []
        self._chunks: list[Chunk] = []
        self._told = 0.0
        self._names: tuple[str, ...] = project.names

    def __call__(self) -> None:
        project = self._project
        if project.detection_count == 0 and project.detections() is None:
            self._detect()
        detections = project.detections()
        assert detections is not None
        self._progress("deciding", 0, 0)
        tracks = track_whole(detections, self._config.tracking, self._config.offline)
        self._progress("keeping", 0, 0)
        project.import_whole(tracks, who_of(self._config))
        project.put_blob(UNTRACKED, None)

    def _detect(self) -> None:
        """Detects in all frames, and puts all detections into the project."""
        config, project = self._config, self._project
        reading = _as_track(self._spec, config)
        total = len(project.times)
        done = 0
        with opener(self._spec, config.reading)() as source:
            before = self._before(made_with(reading, source.info))
            known = 0 if before is None else before.last

            def take(found: DetectedFrame, frame: Frame) -> None:
                nonlocal done
                done += 1
                if found.index > known or before is None:
                    self._keep(found)
                self._progress("detecting", done, total)

            detecting = DetectionPass(
                detection_settings(reading), source, None if before is None else before.cache, take
            )
            self._names = detecting.detector.names
            detecting.pipeline.run([detecting])
        self._flush()
        size = project.size
        cache = MemoryCache(self._names, size, True, self._chunks)
        index, found = cache.video(release=True)
        for name in self._names:
            project.add_name(name)
        project.put_detections(_on(project, index, found))
        self._forget()

    def _before(self, settings: dict[str, str]) -> _Before | None:
        """What an earlier run with the same settings has detected; forgotten where it had others."""
        project = self._project
        wanted = json.dumps(settings, sort_keys=True).encode()
        if project.blob(MADE_WITH) != wanted:
            self._forget()
            project.put_blob(MADE_WITH, wanted)
            return None
        if self._config.detection.kind_and_argument()[0] in REMEMBERING:
            self._forget(keep_settings=True)
            return None
        while (data := project.blob(DETECTING.format(len(self._chunks)))) is not None:
            self._chunks.append(_chunk(data))
        if not self._chunks:
            return None
        return _Before(MemoryCache((), project.size, False, self._chunks), int(self._chunks[-1].index[-1]))

    def _keep(self, found: DetectedFrame) -> None:
        self._frames.append(found)
        if len(self._frames) == CHUNK_FRAMES:
            self._flush()

    def _flush(self) -> None:
        if not self._frames:
            return
        chunk = Chunk.of(self._frames)
        self._frames = []
        self._project.put_blob(DETECTING.format(len(self._chunks)), _bytes(chunk))
        self._chunks.append(chunk)

    def _forget(self, keep_settings: bool = False) -> None:
        k = 0
        while self._project.blob(DETECTING.format(k)) is not None:
            self._project.put_blob(DETECTING.format(k), None)
            k += 1
        if not keep_settings:
            self._project.put_blob(MADE_WITH, None)

    def _progress(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told >= TELL_S or not total or done >= total:
            self._told = now
            _tell(self._line, "progress", phase, done, total)


class _Before:
    """What an earlier run has detected: the cache, and the number of its last frame."""

    def __init__(self, cache: MemoryCache, last: int) -> None:
        self.cache, self.last = cache, last


def _as_track(spec: str, config: AnnotateConfig) -> TrackConfig:
    return TrackConfig(
        spec,
        camera_motion=config.camera_motion,
        skip_bad_rows=config.skip_bad_rows,
        reading=config.reading,
        detection=config.detection,
        appearance_features=config.appearance_features,
    )


def _on(project: Project, index: Int64, found: VideoDetections) -> VideoDetections:
    """The detections on the project's frames, of which some may have been lost to damage in this reading.

    Raises:
        DataError: the video has other frames than the project.
    """
    position = np.minimum(np.searchsorted(project.frames, index), len(project.frames) - 1)
    if not (np.array_equal(project.frames[position], index) and np.array_equal(project.times[position], found.times)):
        raise DataError(
            f"{project.source.name} has other frames than its project; give the same options as when it was made, or"
            " delete the project."
        )
    warps = None
    if found.warps is not None:
        warps = np.tile(np.eye(2, 3), (len(project.frames), 1, 1))
        warps[position] = found.warps
    return replace(found, times=project.times, frame=position[found.frame], warps=warps)


def _bytes(chunk: Chunk) -> bytes:
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **{field.name: getattr(chunk, field.name) for field in fields(chunk)})
    return data.getvalue()


def _chunk(data: bytes) -> Chunk:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        columns: dict[str, Any] = {field.name: file[field.name] for field in fields(Chunk)}
    return Chunk(**columns)
