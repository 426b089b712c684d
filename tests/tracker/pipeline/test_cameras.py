"""Several live sources in one process: each as if alone, whatever happens to the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from datasets.formats.jsonl import JsonlWriter
from datasets.scenes import parse, render
from models.errors import ConfigError, DataError, SourceError
from tests.support.scripted_camera import until
from tests.support.scripted_cameras import ScriptedCamera, plain
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.pipeline import cameras as _cameras
from tracker.pipeline.build import build_pipeline
from tracker.pipeline.camera_pipelines import CameraPipelines
from tracker.pipeline.cameras import Cameras, LiveCamera
from tracker.pipeline.config import PipelineConfig
from tracker.pipeline.live import run_live
from tracker.pipeline.loop import Pipeline, Summary
from tracker.pipeline.shared_detector import SharedDetector
from tracker.pipeline.track_cameras import track_cameras
from tracker.protocols import LiveSource, Source, SourceInfo, Stop
from tracker.types import Frame, Tracks, UInt8


class Note:
    """A sink that notes the frames, and calls `at` after each."""

    def __init__(self, at: Callable[[int], None] = lambda index: None) -> None:
        self.rows: list[int] = []
        self.closed = 0
        self._at = at

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        assert self.closed == 0

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self.rows.append(frame.index)
        self._at(frame.index)

    def close(self) -> None:
        self.closed += 1


class Scene:
    """Cameras that share a detector; each frame is let go when the one before it is written."""

    def __init__(self, sources: list[ScriptedCamera], pipelines: CameraPipelines) -> None:
        self.sources, self.pipelines = sources, pipelines
        self.notes = [Note(lambda index, source=source: source.allowed.release()) for source in sources]  # type: ignore[misc]
        self.tries = [0] * len(sources)
        self.fail_first = [0] * len(sources)

    def camera(self, k: int) -> LiveCamera:
        def open_() -> Source:
            self.tries[k] += 1
            if self.tries[k] <= self.fail_first[k]:
                raise SourceError(f"{self.sources[k].info.name} cannot be opened; check it.")
            self.sources[k].allowed.release()
            return self.sources[k]

        def run(source: LiveSource, stop: threading.Event) -> Summary:
            return run_live(self.pipelines.pipeline(source), [], [self.notes[k]], stop=stop)

        return LiveCamera(self.sources[k].info.name, open_, run)

    def cameras(self, patience: float = 30.0, tell: Callable[[str], None] = lambda line: None) -> Cameras:
        return Cameras([self.camera(k) for k in range(len(self.sources))], patience, tell)


def bright(frame: Frame) -> list[list[float]]:
    return [[10, 10, 40, 40, 0.9, 0]]


class Finds:
    """Pipelines of a plain function."""

    failed_at: int | None = None

    def __init__(self) -> None:
        self.shared = SharedDetector(self._find)

    def _find(self, frame: Frame) -> list[list[float]]:
        if frame.index == self.failed_at:
            raise DataError("the detector fails")
        return bright(frame)

    def pipeline(self, source: LiveSource) -> Pipeline:
        from tracker.engine import Tracker

        return Pipeline(source, self.shared.share(), Tracker())


def scene(*counts: int, error: dict[int, SourceError] | None = None) -> Scene:
    sources = [ScriptedCamera(f"camera {k}", plain(count), (error or {}).get(k)) for k, count in enumerate(counts)]
    return Scene(sources, Finds())  # type: ignore[arg-type]


@cache
def street_of(seed: int, width: int) -> list[UInt8]:
    """The images of half a second of a rendered street."""
    return [frame.bgr for frame, _ in render(parse(f"scene:{seed}?duration=0.5&width={width}&height=180"))]


@pytest.mark.parametrize("batch", [0, 2])
def test_files_are_those_of_single_runs(tmp_path: Path, batch: int) -> None:
    """Rendered streets of two sizes, the package's own detector, and every frame looked at."""
    streets = [street_of(seed, width) for seed, width in ((3, 320), (5, 320), (4, 240))]
    # Rendered people are none to the network, which sees something all the same with such a low threshold.
    config = PipelineConfig(
        detection=DetectorConfig("lite0:256", score=0.03, threads=1, device="cpu"),
        tracking=TrackerConfig(low_score=0.03, high_score=0.06, new_track_score=0.06, min_confirm=0.0),
    )

    def play(k: int, folder: str, run: Callable[[ScriptedCamera, JsonlWriter, Note], object]) -> None:
        source = ScriptedCamera(f"street {k}", streets[k])
        note = Note(lambda index: source.allowed.release())
        source.allowed.release()
        (tmp_path / folder).mkdir(exist_ok=True)
        run(source, JsonlWriter(tmp_path / folder / f"{k}.jsonl"), note)

    def alone(source: ScriptedCamera, writer: JsonlWriter, note: Note) -> None:
        run_live(build_pipeline(config, source=source), [], [writer, note])

    for k in range(3):
        play(k, "single", alone)
    together = CameraPipelines(config, batch)
    cameras: list[LiveCamera] = []

    def joined(source: ScriptedCamera, writer: JsonlWriter, note: Note) -> None:
        def run(opened: LiveSource, stop: threading.Event) -> Summary:
            return run_live(together.pipeline(opened), [], [writer, note], stop=stop)

        cameras.append(LiveCamera(source.info.name, lambda: source, run))

    for k in range(3):
        play(k, "many", joined)
    group = Cameras(cameras)
    group.run()
    together.close()
    frames = [camera.summary.frames for camera in group.attended if camera.summary is not None]
    assert frames == [len(street) for street in streets]
    for k in range(3):
        single, many = ((tmp_path / folder / f"{k}.jsonl").read_bytes() for folder in ("single", "many"))
        assert single == many
        assert single.count(b'"xyxy"') > 5


def test_source_that_cannot_be_opened_is_tried_again_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cameras, "FIRST_PAUSE_S", 0.01)
    street, lines = scene(20, 5), list[str]()
    street.fail_first[1] = 3
    until_opened = street.notes[0].write

    def write(frame: Frame, tracks: Tracks) -> None:
        if frame.index == 10:
            until(lambda: street.tries[1] == 4)
        until_opened(frame, tracks)

    street.notes[0].write = write  # type: ignore[method-assign]
    street.cameras(tell=lines.append).run()
    assert [note.rows for note in street.notes] == [list(range(20)), list(range(5))]
    assert lines == ["camera 1 cannot be opened; check it; trying again.", "camera 1: opened"]


def test_dead_camera_stops_no_other() -> None:
    street, lines = scene(8, 30, error={0: SourceError("camera 0 was unplugged.")}), list[str]()
    cameras = street.cameras(tell=lines.append)
    cameras.run()
    assert [note.rows for note in street.notes] == [list(range(8)), list(range(30))]
    assert [note.closed for note in street.notes] == [1, 1]
    assert str(cameras.attended[0].error) == "camera 0 was unplugged."
    assert lines == ["camera 0 has ended, the others go on: camera 0 was unplugged."]
    assert cameras.attended[0].status.state == "ended"


def test_run_ends_with_a_sentence_when_all_are_dead() -> None:
    gone = {k: SourceError(f"camera {k} was unplugged.") for k in range(2)}
    street = scene(3, 6, error=gone)
    with pytest.raises(SourceError, match=r"none of the 2 sources is left; .* was unplugged"):
        street.cameras().run()
    assert [note.rows for note in street.notes] == [list(range(3)), list(range(6))]


def test_run_ends_when_every_source_is_lost_for_too_long() -> None:
    street = scene(9, 9)
    street.fail_first[1] = 1_000_000
    cameras = street.cameras(patience=20.0)

    def show(seconds: float) -> None:
        if len(street.notes[0].rows) and street.sources[0].given == 5:
            street.sources[0].lost = 25.0
        cameras.stop.wait(0.01)

    street.sources[0].allowed.release(4)
    street.notes[0]._at = lambda index: None  # it gives no sixth frame, and lives
    monitored = cameras.attended[1]
    monitored._failed = (-1e6, "camera 1 cannot be opened.")  # since long ago
    with pytest.raises(SourceError, match="no source has given a picture for 20 s"):
        cameras.run(show)
    assert street.notes[0].closed == 1
    assert street.sources[0].closed.is_set()


def test_without_patience_a_source_has_one_chance() -> None:
    street = scene(4, 4)
    street.fail_first[1] = 1
    cameras = street.cameras(patience=0.0)
    cameras.run()
    assert street.tries == [1, 1]
    assert isinstance(cameras.attended[1].error, SourceError)
    assert street.notes[0].rows == list(range(4))


def test_recording_among_cameras_is_refused_and_the_others_go_on() -> None:
    street = scene(4, 4)
    street.sources[1].info = SourceInfo("street.mp4", 64, 48)
    cameras = street.cameras()
    cameras.run()
    assert isinstance(cameras.attended[1].error, ConfigError)
    assert "is a recording" in str(cameras.attended[1].error)
    assert street.sources[1].closed.is_set()


def test_user_ends_all_and_files_are_closed() -> None:
    street = scene(1000, 1000)
    cameras = street.cameras()

    def show(seconds: float) -> None:
        if all(len(note.rows) > 5 for note in street.notes):
            raise Stop
        cameras.stop.wait(0.01)

    cameras.run(show)
    for note, camera in zip(street.notes, cameras.attended, strict=True):
        assert note.rows == list(range(len(note.rows)))
        assert note.closed == 1
        assert camera.summary is not None
        assert not camera.summary.complete
        assert not camera.alive


def test_end_does_not_wait_for_a_camera_that_is_being_opened() -> None:
    street, answer = scene(1000), threading.Event()

    def never() -> Source:
        until(answer.is_set)
        return late

    late = ScriptedCamera("late", plain(9))
    ran = list[LiveSource]()

    def run(source: LiveSource, stop: threading.Event) -> Summary:
        ran.append(source)
        return street.camera(0).run(source, stop)

    cameras = Cameras([street.camera(0), LiveCamera("late", never, run)])

    def show(seconds: float) -> None:
        if len(street.notes[0].rows) > 5:
            raise Stop
        cameras.stop.wait(0.01)

    cameras.run(show)
    assert street.notes[0].closed == 1
    assert cameras.attended[1].alive
    answer.set()
    cameras.attended[1].join(60.0)
    assert late.closed.is_set()  # opened too late
    assert not ran


def test_error_of_the_shared_detector_ends_all() -> None:
    street = scene(50, 50)
    finds = street.pipelines
    finds.failed_at = 7  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="failed at frame 7: the detector fails"):
        street.cameras().run(fatal=lambda: finds.shared.failed)  # type: ignore[attr-defined]
    assert all(note.closed == 1 for note in street.notes)


def test_defect_in_one_camera_ends_all() -> None:
    street = scene(50, 50)

    def fails(index: int) -> None:
        raise ZeroDivisionError

    street.notes[1]._at = fails
    with pytest.raises(ZeroDivisionError):
        street.cameras().run()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (PipelineConfig(detection=DetectorConfig("file:det.txt")), "holds the detections of one source"),
        (PipelineConfig(select=True), "is marked in one source"),
        (PipelineConfig().with_settings(looks="0.2"), "looks whenever it is free"),
    ],
)
def test_settings_of_one_source_are_refused(config: PipelineConfig, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        CameraPipelines(config)


def test_background_model_is_one_for_each_source() -> None:
    pipelines = CameraPipelines(PipelineConfig(detection=DetectorConfig("background")))
    first, second = (pipelines.pipeline(ScriptedCamera(f"{k}", plain(2))) for k in range(2))
    assert first.detector is not second.detector
    assert pipelines.names == first.names
    with pytest.raises(ConfigError, match="one frame at a time"):
        CameraPipelines(PipelineConfig(detection=DetectorConfig("background")), batch=2)


def test_python_gets_the_frames_of_all_cameras_by_name() -> None:
    sources = {name: ScriptedCamera(name, plain(count)) for name, count in (("door", 6), ("yard", 9))}
    for source in sources.values():
        source.allowed.release()
    seen: dict[str, list[int]] = {"door": [], "yard": []}
    for name, frame, tracks in track_cameras(sources, bright):
        seen[name].append(frame.index)
        assert tracks.confirmed.id.tolist() == [1]
        sources[name].allowed.release()
    assert seen == {"door": list(range(6)), "yard": list(range(9))}


def test_closing_the_iterator_closes_all_cameras() -> None:
    sources = {name: ScriptedCamera(name, plain(1000)) for name in ("door", "yard")}
    for source in sources.values():
        source.allowed.release(1000)
    results = track_cameras(sources, bright)
    assert next(results)[0] in sources
    results.close()
    assert all(source.closed.is_set() for source in sources.values())


def test_python_hears_that_no_camera_is_left() -> None:
    gone = ScriptedCamera("door", plain(3), SourceError("door was unplugged."))
    gone.allowed.release(3)
    with pytest.raises(SourceError, match="none of the 1 sources is left; the last one: door was unplugged"):
        list(track_cameras({"door": gone}, bright))
