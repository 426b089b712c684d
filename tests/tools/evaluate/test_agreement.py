"""`eval agreement`: scores of TrackEval, and every way in which two annotators differ, named with its frames."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.formats import write
from datasets.formats.annotations import Annotations
from datasets.projects.project import Project
from datasets.projects.types import SourceRecord
from models.errors import DataError
from tools.cli.main import main

pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")

from tools.evaluate.mot import evaluate
from tools.metrics.agreement import Disagreement, agreement, longest

FRAMES = 60


def walkers(times: bool = True) -> Annotations:
    """Three people who walk beside one another for 60 frames of 0.1 s."""
    row = np.repeat(np.arange(FRAMES), 3)
    id = np.tile([1, 2, 3], FRAMES)
    left = 100.0 * id + row
    box = np.stack([left, 10.0 * id, left + 40, 10.0 * id + 90], axis=1).astype(np.float32)
    n = len(row)
    return Annotations(
        np.arange(FRAMES),
        np.arange(FRAMES) / 10 if times else None,
        row,
        id,
        box,
        np.ones(n, np.float32),
        np.zeros(n, np.int64),
        ("person", "rider"),
        np.zeros(n, bool),
        (640, 480),
    )


def kinds(found: tuple[Disagreement, ...]) -> list[tuple[str, int, int, int, int]]:
    return [(one.kind, one.a, one.b, one.first, one.last) for one in found]


def test_equal_tracks_under_other_ids_agree() -> None:
    a = walkers()
    found = agreement(a, replace(a, id=a.id + 40))
    assert found.hota == pytest.approx(100)
    assert found.idf1 == pytest.approx(100)
    assert found.partners == {1: 41, 2: 42, 3: 43}
    assert found.differences == ()


@pytest.mark.parametrize("times", [True, False])
def test_each_kind_of_difference_is_found_with_its_frames(times: bool) -> None:
    a = walkers(times)
    id, label, box = a.id.copy(), a.label.copy(), a.xyxy.copy()
    late = a.row >= 45
    id[late & (a.id == 1)], id[late & (a.id == 2)] = 2, 1  # a swap from frame 45 on
    label[(a.id == 3) & (a.row >= 10) & (a.row < 20)] = 1
    box[(a.id == 3) & (a.row >= 30) & (a.row < 33)] += np.float32(30)
    b = replace(a, id=id, label=label, xyxy=box).take(~((a.id == 2) & (a.row >= 5) & (a.row < 9)))
    extra = replace(walkers(times).take((a.id == 1) & (a.row < 4)))
    extra = replace(extra, id=extra.id + 6, xyxy=extra.xyxy + np.float32(200))
    b = merged(b, extra)
    found = agreement(a, b)
    assert kinds(found.differences) == [
        ("missed in A", -1, 7, 0, 3),
        ("missed in B", 2, 2, 5, 8),
        ("class", 3, 3, 10, 19),
        ("box", 3, 3, 30, 32),
        ("identity", 1, 2, 45, 59),
        ("identity", 2, 1, 45, 59),
    ]
    assert [one.boxes for one in found.differences] == [4, 4, 10, 3, 15, 15]
    if times:
        assert found.differences[2].seconds == pytest.approx(1.0)
    else:
        assert found.differences[2].seconds is None
    assert all(one.frame == one.first for one in found.differences)
    assert found.idf1 < 95


def merged(a: Annotations, b: Annotations) -> Annotations:
    """Both as one; they have the same frames."""
    order = np.argsort(np.concatenate([a.row, b.row]), kind="stable")
    columns = {
        name: np.concatenate([getattr(a, name), getattr(b, name)])[order]
        for name in ("row", "id", "xyxy", "score", "label", "ignore")
    }
    return replace(a, **columns)


def test_differences_are_mirrored_when_the_sides_change() -> None:
    a = walkers()
    b = a.take((a.id != 3) | (a.row < 30))
    there, back = agreement(a, b), agreement(b, a)
    assert kinds(there.differences) == [("missed in B", 3, 3, 30, 59)]
    assert kinds(back.differences) == [("missed in A", 3, 3, 30, 59)]
    assert (there.hota, there.idf1) == pytest.approx((back.hota, back.idf1))


@given(st.lists(st.tuples(st.integers(0, 179), st.sampled_from(["drop", "move", "rename", "class"])), max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_changed_box_is_in_a_difference_and_no_other(changes: list[tuple[int, str]]) -> None:
    a = walkers()
    keep, id, label, box = np.ones(len(a), bool), a.id.copy(), a.label.copy(), a.xyxy.copy()
    by_row = dict(changes)
    for row, what in by_row.items():
        if what == "drop":
            keep[row] = False
        elif what == "move":
            box[row] += np.float32(25)
        elif what == "rename":
            id[row] += 10
        else:
            label[row] = 1
    found = agreement(a, replace(a, id=id, label=label, xyxy=box).take(keep))
    assert sum(one.boxes for one in found.differences) == len(by_row)
    kind_of = {"drop": "missed in B", "move": "box", "rename": "identity", "class": "class"}
    counted = {kind: sum(one.boxes for one in found.differences if one.kind == kind) for kind in kind_of.values()}
    assert counted == {kind: list(by_row.values()).count(what) for what, kind in kind_of.items()}


def test_scores_are_those_of_eval_mot(folders: tuple[Path, Path], tmp_path: Path) -> None:
    from datasets.formats import read

    a, b = (read(path) for path in (folders[0] / "A-01" / "gt" / "gt.txt", folders[1] / "A-01.txt"))
    a, b = (replace(side, ignore=np.zeros(len(side), bool), label=side.label * 0) for side in (a, b))
    write(a, tmp_path / "a.jsonl")
    write(replace(b, names=a.names), tmp_path / "b.jsonl")
    want = evaluate(tmp_path / "a.jsonl", tmp_path / "b.jsonl").combined
    found = agreement(a, replace(b, names=a.names))
    assert (found.hota, found.idf1) == pytest.approx((want.hota, want.idf1))
    assert found.differences


def test_the_longest_differences_are_kept_in_order_of_time() -> None:
    a = walkers()
    gaps = [(0, 2), (10, 20), (30, 31), (40, 48)]
    keep = np.ones(len(a), bool)
    for first, last in gaps:
        keep &= ~((a.id == 2) & (a.row >= first) & (a.row < last))
    found = agreement(a, a.take(keep))
    assert [(one.first, one.last + 1) for one in found.differences] == gaps
    assert [(one.first, one.last + 1) for one in longest(found, 2).differences] == [(10, 20), (40, 48)]


def test_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = walkers()
    write(a, tmp_path / "a.xml")
    write(a.take((a.id != 3) | (a.row < 30)), tmp_path / "b.json")
    words = ["eval", "agreement", str(tmp_path / "a.xml"), str(tmp_path / "b.json")]
    assert main([*words, "--json", str(tmp_path / "out.json")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("HOTA 8")
    assert "missed in B          1       30  A has a box where B has none" in said
    assert "          30-59      3.00       3       3  missed in B" in said
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["differences"] == [
        {
            "kind": "missed in B", "a": 3, "b": 3, "frame": 30, "first": 30, "last": 59, "boxes": 30,
            "seconds": pytest.approx(3.0),
        }
    ]  # fmt: skip
    assert content["partners"] == [[1, 1], [2, 2], [3, 3]]


def test_wrong_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = walkers()
    with pytest.raises(DataError, match=r"B has boxes without an id \(-1\)"):
        agreement(a, replace(a, id=a.id * 0 - 1))
    with pytest.raises(DataError, match=r"frame 59 is at 5.900 s in A and at 11.800 s in B"):
        agreement(a, replace(a, times=np.arange(FRAMES) / 5))
    assert main(["eval", "agreement", str(tmp_path / "none.xml"), str(tmp_path / "none.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "none.xml cannot be read" in line


def test_no_boxes_agree_with_no_boxes() -> None:
    nothing = walkers().take(np.zeros(3 * FRAMES, bool))
    assert agreement(nothing, nothing).differences == ()
    only = agreement(walkers(), nothing)
    assert kinds(only.differences) == [("missed in B", k, -1, 0, 59) for k in (1, 2, 3)]
    assert only.hota == 0


def test_projects_are_compared_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = walkers()
    assert a.times is not None
    path = tmp_path / "film.mp4.liquidtrack"
    source = SourceRecord("film.mp4", width=640, height=480, rate=10.0)
    with Project.create(path, source, a.names, a.frames, a.times, None) as project:
        project.import_annotations(a.take((a.id != 3) | (a.row < 30)), "test")
    write(a, tmp_path / "a.jsonl")
    assert main(["eval", "agreement", str(tmp_path / "a.jsonl"), str(path)]) == 0
    assert "30-59      3.00       3       3  missed in B" in capsys.readouterr().out
    for pair in ((tmp_path / "a.jsonl", path), (path, tmp_path / "a.jsonl")):
        assert evaluate(*pair).combined.hota < 95
