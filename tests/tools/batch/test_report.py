"""The page about a batch: what it counts, and what it calls an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.batch.records import sentence_about
from tools.batch.report import counted, write_report
from tools.batch.results import ResultFolder
from tools.batch.summary import SummaryRow


def row(name: str, state: str, error: str = "") -> SummaryRow:
    figures = (10, 1.0, 2) if state in ("done", "changed") else (None, None, None)
    return SummaryRow(name, state, *figures, "", "", error, None, name.partition(".")[0])


ROWS = [
    row("a.mp4", "done"),
    row("b.mp4", "changed", "its settings changed (score was 0.3)"),
    row("c.mp4", "failed", "not a video; its content is damaged"),
    row("d.mp4", "open"),
]


def test_changed_recordings_are_counted_once() -> None:
    figures = counted(ROWS)
    assert (figures["done"], figures["changed"], figures["failed"], figures["open"]) == ("1", "1", "1", "1")
    assert figures["frames"] == "20"  # results of changed recordings are there too


@pytest.mark.parametrize("name", ["report.html", "report.md"])
def test_only_failed_recordings_went_wrong(name: str, tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path)
    folder.create()
    write_report(ROWS, folder, name, "all")
    text = (tmp_path / name).read_text()
    wrong, recordings = text.split("What went wrong")[1].split("Recordings")
    assert "c.mp4" in wrong.replace("\\", "")
    assert "b.mp4" not in wrong.replace("\\", "")
    assert "its settings changed" in recordings  # beside its results


def test_no_heading_for_errors_without_errors(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path)
    folder.create()
    write_report(ROWS[:2], folder, "report.html", "all")
    assert "What went wrong" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("label", "error", "expected"),
    [
        ("cam0/broken.mp4", "broken.mp4: not a video.", "not a video."),
        ("cam0/broken.mp4", "cam0/broken.mp4: not a video.", "not a video."),
        ("broken.mp4", "a worker ended.", "a worker ended."),
        ("broken.mp4", "broken.mp4.toml: score is 2.", "broken.mp4.toml: score is 2."),
        ("a", "a: ", "a: "),
    ],
)
def test_sentence_of_an_error_does_not_begin_with_the_recording(label: str, error: str, expected: str) -> None:
    assert sentence_about(label, error) == expected
