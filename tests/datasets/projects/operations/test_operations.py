"""What each operation does to tracks, by its name and JSON parameters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pytest

from datasets.projects import Edit, Entry, Path, Project, Provenance, SourceRecord, Track
from datasets.projects.operations import OPERATIONS, run, together
from models.errors import DataError
from tests.support.projects import content, make_project, seen
from tracker.offline.types import Constraint, VideoDetections


@pytest.fixture
def project(tmp_path: FilePath) -> Iterator[Project]:
    """Track 1 in frames 0..99 and 3000..3099, track 2 in 50..149, with detections numbered as the rows."""
    detections = VideoDetections(
        np.arange(6000) / 30,
        np.repeat(np.arange(6000), 1)[:400],
        np.tile(np.array([0, 0, 5, 5], np.float32), (400, 1)),
        np.ones(400, np.float32),
        np.zeros(400, np.int64),
    )
    source = SourceRecord("film.mp4", width=640, height=480)
    made = Project.create(tmp_path / "p", source, ("person", "ball"), np.arange(6000), np.arange(6000) / 30, detections)
    first = seen(0, 99).with_columns(detection=np.arange(100))
    late = seen(3000, 3099).with_columns(detection=np.arange(100, 200))
    tracks = {
        1: Path.of(
            np.concatenate([first.frame, late.frame]),
            np.concatenate([first.xyxy, late.xyxy]),
            0.9,
            Provenance.SEEN,
            link=0.95,
            detection=np.arange(200),
        ),
        2: seen(50, 149, left=200).with_columns(detection=np.arange(200, 300)),
    }
    made.import_tracks(((Track(id, 0), rows) for id, rows in tracks.items()), "import")
    yield made
    made.close()


def do(project: Project, kind: str, **parameters: Any) -> Entry:
    return project.apply(run(project, kind, parameters), "ann")


def frames(project: Project, id: int) -> list[int]:
    found: list[int] = project.track(id)[1].frame.tolist()
    return found


def test_draw_makes_a_new_track(project: Project) -> None:
    entry = do(project, "draw", frame=7, xyxy=[1, 2, 3, 4], label=1)
    assert entry.parameters["new"] == 3
    track, rows = project.track(3)
    assert (track.label, rows.frame.tolist(), rows.xyxy.tolist()) == (1, [7], [[1, 2, 3, 4]])
    assert rows.provenance.tolist() == [Provenance.DRAWN]
    assert do(project, "draw", frame=7, xyxy=[1, 2, 3, 4]).parameters["new"] == 4


def test_draw_fills_up_to_the_nearest_boxes_but_not_across_an_absence(project: Project) -> None:
    do(project, "draw", frame=110, xyxy=[21, 50, 41, 90], track=1)
    rows = project.track(1)[1]
    assert rows.frame[100:120].tolist() == list(range(100, 120))
    assert set(rows.provenance[100:110].tolist()) == {Provenance.FILLED}
    assert len(rows) == 3100
    middle = rows.between(105, 105).xyxy[0]
    assert 11 < middle[0] < 21
    project.undo("ann")
    do(project, "absent", track=1, first=111, last=2999)
    do(project, "draw", frame=110, xyxy=[21, 50, 41, 90], track=1)
    assert frames(project, 1) == [*range(111), *range(3000, 3100)]


def test_draw_within_an_absence_takes_only_that_frame_out_of_it(project: Project) -> None:
    do(project, "absent", track=1, first=100, last=200)
    do(project, "draw", frame=150, xyxy=[21, 50, 41, 90], track=1)
    assert project.meta(1).absences == ((100, 149), (151, 200))
    assert frames(project, 1) == [*range(100), 150, *range(3000, 3100)]


def test_move_makes_a_key_frame_and_only_computed_boxes_follow(project: Project) -> None:
    do(project, "draw", frame=110, xyxy=[21, 50, 41, 90], track=1)
    before = project.track(1)[1]
    do(project, "move", track=1, frame=105, xyxy=[300, 50, 320, 90])
    after = project.track(1)[1]
    assert after.frame.tolist() == before.frame.tolist()
    moved = np.flatnonzero((after.xyxy != before.xyxy).any(axis=1))
    assert after.frame[moved].tolist() == list(range(100, 110))
    assert after.between(105, 105).xyxy.tolist() == [[300, 50, 320, 90]]
    assert after.between(105, 105).provenance.tolist() == [Provenance.DRAWN]
    left = after.between(99, 105).xyxy[:, 0]
    assert (np.diff(left) > 0).all()
    with pytest.raises(DataError, match="move: track 1 has no box in frame 5000; draw one"):
        do(project, "move", track=1, frame=5000, xyxy=[0, 0, 1, 1])


def test_a_long_gap_is_filled_in_parts(project: Project) -> None:
    do(project, "draw", frame=5999, xyxy=[900, 50, 920, 90], track=2)
    rows = project.track(2)[1]
    assert rows.frame.tolist() == list(range(50, 6000))
    assert np.abs(np.diff(rows.between(150, 5999).xyxy[:, 0])).max() < 5


def test_a_path_between_two_drawn_boxes_passes_through_them(project: Project) -> None:
    id = do(project, "draw", frame=0, xyxy=[100, 100, 140, 180]).parameters["new"]
    do(project, "draw", frame=30, xyxy=[160, 110, 200, 190], track=id)
    rows = project.track(id)[1]
    assert len(rows) == 31
    straight = np.linspace([100, 100, 140, 180], [160, 110, 200, 190], 31)
    assert np.abs(rows.xyxy - straight).max() < 3
    assert np.abs(np.diff(rows.xyxy[:, 0])).max() < 5  # no jump at either end


def test_interpolate_throws_the_machines_boxes_away_between_key_frames(project: Project) -> None:
    do(project, "move", track=2, frame=60, xyxy=[0, 0, 20, 40])
    do(project, "move", track=2, frame=80, xyxy=[100, 0, 120, 40])
    do(project, "interpolate", track=2, first=60, last=80)
    rows = project.track(2)[1]
    assert len(rows) == 100
    assert set(rows.between(61, 79).provenance.tolist()) == {Provenance.FILLED}
    assert np.abs(rows.between(60, 80).xyxy[:, 0] - np.linspace(0, 100, 21)).max() < 12
    with pytest.raises(DataError, match="needs a box in frame 60 and in frame 500"):
        do(project, "interpolate", track=2, first=60, last=500)


def test_delete_one_frame_from_here_before_here_and_all(project: Project) -> None:
    do(project, "delete", track=2, first=60, last=60)
    assert frames(project, 2) == [*range(50, 60), *range(61, 150)]
    do(project, "delete", track=2, first=140)
    do(project, "delete", track=2, last=55)
    assert frames(project, 2) == [*range(56, 60), *range(61, 140)]
    with pytest.raises(DataError, match=r"delete: track 2 has no box in frames 0\.\.10"):
        do(project, "delete", track=2, first=0, last=10)
    do(project, "delete", track=2)
    assert not project.exists(2)


def test_split_says_that_both_parts_are_different_objects(project: Project) -> None:
    do(project, "attribute", track=1, name="pose", value="sits", frame=10)
    do(project, "absent", track=1, first=150, last=2500)
    entry = do(project, "split", track=1, frame=2000)
    new = entry.parameters["new"]
    assert frames(project, 1) == list(range(100))
    assert frames(project, new) == list(range(3000, 3100))
    assert project.meta(1).absences == ((150, 1999),)
    assert project.meta(new).absences == ((2000, 2500),)
    assert project.meta(new).changes == ((2000, "pose", "sits"),)
    assert project.track(new)[1].link[0] == 1
    assert project.constraints() == (Constraint(99, 100, False),)
    with pytest.raises(DataError, match=r"split: track 1 cannot be cut at frame 0"):
        do(project, "split", track=1, frame=0)


def test_join_refuses_shared_frames_unless_told_whose_box_stays(project: Project) -> None:
    with pytest.raises(DataError, match="join: tracks 1 and 2 share 50 frames, the first is 50; say whose box stays"):
        do(project, "join", track=1, other=2)
    do(project, "move", track=2, frame=60, xyxy=[0, 0, 20, 40])
    for prefer, lefts in (("track", (1, 1)), ("other", (2, 2)), ("newer key", (2, 2))):
        wanted = [project.track(id)[1].between(f, f).xyxy.tolist() for id, f in zip(lefts, (60, 61), strict=True)]
        do(project, "join", track=1, other=2, prefer=prefer)
        assert frames(project, 1) == [*range(150), *range(3000, 3100)]
        assert not project.exists(2)
        assert [project.track(1)[1].between(f, f).xyxy.tolist() for f in (60, 61)] == wanted
        project.undo("ann")


def test_join_of_tracks_apart_says_that_they_are_one_object(project: Project) -> None:
    new = do(project, "split", track=1, frame=3000).parameters["new"]
    do(project, "rename", track=new, name="Bob")
    do(project, "join", track=2, other=new)
    track, rows = project.track(2)
    assert track.name == "Bob"
    assert rows.frame.tolist() == [*range(50, 150), *range(3000, 3100)]
    assert rows.between(3000, 3000).link[0] == 1
    assert project.constraints()[-1] == Constraint(299, 100, True)


def test_swap_exchanges_all_boxes_from_a_frame_on(project: Project) -> None:
    one, two = project.track(1)[1], project.track(2)[1]
    do(project, "swap", track=1, other=2, frame=70)
    assert frames(project, 1) == list(range(150))
    assert frames(project, 2) == [*range(50, 100), *range(3000, 3100)]
    assert project.track(1)[1].between(70, 149).xyxy.tobytes() == two.between(70, 149).xyxy.tobytes()
    assert project.track(2)[1].between(70, 5000).xyxy.tobytes() == one.between(70, 5000).xyxy.tobytes()
    assert project.track(2)[1].between(70, 71).link.tolist() == [1.0, np.float32(0.95)]
    said = {(c.first, c.second): c.same for c in project.constraints()}
    assert said == {(69, 220): True, (219, 70): True, (69, 70): False, (219, 220): False}
    do(project, "swap", track=1, other=2, frame=70)
    assert project.track(1)[1].xyxy.tobytes() == one.xyxy.tobytes()


def test_swap_leaves_the_far_chunks_where_they_are(project: Project) -> None:
    chunk = project.slots(1).pieces[1].chunk
    do(project, "swap", track=1, other=2, frame=70)
    assert project.slots(2).pieces[1].chunk == chunk


def test_attributes_hold_over_the_track_or_from_a_frame_on(project: Project) -> None:
    do(project, "attribute", track=1, name="team", value="red")
    do(project, "attribute", track=1, name="pose", value="sits", frame=10)
    do(project, "attribute", track=1, name="pose", value="runs", frame=5)
    assert project.meta(1).attributes == (("team", "red"),)
    assert project.meta(1).changes == ((5, "pose", "runs"), (10, "pose", "sits"))
    do(project, "attribute", track=1, name="team", value=None)
    do(project, "attribute", track=1, name="pose", frame=5)
    assert project.meta(1).attributes == ()
    assert project.meta(1).changes == ((10, "pose", "sits"),)


def test_accept_confirms_the_machines_boxes_and_says_that_they_are_one_object(project: Project) -> None:
    do(project, "move", track=2, frame=60, xyxy=[0, 0, 20, 40])
    do(project, "accept", track=2, first=58, last=61)
    track, rows = project.track(2)
    assert not track.accepted
    confirmed = rows.frame[rows.provenance == Provenance.CONFIRMED]
    assert confirmed.tolist() == [58, 59, 61]
    assert rows.between(57, 62).link.tolist() == [np.float32(x) for x in (0.95, 0.95, 1, 1, 1, 0.95)]
    assert project.constraints() == (Constraint(208, 209, True), Constraint(210, 211, True))
    do(project, "accept", track=2)
    assert project.meta(2).accepted
    assert project.track(2)[1].key.all()


def test_accepting_sure_links_tells_the_solver_nothing_new(project: Project) -> None:
    rows = project.track(2)[1]
    link = np.where(rows.frame == 70, np.float32(0.5), np.float32(1))
    project.apply(Edit("links", {}, {2: (project.meta(2), rows.with_columns(link=link))}), "a")
    do(project, "accept", track=2)
    assert project.constraints() == (Constraint(219, 220, True),)


def test_absent_removes_boxes_and_present_only_the_note(project: Project) -> None:
    do(project, "absent", track=2, first=60, last=69)
    do(project, "absent", track=2, first=70, last=79)
    assert project.meta(2).absences == ((60, 79),)
    assert frames(project, 2) == [*range(50, 60), *range(80, 150)]
    do(project, "present", track=2, first=65, last=66)
    assert project.meta(2).absences == ((60, 64), (67, 79))
    assert frames(project, 2) == [*range(50, 60), *range(80, 150)]
    with pytest.raises(DataError, match=r"absent: track 2 has no box outside frames 0\.\.5999; delete it"):
        do(project, "absent", track=2, first=0, last=5999)


def test_a_mask_gives_the_box_its_outline(project: Project) -> None:
    from datasets.masks.rle import encode

    area = np.zeros((480, 640), bool)
    area[10:20, 100:130] = True
    rle = encode(area)
    do(project, "mask", track=2, frame=60, rle=rle.to_json())
    row = project.track(2)[1].between(60, 60)
    assert row.xyxy.tolist() == [[100, 10, 130, 20]]
    assert row.mask == (rle,)
    assert project.rows(60, 60).mask == (None, rle)
    do(project, "mask", track=2, frame=60)
    assert project.track(2)[1].mask is None
    with pytest.raises(DataError, match="the mask is 9 x 7, the pictures are 640 x 480 pixels"):
        do(project, "mask", track=2, frame=60, rle=encode(np.ones((7, 9), bool)).to_json())


def test_followed_boxes_keep_key_frames_and_absences(project: Project) -> None:
    do(project, "move", track=2, frame=60, xyxy=[0, 0, 20, 40])
    do(project, "absent", track=2, first=62, last=62)
    numbers = list(range(55, 65))
    boxes = [[k, 0, k + 9, 9] for k in numbers]
    do(project, "rows", track=2, frame=numbers, xyxy=boxes, score=[0.5] * 10, first=55, last=70)
    rows = project.track(2)[1]
    assert rows.between(50, 71).frame.tolist() == [*range(50, 62), 63, 64, 71]
    assert rows.between(60, 60).xyxy.tolist() == [[0, 0, 20, 40]]
    assert rows.between(61, 61).provenance.tolist() == [Provenance.TRACKED]


def test_the_solvers_moves_happen_all_at_once(project: Project) -> None:
    one, two = content(project)
    moves = [
        {"track": 1, "first": 70, "last": 99, "to": 2},
        {"track": 2, "first": 70, "last": 149, "to": 1},
        {"track": 1, "first": 3000, "last": 3099, "to": -1},
        {"track": 2, "first": 50, "last": 51, "to": None},
    ]
    entry = do(project, "replace", moves=moves, fills=[[-1, 3000, 3099]], constraints=[[69, 220, 1]])
    assert entry.parameters["new"] == [3]
    assert frames(project, 1) == list(range(150))
    assert frames(project, 2) == list(range(52, 100))
    assert frames(project, 3) == list(range(3000, 3100))
    assert project.constraints() == (Constraint(69, 220, True),)
    project.undo("ann")
    assert content(project) == (one, two)
    with pytest.raises(DataError, match="replace: track 2 has a box in frame 70 already"):
        do(project, "replace", moves=moves[:1])


def test_a_locked_track_refuses_every_operation(project: Project) -> None:
    do(project, "lock", track=1)
    before = content(project)
    for kind, given in (
        ("draw", {"frame": 3, "xyxy": [0, 0, 1, 1], "track": 1}),
        ("move", {"track": 1, "frame": 3, "xyxy": [0, 0, 1, 1]}),
        ("interpolate", {"track": 1, "first": 0, "last": 9}),
        ("delete", {"track": 1}),
        ("split", {"track": 1, "frame": 50}),
        ("join", {"track": 2, "other": 1, "prefer": "track"}),
        ("swap", {"track": 2, "other": 1, "frame": 60}),
        ("rename", {"track": 1, "name": "x"}),
        ("relabel", {"track": 1, "label": 1}),
        ("attribute", {"track": 1, "name": "x", "value": "y"}),
        ("occluded", {"track": 1, "first": 0, "last": 5}),
        ("absent", {"track": 1, "first": 0, "last": 5}),
        ("present", {"track": 1, "first": 0, "last": 5}),
        ("accept", {"track": 1}),
        ("mask", {"track": 1, "frame": 5}),
        ("rows", {"track": 1, "frame": [500], "xyxy": [[0, 0, 1, 1]]}),
        ("replace", {"moves": [{"track": 2, "first": 120, "last": 130, "to": 1}]}),
    ):
        with pytest.raises(DataError, match=f"{kind}: track 1 is locked; unlock it first"):
            do(project, kind, **given)
    assert content(project) == before
    do(project, "lock", track=1, locked=False)
    do(project, "delete", track=1)


def test_several_operations_are_undone_together(project: Project) -> None:
    before = content(project)
    steps = [
        ("split", {"track": 1, "frame": 3000}),
        ("join", {"track": 2, "other": 3}),
        ("draw", {"frame": 9, "xyxy": [0, 0, 1, 1]}),
    ]
    entry = project.apply(together(project, "answer", steps), "ann")
    assert entry.tracks == (1, 2, 4)
    assert frames(project, 2) == [*range(50, 150), *range(3000, 3100)]
    project.undo("ann")
    assert content(project) == before
    with pytest.raises(DataError, match="there is no track 1 any more"):
        together(project, "x", [("delete", {"track": 1}), ("delete", {"track": 1})])


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("fly", {}, "there is no operation 'fly'; there are draw, move"),
        ("delete", {"track": 1, "spin": 2}, "delete: there is no parameter 'spin'; it takes track, first, last"),
        ("delete", {}, "delete: track is missing; give a whole number"),
        ("delete", {"track": True}, "delete: track is True; give a whole number"),
        ("delete", {"track": 1.0}, "delete: track is 1.0; give a whole number"),
        ("delete", {"track": 9}, "delete: there is no track 9"),
        ("delete", {"track": 1, "first": 9, "last": 3}, r"the frames 9\.\.3 run backwards"),
        ("split", {"track": 1, "frame": 6000}, "there is no frame 6000; the video has 6000, counted from 0"),
        ("split", {"track": 1, "frame": -1}, "there is no frame -1"),
        ("draw", {"frame": 1, "xyxy": [0, 0, 1]}, r"the box is \[0, 0, 1\]; give left, top, right, bottom"),
        ("draw", {"frame": 1, "xyxy": [0, 0, 0, 1]}, "with an area"),
        ("draw", {"frame": 1, "xyxy": [0, 0, float("nan"), 1]}, "draw: xyxy is .*; give a list, each a number"),
        ("draw", {"frame": 1, "xyxy": "abcd"}, "draw: xyxy is 'abcd'; give a list, each a number"),
        ("draw", {"frame": 1, "xyxy": [0, 0, 1, 1], "label": 2}, "there is no class 2; there are 2, counted from 0"),
        ("relabel", {"track": 1, "label": -1}, "there is no class -1"),
        ("join", {"track": 1, "other": 1}, "cannot be joined with itself"),
        ("join", {"track": 1, "other": 2, "prefer": "best"}, "prefer is 'best'; give one of 'track', 'other'"),
        ("swap", {"track": 1, "other": 2, "frame": 3100}, "have no box from frame 3100 on"),
        ("rename", {"track": 1, "name": "x" * 1001}, "has 1001 characters"),
        ("mask", {"track": 1, "frame": 1, "rle": {"size": [1, 1], "counts": "zz"}}, "mask: "),
        ("mask", {"track": 1, "frame": 1, "rle": 5}, "mask: rle is 5; give named values or nothing"),
        ("rows", {"track": 1, "frame": [1], "xyxy": []}, "other lengths|row for each"),
        ("rows", {"track": 1, "frame": [9000], "xyxy": [[0, 0, 1, 1]]}, "there is no frame 9000"),
        ("rows", {"frame": [], "xyxy": []}, "a new track needs a box"),
    ],
)
def test_wrong_parameters_are_one_sentence(project: Project, kind: str, given: dict[str, Any], message: str) -> None:
    before = project.seq
    with pytest.raises(DataError, match=message):
        run(project, kind, given)
    assert project.seq == before


def test_every_operation_has_a_test_of_its_name() -> None:
    assert set(OPERATIONS) == {
        "draw", "move", "interpolate", "delete", "split", "join", "swap", "rename", "relabel", "attribute", "lock",
        "occluded", "absent", "present", "accept", "mask", "rows", "replace",
    }  # fmt: skip


def test_a_project_of_imported_tracks_without_detections_learns_nothing(tmp_path: FilePath) -> None:
    with make_project(tmp_path / "q", {1: seen(0, 99)}) as project:
        do(project, "split", track=1, frame=50)
        assert project.constraints() == ()
