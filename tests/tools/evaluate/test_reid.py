"""`eval reid`, `train reid` and `identify`: ranking by hand and by definition, identification in a scene."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datasets.formats.annotations import Annotations
from datasets.ground_truth.reid import read_identities
from datasets.scenes import Scene, render
from models.errors import DataError
from models.runtime.maths import unit
from tests.support.reid_images import write_people
from tests.support.weights import needs_weights
from tools.cli.main import main
from tools.metrics.reid import average_precision, rank_gallery
from tools.track.identify import chosen_views
from tracker.reid.descriptor import fit_metric, load_metric, plain
from tracker.reid.open_set import evidence, fit, probabilities

pytestmark = pytest.mark.usefixtures("own_cache")

RNG = np.random.default_rng(2)


def test_average_precision_equals_hand_computed_values() -> None:
    assert average_precision(np.array([True, False, True, False])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([False, False, True])) == pytest.approx(1 / 3)


def test_ranking_figures_follow_their_definition() -> None:
    identity, camera = np.repeat(np.arange(6), 4), np.tile([0, 0, 1, 1], 6)
    embeddings = unit((RNG.normal(size=(6, 8))[identity] + RNG.normal(size=(24, 8))).astype(np.float32))
    found = rank_gallery(embeddings, identity, camera)
    firsts, precisions = [], []
    for k in range(24):
        others = [g for g in range(24) if camera[g] != camera[k]]
        others.sort(key=lambda g: -float(embeddings[k] @ embeddings[g]))
        right = [identity[g] == identity[k] for g in others]
        firsts.append(right.index(True))
        precisions.append(np.mean([sum(right[: n + 1]) / (n + 1) for n, hit in enumerate(right) if hit]))
    assert found.queries == 24
    assert found.mean_ap == pytest.approx(np.mean(precisions))
    for k in (1, 5, 10):
        assert found.rank(k) == pytest.approx(np.mean([first < k for first in firsts]))
    perfect = rank_gallery(np.eye(6, dtype=np.float32)[identity], identity, camera)
    assert perfect.mean_ap == perfect.rank(1) == 1


def test_metric_removes_camera_differences(tmp_path: Path) -> None:
    who = np.repeat(np.arange(30), 4)
    camera = np.tile([0, 0, 1, 1], 30)
    person, shift = RNG.normal(size=(30, 40)), RNG.normal(size=(2, 40)) * 6
    features = (person[who] + shift[camera] * RNG.uniform(0.3, 1.7, (120, 1)))[:, None] + RNG.normal(size=(120, 2, 40))
    features = features.astype(np.float32)
    taught = who < 15
    metric = fit_metric(features[taught], who[taught], camera[taught])
    rest = ~taught
    bare = rank_gallery(plain(features[rest]), who[rest], camera[rest])
    learnt = rank_gallery(metric(features[rest]), who[rest], camera[rest])
    assert learnt.mean_ap > bare.mean_ap + 0.2
    metric.save(tmp_path / "m.safetensors", {"folder": "x"})
    again = load_metric(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again(features[rest]), metric(features[rest]))
    np.testing.assert_allclose(np.linalg.norm(again(features[0])), 1, rtol=1e-5)
    with pytest.raises(DataError, match="no identity has two pictures"):
        fit_metric(features[::4], who[::4], camera[::4])


def test_crops_are_spread_over_the_track() -> None:
    n = 40
    xyxy = np.tile([0, 0, 10, 20], (n, 1)).astype(np.float32)
    xyxy[[3, 17, 31], 2:] += 5
    tracks = Annotations(
        np.arange(n), None, np.arange(n), np.ones(n, np.int64), xyxy, np.ones(n, np.float32),
        np.zeros(n, np.int64), ("person",), np.zeros(n, bool),
    )  # fmt: skip
    assert sorted(chosen_views(tracks, 3)) == [3, 17, 31]
    assert len(chosen_views(tracks, 100)) == n


def test_identities_are_scored_and_a_metric_is_learned(tmp_path: Path, capsys: Any) -> None:
    needs_weights()
    write_people(tmp_path / "set")
    out, picture, metric = tmp_path / "r.json", tmp_path / "r.png", tmp_path / "m" / "m.safetensors"
    words = ["eval", "reid", str(tmp_path / "set"), "--quiet", "--json", str(out)]
    assert main([*words, "--plot", str(picture)]) == 0
    shown = capsys.readouterr().out.split()
    assert shown[:5] == ["queries", "mAP", "rank-1", "rank-5", "rank-10"]
    first = json.loads(out.read_text())
    assert first["queries"] == 12
    assert first["rank_1"] > 0.8
    assert picture.stat().st_size > 3000
    assert main(["train", "reid", str(tmp_path / "set"), "--identities", "even", "--out", str(metric), "--quiet"]) == 0
    assert main([*words, "--metric", str(metric), "--overwrite"]) == 0
    assert json.loads(out.read_text())["mean_ap"] == pytest.approx(first["mean_ap"], abs=1e-4)


def test_tracks_are_identified_from_gallery_images(tmp_path: Path, capsys: Any) -> None:
    needs_weights()
    scene = "scene:4?duration=1&rate=5&people=9&vehicles=0&width=640&height=360&lookalikes=0"
    frames = list(render(Scene(seed=4, duration=1, rate=5, people=9, vehicles=0, width=640, height=360, lookalikes=0)))
    rows = []
    known = set()
    for frame, truth in frames:
        for id, box, seen in zip(truth.id.tolist(), truth.xyxy.tolist(), truth.visibility.tolist(), strict=True):
            if seen < 0.9:
                continue
            left, top, right, bottom = (max(int(v), 0) for v in box)
            if frame.index == 0:
                (tmp_path / "gallery").mkdir(exist_ok=True)
                cv2.imwrite(str(tmp_path / f"gallery/p{id}.png"), frame.bgr[top:bottom, left:right])
                known.add(id)
            elif frame.index > 2:
                rows.append(f"{frame.index + 1},{id},{left},{top},{right - left},{bottom - top},1,-1,-1,-1\n")
    assert len(known) > 1
    (tmp_path / "tracks.txt").write_text("".join(rows))
    words = ["identify", scene, str(tmp_path / "tracks.txt"), str(tmp_path / "gallery"), "--quiet"]
    assert main([*words, "--json", str(tmp_path / "i.json")]) == 0
    every = json.loads((tmp_path / "i.json").read_text())
    found = {one["id"]: one["probabilities"] for one in every if one["id"] in known}
    assert found
    assert all(max(chance, key=chance.get) == f"p{id}" for id, chance in found.items())
    for one in every:
        assert one["nobody"] + sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert (one["name"] is None) == (one["probability"] < 0.8)
    assert "margin" in capsys.readouterr().out
    assert main([*words, "--probability", "1"]) == 0
    assert capsys.readouterr().out.count("nobody") >= len(every)


def drawn_people(count: int, rng: np.random.Generator, views: int = 6) -> list[Any]:
    """Crop embeddings in 64 dimensions, with most within-person variation along eight of them."""
    within = np.where(np.arange(64) < 8, 2.0, 0.3)
    return [
        unit((rng.normal(size=64) + within * rng.normal(size=(views, 64))).astype(np.float32)) for _ in range(count)
    ]


def test_strangers_get_no_name_and_probabilities_are_calibrated() -> None:
    rng = np.random.default_rng(4)
    cases = []
    for _ in range(60):
        people = drawn_people(14, rng)
        told = evidence([p[:3] for p in people[:8]], [p[3:] for p in people[4:12]])
        cases += [(told[k], min(4 + k, 8)) for k in range(8)]
    weights = fit(cases[:240])
    chance = [probabilities(x[None], weights)[0] for x, _ in cases[240:]]
    right = np.array([y for _, y in cases[240:]])
    best = np.array([int(p.argmax()) for p in chance])
    promised = np.array([p.max() for p in chance])
    assert (best == right).mean() > 0.8
    assert (best == right).mean() == pytest.approx(promised.mean(), abs=0.06)
    assert (best[right == 8] == 8).mean() > 0.8


def test_probabilities_are_valid_for_single_and_identical_crops() -> None:
    rng = np.random.default_rng(0)
    one = unit(rng.normal(size=(1, 32)).astype(np.float32))
    for gallery, tracks in (([one], [one]), ([one, one], [one]), ([one], [np.repeat(one, 5, axis=0), -one])):
        chance = probabilities(evidence(gallery, tracks))
        assert chance.shape == (len(tracks), len(gallery) + 1)
        assert np.isfinite(chance).all()
        np.testing.assert_allclose(chance.sum(axis=1), 1)


def one_camera(root: Path) -> list[str]:
    write_people(root / "s")
    for path in (root / "s").rglob("02_*"):
        path.unlink()
    return ["eval", "reid", str(root / "s")]


def no_tracks(root: Path) -> list[str]:
    write_people(root / "s", 2)
    (root / "t.txt").write_text("1,-1,5,5,20,40,1,-1,-1,-1\n")
    return ["identify", "scene:1", str(root / "t.txt"), str(root / "s")]


def no_metric(root: Path) -> list[str]:
    write_people(root / "s")
    (root / "m").write_text("text")
    return ["eval", "reid", str(root / "s"), "--metric", str(root / "m")]


def alone(root: Path) -> list[str]:
    write_people(root / "s", 3)
    return ["eval", "reid", str(root / "s"), "--fit", "none"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (one_camera, "all pictures are of one camera"),
        (no_tracks, "holds no boxes with track numbers"),
        (no_metric, "cannot be read"),
        (alone, "fewer than two identities"),
        (lambda root: ["eval", "reid", str(root / "none")], "there is no such folder"),
        (lambda root: ["train", "reid", str(root)], "holds no pictures"),
        (lambda root: ["eval", "reid", str(root), "--identities", "all"], "add --fit none or --metric"),
    ],
)
def test_mistakes_are_one_sentence(make: Any, said: str, tmp_path: Path, capsys: Any) -> None:
    needs_weights()
    assert main([*make(tmp_path), "--quiet"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_identities_are_read_from_folders_and_file_names(tmp_path: Path) -> None:
    write_people(tmp_path, 2)
    cv2.imwrite(str(tmp_path / "eve_2.png"), np.zeros((9, 9, 3), np.uint8))
    data = read_identities(tmp_path)
    assert data.names == ("000", "001", "eve_2")
    assert data.cameras == ("", "01", "02")
    assert data.identity.tolist() == [0] * 4 + [1] * 4 + [2]


@pytest.mark.slow
def test_committed_constants_equal_the_fit_on_real_data(shared: Path, capsys: Any) -> None:
    """Fitted on the even identities; of the odd ones few strangers get a name, and names are right."""
    needs_weights()
    folder = shared / "data" / "reid"
    if not folder.is_dir():
        pytest.skip(f"no pictures of identities at {folder}")
    assert main(["fit", "identify", str(folder), "--scenes", "60", "--quiet"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "two cameras  from 0.8" in line]
    named, wrongly, strangers, *_ = (float(n) for n in re.findall(r"0\.\d{3}", lines[-1]))
    assert named > 0.2
    assert wrongly < 0.03
    assert strangers < 0.1


def test_real_identities_are_ranked(shared: Path, tmp_path: Path) -> None:
    needs_weights()
    folder = shared / "data" / "reid"
    if not folder.is_dir():
        pytest.skip(f"no pictures of identities at {folder}")
    out = tmp_path / "r.json"
    assert main(["eval", "reid", str(folder), "--quiet", "--json", str(out)]) == 0
    result = json.loads(out.read_text())
    assert result["queries"] == 296
    assert result["rank_1"] >= 0.5
    assert result["mean_ap"] >= 0.35
