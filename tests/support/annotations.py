"""Annotations to write and read back, and what it means that they came back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from datasets.formats import FORMATS
from datasets.formats.annotations import Annotations
from datasets.formats.writer import clean_names
from datasets.masks.rle import encode

SIZE = (64, 48)


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
