"""Several cameras and streams from Python: each frame with its tracks, as they come."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tracker.detectors.config import DetectorConfig
from tracker.pipeline.camera_pipelines import CameraPipelines
from tracker.pipeline.cameras import CLOSING_S, Cameras, LiveCamera
from tracker.pipeline.config import PipelineConfig
from tracker.pipeline.live import run_live
from tracker.pipeline.loop import Summary
from tracker.pipeline.prefetch import POLL_S
from tracker.protocols import Detector, LiveSource, Source, SourceInfo
from tracker.providers import provider
from tracker.types import Frame, Tracks

log = logging.getLogger("liquidtrack.cameras")
Item = tuple[str, Frame, Tracks]


def track_cameras(
    sources: Mapping[str, Source | str | int],
    detector: DetectorConfig | Detector | Callable[[Frame], Any] | str | Path | None = None,
    *,
    batch: int = 0,
    patience: float = 30.0,
    **settings: Any,
) -> Generator[Item, None, None]:
    """(name, frame, tracks) of several cameras and streams, in the order in which they are done.

    One detector serves all. A source that cannot be opened is tried again, one that has ended stops no other; both are
    logged. Whoever takes the results slowly gets fewer and newer frames. Closing the generator closes all sources.

    >>> cameras = {"door": 0, "yard": "rtsp://camera/street"}
    >>> for name, frame, tracks in track_cameras(cameras):  # doctest: +SKIP
    ...     print(f"{name} {frame.time:.3f} s", tracks.confirmed.id)

    Args:
        sources: by name: an argument or a result of `open_source`.
        detector: text as `--detector` takes it, a `DetectorConfig`, or any function of a frame; fused by default.
        batch: most frames of one pass of the detector; 0: as many as it gains by.
        patience: seconds after which all ends where no source gives frames.
        settings: the detection and tracking flags of `liquidtrack track`, as in `build_pipeline`.

    Raises:
        LiquidTrackError: the settings, or the detector; no source is left.
    """
    config, given = PipelineConfig(), None
    if isinstance(detector, str | Path | DetectorConfig):
        config = PipelineConfig(
            detection=detector if isinstance(detector, DetectorConfig) else DetectorConfig(str(detector))
        )
    else:
        given = detector
    pipelines = CameraPipelines(config.with_settings(**settings), batch, given)
    return _results(sources, pipelines, patience)


def _results(
    sources: Mapping[str, Source | str | int], pipelines: CameraPipelines, patience: float
) -> Generator[Item, None, None]:
    results: queue.Queue[Item] = queue.Queue(max(len(sources), 1))
    errors: list[BaseException] = []

    def open_(place: Source | str | int) -> Source:
        opened: Source = provider("open_source")(place) if isinstance(place, str | int) else place
        return opened

    def run(name: str, source: LiveSource, stop: threading.Event) -> Summary:
        return run_live(pipelines.pipeline(source), [], [_Handover(name, results, stop)], stop=stop)

    cameras = Cameras(
        [LiveCamera(name, partial(open_, place), partial(run, name)) for name, place in sources.items()],
        patience,
        log.warning,
    )

    def work() -> None:
        try:
            cameras.run(fatal=pipelines.failed)
        except BaseException as error:  # passed on unchanged: the consumer raises it
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True, name="cameras")
    thread.start()
    try:
        yield from _until_end(results, thread)
        if errors:
            raise errors[0]
    finally:
        cameras.stop.set()
        cameras.close()
        thread.join(CLOSING_S)
        pipelines.close()


def _until_end(results: queue.Queue[Item], thread: threading.Thread) -> Iterator[Item]:
    while True:
        ended = not thread.is_alive()
        try:
            yield results.get(timeout=0 if ended else POLL_S)
        except queue.Empty:
            if ended:
                return


class _Handover:
    """A sink that hands each frame to another thread, and waits until there is room."""

    def __init__(self, name: str, results: queue.Queue[Item], stop: threading.Event) -> None:
        self._name, self._results, self._stop = name, results, stop

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        pass

    def write(self, frame: Frame, tracks: Tracks) -> None:
        while not self._stop.is_set():
            try:
                self._results.put((self._name, frame, tracks), timeout=POLL_S)
            except queue.Full:
                continue
            return

    def close(self) -> None:
        pass
