"""A project knows its video again: where it was, what it held, which times its frames have."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.projects import check_times, find_source, project_path, source_record
from models.errors import SourceError
from tests.support.moving_box_clip import write_clip
from tracker.protocols import SourceInfo

TIMES = np.arange(10) / 30


def info(path: Path) -> SourceInfo:
    return SourceInfo(path.name, 64, 48, rate=30.0, path=str(path))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    write_clip(path)
    return path


def test_the_project_lies_beside_the_video() -> None:
    assert project_path("a/film.mp4") == Path("a/film.mp4.liquidtrack")
    assert project_path("a/pictures/") == Path("a/pictures.liquidtrack")


def test_a_video_is_found_where_it_was_and_beside_the_project(video: Path, tmp_path: Path) -> None:
    record = source_record(info(video), TIMES)
    assert (record.name, record.bytes, record.width) == ("film.mp4", video.stat().st_size, 64)
    away = tmp_path / "away" / "film.mp4.liquidtrack"
    away.parent.mkdir()
    assert find_source(record, away) == video
    moved = away.with_name("film.mp4")
    shutil.move(video, moved)
    assert find_source(record, away) == moved


def test_a_moved_video_is_named_with_its_old_place(video: Path, tmp_path: Path) -> None:
    record = source_record(info(video), TIMES)
    project = project_path(video)
    new = tmp_path / "new.mp4"
    shutil.move(video, new)
    with pytest.raises(SourceError, match=r"was at .*film\.mp4 and is not there; put it beside the project, or name"):
        find_source(record, project)
    with pytest.raises(SourceError, match=r"nowhere\.mp4 is not there; the video of .* was at .*film\.mp4"):
        find_source(record, project, tmp_path / "nowhere.mp4")
    assert find_source(record, project, new) == new


@pytest.mark.parametrize("place", ["start", "middle", "end", "cut"])
def test_a_changed_video_is_refused(tmp_path: Path, place: str) -> None:
    video = tmp_path / "film.mp4"
    data = bytearray(np.random.default_rng(0).integers(0, 256, 5 << 20, np.uint8).tobytes())
    video.write_bytes(data)
    record = source_record(info(video), TIMES)
    if place == "cut":
        del data[-1:]
    else:
        data[{"start": 7, "middle": len(data) // 2, "end": -1}[place]] ^= 1
    video.write_bytes(data)
    with pytest.raises(SourceError, match=r"film\.mp4 is not the video that .* was made from, or has changed since"):
        find_source(record, project_path(video))


def test_other_frame_times_are_refused(video: Path) -> None:
    record = source_record(info(video), TIMES)
    check_times(record, TIMES.copy(), video)
    with pytest.raises(SourceError, match="gives other frame times than when its project was made"):
        check_times(record, TIMES[:-1], video)


def test_a_folder_of_pictures_is_known_by_names_and_content(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(4):
        cv2.imwrite(str(folder / f"{k}.png"), np.full((4, 4, 3), k, np.uint8))
    record = source_record(info(folder), TIMES[:4])
    (folder / "notes.txt").write_text("not a picture")
    assert find_source(record, project_path(folder)) == folder
    (folder / "3.png").rename(folder / "4.png")
    with pytest.raises(SourceError, match="is not the video"):
        find_source(record, project_path(folder))


def test_a_source_without_a_file_is_not_checked(tmp_path: Path) -> None:
    record = source_record(SourceInfo("camera", 64, 48), TIMES)
    assert (record.location, record.digest) == ("", "")
    with pytest.raises(SourceError, match="is named camera and is not there"):
        find_source(record, tmp_path / "x.liquidtrack")
