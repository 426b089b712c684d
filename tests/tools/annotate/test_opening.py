"""What cannot be annotated is refused with one sentence, and nothing of the user's is lost."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from pathlib import Path

import pytest

from datasets.projects import Project
from datasets.projects.source_identity import project_path
from tests.support.numbered_film import FRAMES
from tools.annotate.catalogue import recordings_of
from tools.cli.main import MISTAKE, main


@pytest.fixture
def place(film: Path, tmp_path: Path) -> Path:
    """A folder with the film and its tracks."""
    for path in (film, film.with_suffix(".txt")):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The sentence of a command that ends at once."""
    assert main(["annotate", *map(str, words), "--no-browser"]) == MISTAKE
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("liquidtrack: ")]
    (line,) = [line for line in lines if "warning" not in line]
    assert line.endswith(".")
    assert "fault" not in line
    return line


def made(place: Path) -> Path:
    """A project of the film with one track."""
    from tools.annotate.config import AnnotateConfig
    from tools.annotate.opening import make_project

    (named,), _ = recordings_of(str(place / "film.mp4"), None)
    make_project(named, AnnotateConfig(named.source, place / "film.txt"))
    return named.project


def test_sources_that_cannot_be_annotated(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such file or folder" in refusal(capsys, place / "nowhere.mp4")
    assert "only recordings" in refusal(capsys, "0")
    assert "only recordings" in refusal(capsys, "rtsp://camera.example/stream")
    assert "there is no such project" in refusal(capsys, place / "nothing.liquidtrack")
    assert "not a video" in refusal(capsys, place / "film.txt")
    (place / "empty").mkdir()
    assert "no video, no sequence and no image" in refusal(capsys, place / "empty")
    assert "--project" in refusal(capsys, f"{place}/*.png")
    assert "--project" in refusal(capsys, "scene:1")
    os.mkfifo(place / "pipe.mp4")
    assert sorted(path.name for path in place.iterdir()) == ["empty", "film.mp4", "film.txt", "pipe.mp4"]


def test_tracks_of_another_video(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, tracks = place / "film.mp4", place / "other.txt"
    tracks.write_text(f"1,1,5,5,20,20,1,1,1\n{FRAMES + 1},1,5,5,20,20,1,1,1\n")
    assert f"frame {FRAMES}" in refusal(capsys, film, tracks)
    tracks.write_text("1,-1,5,5,20,20,1\n")
    assert "without an id" in refusal(capsys, film, tracks)
    tracks.write_text("nonsense\n")
    assert "other.txt line 1" in refusal(capsys, film, tracks)
    assert "cannot be read" in refusal(capsys, film, place / "missing.txt")
    cvat = place / "other.xml"
    cvat.write_text(
        "<annotations><version>1.1</version><meta><task><original_size><width>1920</width><height>1080</height>"
        '</original_size></task></meta><track id="0" label="person"><box frame="0" xtl="1" ytl="1" xbr="9" ybr="9"'
        ' outside="0" occluded="0" keyframe="1"/></track></annotations>'
    )
    said = refusal(capsys, film, cvat)
    assert "1920x1080" in said
    assert "640x360" in said
    assert not project_path(film).exists()


def test_corrections_are_never_replaced_by_tracks(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = made(place)
    before = project.read_bytes()
    assert "holds corrections of this recording already" in refusal(capsys, place / "film.mp4", place / "film.txt")
    assert project.read_bytes() == before


def test_damaged_newer_and_foreign_projects(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = made(place)
    whole = project.read_bytes()
    project.write_bytes(whole[:5000])
    assert "film.mp4.liquidtrack" in refusal(capsys, place / "film.mp4")
    assert project.read_bytes() == whole[:5000]
    project.write_bytes(whole)
    connection = sqlite3.connect(project)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute("PRAGMA user_version=9999")
    connection.commit()
    connection.close()
    assert version
    assert "newer" in refusal(capsys, place / "film.mp4")
    project.write_text("Dear diary")
    assert "film.mp4.liquidtrack" in refusal(capsys, place / "film.mp4")


def test_changed_moved_and_missing_video(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project, film = made(place), place / "film.mp4"
    data = film.read_bytes()
    film.write_bytes(data[: len(data) // 2] + b"x" + data[len(data) // 2 + 1 :])
    assert "has changed since" in refusal(capsys, film)
    film.unlink()
    assert "is not there" in refusal(capsys, film)
    assert "name its new place" in refusal(capsys, project)
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other.mp4").write_bytes(data[:-1] + b"x")
    assert "is not the video" in refusal(capsys, elsewhere / "other.mp4", "--project", project)
    with Project.open(project) as found:  # all corrections are there
        assert len(found.tracks()) == 3


def test_places_that_cannot_be_written(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    film = place / "film.mp4"
    assert "there is no folder" in refusal(capsys, film, "--project", place / "no" / "a.liquidtrack")
    monkeypatch.setattr("tools.annotate.catalogue.os.access", lambda *_: False)
    said = refusal(capsys, film)
    assert "is read-only" in said
    assert "--project" in said


def test_port_in_use_and_hosts_that_are_none(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in refusal(capsys, place / "film.mp4", "--port", port)
    assert "port" in refusal(capsys, place / "film.mp4", "--port", 70000)
    assert "host" in refusal(capsys, place / "film.mp4", "--host", "no.such.host.invalid")
    assert not project_path(place / "film.mp4").exists()


def test_recordings_of_a_folder_and_their_projects(place: Path) -> None:
    (place / "images").mkdir()
    (place / "images" / "1.png").write_bytes(b"")
    (place / "MOT").mkdir()
    (place / "MOT" / "seqinfo.ini").write_text("")
    (place / ".hidden.mp4").write_bytes(b"")
    found, folder = recordings_of(str(place), None)
    assert folder
    assert [(one.name, one.project.name) for one in found] == [
        ("MOT", "MOT.liquidtrack"), ("film.mp4", "film.mp4.liquidtrack"), ("images", "images.liquidtrack"),
    ]  # fmt: skip
    found, folder = recordings_of(str(place / "images"), None)
    assert not folder
    assert found[0].project == place / "images.liquidtrack"
    (place / "projects").mkdir()
    found, _ = recordings_of(str(place), place / "projects")
    assert {one.project.parent for one in found} == {place / "projects"}
