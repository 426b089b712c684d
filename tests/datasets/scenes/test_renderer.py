"""Scenes: the same bytes for the same seed, and a truth that agrees with the pixels."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.formats import read
from datasets.scenes import (
    NAMES,
    DetectorNoise,
    FrameTruth,
    Renderer,
    Scene,
    open_scene,
    parse,
    render,
    truth_of,
    write_motchallenge,
    write_video,
)
from datasets.scenes.export import detect
from datasets.scenes.pedestrians import draw_person, outfit_of
from datasets.scenes.renderer import frame_times
from datasets.scenes.sprites import blurred
from datasets.scenes.trajectories import STEP, Pose, actors, camera_at, camera_motion
from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.subsampling.sequences import thin_indices
from models.errors import ConfigError, LiquidTrackError
from tracker.protocols import Source
from tracker.types import Frame

SMALL = Scene(seed=3, width=240, height=136, duration=1.0, rate=10, people=8, vehicles=2)


@pytest.fixture(scope="module")
def small() -> list[tuple[Frame, FrameTruth]]:
    return list(render(SMALL))


@pytest.fixture(scope="module")
def large() -> tuple[Frame, FrameTruth]:
    """One frame, sharp, without noise."""
    scene = Scene(seed=5, width=640, height=360, people=14, vehicles=3, noise=0, exposure=0)
    bgr, truth = Renderer(scene).at(3.0)
    return Frame(bgr, 90, 3.0), truth


def test_scene_is_identical_in_another_process(small: list[tuple[Frame, FrameTruth]]) -> None:
    def digest(frames: list[tuple[Frame, FrameTruth]]) -> str:
        whole = hashlib.sha256()
        for frame, truth in frames:
            for part in (frame.bgr, truth.id, truth.xyxy, truth.visibility, truth.mask, truth.motion):
                whole.update(np.ascontiguousarray(part).tobytes())
        return whole.hexdigest()

    program = (
        "import hashlib, numpy as np\n"
        "from datasets.scenes import Scene, render\n"
        "whole = hashlib.sha256()\n"
        f"for frame, truth in render({SMALL!r}):\n"
        "    for part in (frame.bgr, truth.id, truth.xyxy, truth.visibility, truth.mask, truth.motion):\n"
        "        whole.update(np.ascontiguousarray(part).tobytes())\n"
        "print(whole.hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert other.stdout.strip() == digest(small)


def test_frame_does_not_depend_on_earlier_frames(small: list[tuple[Frame, FrameTruth]]) -> None:
    frame, _ = small[7]
    alone, _ = Renderer(SMALL).at(frame.time)
    assert np.array_equal(alone, frame.bgr)


def test_seed_determines_the_scene(small: list[tuple[Frame, FrameTruth]]) -> None:
    other, _ = next(render(dataclasses.replace(SMALL, seed=4)))
    assert np.abs(other.bgr.astype(int) - small[0][0].bgr).mean() > 5


def test_ground_truth_matches_the_pixels(large: tuple[Frame, FrameTruth]) -> None:
    _, truth = large
    scene = Scene(seed=5, width=640, height=360, people=0, vehicles=0, noise=0, exposure=0, shadows=False)
    bare = dataclasses.replace(scene, people=14, vehicles=3)
    empty, nothing = Renderer(scene).at(3.0)
    full, there = Renderer(bare).at(3.0)
    assert len(nothing.id) == 0
    assert len(there.id) >= 8
    changed = (full.astype(int) != empty).any(axis=2)
    covered = there.mask.any(axis=0)
    assert changed[covered].mean() > 0.99  # where an object is visible, the image differs from the one without it
    grown = cv2.dilate(covered.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert not changed[~grown].any()  # and nowhere else
    assert (truth.mask.sum(axis=0) <= 1).all()  # a pixel belongs to one object


def test_boxes_contain_their_masks(large: tuple[Frame, FrameTruth]) -> None:
    _, truth = large
    assert set(truth.label) == {0, 1}
    height, width = truth.mask.shape[1:]
    for box, mask, visible in zip(truth.xyxy, truth.mask, truth.visibility, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert box[0] <= columns[0]
        assert box[1] <= rows[0]
        assert box[2] >= columns[-1] + 1
        assert box[3] >= rows[-1] + 1
        inside = (box >= 0).all() and box[2] <= width and box[3] <= height
        if visible > 0.999 and inside:  # nothing hidden: the box is the mask's, to the pixel
            assert box.tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    assert (truth.visibility < 0.9).any()
    assert (truth.visibility > 0.999).any()
    assert (truth.visibility > 0).all()


def test_nearer_actor_occludes_the_farther() -> None:
    """Wherever the masks of two people touch, the one whose feet are lower in the image is whole there."""
    scene = Scene(seed=8, width=480, height=270, people=30, vehicles=0, occluders=0, noise=0, exposure=0)
    _, truth = Renderer(scene).at(2.0)
    pairs = 0
    for i in range(len(truth.id)):
        for j in range(len(truth.id)):
            a, b = truth.xyxy[i], truth.xyxy[j]
            meet = min(a[2], b[2]) - max(a[0], b[0]) > 4 and min(a[3], b[3]) - max(a[1], b[1]) > 4
            if meet and a[3] > b[3] + 2:  # i stands nearer, so that j cannot hide any of it
                pairs += 1
                alone = _alone(scene, int(truth.id[i]))
                assert not (alone & truth.mask[j]).any()
    assert pairs >= 3


def _alone(scene: Scene, number: int) -> np.ndarray:
    """The mask of one actor with no other actor in the scene."""
    renderer = Renderer(scene)
    renderer._actors = [actor for actor in renderer._actors if actor.id == number]
    renderer._stage = dataclasses.replace(renderer._stage, fixtures=())
    _, truth = renderer.at(2.0)
    return np.asarray(truth.mask[0])


def test_fixtures_occlude_and_cast_shadows() -> None:
    scene = Scene(seed=2, width=480, height=270, people=14, vehicles=0, noise=0, exposure=0, duration=1)
    few = [Renderer(dataclasses.replace(scene, occluders=k)).at(0.5)[1] for k in (0, 6)]
    seen = [dict(zip(t.id.tolist(), t.visibility.tolist(), strict=True)) for t in few]
    assert sum(seen[1].get(i, 0) for i in seen[0]) < sum(seen[0].values()) - 0.3
    dark, light = (Renderer(dataclasses.replace(scene, shadows=s)).at(0.5)[0].astype(int) for s in (True, False))
    assert (dark <= light).all()
    assert (light - dark > 20).mean() > 0.01


@pytest.mark.parametrize("camera", ["still", "pan", "zoom", "shake", "all"])
def test_camera_motion_equals_the_pixel_motion(camera: str) -> None:
    scene = Scene(seed=1, width=320, height=180, people=0, vehicles=0, noise=0, exposure=0, camera=camera)  # type: ignore[arg-type]
    renderer = Renderer(scene)
    first, _ = renderer.at(1.0)
    second, truth = renderer.at(1.2, before=1.0)
    moved = cv2.warpAffine(first, truth.motion, (320, 180), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    inner = slice(30, -30), slice(40, -40)
    moved, first, second = (cv2.GaussianBlur(p, (0, 0), 1.5) for p in (moved, first, second))  # sampled twice is softer
    error = np.abs(moved[inner].astype(int) - second[inner]).mean()
    unmoved = np.abs(first[inner].astype(int) - second[inner]).mean()
    if camera == "still":
        assert np.array_equal(truth.motion, [[1, 0, 0], [0, 1, 0]])
        assert np.array_equal(first, second)
    else:
        assert error < 0.3 * unmoved
        assert not np.allclose(truth.motion, [[1, 0, 0], [0, 1, 0]], atol=1e-3)


def test_camera_stays_on_the_canvas() -> None:
    from datasets.scenes.trajectories import SceneView

    scene = Scene(camera="all", width=640, height=360)
    view = SceneView.of(scene)
    for time in np.arange(0, 60, 0.37):
        back = np.linalg.inv(np.vstack([camera_at(scene, float(time)), [0, 0, 1]]))
        corners = back @ np.array([[0, 0, 1], [640, 0, 1], [640, 360, 1], [0, 360, 1]]).T
        assert (corners[:2].min(axis=1) >= 0).all()
        assert (corners[0] <= view.width).all()
        assert (corners[1] <= view.height).all()


def test_camera_motions_compose() -> None:
    scene = Scene(camera="all")
    a, b, whole = (np.vstack([camera_motion(scene, s, e), [0, 0, 1]]) for s, e in ((0, 1.3), (1.3, 2.2), (0, 2.2)))
    assert np.allclose(b @ a, whole)


def test_blur_follows_the_exposure() -> None:
    pose = Pose(0, 15, 2.0, 0, 1.0)
    sprite = draw_person(outfit_of(3), pose, 60.3, 150.7, 60)
    smeared = blurred(sprite, 12, 3)
    assert smeared.alpha.sum() == pytest.approx(sprite.alpha.sum(), rel=1e-4)  # light is spread, not made or lost
    assert smeared.bgr.sum() == pytest.approx(sprite.bgr.sum(), rel=1e-4)

    def centre(alpha: np.ndarray) -> tuple[float, float]:
        y, x = np.mgrid[: alpha.shape[0], : alpha.shape[1]]
        return float((x * alpha).sum() / alpha.sum()), float((y * alpha).sum() / alpha.sum())

    before, after = centre(sprite.alpha), centre(smeared.alpha)
    assert after[0] + smeared.left == pytest.approx(before[0] + sprite.left, abs=0.05)  # about the middle
    assert after[1] + smeared.top == pytest.approx(before[1] + sprite.top, abs=0.05)
    wide = [np.ptp(np.flatnonzero((s.alpha > 0.02).any(axis=0))) for s in (sprite, smeared)]
    assert wide[1] - wide[0] == pytest.approx(12, abs=2)
    assert blurred(sprite, 0.2, 0.1) is sprite


def test_actor_speeds_are_those_of_people_and_cars() -> None:
    scene = Scene(seed=9, people=10, vehicles=4, duration=30)
    cast = actors(scene)
    assert [a.id for a in cast] == list(range(1, len(cast) + 1))
    for actor in cast:
        speed = np.linalg.norm(np.diff(actor.path, axis=0), axis=1) / STEP
        assert speed.max() < (2.2 if actor.kind == "person" else 8)
        middle = actor.at(actor.start + len(actor.path) * STEP / 2)
        assert middle is not None
        assert actor.at(actor.start - 0.01) is None
        assert actor.at(actor.start + len(actor.path) * STEP + 0.01) is None
    for time in (0.0, 10.0, 25.0):
        there = [a for a in cast if a.at(time) is not None]
        assert 5 <= sum(a.kind == "person" for a in there) <= 10
        for lane in (27.6, 31.6):  # no two vehicles in one place
            xs = sorted(p.x for a in there if a.kind == "vehicle" and (p := a.at(time)) and p.z == lane)
            assert (np.diff(xs) > 10.5).all()


def test_lookalikes_share_their_appearance() -> None:
    looks = [a.appearance_seed for a in actors(Scene(people=40, lookalikes=1, vehicles=0))]
    assert len(set(looks)) == 2
    assert len({a.appearance_seed for a in actors(Scene(people=40, lookalikes=0, vehicles=0))}) > 20


@pytest.mark.parametrize("profile", ["full", "stride5", "stride10", "drop70", "jitter", "bursty"])
def test_scene_times_follow_the_sampling_profile(profile: str) -> None:
    scene = Scene(seed=12, profile=profile, duration=8, rate=25)
    kept = thin_indices(200, 25, profile, "scene-12", 12)
    assert np.array_equal(frame_times(scene), kept / 25)


def test_scene_is_a_source(small: list[tuple[Frame, FrameTruth]]) -> None:
    with open_scene(SMALL) as source:
        assert isinstance(source, Source)
        assert (source.info.width, source.info.height, source.info.frames) == (240, 136, 10)
        got = list(source)
    assert [(f.index, f.time) for f in got] == [(f.index, f.time) for f, _ in small]
    assert all(np.array_equal(a.bgr, b.bgr) for a, (b, _) in zip(got, small, strict=True))
    with open_scene(SMALL, SourceConfig(start=0.35, end=0.85, every=2)) as source:
        assert [f.index for f in source] == [4, 6, 8]
    with pytest.raises(ConfigError, match="clock of its own"):
        open_scene(SMALL, SourceConfig(rate=5))


def test_scene_annotations_are_written(small: list[tuple[Frame, FrameTruth]]) -> None:
    from datasets.masks.rle import decode

    whole = truth_of(SMALL, masks=True)
    assert whole.names == NAMES
    assert whole.times is not None
    assert whole.mask is not None
    for k, (frame, truth) in enumerate(small):
        rows = whole.at(k)
        assert whole.times[k] == frame.time
        assert np.array_equal(whole.id[rows], truth.id)
        assert np.array_equal(whole.xyxy[rows], truth.xyxy)
        assert all(np.array_equal(decode(m), t) for m, t in zip(whole.mask[rows], truth.mask, strict=True))  # type: ignore[arg-type]


def test_motchallenge_folder_is_written(tmp_path: Path) -> None:
    scene = dataclasses.replace(SMALL, profile="drop70", duration=4.0, camera="pan")
    whole = write_motchallenge(scene, tmp_path, suffix=".png")
    folder = tmp_path / "scene-3"
    back = read(folder / "gt/gt.txt")
    assert whole.times is not None
    assert back.times == pytest.approx(whole.times)
    assert np.array_equal(back.id, whole.id)
    assert back.xyxy == pytest.approx(whole.xyxy, abs=0.001)
    assert back.visibility == pytest.approx(whole.visibility, abs=1e-4)
    assert {back.names[i] for i in back.label} == {"pedestrian", "car"}
    with open_source(str(folder)) as source:
        frames = list(source)
    assert [f.time for f in frames] == pytest.approx(whole.times)
    assert all(np.array_equal(f.bgr, g.bgr) for f, (g, _) in zip(frames, render(scene), strict=True))
    found = read(folder / "det/det.txt")
    assert (found.id == -1).all()
    assert 0.5 * len(whole) < len(found) < 1.1 * len(whole)
    motion = np.loadtxt(folder / "gmc.txt", delimiter=",")
    assert motion[:, 0].tolist() == list(range(1, len(frames) + 1))
    for row, (before, now) in enumerate(zip(whole.times, whole.times[1:], strict=False), 1):
        assert motion[row, 1:].reshape(2, 3) == pytest.approx(camera_motion(scene, before, now), abs=1e-6)
    with pytest.raises(LiquidTrackError, match=r"\.jpg or \.png"):
        write_motchallenge(scene, tmp_path, suffix=".nothing")


def test_video_file_has_the_true_times(tmp_path: Path) -> None:
    scene = dataclasses.replace(SMALL, profile="jitter", duration=4.0)
    whole = write_video(scene, tmp_path / "scene.mp4")
    with open_source(str(tmp_path / "scene.mp4")) as source:
        frames = list(source)
    assert [f.time for f in frames] == pytest.approx(whole.times, abs=1e-4)
    drawn, _ = next(render(scene))
    assert np.abs(frames[0].bgr.astype(int) - drawn.bgr).mean() < 6


def test_simulated_detector_has_the_set_error_rates() -> None:
    scene = Scene(width=640, height=360)
    n = 4000
    rng = np.random.default_rng(0)
    left, top = rng.uniform(0, 600, n), rng.uniform(0, 300, n)
    visibility = np.where(np.arange(n) % 2, 1.0, 0.1).astype(np.float32)
    boxes = np.column_stack([left, top, left + 20, top + 50]).astype(np.float32)
    none = np.zeros((n, 1, 1), bool)
    truth = FrameTruth(np.arange(n), boxes, np.zeros(n, np.int64), visibility, none, np.eye(2, 3))
    sure = DetectorNoise(jitter=0, hidden_jitter=0, false_alarms=0, miss=0.1)
    found = detect(scene, truth, 0, sure)
    kept = (found.xyxy[:, None, :2] == boxes[None, :, :2]).all(axis=2).any(axis=0)
    assert kept[1::2].mean() == pytest.approx(0.9, abs=0.03)
    assert kept[::2].mean() < 0.2
    shaken = detect(scene, truth, 0, DetectorNoise(jitter=0.05, hidden_jitter=0, false_alarms=0, miss=0, visibility=-9))
    assert (shaken.xyxy[:, 1] - boxes[:, 1]).std() == pytest.approx(2.5, rel=0.1)  # of 50 pixels
    assert (shaken.xyxy[:, 0] - boxes[:, 0]).std() == pytest.approx(1.0, rel=0.1)  # of 20
    assert shaken.score[visibility == 1].mean() > shaken.score[visibility < 1].mean() + 0.4
    assert len(detect(scene, truth, 0, DetectorNoise(miss=1, false_alarms=40))) == pytest.approx(40, abs=25)


@given(st.text(max_size=30))
def test_any_text_is_a_scene_or_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(parse("scene:" + text), Scene)


def test_short_scene_name_round_trips() -> None:
    assert parse("scene:") == Scene()
    assert parse("scene:7") == Scene(seed=7)
    got = parse("scene:7?people=3&profile=bursty&exposure=0&shadows=false&camera=pan")
    assert got == Scene(seed=7, people=3, profile="bursty", exposure=0.0, shadows=False, camera="pan")
    for text, words in {
        "scene:x": "seed of a scene is 'x'; give a whole number",
        "scene:1?peeple=2": "perhaps people was meant",
        "scene:1?people=2.5": "give a whole number",
        "scene:1?people=-1": "give 0 to 500",
        "scene:1?rate=nan": "give a number",
        "scene:1?camera=up": "give one of still, pan",
        "scene:1?shadows=maybe": "true or false",
        "scene:1?exposure=0.4": "longer than a frame",
    }.items():
        with pytest.raises(ConfigError, match=words):
            parse(text)
    with pytest.raises(ConfigError, match="the profiles are"):
        open_scene("scene:1?profile=slow")
