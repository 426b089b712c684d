"""Several recordings, several servers, videos that are cut or moved, and tracking in the background."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from datasets.formats.detection_cache import CHUNK_FRAMES
from datasets.projects import Project
from datasets.projects.source_identity import project_path
from models.errors import DataError
from tests.support.annotation_client import Client, heard
from tests.support.annotation_page import Server, until
from tests.support.numbered_film import FRAMES, make_film, make_tracks, picture
from tools.annotate.blobs import DETECTING, UNTRACKED

LONG = 1600  # frames
MOVING = ("--detector", "background", "--min-confirm", "0")


@contextmanager
def serving(source: Path, tracks: Path | None, *words: object, cache: Path) -> Iterator[tuple[Server, Client]]:
    server = Server(source, tracks, *words, cache=cache).start()
    client = Client(server.address)
    try:
        yield server, client
    finally:
        client.close()
        server.stop()


def idle(client: Client) -> Any:
    """The project once no job is at work."""
    return until(lambda: (found := client.json("project"))["job"] is None and found, "the end of the job")


def test_a_folder_is_a_list_with_a_project_for_each_recording(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    (folder / "pictures").mkdir(parents=True)
    shutil.copy(film, folder / "b.mp4")
    (folder / "broken.mp4").write_bytes(b"nothing at all")
    for k in range(5):
        cv2.imwrite(str(folder / "pictures" / f"{k}.png"), picture(k))
    with serving(folder, None, "--detector", "none", "--rate", 10, cache=tmp_path / "cache") as (_, client):
        listed = client.http.get("/api/recordings").json()
        assert [(one["name"], one["state"], one["frames"]) for one in listed] == [
            ("b.mp4", "new", None), ("broken.mp4", "new", None), ("pictures", "new", None),
        ]  # fmt: skip
        assert "list" in client.http.get("/").text
        assert client.json("project")["frames"] == FRAMES
        said = client.http.get("/r/1/api/project")
        assert (said.status_code, "broken.mp4" in said.json()["error"]) == (400, True)
        client.http.post("/r/2/api/op", json={"kind": "draw", "parameters": {"frame": 1, "xyxy": [1, 1, 9, 9]}})
        client.http.post("/r/2/api/state", json={"state": "done"})
        times = np.frombuffer(client.http.get("/r/2/api/times").content)
        assert times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
        listed = client.http.get("/api/recordings").json()
        assert [(one["state"], one["frames"], one["tracks"]) for one in listed] == [
            ("new", FRAMES, 0), ("new", None, None), ("done", 5, 1),
        ]  # fmt: skip
    assert {path.name for path in folder.glob("*.liquidtrack")} == {"b.mp4.liquidtrack", "pictures.liquidtrack"}


def test_a_second_server_only_looks_and_follows(film: Path, tmp_path: Path) -> None:
    project = tmp_path / "a.liquidtrack"
    words = ("--project", project)
    with (
        serving(film, film.with_suffix(".txt"), *words, cache=tmp_path / "one") as (_, first),
        serving(film, None, *words, cache=tmp_path / "two") as (_, second),
    ):
        assert "is being edited by process" in second.json("project")["readOnly"]
        assert "can only be looked at" in second.refused("op", kind="lock", parameters={"track": 1})
        with second.line() as line:
            first.do("swap", track=1, other=2, frame=100)
            assert heard(line, "changed")["kind"] == "swap"
        assert second.json("journal")["entries"][-1]["kind"] == "swap"
        assert second.json("rows?first=150&last=150") == first.json("rows?first=150&last=150")


def test_a_project_is_opened_by_itself_and_beside_its_moved_video(film: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    shutil.copy(film, old / "film.mp4")
    with serving(old / "film.mp4", film.with_suffix(".txt"), cache=tmp_path / "cache") as (_, client):
        client.do("rename", track=1, name="Anna")
        key = client.json("project")["sourceKey"]
    for path in old.iterdir():
        path.rename(new / path.name)
    with serving(new / "film.mp4.liquidtrack", None, cache=tmp_path / "cache") as (_, client):
        assert client.json("tracks")[0]["name"] == "Anna"
        assert client.json("project")["sourceKey"] == key
        assert client.get(f"frame/{key}/200.jpg").status_code == 200


def test_a_cut_video_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    path = make_film(tmp_path / "film.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with serving(path, None, "--detector", "none", cache=tmp_path / "cache") as (_, client):
        project = client.json("project")
        assert "breaks off after" in project["problem"]
        assert 50 < project["frames"] < FRAMES
        assert client.get(f"frame/{project['sourceKey']}/{project['frames'] - 1}.jpg").status_code == 200


def test_a_video_that_vanishes_while_it_is_open_stays_open(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    shutil.copy(film, path)
    with serving(path, film.with_suffix(".txt"), cache=tmp_path / "cache") as (_, client):
        key = client.json("project")["sourceKey"]
        path.unlink()
        for frame in (0, 239, 100):
            assert client.get(f"frame/{key}/{frame}.jpg").status_code == 200
        client.do("lock", track=1)


def test_a_video_without_tracks_is_tracked_in_the_background(film: Path, tmp_path: Path) -> None:
    project = tmp_path / "a.liquidtrack"
    with serving(film, None, "--project", project, *MOVING, cache=tmp_path / "cache") as (_, client):
        found = client.json("project")
        if found["job"] is not None:
            assert found["job"]["kind"] == "track"
            assert "being tracked" in client.refused("op", kind="lock", parameters={"track": 1})
            assert client.get(f"frame/{found['sourceKey']}/100.jpg").status_code == 200
        found = idle(client)
        assert found["readOnly"] is None
        tracks = client.json("tracks")
        assert len([track for track in tracks if track["count"] > FRAMES // 2]) >= 2  # two move, one stands still
        client.do("lock", track=tracks[0]["id"])
    with Project.open(project) as kept:
        assert kept.blob(UNTRACKED) is None
        assert kept.blob(DETECTING.format(0)) is None
        assert kept.detection_count > FRAMES


def slow_detector(folder: Path, seconds: float) -> str:
    """A detector that finds one box, notes each call in `count`, and takes its time."""
    (folder / "slow.py").write_text(
        f"import time\nimport numpy as np\n\ndef detect(frame):\n    time.sleep({seconds})\n"
        f"    open({str(folder / 'count')!r}, 'a').write('x')\n"
        "    return np.array([[10, 10, 50, 90, 0.9, 0]])\n"
    )
    return f"python:{folder / 'slow.py'}:detect"


def test_tracking_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", LONG)
    make_tracks(tmp_path / "found.txt", LONG)
    path = project_path(film)
    server = Server(film, None, "--detector", f"file:{tmp_path / 'found.txt'}", cache=tmp_path / "cache").start()

    def chunk() -> bool:
        with Project.open(path, write=False) as project:
            return project.blob(DETECTING.format(0)) is not None

    try:
        until(chunk, "the first chunk of detections")
        server.kill()
        until(lambda: _free(path), "the end of the process that tracked")
        with Project.open(path) as project:  # a mark, by which these detections are known later
            assert project.blob(UNTRACKED) is not None
            with np.load(io.BytesIO(project.blob(DETECTING.format(0)) or b"")) as file:
                columns = {**file, "score": np.full(len(file["score"]), 0.75, np.float32)}
            data = io.BytesIO()
            np.savez(data, **columns)
            project.put_blob(DETECTING.format(0), data.getvalue())
        server.start()
        client = Client(server.address)
        idle(client)
        client.close()
    finally:
        server.stop()
    with Project.open(path) as project:
        found = project.detections()
        assert found is not None
        assert len(found) == 3 * LONG
        assert np.array_equal(found.score == 0.75, found.frame < CHUNK_FRAMES)
        assert project.blob(DETECTING.format(0)) is None


def _free(path: Path) -> bool:
    try:
        Project.open(path).close()
    except DataError:
        return False
    return True


def test_tracking_can_be_cancelled_and_work_goes_on_by_hand(film: Path, tmp_path: Path) -> None:
    words = ("--project", tmp_path / "a.liquidtrack", "--detector", slow_detector(tmp_path, 0.5))
    with serving(film, None, *words, cache=tmp_path / "cache") as (_, client):
        job = until(lambda: client.json("project")["job"], "the job")
        with client.line() as line:
            assert client.post("cancel", job=job["job"]).status_code == 200
            assert heard(line, "job")["state"] == "cancelled"
        assert "is not at work" in client.refused("cancel", job=job["job"])
        found = idle(client)
        assert found["readOnly"] is None
        assert client.do("draw", frame=5, xyxy=[10, 10, 60, 60])["tracks"] == [1]


def test_tracking_that_fails_says_so_also_to_windows_that_come_later(film: Path, tmp_path: Path) -> None:
    words = ("--project", tmp_path / "a.liquidtrack", "--detector", f"python:{tmp_path / 'nothing.py'}:detect")
    with serving(film, None, *words, cache=tmp_path / "cache") as (_, client):
        idle(client)
        with client.line() as line:
            message = heard(line, "job")
        assert message["state"] == "failed"
        assert "there is no file" in message["error"]
        assert client.do("draw", frame=5, xyxy=[10, 10, 60, 60])["tracks"] == [1]


def test_ctrl_c_ends_it_with_windows_open(film: Path, tmp_path: Path) -> None:
    words = ("--project", tmp_path / "a.liquidtrack")
    server = Server(film, film.with_suffix(".txt"), *words, cache=tmp_path, fresh=True).start()
    client = Client(server.address)
    with client.line():
        client.do("lock", track=1)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
    with pytest.raises(httpx.HTTPError):
        client.get("api/project")
    client.close()
    assert not list(tmp_path.glob("*.lock"))
