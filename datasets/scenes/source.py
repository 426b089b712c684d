"""A scene as a source of frames, and its ground truth as annotations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.masks import rle
from datasets.scenes.config import Scene, parse
from datasets.scenes.renderer import NAMES, FrameTruth, Renderer, frame_times, render
from datasets.sources.config import SourceConfig
from datasets.sources.recorded import Recorded, count
from models.errors import ConfigError
from tracker.protocols import SourceInfo
from tracker.types import Float64, UInt8


def open_scene(spec: str | Scene, config: SourceConfig | None = None) -> SceneSource:
    """Opens a scene, or its short form `scene:SEED?people=8&profile=bursty`, as a source.

    Raises:
        ConfigError: a setting is unknown or out of range, or `config` asks for other frame times.
    """
    return SceneSource(parse(spec) if isinstance(spec, str) else spec, config or SourceConfig())


class SceneSource(Recorded):
    """Frames of a scene, rendered on demand.

    Args:
        scene: the scene to render.
        config: which part of it to read; the frame times are the scene's own.
    """

    def __init__(self, scene: Scene, config: SourceConfig) -> None:
        super().__init__(config)
        if config.rate is not None or config.times is not None:
            raise ConfigError("a scene has a clock of its own; leave the rate and the file of times out.")
        self._scene = scene
        self._times = frame_times(scene)
        self._renderer: Renderer | None = None
        last = float(self._times[-1])
        frames = count(len(self._times), last, config)
        self.info = SourceInfo(scene.name, scene.width, scene.height, scene.rate, frames, last)

    def _candidates(self) -> Iterator[tuple[int, float, object]]:
        yield from ((index, time, None) for index, time in enumerate(self._times.tolist()))

    def times(self) -> Float64:
        """(F,) seconds of all frames of the scene."""
        return self._times

    def details(self) -> dict[str, str | None]:
        """The settings of the scene."""
        return {"profile": self._scene.profile, "camera": self._scene.camera}

    def _picture(self, index: int, item: object) -> UInt8:
        if self._renderer is None:  # painting the square takes a second or two
            self._renderer = Renderer(self._scene)
        return self._renderer.at(float(self._times[index]))[0]

    def _release(self) -> None:
        self._renderer = None


def truth_of(scene: Scene, masks: bool = False) -> Annotations:
    """The ground truth of all frames of the scene; with `masks`, also the visible pixels of each object."""
    return collect(scene, [truth for _, truth in render(scene)], masks)


def collect(scene: Scene, truths: list[FrameTruth], masks: bool = False) -> Annotations:
    """The ground truth of all frames of the scene, in order, as annotations."""
    rows = np.concatenate([np.full(len(t.id), k, np.int64) for k, t in enumerate(truths)])
    n = len(rows)
    return Annotations(
        frames=np.arange(len(truths)),
        times=frame_times(scene),
        row=rows,
        id=np.concatenate([t.id for t in truths]),
        xyxy=np.concatenate([t.xyxy for t in truths]),
        score=np.ones(n, np.float32),
        label=np.concatenate([t.label for t in truths]),
        names=NAMES,
        ignore=np.zeros(n, bool),
        size=(scene.width, scene.height),
        visibility=np.concatenate([t.visibility for t in truths]),
        mask=tuple(rle.encode(mask) for t in truths for mask in t.mask) if masks else None,
    )
