"""Progress lines of a run, and the notice for detections without tracks."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from datasets.sources.config import SourceConfig
from tests.support.moving_box_clip import write_clip
from tools.cli.main import main
from tools.track.progress import ProgressLines, progress
from tracker.protocols import SourceInfo
from tracker.types import Frame

PICTURE = np.zeros((4, 6, 3), np.uint8)


def lines(info: SourceInfo, reading: SourceConfig | None = None, frames: int = 5, step: float = 12.5) -> list[str]:
    """The lines about frames of which each takes `step` seconds and stands for a second of video."""
    moments = iter(k * step for k in range(frames + 1))
    file = io.StringIO()
    tell = ProgressLines(info, reading or SourceConfig(), file, clock=lambda: next(moments))
    for k in range(frames):
        tell(Frame(PICTURE, k, float(k + 1)))
    return file.getvalue().splitlines()


def test_progress_line_is_printed_every_thirty_seconds() -> None:
    info = SourceInfo("street.mp4", 6, 4, duration=8.0)
    assert lines(info) == ["street.mp4: 3 frames, at 3.0 s of 8.0 s (38%), 0.1 frames/s"]
    assert len(lines(info, frames=60)) == 20
    assert lines(info, frames=60, step=0.4) == []


def test_progress_share_is_relative_to_the_selected_part() -> None:
    info = SourceInfo("street.mp4", 6, 4, duration=100.0)
    assert "at 3.0 s of 5.0 s (50%)" in lines(info, SourceConfig(start=1.0, end=5.0))[0]
    assert "at 3.0 s of 100.0 s (3%)" in lines(info, SourceConfig(end=500.0))[0]


def test_progress_names_the_phase_of_a_run_with_two(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", terminal)
    for phase in ("detecting", "writing"):
        with progress(SourceInfo("street.mp4", 6, 4, frames=1), phase=phase) as tell:
            tell(Frame(PICTURE, 0, 0.0))
    assert "street.mp4: detecting: 100%" in terminal.getvalue()
    assert "street.mp4: writing: 100%" in terminal.getvalue()


def test_live_source_has_no_share_and_an_escaped_name() -> None:
    assert lines(SourceInfo("cam\x1b[2J\n", 6, 4, live=True)) == ["cam\\u001b[2J\\n: 3 frames, at 3.0 s, 0.1 frames/s"]


@pytest.mark.parametrize(
    ("terminal", "quiet", "bar"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_terminal_shows_a_bar_and_quiet_nothing(
    terminal: bool, quiet: bool, bar: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.StringIO()
    monkeypatch.setattr(file, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stderr", file)
    with progress(SourceInfo("street.mp4", 6, 4, frames=3), quiet=quiet) as tell:
        for k in range(3):
            tell(Frame(PICTURE, k, float(k)))
    assert ("3/3" in file.getvalue()) == bar
    assert bar or not file.getvalue()


DETECTOR = """
class Once:
    names = ("cow", "dog")
    score, label, frames = 0.47, 1, (2,)
    def __call__(self, frame):
        return [[5, 5, 40, 40, self.score, self.label]] if frame.index in self.frames else []
class Never(Once):
    frames = ()
class Sure(Once):
    score, frames = 0.93, (2, 3)
"""


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            "--detector python:mine.py:Once",
            "  no track: of 1 detection the surest was a dog at 0.47, too unsure to begin a track; "
            "--new-track-score 0.44 begins one there.",
        ),
        ("--detector python:mine.py:Once --new-track-score 0.44", None),
        ("--detector python:mine.py:Never", "  no track: the detector found nothing."),
        (
            "--detector python:mine.py:Once --classes cow",
            "  no track: the detector found nothing of --classes cow.",
        ),
        (
            "--detector python:mine.py:Sure --min-confirm 5s",
            "  no track: of 2 detections the surest was a dog at 0.93, and none was seen for --min-confirm 5 s; "
            "give less.",
        ),
        ("--detector python:mine.py:Sure", None),
        ("--detector none", None),
        ("--score 0.999", "  no track: nothing was found with --score 0.999; give a lower one, or another --detector."),
        (
            "--detector file:det.txt",
            "  no track: det.txt holds no detection for these frames; does it belong to them?",
        ),
    ],
)
def test_run_with_detections_but_no_tracks_is_reported(
    flags: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "street.mp4")
    (tmp_path / "mine.py").write_text(DETECTOR)
    (tmp_path / "det.txt").write_text("900,-1,1,1,20,20,0.9\n")
    assert main(["track", "street.mp4", "--jsonl", "out.jsonl", *flags.split()]) == 0
    found = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  no track")]
    assert found == ([] if said is None else [said])
