"""The simulated annotator: the same work in memory as in a project file, and what it is compared with."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path as FilePath

import cv2
import numpy as np
import pytest

from datasets.ground_truth.tracking import BoxTable
from datasets.projects import Project, SourceRecord
from datasets.projects.exchange import tracks_of_whole
from datasets.projects.review import ProjectReview, answer_edit
from models.errors import DataError
from tests.support.doubtful_tracks import crossing_pair, walker
from tests.support.mot_results import make_sequence
from tools.benchmark.annotate import bench_annotate
from tools.benchmark.annotate_by_hand import at_target, by_hand
from tools.benchmark.annotate_empty import shown_shares
from tools.benchmark.annotate_missed import missed_stretches
from tools.benchmark.annotate_person import Person
from tools.benchmark.annotate_workspace import Workspace
from tools.benchmark.config.annotate import BenchAnnotateConfig
from tracker.detectors.config import DetectorConfig
from tracker.offline.types import Decisions, VideoDetections, WholeTracks
from tracker.review.questions import queue
from tracker.review.types import TrackRows
from tracker.types import Int64

pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")

FRAMES = 400


def tracked(tracks: dict[int, TrackRows]) -> tuple[VideoDetections, WholeTracks]:
    """Tracks as the whole-video engine gives them; every box is a detection."""
    frame = np.concatenate([rows.frame for rows in tracks.values()])
    id = np.repeat(list(tracks), [len(rows) for rows in tracks.values()])
    order = np.lexsort((id, frame))
    frame, id = frame[order], id[order]
    xyxy = np.concatenate([rows.xyxy for rows in tracks.values()])[order]
    link = np.concatenate([rows.link for rows in tracks.values()])[order]
    score, label = np.full(len(frame), 0.9, np.float32), np.zeros(len(frame), np.int64)
    none = np.zeros(0, np.int64)
    decisions = Decisions(none, none, none, np.zeros(0), none)
    std = np.zeros((len(frame), 4), np.float32)
    detections = VideoDetections(np.arange(FRAMES) / 20, frame, xyxy, score, label, (1920, 1080))
    return detections, WholeTracks(frame, id, xyxy, score, label, np.arange(len(frame)), link, std, decisions)


def swapped_pair() -> tuple[VideoDetections, WholeTracks, Int64]:
    """Two tracks that exchange their people in frame 200, and which person each detection shows."""
    detections, tracks = tracked({**crossing_pair(), 3: walker(100, 103, 900, score=0.4)})
    shown = np.where(tracks.frame < 200, tracks.id, 3 - tracks.id)
    return detections, tracks, np.where(tracks.id == 3, -1, shown)


def test_annotator_mends_a_swap_and_deletes_what_is_false() -> None:
    detections, tracks, shown = swapped_pair()
    work = Workspace.of(detections, tracks)
    person = Person(work, shown)
    while found := queue(work.view(), 1).questions:
        person.answer(found[0])
    _, id, xyxy = work.boxes()
    assert set(id.tolist()) == {1, 2}
    one = xyxy[id == 1][:, 0]
    assert one[199] == pytest.approx(100 + 199)
    assert one[300] == pytest.approx(500 - 300)
    assert person.effort.count <= 8
    assert person.effort.operations["crossing swap"] == 1


def test_work_in_memory_is_work_in_a_project_file(tmp_path: FilePath) -> None:
    detections, tracks, shown = swapped_pair()
    work = Workspace.of(detections, tracks)
    person = Person(work, shown)
    source = SourceRecord("film.mp4", width=1920, height=1080, rate=20.0)
    with Project.create(
        tmp_path / "p", source, ("person",), np.arange(FRAMES), detections.times, detections
    ) as project:
        project.import_tracks(tracks_of_whole(project, tracks), "import")
        review = ProjectReview(project)
        for _ in range(20):
            asked = review.queue(5).questions
            assert asked == queue(work.view(), 5).questions
            if not asked or asked[0].kind == "track":
                break
            key = person.answer(asked[0])
            question = asked[0] if key == "keep" or asked[0].kind != "crossing" else asked[0].at(200)
            project.apply(answer_edit(project, question, key), "bench")
        rows = project.rows(0, FRAMES - 1)
    frame, id, xyxy = work.boxes()
    assert np.array_equal(rows.frame, frame)
    assert np.array_equal(rows.id, id)
    assert np.array_equal(rows.xyxy, xyxy)


def test_front_to_back_mends_in_order_of_time() -> None:
    detections, tracks, shown = swapped_pair()
    work = Workspace.of(detections, tracks)
    person = Person(work, shown)
    assert sum(1 for _ in person.front_to_back()) == person.effort.count == 2  # the false track, then the swap
    assert list(person.effort.operations) == ["delete", "crossing swap"]


def test_annotator_who_errs_chooses_another_option() -> None:
    detections, tracks, shown = swapped_pair()
    work = Workspace.of(detections, tracks)
    asked = next(one for one in queue(work.view()).questions if one.kind == "crossing")
    assert Person(work, shown).best(asked) == "swap-2"
    assert Person(work, shown, right=0.0).answer(asked) != "swap-2"


def lost_in_the_end(nothing_from: int) -> tuple[VideoDetections, WholeTracks, Int64]:
    """A track with weak scores from frame 300 on, which shows nothing from a frame on."""
    rows = walker(0, 399, 100, 0.5)
    rows.score[300:] = 0.3
    detections, tracks = tracked({1: rows})
    tracks = replace(tracks, score=rows.score)
    return detections, tracks, np.where(np.arange(FRAMES) < nothing_from, 1, -1)


@pytest.mark.parametrize(("nothing_from", "answer", "boxes"), [(310, "rest", 310), (400, "keep", 400)])
def test_annotator_cuts_what_shows_nothing_at_its_frame(nothing_from: int, answer: str, boxes: int) -> None:
    detections, tracks, shown = lost_in_the_end(nothing_from)
    work = Workspace.of(detections, tracks)
    person = Person(work, shown)
    asked = next(one for one in queue(work.view()).questions if one.kind == "stretch")
    assert person.answer(asked) == answer
    assert len(work.boxes()[0]) == boxes
    assert person.effort.operations == {f"stretch {answer}": 1}
    assert not [one for one in queue(work.view()).questions if one.kind == "stretch"]


def test_annotator_who_looks_along_a_track_deletes_what_lasts_a_second_on_nothing() -> None:
    detections, tracks, shown = lost_in_the_end(310)
    shown[100:110] = -1  # half a second, which no picture of the strip shows
    work = Workspace.of(detections, tracks)
    person = Person(work, shown)
    asked = next(one for one in queue(work.view()).questions if one.kind == "track")
    assert person.answer(asked) == "mended"
    assert work.boxes()[0].tolist() == list(range(310))
    assert person.effort.operations == {"track delete": 1, "track keep": 1}
    assert Person(Workspace.of(detections, tracks), shown, tidy=False).answer(asked) == "keep"


def test_front_to_back_deletes_what_lasts_a_second_on_nothing() -> None:
    detections, tracks, shown = lost_in_the_end(310)
    work = Workspace.of(detections, tracks)
    person = Person(work, shown)
    assert sum(1 for _ in person.front_to_back()) == 1
    assert work.boxes()[0].tolist() == list(range(310))


def test_second_box_of_an_object_is_not_on_nothing() -> None:
    truth = truth_of(walker(0, 399, 100))
    boxes = truth.xyxy[0] + np.outer([0, 8, 20, 900], [1, 0, 1, 0])
    start = np.minimum(np.arange(FRAMES + 1) * 4, 4)
    shares = shown_shares(BoxTable(start, np.array([0, -1, -1, 7]), boxes, np.ones(4)), truth)
    assert shares == pytest.approx([1, 2 / 3, 1 / 3, 1])  # the last one shows somebody who does not count


def truth_of(rows: TrackRows, without: tuple[int, int] = (0, -1)) -> BoxTable:
    kept = (rows.frame < without[0]) | (rows.frame > without[1])
    start = np.searchsorted(rows.frame[kept], np.arange(FRAMES + 1))
    n = int(kept.sum())
    return BoxTable(start, np.zeros(n, np.int64), rows.xyxy[kept].astype(np.float64), np.ones(n))


def test_straight_way_needs_two_key_boxes_and_an_absence_four() -> None:
    rows = walker(0, 399, 0, 2.0)
    times = np.arange(FRAMES) / 20
    assert by_hand(truth_of(rows), times).keys == 2
    made = by_hand(truth_of(rows, (100, 199)), times)
    assert (made.keys, len(made.frame)) == (4, 300)
    assert by_hand(truth_of(rows), times, every=1.0).keys == 21


def test_missed_object_is_drawn_into_its_track() -> None:
    whole = walker(0, 399, 100, 0.5)
    seen = walker(0, 149, 100, 0.5)
    back = walker(200, 399, 100, 0.5)
    part = TrackRows(*(np.concatenate([getattr(a, n), getattr(b, n)]) for a, b, n in (
        (seen, back, name) for name in ("frame", "time", "xyxy", "score", "link", "detection"))))  # fmt: skip
    detections, tracks = tracked({1: part})
    work = Workspace.of(detections, tracks)
    missed = missed_stretches(truth_of(whole), work)
    assert [(one.first, one.last) for one in missed] == [(150, 199)]
    person = Person(work, np.zeros(len(detections), np.int64))
    person.draw(missed[0])
    assert {len(work.boxes()[0]), len(set(work.boxes()[0].tolist()))} == {FRAMES}
    assert missed_stretches(truth_of(whole), work) == []


def test_effort_at_a_target_lies_between_the_points() -> None:
    effort, figure = np.array([0.0, 10, 20]), np.array([60.0, 80, 90])
    assert at_target(effort, figure, 85) == 15
    assert at_target(effort, figure, 50) == 0
    assert np.isnan(at_target(effort, figure, 95))


def make_root(tmp_path: FilePath) -> FilePath:
    """A folder with one sequence; its detections are one tracker's boxes."""
    make_sequence(tmp_path / "root", tmp_path / "res", "walk", seed=1)
    rows = np.loadtxt(tmp_path / "res/walk.txt", delimiter=",")
    rows[:, 1] = -1
    (tmp_path / "root/walk/det").mkdir()
    np.savetxt(tmp_path / "root/walk/det/det.txt", rows[:, :7], "%.10g", delimiter=",")
    return tmp_path / "root/walk/det/det.txt"


def test_detections_of_a_detector_give_the_work_of_the_same_detections_in_a_file(tmp_path: FilePath) -> None:
    file = make_root(tmp_path)
    (images := tmp_path / "root/walk/img1").mkdir()
    for k in range(62):
        cv2.imwrite(str(images / f"{k + 1:06d}.png"), np.zeros((480, 640, 3), np.uint8))
    given = BenchAnnotateConfig(tmp_path / "root", marks=(0, 5), controls=False, camera_motion=False, quiet=True)
    detector = DetectorConfig(detector=f"file:{file}", threads=1)
    looked = replace(given, pixels=True, detection=detector)
    for config, name in ((given, "given"), (looked, "looked")):
        bench_annotate(replace(config, json=tmp_path / f"{name}.json"))
    wanted, found = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("given", "looked"))
    assert found["curves"]["doubt queue"]["points"] == wanted["curves"]["doubt queue"]["points"]
    (images / "000062.png").unlink()
    with pytest.raises(DataError, match=r"walk: has 61 images and 62 frames of truth; give one for each\."):
        bench_annotate(looked)
    shutil.rmtree(images)
    with pytest.raises(DataError, match=r"walk: holds 0 videos and no img1/; --pixels needs one of either\."):
        bench_annotate(looked)


def test_command_writes_all_curves(tmp_path: FilePath, capsys: pytest.CaptureFixture[str]) -> None:
    make_root(tmp_path)
    out = tmp_path / "found.json"
    bench_annotate(BenchAnnotateConfig(tmp_path / "root", marks=(0, 5), json=out, quiet=True))
    found = json.loads(out.read_text())
    assert {"doubt queue", "random order", "queue of online tracks"} < set(found["curves"])
    points = found["curves"]["doubt queue"]["points"]
    assert points[0]["operations"] == 0
    assert points[-1]["idf1"] >= points[0]["idf1"]
    assert "operations / clicks to" in capsys.readouterr().out
