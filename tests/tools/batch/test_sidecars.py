"""Settings of a recording: typed words win over its row, its file, the files of folders, and --config."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ConfigError
from tools.batch.config import BatchConfig, RecordingConfig
from tools.batch.finding import FoundRecording, SearchRules, search
from tools.batch.sidecars import RecordingSettings
from tools.cli.settings import parse
from tracker.detectors.config import DetectorConfig


def resolved(root: Path, *words: str) -> dict[str, RecordingConfig]:
    config = parse(BatchConfig, "liquidtrack batch", [str(root), "--out", "out", *words])
    settings = RecordingSettings(config, root)
    return {one.label: settings.of(one) for one in search(root, SearchRules())}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "recordings"
    for name in ("a.mp4", "night/b.mp4", "night/deep/c.mp4", "night/deep/c.avi"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    (root / "batch.toml").write_text("score = 0.2\nmax_age = 1.0\n")
    (root / "night/batch.toml").write_text('score = 0.3\nclasses = ["person", "car"]\n')
    (root / "night/deep/c.toml").write_text("score = 0.4\n")
    (root / "night/deep/c.avi.toml").write_text("whole = true\n")
    return root


def test_files_of_folders_are_inherited_and_those_of_recordings_win(tree: Path) -> None:
    found = resolved(tree)
    assert {name: one.detection.score for name, one in found.items()} == {
        "a.mp4": 0.2, "night/b.mp4": 0.3, "night/deep/c.mp4": 0.4, "night/deep/c.avi": 0.4
    }  # fmt: skip
    assert found["night/deep/c.mp4"].detection.classes == ("person", "car")
    assert {one.tracking.max_age for one in found.values()} == {1.0}
    assert [name for name, one in found.items() if one.whole] == ["night/deep/c.avi"]


def test_typed_words_win_over_all_files_and_config_over_none(tree: Path) -> None:
    (tree / "shared.toml").write_text("score = 0.9\nnms = 0.5\n")
    found = resolved(tree, "--config", str(tree / "shared.toml"), "--max-age", "2")
    assert found["night/b.mp4"].detection.score == 0.3
    assert {(one.tracking.max_age, one.detection.nms) for one in found.values()} == {(2.0, 0.5)}
    found = resolved(tree, "--score", "0.7")
    assert {one.detection.score for one in found.values()} == {0.7}


def test_paths_in_a_file_count_from_its_folder(tree: Path) -> None:
    (tree / "night/deep/c.toml").write_text('times = "c.times"\ndetector = "file:found/c.txt"\n')
    found = resolved(tree)["night/deep/c.mp4"]
    assert found.reading.times == tree / "night/deep/c.times"
    assert found.detection.detector == f"file:{tree}/night/deep/found/c.txt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sharpness = 3", "there is no setting 'sharpness'"),
        ("on = 'dask'", "there is no setting 'on'"),
        ("score = 7", "score is 7.0"),
        ("score = ", "is not valid TOML"),
        ('detector = "python:evil:run"', "runs Python code"),
    ],
)
def test_wrong_file_is_refused_by_name(text: str, said: str, tree: Path) -> None:
    (tree / "a.toml").write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        resolved(tree)
    assert "a.toml" in str(caught.value)


def test_code_in_a_file_needs_permission(tree: Path) -> None:
    (tree / "a.toml").write_text('detector = "python:mine:find"')
    assert resolved(tree, "--allow-code")["a.mp4"].detection.detector == "python:mine:find"


def test_row_of_a_list_wins_over_files(tree: Path) -> None:
    config = parse(BatchConfig, "liquidtrack batch", ["list.csv", "--out", "out"])
    one = FoundRecording(str(tree / "night/b.mp4"), "b", "b", (("score", "0.6"), ("whole", "yes")))
    found = RecordingSettings(config, tree, tree / "list.csv").of(one)
    assert (found.detection.score, found.whole, found.detection.classes) == (0.6, True, ("person", "car"))
    wrong = FoundRecording(str(tree / "a.mp4"), "a", "a", (("whole", "perhaps"),))
    with pytest.raises(ConfigError, match="list\\.csv, a: whole is 'perhaps'; give true or false"):
        RecordingSettings(config, tree, tree / "list.csv").of(wrong)


def test_settings_from_python_hold_where_no_file_says_otherwise(tree: Path) -> None:
    config = BatchConfig(str(tree), "out", recording=RecordingConfig(detection=DetectorConfig(score=0.8, nms=0.5)))
    found = {one.label: RecordingSettings(config, tree).of(one) for one in search(tree, SearchRules())}
    assert found["night/b.mp4"].detection.score == 0.3
    assert found["night/b.mp4"].detection.nms == 0.5
