"""A caller of `track` learns the same of every kind of run."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasets.formats.writer import FrameBoxes, Writer
from tests.support.moving_box_clip import TIMES, write_clip, write_detections
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.observer import Observer
from tools.track.video import track_summary
from tracker.detectors.config import DetectorConfig
from tracker.schedule.config import LooksConfig


class _Counter(Writer):
    def __init__(self) -> None:
        super().__init__("counted")
        self.frames: list[int] = []
        self.ids: set[int] = set()

    def _open(self) -> None:
        pass

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        self.frames.append(index)
        self.ids |= set(boxes.id.tolist())

    def _close(self) -> None:
        pass


@pytest.mark.parametrize("settings", [{}, {"whole": True}, {"schedule": LooksConfig(looks="5/s")}])
def test_observer_gets_frames_boxes_and_report_and_nothing_is_printed(
    settings: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    found = write_detections(tmp_path / "det.txt")
    output = OutputConfig(jsonl=tmp_path / "clip.jsonl")
    config = TrackConfig(
        str(clip),
        quiet=True,
        output=output,
        detection=DetectorConfig(f"file:{found}"),
        **settings,  # type: ignore[arg-type]
    )
    counter, lines, seen = _Counter(), [], []
    observer = Observer(lines.append, lambda frame: seen.append(frame.index), (counter,))
    summary, live = track_summary(config, observer)
    assert counter.frames == seen == list(range(len(TIMES)))
    assert len(counter.ids) == summary.tracks
    assert lines[0].startswith("clip.mp4: 20 frames")
    assert not live
    assert capsys.readouterr() == ("", "")
