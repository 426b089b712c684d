"""Annotations to write and read back, and what it means that they came back."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from datasets.formats import FORMATS
from datasets.formats.annotations import Annotations
from datasets.formats.carries import CARRIES, Carry
from datasets.formats.provenance import Provenance
from datasets.formats.track_info import TrackInfo
from datasets.formats.writer import clean_names
from datasets.masks.rle import encode

SIZE = (64, 48)
BY_ROWS = ("kitti", "cvat", "csv")  # formats whose classes are those that occur


def target(folder: Path, name: str) -> Path:
    """Where format `name` is written in a folder of its own."""
    return folder / name / f"out{FORMATS[name].layout.suffix}"


@st.composite
def label_files(draw: st.DrawFn, masks: bool = False) -> Annotations:
    """Frames with and without boxes, uneven times or none, awkward names, boxes over the edge, ids or none."""
    texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
    names = tuple(dict.fromkeys(clean_names(draw(st.lists(texts, min_size=1, max_size=4)))))
    steps = draw(st.lists(st.integers(1, 400), min_size=1, max_size=6))
    frames = np.cumsum(steps) - draw(st.integers(0, 1)) * steps[0]
    gaps = st.floats(1e-6, 1e4)
    times = np.cumsum([draw(st.floats(0, 1e6)), *(draw(gaps) for _ in frames[1:])]) if draw(st.booleans()) else None
    row, ids, boxes, labels = [], [], [], []
    for k in range(len(frames)):
        found = draw(st.lists(st.integers(-1, 10**9), max_size=4, unique_by=lambda i: i if i >= 0 else object()))
        for number in found:
            left, top = draw(st.floats(-50, 4000)), draw(st.floats(-50, 4000))
            width, height = draw(st.floats(0.01, 600)), draw(st.floats(0.01, 600))
            row.append(k)
            ids.append(number)
            boxes.append([left, top, left + width, top + height])
            labels.append(draw(st.integers(0, len(names) - 1)))
    n = len(row)
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    scores = np.array([draw(st.floats(0, 1, width=32)) for _ in range(n)], np.float32)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    pictures = tuple(encode(rng.random((9, 7)) < 0.5) if k % 3 else None for k in range(n))
    return Annotations(
        frames.astype(np.int64),
        times,
        np.array(row, np.int64),
        np.array(ids, np.int64),
        xyxy,
        scores,
        np.array(labels, np.int64),
        names,
        np.zeros(n, bool),
        (3840, 2160),
        mask=pictures if masks and any(p is not None for p in pictures) else None,
    )


def assert_same(got: Annotations, want: Annotations, names: bool = True) -> None:
    """Frames, times (to the bit), ids, boxes to 0.01 px, scores to 1e-5, classes by name."""
    assert got.frames.tolist() == want.frames.tolist()
    if want.times is None:
        assert got.times is None
    else:
        assert got.times is not None
        assert got.times.tolist() == want.times.tolist()
    assert len(got) == len(want)
    here, there = order(got), order(want)
    assert got.row[here].tolist() == want.row[there].tolist()
    assert got.id[here].tolist() == want.id[there].tolist()
    assert np.abs(got.xyxy[here].astype(float) - want.xyxy[there]).max(initial=0) < 0.01
    assert np.abs(got.score[here] - want.score[there]).max(initial=0) < 1e-5
    assert [got.names[k] for k in got.label[here]] == [want.names[k] for k in want.label[there]]
    assert got.ignore[here].tolist() == want.ignore[there].tolist()
    if names:
        assert got.names == want.names


def order(a: Annotations) -> np.ndarray:
    """Rows in an order that does not hang on the file's: formats may sort the boxes of a frame."""
    box = np.round(a.xyxy.astype(float) * 2).astype(np.int64)
    return np.lexsort((box[:, 3], box[:, 2], box[:, 1], box[:, 0], a.id, a.row))


WORDS = st.sampled_from(
    [
        "pose",
        "score",
        "name",
        "occluded",
        "track_id",
        "attribute:pose",
        'a,"b";c',
        "<&> ü",
        "x y",
        "0",
        "true",
        "provenance",
    ]
)
VALUES = st.one_of(WORDS, st.text(max_size=8))


@st.composite
def corrected_files(draw: st.DrawFn) -> Annotations:
    """Label files whose tracks a person corrected: provenance, occlusion, names, attributes, absences."""
    a = draw(label_files())
    n = len(a)
    origins = draw(st.lists(st.sampled_from(list(Provenance)), min_size=n, max_size=n))
    flags = [draw(st.lists(st.booleans(), min_size=n, max_size=n)) for _ in range(2)]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    frames = st.sampled_from(a.frames.tolist())
    tracks = []
    for id in sorted(set(a.id.tolist()) - {-1}):
        if draw(st.booleans()):
            spans = draw(st.lists(st.tuples(frames, frames).map(sorted), max_size=2))
            tracks.append(
                TrackInfo(
                    id,
                    draw(VALUES),
                    tuple(draw(st.dictionaries(WORDS, VALUES, max_size=3)).items()),
                    tuple(draw(st.lists(st.tuples(frames, WORDS, VALUES), max_size=3))),
                    tuple((first, last) for first, last in spans),
                    draw(st.booleans()),
                ).clean()
            )
    return replace(
        a,
        provenance=np.array(origins, np.uint8),
        occluded=np.array(flags[0], bool),
        link=np.where(rng.random(n) < 0.3, np.nan, rng.random(n)).astype(np.float32),
        ignore=np.array(flags[1], bool) & (a.id < 0),  # KITTI gives those to ignore no id
        start=draw(st.sampled_from([0.0, 1.5])),
        tracks=tuple(track for track in tracks if not track.empty),
    )


def corrected() -> Annotations:
    """Track 7: drawn in frames 0 and 10, filled between; gone in 11 to 14; then tracked. Track 2: seen everywhere."""
    frames = np.arange(20)
    seen, filled, drawn, confirmed, tracked, _ = Provenance
    rows = [(k, 7, p) for k, p in enumerate([drawn, *[filled] * 9, drawn])]
    rows += [(k, 7, p) for k, p in zip(range(15, 20), [confirmed, *[tracked] * 4], strict=True)]
    rows += [(k, 2, seen) for k in range(20)]
    rows.sort()
    left = np.array([10.0 * id + 3 * k for k, id, _ in rows], np.float32)
    n = len(rows)
    return Annotations(
        frames,
        np.cumsum([0.0, *[0.04, 0.1] * 9, 0.5]),
        np.array([k for k, _, _ in rows]),
        np.array([id for _, id, _ in rows]),
        np.stack([left, left, left + 20, left + 30], axis=1),
        np.ones(n, np.float32),
        np.zeros(n, np.int64),
        ("dancer",),
        np.zeros(n, bool),
        (640, 480),
        provenance=np.array([p for _, _, p in rows], np.uint8),
        occluded=np.array([id == 7 and 4 <= k < 8 for k, id, _ in rows]),
        tracks=(TrackInfo(7, "Anna", (("dress", "red"),), ((5, "pose", "spin"), (16, "pose", "")), ((11, 14),), True),),
    )


def assert_carried(got: Annotations, want: Annotations, format: str) -> None:
    """Everything that `CARRIES` says of the format came back."""
    held = CARRIES[format]
    here, there = order(got), order(want)
    if "size" in held:
        assert got.size == want.size
    if "start" in held:
        assert got.start == want.start
    if "provenance" in held:
        origin = np.zeros(len(got), np.uint8) if got.provenance is None else got.provenance
        assert want.provenance is not None
        assert origin[here].tolist() == want.provenance[there].tolist()
    if "occluded" in held:
        hidden = np.zeros(len(got), bool) if got.occluded is None else got.occluded
        assert want.occluded is not None
        assert hidden[here].tolist() == want.occluded[there].tolist()
    if "link" in held:
        link = np.full(len(got), np.nan) if got.link is None else got.link
        meant_link = np.full(len(want), np.nan) if want.link is None else want.link
        assert np.allclose(link[here], meant_link[there], atol=6e-4, equal_nan=True)
    told, meant = ({track.id: track for track in a.tracks} for a in (got, want))
    if held.get("attributes") == Carry.EXACT:
        assert told == meant
    elif "attributes" in held:
        for id, row in zip(want.id[there].tolist(), want.row[there].tolist(), strict=True):
            frame = int(want.frames[row])
            assert told.get(id, TrackInfo(id)).at(frame) == meant.get(id, TrackInfo(id)).at(frame)
    if "name" in held:
        assert {t.id: t.name for t in got.tracks if t.name} == {t.id: t.name for t in want.tracks if t.name}
    if held.get("absences") == Carry.ROUGH:
        assert {t.id: t.absences for t in got.tracks if t.absences} == gaps(want)


def gaps(a: Annotations) -> dict[int, tuple[tuple[int, int], ...]]:
    """The frames between two boxes of a track in which it has none, of tracks in which a person had a hand."""
    assert a.provenance is not None
    person = {Provenance.DRAWN, Provenance.CONFIRMED, Provenance.TRACKED}
    noted = {track.id for track in a.tracks if track.absences}
    out = {}
    for id in sorted(set(a.id.tolist()) - {-1}):
        rows = np.flatnonzero(a.id == id)
        if not person & set(a.provenance[rows].tolist()) and id not in noted:
            continue
        at = np.sort(a.row[rows])
        spans = [(p + 1, q - 1) for p, q in itertools.pairwise(at) if q > p + 1]
        if spans:
            out[id] = tuple((int(a.frames[p]), int(a.frames[q])) for p, q in spans)
    return out
