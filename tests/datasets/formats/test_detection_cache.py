"""The cache of detections: what is written comes back, in the values that a first run uses, and damage is named."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.formats import detection_cache
from datasets.formats.detection_cache import DetectionCache, MemoryCache, Store
from datasets.formats.detection_chunk import DTYPES, DetectedFrame, rounded
from models.errors import DataError
from tracker.offline.types import VideoDetections
from tracker.types import Detections

MADE_WITH = {"detector": "lite0", "source": "0123abcd"}


def frames(count: int, seed: int = 0, embeddings: bool = True, warps: bool = True) -> list[DetectedFrame]:
    """Frames with 0 to 4 boxes; every third frame has no embeddings, every fourth no camera motion."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.001, 2, count)).tolist()
    found = []
    for k, time in enumerate(times):
        n = int(rng.integers(0, 5))
        corner = rng.uniform(-20, 900, (n, 2))
        embedding = rng.normal(size=(n, 16)).astype(np.float32)
        embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
        boxes = np.hstack([corner, corner + rng.uniform(1, 90, (n, 2))]).astype(np.float32)
        detections = Detections(
            boxes, rng.random(n).astype(np.float32), rng.integers(0, 2, n), embedding if embeddings and k % 3 else None
        )
        warp = rng.normal(size=(2, 3)) if warps and k % 4 else None
        found.append(DetectedFrame(3 * k + 1, time, detections, warp))
    return found


def kept(path: Path | None, given_frames: list[DetectedFrame], complete: bool = True) -> DetectionCache | MemoryCache:
    store = Store(path, MADE_WITH)
    for frame in given_frames:
        store.add(frame)
    return store.close(("person", "car"), (960, 540), complete)


@given(seed=st.integers(0, 10**6), count=st.integers(0, 40), embeddings=st.booleans(), warps=st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_frames_come_back_as_a_first_run_sees_them(
    seed: int, count: int, embeddings: bool, warps: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    want = frames(count, seed, embeddings, warps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detection_cache, "CHUNK_FRAMES", 7)
        kept(path := tmp_path_factory.mktemp("cache") / "a.cache", want)
    for cache in (DetectionCache(path), kept(None, want)):
        got = list(cache.frames())
        assert [(f.index, f.time) for f in got] == [(f.index, f.time) for f in want]
        for here, there in zip(got, want, strict=True):
            seen = rounded(there.detections)
            np.testing.assert_array_equal(here.detections.xyxy, seen.xyxy)
            np.testing.assert_array_equal(here.detections.score, seen.score)
            np.testing.assert_array_equal(here.detections.label, seen.label)
            assert (here.detections.embedding is None) == (seen.embedding is None)
            if seen.embedding is not None and there.detections.embedding is not None:
                np.testing.assert_array_equal(here.detections.embedding, seen.embedding)
                assert np.abs(seen.embedding - there.detections.embedding).max(initial=0) < 1e-3
            assert (here.warp is None) == (there.warp is None)
            if there.warp is not None:
                np.testing.assert_array_equal(here.warp, there.warp)
        index, video = cache.video()
        assert index.tolist() == [f.index for f in want]
        assert_same_video(video, got)
        assert (cache.names, cache.size, cache.complete) == (("person", "car"), (960, 540), True)


def assert_same_video(video: VideoDetections, got: list[DetectedFrame]) -> None:
    direct = VideoDetections.of(((f.time, f.detections) for f in got), (960, 540))
    for name in ("times", "frame", "xyxy", "score", "label"):
        np.testing.assert_array_equal(getattr(video, name), getattr(direct, name))
    assert (video.embedding is None) == (direct.embedding is None)
    for k in range(len(got)):  # a frame for itself has the same embeddings as in the whole
        here, there = video.at(k).embedding, direct.at(k).embedding
        assert (here is None) == (there is None)
        if here is not None and there is not None:
            np.testing.assert_array_equal(here, there)


def test_same_content_gives_the_same_bytes_and_opens_in_numpy(tmp_path: Path) -> None:
    kept(tmp_path / "a.npz", frames(20))
    kept(tmp_path / "b.npz", frames(20))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["000000/times"].shape == (20,)
    assert DetectionCache(tmp_path / "a.npz").made_with == MADE_WITH
    assert not kept(tmp_path / "c.npz", frames(3), complete=False).complete


def test_damaged_bytes_are_one_sentence_or_change_nothing(tmp_path: Path) -> None:
    kept(tmp_path / "whole.npz", frames(12))
    whole = (tmp_path / "whole.npz").read_bytes()
    want = content(tmp_path / "whole.npz")
    rng, path = random.Random(3), tmp_path / "damaged.npz"
    refused: list[str] = []
    for case in range(600):
        data = bytearray(whole)
        if case % 3 == 0:
            for _ in range(rng.choice((1, 2, 20))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif case % 3 == 1:
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(1, 200)] = rng.randbytes(rng.randrange(200))
        else:
            del data[rng.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            assert content(path) == want
        except DataError as error:
            refused.append(str(error))
    assert len(refused) > 500
    assert all(said.startswith(f"{path} is no whole cache of detections (") for said in refused)
    assert not any("\n" in said for said in refused)


def content(path: Path) -> list[bytes]:
    cache = DetectionCache(path)
    arrays = [getattr(chunk, name).tobytes() for chunk in cache.chunks() for name in DTYPES]
    return [repr((cache.names, cache.size, cache.complete, cache.made_with)).encode(), *arrays]


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        DetectionCache(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for name, data in (("empty.npz", b""), ("text.npz", b"frame,time\n")):
        (tmp_path / name).write_bytes(data)
    for name in ("other.npz", "empty.npz", "text.npz"):
        with pytest.raises(DataError, match="is no whole cache of detections"):
            DetectionCache(tmp_path / name)


def test_unfinished_writing_leaves_no_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.npz", MADE_WITH)
    for frame in frames(600):
        store.add(frame)
    assert not (tmp_path / "a.npz").exists()
    store.discard()
    assert list(tmp_path.iterdir()) == []
