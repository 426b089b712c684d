"""Any sequence of operations: equal to a plain model, undone to the first state and redone to the last, to the bit."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.projects import Path, Project, Provenance
from datasets.projects.operations import run
from models.errors import DataError
from tests.datasets.projects.operations.reference import COMPUTED, FILLED, Lane, Reference, Row
from tests.support.projects import content, make_project

FRAMES = 4120  # what happens lies around the border of two slots
LOW, HIGH = 2036, 2060
KINDS = (
    "draw", "draw new", "move", "interpolate", "delete", "split", "join", "swap", "rename", "relabel", "lock",
    "occluded", "accept", "absent", "present", "rows",
)  # fmt: skip


def around() -> st.SearchStrategy[int]:
    return st.integers(LOW, HIGH) | st.sampled_from([0, FRAMES - 1, 2047, 2048])


@st.composite
def boxes(draw: st.DrawFn) -> list[float]:
    left, top = draw(st.integers(0, 500)), draw(st.integers(0, 300))
    return [float(left), float(top), float(left + draw(st.integers(5, 90))), float(top + draw(st.integers(5, 90)))]


@st.composite
def operations(draw: st.DrawFn, model: Reference) -> tuple[str, dict[str, Any]]:
    """One operation, mostly on tracks and rows that there are; not always possible."""
    ids = st.sampled_from(sorted(model.lanes)) if model.lanes else st.integers(1, 3)
    track, other = draw(ids | ids | ids | st.integers(1, 6)), draw(ids)
    held = sorted(model.lanes[track].rows) if track in model.lanes else []
    frames = st.sampled_from(held) | around() if held else around()
    kind = draw(st.sampled_from(KINDS))
    frames = st.sampled_from(held) if kind == "interpolate" and held else frames
    first, last = sorted((draw(frames), draw(frames)))
    given: dict[str, Any] = {"track": track}
    if kind == "draw new":
        return "draw", {"frame": first, "xyxy": draw(boxes()), "label": draw(st.integers(0, 1))}
    if kind in ("draw", "move"):
        given |= {"frame": first, "xyxy": draw(boxes())}
    elif kind in ("interpolate", "occluded", "absent", "present"):
        given |= {"first": first, "last": last}
    elif kind in ("delete", "accept"):
        given |= {
            "first": draw(st.sampled_from([first, first, None])),
            "last": draw(st.sampled_from([last, last, None])),
        }
    elif kind == "split":
        given |= {"frame": first}
    elif kind == "join":
        given |= {"other": other, "prefer": draw(st.sampled_from(["track", "other", None]))}
    elif kind == "swap":
        given |= {"other": other, "frame": first}
    elif kind == "rename":
        given |= {"name": draw(st.text(max_size=5))}
    elif kind == "relabel":
        given |= {"label": draw(st.integers(0, 1))}
    elif kind == "lock":
        given |= {"locked": draw(st.sampled_from([True, False, False]))}
    else:
        numbers = sorted(draw(st.sets(st.integers(LOW, HIGH), min_size=1, max_size=4)))
        given |= {"frame": numbers, "xyxy": [draw(boxes()) for _ in numbers]}
    return kind, given


@st.composite
def starts(draw: st.DrawFn) -> dict[int, Path]:
    """Up to three tracks of rows that the tracker saw and filled, with gaps."""
    tracks = {}
    for id in range(1, draw(st.integers(1, 3)) + 1):
        frames = sorted(draw(st.sets(st.integers(LOW, HIGH), min_size=2, max_size=20)))
        filled = [0 < k < len(frames) - 1 and draw(st.booleans()) for k in range(len(frames))]
        box = [draw(boxes()) for _ in frames]
        tracks[id] = Path.of(
            frames, box, 0.5, np.where(filled, draw(st.sampled_from(COMPUTED)), Provenance.SEEN), link=0.5
        )
    return tracks


def model_of(tracks: dict[int, Path]) -> Reference:
    model = Reference(FRAMES)
    for id, rows in tracks.items():
        columns = zip(rows.frame.tolist(), rows.xyxy.tolist(), rows.provenance.tolist(), strict=True)
        model.lanes[id] = Lane({f: Row(tuple(box) if p not in COMPUTED else None, p) for f, box, p in columns})
    model.next_id = max(tracks) + 1
    return model


def assert_same(project: Project, model: Reference) -> None:
    assert {track.id for track in project.tracks()} == set(model.lanes)
    extents = project.extents()
    assert extents.id.tolist() == sorted(model.lanes)
    for k, id in enumerate(sorted(model.lanes)):
        lane = model.lanes[id]
        track, rows = project.track(id)
        assert (track.label, track.name, track.locked) == (lane.label, lane.name, lane.locked)
        assert {f for first, last in track.absences for f in range(first, last + 1)} == lane.absent
        assert not lane.absent & set(rows.frame.tolist())
        assert rows.frame.tolist() == sorted(lane.rows)  # rising: a track has one row in a frame at most
        want = [lane.rows[f] for f in sorted(lane.rows)]
        made = [FILLED if value in COMPUTED else value for value in rows.provenance.tolist()]
        assert made == [FILLED if row.provenance in COMPUTED else row.provenance for row in want]
        assert rows.occluded.tolist() == [row.occluded for row in want]
        for box, row in zip(rows.xyxy.tolist(), want, strict=True):
            assert row.box is None or tuple(box) == row.box
        assert extents.first[k] == rows.frame[0]
        assert extents.last[k] == rows.frame[-1]
        assert extents.count[k] == len(rows)
        assert extents.keys[k] == rows.key.sum()
        assert extents.least[k] == rows.link.min()


@given(starts(), st.integers(1, 14), st.data())
@settings(max_examples=40, deadline=None)
def test_any_operations_are_those_of_the_model_and_undo_and_redo_are_exact(
    tracks: dict[int, Path], steps: int, data: st.DataObject
) -> None:
    model = model_of(tracks)
    with tempfile.TemporaryDirectory() as folder:
        path = FilePath(folder) / "p"
        with make_project(path, tracks, FRAMES) as project:
            assert_same(project, model)
            states = [content(project)]
            ids = set(tracks)
            for _ in range(steps):
                kind, given_parameters = data.draw(operations(model))
                expected = copy.deepcopy(model)
                try:
                    expected.run(kind, copy.deepcopy(given_parameters))
                except DataError:
                    expected = model
                locked = {track.id: content(project)[k] for k, track in enumerate(project.tracks()) if track.locked}
                try:
                    entry = project.apply(run(project, kind, given_parameters), "ann")
                except DataError:
                    assert expected is model, (kind, given_parameters)
                else:
                    assert expected is not model, (kind, given_parameters)
                    states.append(content(project))
                    new = entry.parameters.get("new")
                    assert new is None or new not in ids
                    ids |= {track.id for track in project.tracks()}
                    if kind != "lock":
                        now = dict(zip((track.id for track in project.tracks()), content(project), strict=True))
                        assert all(now[id] == before for id, before in locked.items())
                model = expected
                assert_same(project, model)
            for state in reversed(states[:-1]):
                assert project.undo("ann") is not None
                assert content(project) == state
            assert project.undo("ann") is None
            for state in states[1:]:
                assert project.redo("ann") is not None
                assert content(project) == state
            assert project.redo("ann") is None
            last, seq = content(project), project.seq
        with Project.open(path, write=False) as project:
            assert content(project) == last
            assert project.seq == seq
            assert project.next_id > max(ids)
