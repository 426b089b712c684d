"""`liquidtrack refine`: anybody's tracks smoothed and filled, with their ids, in every format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import FORMATS, read
from datasets.formats.annotations import Annotations
from datasets.formats.registry import write
from datasets.formats.track_info import TrackInfo
from tests.support.annotations import target
from tools.cli.main import main

RATE = 20.0


def box(k: int, person: int) -> tuple[float, float, float, float]:
    """Two people on straight ways: left, top, width, height in frame k (from 0)."""
    return (100 + 3 * k, 100, 30, 80) if person == 7 else (500 - 3 * k, 300, 30, 80)


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """MOTChallenge results of two people, 7 and 12; person 7 is missing in frames 20 to 23."""
    rows = [
        f"{k + 1},{person},{','.join(map(str, box(k, person)))},0.9,-1,-1,-1\n"
        for k in range(60)
        for person in (7, 12)
        if not (person == 7 and 20 <= k < 24)
    ]
    (tmp_path / "walk.txt").write_text("".join(rows))
    return tmp_path / "walk.txt"


def detections(path: Path, shift: float = 0.0, person: int = 7) -> Path:
    rows = [f"{k + 1},-1,{box(k, person)[0] + shift},{','.join(map(str, box(k, person)[1:]))},0.8\n" for k in range(60)]
    path.write_text("".join(rows))
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_short_absence_is_filled_and_ids_are_kept_in_every_format(name: str, tracks: Path, tmp_path: Path) -> None:
    source = target(tmp_path / "in", name)
    assert main(["convert", str(tracks), str(source), "--to", name, "--rate", "20", "--size", "640x480"]) == 0
    out = tmp_path / "out.jsonl"
    assert main(["refine", str(source), str(out), "--from", name, "--size", "640x480"]) == 0
    got = read(out)
    assert got.times is not None
    assert got.times.tolist() == (np.arange(60) / RATE).tolist()
    assert sorted(set(got.id.tolist())) == [7, 12]
    assert len(got) == 120
    assert got.filled is not None
    assert got.row[got.filled].tolist() == [20, 21, 22, 23]
    assert set(got.id[got.filled].tolist()) == {7}
    left = np.array([box(k, i)[0] for k, i in zip(got.row.tolist(), got.id.tolist(), strict=True)])
    assert np.abs(got.xyxy[:, 0] - left).max() < 4


@pytest.mark.parametrize("name", FORMATS)
def test_result_is_written_in_every_format(name: str, tracks: Path, tmp_path: Path) -> None:
    out = target(tmp_path, name)
    flags = ["--to", name, "--rate", "20", "--size", "640x480"]
    assert main(["refine", str(tracks), str(out), *flags]) == 0
    got = read(out, name)
    assert (len(got), sorted(set(got.id.tolist())), len(got.frames)) == (120, [7, 12], 60)
    if name in ("jsonl", "coco", "cvat"):
        assert got.filled is not None
        assert got.filled.sum() == 4


def test_refining_twice_gives_the_same_boxes_again(tracks: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert main(["refine", str(tracks), str(once), "--rate", "20", "--no-smooth"]) == 0
    assert main(["refine", str(once), str(twice), "--no-smooth"]) == 0
    assert once.read_text().split("\n")[1:] == twice.read_text().split("\n")[1:]
    assert json.loads(once.read_text().split("\n")[1])["boxes"][0]["std"]


def test_detections_close_absences_and_those_of_another_video_are_refused(
    tracks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["refine", str(tracks), str(tmp_path / "a.jsonl"), "--rate", "20"]
    assert main(words) == 0
    found = detections(tmp_path / "det.txt")
    out = tmp_path / "b.jsonl"
    assert main(["refine", str(tracks), str(out), "--rate", "20", "--detections", str(found)]) == 0
    got = read(out)
    assert len(got) == 120
    assert got.filled is None  # the detections are in the place of filled boxes
    assert set(got.score[(got.row >= 20) & (got.row < 24) & (got.id == 7)].tolist()) == {np.float32(0.8)}
    capsys.readouterr()
    other = detections(tmp_path / "other.txt", shift=300)
    assert main([*words[:2], str(tmp_path / "c.jsonl"), *words[3:], "--detections", str(other)]) == 2
    said = capsys.readouterr().err
    assert "other.txt belongs to another video: 0 of 116 boxes of" in said
    late = tmp_path / "late.txt"
    late.write_text("500,-1,1,1,10,10,0.5\n")
    assert main([*words[:2], str(tmp_path / "c.jsonl"), *words[3:], "--detections", str(late)]) == 2
    assert "has none of the frames of" in capsys.readouterr().err
    (tmp_path / "other.times.csv").write_text("frame,time\n" + "".join(f"{k + 1},{k / 10}\n" for k in range(60)))
    assert main([*words[:2], str(tmp_path / "c.jsonl"), *words[3:], "--detections", str(other)]) == 2
    assert "has frame 1 at 0.100 s where" in capsys.readouterr().err
    assert not (tmp_path / "c.jsonl").exists()


def test_mistakes_are_one_sentence(tracks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out.jsonl")
    assert main(["refine", str(tracks), out]) == 2
    assert "has no times; give --rate" in capsys.readouterr().err
    found = detections(tmp_path / "det.txt")
    assert main(["refine", str(found), out, "--rate", "20"]) == 2
    assert "has no ids, it holds detections" in capsys.readouterr().err
    assert main(["refine", str(tracks), str(tracks), "--rate", "20"]) == 2
    assert "name another place" in capsys.readouterr().err
    assert main(["refine", str(tracks), out, "--rate", "20", "--max-absence", "0"]) == 2


def test_empty_file_gives_an_empty_result(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("")
    assert main(["refine", str(tmp_path / "none.txt"), str(tmp_path / "out.jsonl"), "--rate", "20"]) == 0
    assert len(read(tmp_path / "out.jsonl")) == 0


def test_ids_from_zero_and_new_ids_do_not_collide(tmp_path: Path) -> None:
    rows = [f"{k + 1},{person},{100 + 200 * person + 2 * k},50,30,80,1\n" for k in range(30) for person in (0, 1)]
    (tmp_path / "a.txt").write_text("".join(rows))
    out = tmp_path / "out.jsonl"
    assert (
        main(["refine", str(tmp_path / "a.txt"), str(out), "--rate", "20", "--doubt", str(tmp_path / "d.jsonl")]) == 0
    )
    got = read(out)
    assert sorted(set(got.id.tolist())) == [0, 1]
    assert (got.xyxy[got.id == 1, 0] > got.xyxy[got.id == 0, 0].max()).all()
    assert (tmp_path / "d.jsonl").exists()


def corrected(tmp_path: Path, **said: object) -> Path:
    """Persons 7 and 12; 7 has no box in frames 20 to 23, and one that was drawn beside the way in frame 40."""
    boxes = []
    for k in range(60):
        for person in (7, 12):
            if not (person == 7 and 20 <= k < 24):
                left, top, width, height = box(k, person)
                drawn = person == 7 and k == 40
                boxes.append((k, person, left + 5 * drawn, top, width, height, 2 if drawn else 0))
    frame, id, left, top, width, height, provenance = (np.array(column) for column in zip(*boxes, strict=True))
    annotations = Annotations(
        frames=np.arange(60), times=np.arange(60) / RATE, row=frame, id=id,
        xyxy=np.stack([left, top, left + width, top + height], axis=1).astype(np.float32),
        score=np.full(len(id), 0.9, np.float32), label=np.zeros(len(id), np.int64), names=("person",),
        ignore=np.zeros(len(id), bool), size=(640, 480), provenance=provenance.astype(np.uint8),
        tracks=(TrackInfo(7, name="Ann", **said),),  # type: ignore[arg-type]
    )  # fmt: skip
    write(annotations, tmp_path / "in.jsonl", "jsonl")
    return tmp_path / "in.jsonl"


def test_nothing_is_filled_in_a_noted_absence_which_stays(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    source = corrected(tmp_path, absences=((19, 21),))  # frame 19 has a box: what a person saw there goes before
    assert (
        main(["refine", str(source), str(out), "--detections", str(detections(tmp_path / "det.txt")), "--rate", "20"])
        == 0
    )
    got = read(out)
    assert [(one.name, one.absences, one.accepted) for one in got.tracks] == [("Ann", ((20, 21),), False)]
    assert got.row[got.id == 7].tolist() == [*range(20), *range(22, 60)]


def test_a_persons_box_stays_where_it_was_drawn(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert main(["refine", str(corrected(tmp_path)), str(out)]) == 0
    got = read(out)
    assert got.provenance is not None
    (k,) = ((got.id == 7) & (got.row == 40)).nonzero()[0]
    assert got.provenance[k] == 2
    assert got.xyxy[k, 0] == pytest.approx(box(40, 7)[0] + 5, abs=0.01)
    assert set(got.provenance[(got.id == 7) & (got.row >= 20) & (got.row < 24)].tolist()) == {1}


def test_an_accepted_track_gets_no_box_and_stays_accepted(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert main(["refine", str(corrected(tmp_path, accepted=True)), str(out)]) == 0
    got = read(out)
    assert [(one.id, one.accepted) for one in got.tracks] == [(7, True)]
    assert got.row[got.id == 7].tolist() == [*range(20), *range(24, 60)]
