"""`track --adapt-live`: the head of a running camera learns in a process beside the tracker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.detection_cache import Store
from datasets.formats.detection_chunk import DetectedFrame
from models.association_head.built_in import head_path
from models.association_head.inference import load_head
from models.errors import ConfigError, DataError
from models.extras import require
from models.runtime.cache import sha256
from tools.track.config.live_adaptation import LEAST_S, LiveAdaptationConfig
from tools.track.config.video import TrackConfig
from tools.track.workers import SAFE_PATH
from tracker.classification.track_classes import ClassPooling
from tracker.decorators import TrackerDecorator
from tracker.detectors.config import DetectorConfig
from tracker.engine import Tracker
from tracker.head_exchange import exchange_head
from tracker.pipeline.build import build_pipeline, compute_of, configured_detector
from tracker.pipeline.config import PipelineConfig
from tracker.pipeline.loop import Pipeline
from tracker.protocols import Detector, Source, SourceInfo
from tracker.types import Detections, Float64, Frame, Tracks

HEAD, START, TRIED = "head.safetensors", "start.safetensors", "tried.safetensors"
RECENT, LOG, SAID = "recent.cache", "adaptation.jsonl", "messages.txt"
# A small training: clips, steps of each stage.
SIZES = ("--clips", "80", "--steps", "40", "--workers", "1")
# Largest distance from the head at the beginning, as a share of its norm. The training that gained 3 HOTA on streets
# moved the head by 0.008.
FARTHEST = 0.03
PROGRAM = (
    sys.executable,
    "-c",
    "import os, sys; hasattr(os, 'nice') and os.nice(10); from tools.cli.main import main; sys.exit(main())",
    "adapt",
)


def check_adapt_live(config: TrackConfig, info: SourceInfo) -> None:
    """Checks a run with `--adapt-live`.

    Raises:
        ConfigError: the source is a recording, the settings have no head that tracks, torch is missing, or the folder
            holds other files, or heads that began with another one.
    """
    folder = config.adaptation.adapt_live
    if folder is None:
        return
    if not info.live:
        raise ConfigError(
            f"--adapt-live is for cameras and streams, and {info.name} is a recording; use liquidtrack adapt for it."
        )
    if config.tracking.motion != "liquid" or config.tracking.cost != "own":
        raise ConfigError("--adapt-live teaches the head of --motion liquid; leave --motion and --cost out.")
    if config.keep_ids or config.pointing.active or config.marking:
        raise ConfigError("--adapt-live is for detected objects that the tracker matches; leave the other choice out.")
    require("track --adapt-live", "torch")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--adapt-live {folder} is a file; name a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / LOG).exists():
        raise ConfigError(f"--adapt-live {folder} holds other files; name a new folder.")
    given = config.tracking.association_head
    if given and (folder / START).exists() and sha256(folder / START) != sha256(head_path(given)):
        raise ConfigError(f"--adapt-live {folder} began with another head than {given}; name a new folder.")


def begin_folder(config: TrackConfig) -> Path:
    """Prepares the folder; returns the head to go on with.

    Raises:
        DataError: it cannot be written.
    """
    folder = config.adaptation.adapt_live
    assert folder is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG).touch()
        if not (folder / START).exists():
            shutil.copyfile(head_path(config.tracking.association_head), folder / START)
    except OSError as error:
        raise DataError(f"--adapt-live {folder} cannot be written ({error.strerror}); choose another folder.") from None
    return folder / HEAD if (folder / HEAD).exists() else folder / START


def adapting(config: TrackConfig, settings: PipelineConfig, source: Source) -> tuple[Pipeline, Detector]:
    """The pipeline of a run whose head learns, and its detector."""
    settings = replace(
        settings,
        appearance_features=settings.resolved_appearance(),
        tracking=replace(settings.tracking, association_head=str(begin_folder(config))),
    )
    detector = configured_detector(settings, compute_of(settings))
    size = (source.info.width, source.info.height)
    engine = Tracker(settings.tracking, classes=ClassPooling(len(detector.names)), size=size)
    compute = DetectorConfig(threads=config.detection.threads, device=config.detection.device)  # the choice was made
    settings = replace(settings, detection=compute)
    tracker = AdaptingTracker(engine, config.adaptation)
    return build_pipeline(settings, source=source, detector=detector, tracker=tracker), detector


class AdaptingTracker(TrackerDecorator):
    """A tracker whose head learns from the latest detections, in a process of its own that the tracker never waits for.

    Args:
        tracker: the tracker, with the head of `begin_folder`.
        config: how it learns; the folder is prepared.
        program: the command that learns, in place of `liquidtrack adapt`, with the same arguments.

    Attributes:
        tries: number of trainings that have ended.
        taken: number of heads that were taken.
        child: the training that runs now, or None.
    """

    def __init__(self, tracker: Tracker, config: LiveAdaptationConfig, program: Sequence[str] = PROGRAM) -> None:
        super().__init__(tracker)
        assert config.adapt_live is not None
        self.tries = self.taken = 0
        self._engine, self._config, self._program = tracker, config, tuple(program)
        self._folder = config.adapt_live
        self._recent: deque[DetectedFrame] = deque()
        self._count = 0
        self._began = 0.0  # seconds of video of the first frame
        self._tried: float | None = None  # seconds of video at which the latest try began
        self.child: subprocess.Popen[bytes] | None = None
        self._names: tuple[str, ...] = ()
        self._size = (0, 0)

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        self._names, self._size = names, (info.width, info.height)
        return super().open(info, names)

    def update(
        self, detections: Detections, time: float, warp: Float64 | None = None, frame: Frame | None = None
    ) -> Tracks:
        """`Tracker.update`; a head that was found since the last frame tracks from this one on."""
        self._finish(time)
        tracks = super().update(detections, time, warp, frame)
        self._keep(DetectedFrame(self._count, time, replace(detections, embedding=None), warp))
        if self.child is None and self._due(time):
            self._begin(time)
        return tracks

    def close(self) -> None:
        """Ends a training that still runs, and removes what it has not finished."""
        if self.child is not None:
            self.child.terminate()
            self.child.wait()
            self.child = None
        self._tidy()

    def _tidy(self) -> None:
        for path in (self._folder / RECENT, *self._folder.glob("tried.*")):
            path.unlink(missing_ok=True)

    def _keep(self, found: DetectedFrame) -> None:
        if not self._count:
            self._began = found.time
        self._count += 1
        self._recent.append(found)
        while found.time - self._recent[0].time > self._config.adapt_span:
            self._recent.popleft()

    def _due(self, time: float) -> bool:
        began = self._began if self._tried is None else self._tried
        return time - began >= self._config.adapt_every and time - self._recent[0].time >= LEAST_S

    def _begin(self, time: float) -> None:
        """Starts a training on the latest frames."""
        self._tried = time
        self._tidy()  # checkpoints of a training that failed are of other frames
        store = Store(self._folder / RECENT)
        for found in self._recent:
            store.add(found)
        store.close(self._names, self._size, True)
        words = (
            str(self._folder / RECENT), "--init-weights", str(self._head), "--out", str(self._folder / TRIED),
            "--minutes", f"{self._config.adapt_span / 60:.3f}", "--seed", str(self.tries), *SIZES,
            "--overwrite", "--quiet",
        )  # fmt: skip
        environment = os.environ | {"OMP_NUM_THREADS": "1", SAFE_PATH: "1"}
        with (self._folder / SAID).open("wb") as said:
            self.child = subprocess.Popen(
                [*self._program, *words], stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment
            )

    @property
    def log(self) -> Path:
        """The file that tells of every training."""
        return self._folder / LOG

    @property
    def _head(self) -> Path:
        own = self._folder / HEAD
        return own if own.exists() else self._folder / START

    def _finish(self, time: float) -> None:
        """Takes what a training that has ended gave."""
        if self.child is None or (status := self.child.poll()) is None:
            return
        self.child = None
        self.tries += 1
        line = {"time": time, "since": self._tried, **self._outcome(status)}
        with self.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def _outcome(self, status: int) -> dict[str, Any]:
        """What the log says of a training; a head that passed is taken."""
        if status:
            said = (self._folder / SAID).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return {"outcome": "failed", "message": said[-1] if said else f"exit status {status}"}
        tried = self._folder / TRIED
        report = json.loads(tried.with_suffix(".json").read_text(encoding="utf-8"))
        found = {name: report[name] for name in ("gain", "agreement", "blocks")}
        if not report["adapted"]:
            return {"outcome": "refused", **found}
        found["distance"] = distance(tried, self._folder / START)
        if found["distance"] > FARTHEST:
            return {"outcome": "too far", **found}
        os.replace(tried, self._folder / HEAD)
        exchange_head(self._engine, self._folder / HEAD)
        self.taken += 1
        return {"outcome": "taken", **found}


def distance(path: Path, start: Path) -> float:
    """How far a head is from another one: the norm of the difference as a share of the norm of that one."""
    one, other = load_head(path).weights(), load_head(start).weights()
    gap = sum(float(np.square(one[name] - other[name], dtype=np.float64).sum()) for name in other)
    return float(np.sqrt(gap / sum(float(np.square(value, dtype=np.float64).sum()) for value in other.values())))
