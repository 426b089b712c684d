"""Which recordings a folder, a glob or a list names, and what their results are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DataError, SourceError
from tools.batch.finding import FoundRecording, SearchRules, matching, search, stems_of
from tools.batch.lists import listed, typed_values
from tools.batch.planning import in_shard

ANY = SearchRules()


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def labels(root: Path, rules: SearchRules = ANY) -> list[str]:
    return [one.label for one in search(root, rules)]


def test_folder_is_searched_in_order_without_hidden_files_and_own_results(tmp_path: Path) -> None:
    put(tmp_path, "b/2.MKV", "b/1.mp4", "a.avi", "notes.txt", ".hidden.mp4", ".trash/c.mp4", "a.tracked.mp4")
    put(tmp_path, "a.images/0.gif", "b/1.jsonl", "z/deep/er/3.mov")
    found = list(search(tmp_path, ANY))
    assert [one.label for one in found] == ["a.avi", "b/1.mp4", "b/2.MKV", "z/deep/er/3.mov"]
    assert [one.stem for one in found] == ["a", "b/1", "b/2", "z/deep/er/3"]
    assert found[1].source == str(tmp_path / "b/1.mp4")


def test_patterns_choose_by_path_or_name(tmp_path: Path) -> None:
    put(tmp_path, "cam1/a.mp4", "cam1/b.mkv", "cam2/a.mp4", "old/cam1/a.mp4")
    assert labels(tmp_path, SearchRules(include=("cam1/*",))) == ["cam1/a.mp4", "cam1/b.mkv"]
    assert labels(tmp_path, SearchRules(include=("a.*",), exclude=("old",))) == ["cam1/a.mp4", "cam2/a.mp4"]
    assert labels(tmp_path, SearchRules(exclude=("*.mp4",))) == ["cam1/b.mkv"]


def test_folder_of_results_inside_is_left_out_also_behind_a_link(tmp_path: Path) -> None:
    put(tmp_path, "in/a.mp4", "in/out/b.mp4", "elsewhere/c.mp4")
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/circle").symlink_to(tmp_path / "in")
    rules = SearchRules(leave_out=(os.path.realpath(tmp_path / "in/out"),))
    assert labels(tmp_path / "in", rules) == ["a.mp4", "link/c.mp4"]


def test_folders_of_pictures_count_where_their_times_are_known_or_they_are_asked_for(tmp_path: Path) -> None:
    put(tmp_path, "timed/1.png", "timed/times.csv", "album/1.jpg", "seq/seqinfo.ini", "seq/img1/000001.jpg")
    put(tmp_path, "mixed/1.jpg", "mixed/a.mp4")
    assert set(labels(tmp_path)) == {"mixed/a.mp4", "seq", "timed"}
    assert set(labels(tmp_path, SearchRules(pictures=True))) == {"album", "mixed/a.mp4", "seq", "timed"}


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (["a.mp4", "b.mp4"], ["a", "b"]),
        (["a.mp4", "a.avi"], ["a.mp4", "a.avi"]),
        (["a.mp4", "a.avi", "a.avi.mp4"], ["a.mp4", "a.avi", "a.avi.mp4"]),
        (["a", "a.mp4"], ["a", "a.mp4"]),
        (["summary.mp4", "report.mkv"], ["summary.mp4", "report.mkv"]),
    ],
)
def test_recordings_of_one_name_get_results_of_their_own(names: list[str], stems: list[str]) -> None:
    assert stems_of(names, "", lambda stem: None) == stems


@given(st.sets(st.tuples(st.sampled_from("ab"), st.lists(st.sampled_from([".mp4", ".avi"]), max_size=3)).map(
    lambda parts: parts[0] + "".join(parts[1])), min_size=1, max_size=8))  # fmt: skip
def test_no_two_recordings_of_a_folder_share_their_results(names: set[str]) -> None:
    stems = stems_of(sorted(names), "cam/", lambda stem: None)
    assert len(set(stems)) == len(names)


def test_a_recording_keeps_its_name_when_another_of_that_name_arrives() -> None:
    assert stems_of(["a.avi", "a.mp4"], "cam/", {"cam/a": "cam/a.mp4"}.get) == ["a.avi", "a"]


def test_glob_mirrors_the_folders_behind_its_first_sign(tmp_path: Path) -> None:
    put(tmp_path, "x/cam1/a.mp4", "x/cam2/a.mp4", "x/cam2/.b.mp4", "y/a.mp4")
    found = list(matching(str(tmp_path / "x/*/*.mp4"), ANY))
    assert [one.stem for one in found] == ["cam1/a", "cam2/a"]


def test_unreadable_folder_of_recordings_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        list(search(tmp_path / "none", ANY))


def test_list_gives_recordings_names_and_settings(tmp_path: Path) -> None:
    place = tmp_path / "list.csv"
    place.write_text("score,recording,name,whole,classes\n0.3,day/a.mp4,,true,person car\n,scene:4,street,,\n")
    found = list(listed(place, ANY))
    assert found == [
        FoundRecording(
            str(tmp_path / "day/a.mp4"), "day/a.mp4", "day/a",
            (("score", "0.3"), ("whole", "true"), ("classes", "person car")),
        ),
        FoundRecording("scene:4", "street", "street"),
    ]  # fmt: skip
    assert typed_values(found[0].settings, "here") == {"score": "0.3", "whole": True, "classes": ["person", "car"]}


def test_plain_list_of_paths_needs_no_heading(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("a.mp4\nb.mp4\n")
    assert [one.label for one in listed(tmp_path / "list.csv", ANY)] == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("recording,sharpness\na.mp4,3\n", "line 1: 'sharpness' is no setting"),
        ("recording\na.mp4,b\n", "line 2: 2 values for 1 columns"),
        ("recording,name\na.mp4,../x\n", "line 2: the name '../x' leads elsewhere"),
        ("recording\n/x/a.mp4\n/y/a.mp4\n", "line 3: a.mp4 is there twice"),
        ("recording,score\n,0.3\n", "line 2: the recording is ''"),
    ],
)
def test_wrong_list_is_refused_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        list(listed(tmp_path / "list.csv", ANY))


@given(st.lists(st.text(min_size=1), unique=True), st.integers(1, 9))
def test_shards_take_every_recording_once(names: list[str], parts: int) -> None:
    for name in names:
        one = FoundRecording(name, name, name)
        assert sum(in_shard(one, (k, parts)) for k in range(parts)) == 1
