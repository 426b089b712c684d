"""What a format writes, it reads back: any annotations, by property, and tracks through the sink."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.formats import FORMATS, read, write
from datasets.formats.annotations import Annotations
from datasets.formats.carries import CARRIES
from datasets.formats.config import LabelConfig
from datasets.formats.mot import MOT_NAMES, MotWriter
from datasets.masks.rle import decode
from tests.support.annotations import BY_ROWS, assert_same, label_files, order, target
from tracker.protocols import Sink, SourceInfo
from tracker.types import Frame, State, Tracks

EXACT = LabelConfig(cvat_keyframes="0")
EACH = pytest.mark.parametrize("name", FORMATS)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@EACH
@given(want=label_files())
@QUICK
def test_annotations_round_trip(name: str, want: Annotations, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = target(tmp_path_factory.mktemp("round"), name)
    write(want, path, name, config=EXACT)
    assert_same(read(path), want, names=name not in BY_ROWS)


@given(want=label_files(masks=True))
@QUICK
def test_masks_round_trip(want: Annotations, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("jsonl", "coco"):
        path = target(tmp_path_factory.mktemp("masks"), name)
        write(want, path, name)
        got = read(path)
        assert_same(got, want)
        assert (got.mask is None) == (want.mask is None)
        if got.mask is not None and want.mask is not None:
            for k, m in zip(order(got), order(want), strict=True):
                assert got.mask[k] == want.mask[m]


@given(want=label_files(), seed=st.integers(0, 9))
@QUICK
def test_ignore_and_visibility_round_trip_if_the_format_has_them(
    want: Annotations, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(seed)
    seen = rng.random(len(want)).astype(np.float32)
    want = _with(want, ignore=rng.random(len(want)) < 0.5, visibility=seen)
    for name in ("jsonl", "coco", "cvat", "csv", "parquet"):
        path = target(tmp_path_factory.mktemp("ignore"), name)
        write(want, path, name, config=EXACT)
        got = read(path)
        assert_same(got, want, names=name not in BY_ROWS)
        here = got.visibility[order(got)] if got.visibility is not None else np.ones(len(got))
        if name == "cvat":  # occluded or not
            assert ((here > 0.5) == (seen[order(want)] >= 0.5)).all()
        else:
            assert np.abs(here - seen[order(want)]).max(initial=0) < 1e-6
    path = tmp_path_factory.mktemp("truth") / "gt.txt"
    write(want, path)
    got = read(path)
    assert_same(got, _with(want, score=np.ones(len(want), np.float32)))
    if len(got):
        assert got.visibility is not None
        assert np.abs(got.visibility[order(got)] - seen[order(want)]).max(initial=0) < 1e-4


@given(want=label_files(), seed=st.integers(0, 9))
@QUICK
def test_filled_boxes_and_links_round_trip_if_the_format_has_them(
    want: Annotations, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(seed)
    link = np.where(rng.random(len(want)) < 0.3, np.nan, rng.random(len(want))).astype(np.float32)
    filled = rng.random(len(want)) < 0.5
    want = _with(want, filled=filled, link=link)
    for name in ("jsonl", "coco", "cvat", "csv", "parquet"):
        path = target(tmp_path_factory.mktemp("filled"), name)
        write(want, path, name, config=EXACT)
        got = read(path)
        assert_same(got, want, names=name not in BY_ROWS)
        here = np.zeros(len(got), bool) if got.filled is None else got.filled[order(got)]
        assert here.tolist() == filled[order(want)].tolist()
        if name != "cvat":
            back = np.full(len(got), np.nan) if got.link is None else got.link[order(got)]
            assert np.allclose(back, link[order(want)], atol=6e-4, equal_nan=True)


def test_filled_boxes_survive_key_frames_of_cvat(tmp_path: Path) -> None:
    n = 30
    left = np.arange(n, dtype=np.float32) * 4
    filled = (np.arange(n) >= 10) & (np.arange(n) < 20)
    want = Annotations(
        np.arange(n),
        np.arange(n) / 10,
        np.arange(n),
        np.ones(n, np.int64),
        np.stack([left, left, left + 20, left + 40], axis=1),
        np.ones(n, np.float32),
        np.zeros(n, np.int64),
        ("person",),
        np.zeros(n, bool),
        (640, 480),
        filled=filled,
    )
    write(want, tmp_path / "out.xml")
    assert (tmp_path / "out.xml").read_text().count('keyframe="1"') <= 7
    got = read(tmp_path / "out.xml")
    assert_same(got, want)
    assert got.filled is not None
    assert got.filled.tolist() == filled.tolist()


def _with(a: Annotations, **columns: object) -> Annotations:
    from dataclasses import replace

    return replace(a, **columns)  # type: ignore[arg-type]


@EACH
def test_sink_writes_confirmed_tracks_and_every_frame(name: str, tmp_path: Path) -> None:
    path = target(tmp_path, name)
    sink = FORMATS[name].writer(path)
    assert isinstance(sink, Sink)
    picture = np.zeros((48, 64, 3), np.uint8)
    sink.open(SourceInfo("street", 64, 48, rate=25.0), ("person", "car"))
    times = [0.0, 0.0333667, 0.9, 7.123456789]
    for k, time in enumerate(times):
        tracks = Tracks(
            id=[3, 5, 8],
            xyxy=[[1 + k, 2, 11.5, 22.25], [20, 20, 30, 41], [2, 2, 6, 9]],
            score=[0.5, 0.75, 0.9],
            label=[1, 0, 1],
            state=[State.ACTIVE, State.ACTIVE, State.TENTATIVE],
            time_since_update=[0, 0.2 if k else 0, 0],
            detection=[0, -1, 2],
        )  # type: ignore[arg-type]
        sink.write(Frame(picture, 5 * k, time), tracks if k != 2 else Tracks.empty())
    sink.close()
    sink.close()
    got = read(path)
    assert got.frames.tolist() == [0, 5, 10, 15]
    assert got.times is not None
    assert got.times.tolist() == times
    assert got.row.tolist() == [0, 0, 1, 3]
    assert sorted(got.id[:2].tolist()) == [3, 5]
    assert got.id[2:].tolist() == [3, 3]
    assert [got.names[k] for k in got.label[2:]] == ["car", "car"]
    assert np.allclose(got.xyxy[2:], [[2, 2, 11.5, 22.25], [4, 2, 11.5, 22.25]], atol=1e-3)
    if "size" in CARRIES[name]:
        assert got.size == (64, 48)


def test_sink_writes_masks(tmp_path: Path) -> None:
    mask = np.zeros((1, 48, 64), bool)
    mask[0, 3:20, 5:9] = True
    tracks = Tracks([1], [[5, 3, 9, 20]], [1], [0], [State.ACTIVE], [0], [0], mask=mask)  # type: ignore[arg-type]
    for name in ("jsonl", "coco"):
        path = target(tmp_path, name)
        with FORMATS[name].writer(path) as sink:
            sink.open(SourceInfo("s", 64, 48), ("person",))
            sink.write(Frame(np.zeros((48, 64, 3), np.uint8), 0, 0.0), tracks)
        got = read(path)
        assert got.mask is not None
        assert got.mask[0] is not None
        assert (decode(got.mask[0]) == mask[0]).all()


@EACH
def test_run_without_frames_writes_a_valid_file(name: str, tmp_path: Path) -> None:
    path = target(tmp_path, name)
    with FORMATS[name].writer(path) as sink:
        sink.open(SourceInfo("s", 64, 48), ("person",))
    got = read(path, name)
    assert len(got) == 0
    assert len(got.frames) == 0


def test_truth_with_motchallenge_names_needs_no_name_file(tmp_path: Path) -> None:
    sink = MotWriter(tmp_path / "gt" / "gt.txt")
    sink.open(SourceInfo("s", 64, 48), MOT_NAMES)
    sink.close()
    assert [p.name for p in (tmp_path / "gt").iterdir()] == ["gt.txt"]


def test_real_ground_truth_round_trips_in_every_format(shared: Path, tmp_path: Path) -> None:
    want = read(shared / "data" / "mot_video" / "PETS09-S2L1" / "gt" / "gt.txt")
    clean = _with(want, ignore=np.zeros(len(want), bool), visibility=None)
    for name in FORMATS:
        path = target(tmp_path, name)
        write(clean, path, name, config=EXACT)
        assert_same(read(path), clean, names=name not in BY_ROWS)
