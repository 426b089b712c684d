"""What docs/guides/python.md shows runs as it stands: each block of Python, its detector, its command."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from datasets.formats import read, write
from datasets.scenes import Scene, write_video
from datasets.source_factory import open_source
from tools.cli.main import main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "guides" / "python.md").read_text(encoding="utf-8")
BLOCKS = [
    (title, code)
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    for code in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
]
FILES = {name: code for _, code in BLOCKS if (name := code.splitlines()[0].removeprefix("# ")).endswith(".py")}
SCENE = Scene(seed=3, width=480, height=270, duration=2, rate=5, people=7, vehicles=2)
FRAMES = 10


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rendered street with its truth beside it."""
    folder = tmp_path_factory.mktemp("street")
    write(write_video(SCENE, folder / "street.mp4"), folder / "truth.txt")
    return folder


@pytest.fixture
def folder(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in clip.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(title: str) -> None:
    """Runs the blocks of one section, each for itself."""
    blocks = [code for of, code in BLOCKS if of == title]
    assert blocks, title
    for code in blocks:
        exec(compile(code, f"docs/guides/python.md: {title}", "exec"), {"__name__": "__main__"})


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_every_documented_block_has_a_test() -> None:
    titles = [title for title, _ in BLOCKS]
    source = Path(__file__).read_text(encoding="utf-8")
    assert len(titles) >= 11
    assert all(f'run("{title}")' in source for title in titles if title != "A detector for the command line")


def test_a_video_is_tracked_in_five_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = [code for title, code in BLOCKS if title == "Track a video"]
    assert len([line for line in code.splitlines() if line]) <= 5
    run("Track a video")
    out = capsys.readouterr().out
    assert [float(time) for time in re.findall(r"^(\d\.\d{3}) s", out, re.MULTILINE)] == [k / 5 for k in range(FRAMES)]
    assert "[1 2 3]" in out  # ids


def test_settings_reach_their_components(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Choose settings")
    lines = printed(capsys)
    assert len(lines) == FRAMES
    assert {name for line in lines for name in re.findall(r"'(.+?)'", line)} == {"person"}


def test_whole_video_is_tracked_in_five_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Track with the whole video")
    out = capsys.readouterr().out
    assert "1.8" in out
    assert "False" in out


def test_tracks_convert_to_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    run("Make a table")
    rows = printed(capsys)
    assert rows[0].split() == ["first", "last", "name"]
    assert len([row for row in rows if row.endswith("person")]) >= 3


def test_function_can_be_a_detector(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Use your own detector")
    assert len(re.findall(r"^\d\.\d{3} s \[", capsys.readouterr().out, re.MULTILINE)) == FRAMES


def test_user_frames_are_tracked_in_a_loop(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Track your own frames")
    lines = printed(capsys)
    assert [line.split(" [[")[0] for line in lines[:3]] == ["0.0 [1]", "0.04 [1]", "0.31 [1]"]
    assert len(lines) == 3 + FRAMES
    assert re.search(r"\[ *1 +2", "\n".join(lines[3:]))


def test_a_drawn_video_is_written(folder: Path) -> None:
    run("Draw and write a video")
    with open_source("street.mp4") as plain, open_source("drawn.mp4") as drawn:
        pairs = [(one, other) for one, other in zip(plain, drawn, strict=True)]
    assert len(pairs) == FRAMES
    assert all(one.time == pytest.approx(other.time) for one, other in pairs)
    different = [abs(one.bgr.astype(int) - other.bgr).max() for one, other in pairs]
    assert min(different) > 60  # at least the clock is drawn in


def test_files_are_written_and_scored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Write files")
    assert f"{FRAMES} frames, " in capsys.readouterr().out
    assert len(read(folder / "tracks.jsonl").frames) == FRAMES
    assert (folder / "tracked.mp4").stat().st_size > 1000
    pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")
    run("Score a result")
    (line,) = printed(capsys)
    assert float(line.split()[0]) > 5  # HOTA


def test_an_object_is_followed_both_ways(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Follow an object both ways")
    (count,) = printed(capsys)
    assert 1 <= int(count.strip("[]")) <= 5  # half a second at 5 frames a second, both ways


def test_tracks_are_corrected_in_a_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Correct tracks")
    entries, rows = printed(capsys)
    assert entries == "[('import', 'import'), ('Ann', 'swap'), ('Ann', 'move'), ('Ann', 'undo')]"
    assert rows.startswith("[1 2")
    assert (folder / "street.mp4.liquidtrack").is_file()
    truth, corrected = read(folder / "truth.txt"), read(folder / "corrected.json")
    assert len(corrected) == len(truth)
    before, after = truth.at(5), corrected.at(5)
    swapped = [{1: 2, 2: 1}.get(id, id) for id in truth.id[before].tolist()]
    boxes = dict(zip(corrected.id[after].tolist(), corrected.xyxy[after].tolist(), strict=True))
    assert sorted(boxes) == sorted(swapped)
    for id, box in zip(swapped, truth.xyxy[before].tolist(), strict=True):
        assert boxes[id] == pytest.approx(box, abs=0.01)


def test_custom_stage_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Add a stage")
    assert printed(capsys) == [f"{FRAMES} frames"]


def test_detector_template_tracks_with_its_documented_command(folder: Path) -> None:
    (command,) = re.findall(r"^liquidtrack (.*)$", TEXT, re.MULTILINE)
    assert main(shlex.split(command)) == 0
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    labels = {box["label"] for line in lines for box in line.get("boxes", [])}
    assert labels == {"bright thing"}


def test_links_resolve() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        generated = target.startswith("../reference/commands/")
        assert generated or target.startswith("https://") or (ROOT / "docs/guides" / target).exists(), target


def test_time_series(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="the cells need the extra `torch`")
    run("Learn a time series")
    (line,) = printed(capsys)
    assert float(line.split()[-1]) < 0.05  # half a second makes 0.12 of a sine that stays as it is
