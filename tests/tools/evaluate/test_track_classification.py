"""`eval classification` over crops and video, and `train classification`: from images to figures and weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tools.cli.main import main
from tools.evaluate import video_classification as eval_recognition_video
from tools.track_classes import evidence as recognition_evidence
from tools.track_classes.pooling import CONTROLS, best_temperature, liquid, mean_log
from tools.track_classes.simulated_views import Evidence
from tracker.types import Detections, Frame

WNIDS = ("n01440764", "n01443537", "n01484850")
LEVELS = (40, 110, 190)  # grey of each class's images


class Network:
    """Replaces the frozen CNN: the class of the nearest grey, with lower confidence the farther it is."""

    def run(self, feeds: dict[str, Any]) -> list[Any]:
        grey = np.median(feeds["image"].reshape(len(feeds["image"]), -1), axis=1) * 128 + 127
        return [-0.05 * np.abs(grey[:, None] - np.array(LEVELS)).astype(np.float32)]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three classes of four images each, and a classifier for them."""
    monkeypatch.setattr(recognition_evidence, "open_network", lambda *_: Network())
    folder = tmp_path / "pictures"
    rng = np.random.default_rng(0)
    for level, wnid in zip(LEVELS, WNIDS, strict=True):
        (folder / wnid).mkdir(parents=True)
        for k in range(4):
            picture = np.clip(rng.normal(level, 12, (48, 48, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / wnid / f"{k}.png"), picture)
    rows = "".join(f"{k}\t{wnid}\tfish {k}\n" for k, wnid in enumerate(WNIDS))
    (folder / "labels.tsv").write_text("index\twnid\tname\n" + rows)
    return folder


def views(folder: Path, *words: str) -> list[str]:
    return ["eval", "crop-classes", str(folder), "--seconds", "1", "--quiet", *words]


def test_table_json_and_plot_are_written(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="the plot needs the extra `bench`")
    out, plot = tmp_path / "out.json", tmp_path / "plot.png"
    words = ["--profiles", "full", "stride5", "--held-out", "all", "--json", str(out), "--plot", str(plot)]
    assert main(views(pictures, *words)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * (1 + len(CONTROLS) + 2)
    assert lines[0].split()[:2] == ["full", "objects"]
    scores = json.loads(out.read_text())["scores"]
    ours = {s["profile"]: s for s in scores if s["name"] == "liquid pool"}
    alone = {s["profile"]: s for s in scores if s["name"] == "single view"}
    assert ours["full"]["objects"] == 12
    assert ours["full"]["over_time"] >= alone["full"]["over_time"]
    assert ours["full"]["flicker"] < alone["full"]["flicker"]
    assert ours["full"]["coverage"] == 1
    assert sum(b["count"] for b in ours["full"]["reliability"]) == 12 * 12
    assert sum(b["count"] for b in ours["stride5"]["reliability"]) == 12 * 3
    assert cv2.imread(str(plot)).shape[1] > 400


def test_written_results_score_the_same(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = tmp_path / "ours.json"
    assert main(views(pictures, "--answers", str(answers))) == 0
    first = {line[:12].strip(): line.split()[-7:] for line in capsys.readouterr().out.splitlines()}
    assert main(views(pictures, "--results", str(answers))) == 0
    again = {line[:12].strip(): line.split()[-7:] for line in capsys.readouterr().out.splitlines()}
    assert again["ours.json"] == first["liquid pool"] == again["liquid pool"]


def test_crops_are_exported_with_their_times(pictures: Path, tmp_path: Path) -> None:
    assert main(views(pictures, "--export", str(tmp_path / "views"), "--limit", "2", "--crop-rate", "5")) == 0
    folders = sorted(p for p in (tmp_path / "views").iterdir() if p.is_dir())
    assert len(folders) == 2
    assert [p.name for p in sorted(folders[0].glob("*.png"))] == [f"{k:04d}.png" for k in range(5)]
    assert (folders[0] / "times.csv").read_text().splitlines() == [
        "frame,source_frame,time", "1,1,0.0", "2,2,0.2", "3,3,0.4", "4,4,0.6", "5,5,0.8",
    ]  # fmt: skip


def test_held_out_images_are_every_second_one(pictures: Path, tmp_path: Path) -> None:
    answers = tmp_path / "ours.json"
    assert main(views(pictures, "--answers", str(answers))) == 0
    names = json.loads(answers.read_text())["sequences"]
    assert sorted(names) == sorted(f"{wnid}/{k}.png" for wnid in WNIDS for k in (1, 3))


def evidence(scores: Any, seen: Any = None) -> Evidence:
    s, t, _ = np.shape(scores)
    seen = np.ones((s, t), bool) if seen is None else np.array(seen, bool)
    time = np.tile(np.arange(t) * 0.1, (s, 1))
    return Evidence(time, seen, np.array(scores, np.float32), np.zeros((s, t, 5), np.float32), np.zeros(s, np.int64))


def test_ablations_equal_hand_computed_values() -> None:
    p = np.array([[[0.6, 0.4], [0.1, 0.9], [0.7, 0.3]]])
    e = evidence(np.log(p))
    said = {name: way(e, True) for name, way in CONTROLS.items()}
    assert said["single view"][1].tolist() == [[0, 1, 0]]
    assert said["majority vote"][1].tolist() == [[0, 1, 0]]  # of one vote each the latest counts
    np.testing.assert_allclose(said["mean probability"][0][0, :, 0], [0.6, 0.35, 1.4 / 3], atol=1e-5)
    odds = np.cumsum(np.log(p[0, :, 0] / p[0, :, 1])) / [1, 2, 3]
    np.testing.assert_allclose(said["mean log-probability"][0][0, :, 0], 1 / (1 + np.exp(-odds)), atol=1e-5)
    cold = mean_log(e, True, temperature=0.5)[0][0, :, 0]
    np.testing.assert_allclose(cold, 1 / (1 + np.exp(-2 * odds)), atol=1e-5)


def test_last_label_holds_between_crops() -> None:
    e = evidence(np.log([[[0.6, 0.4], [0.1, 0.9], [0.7, 0.3]]]), [[False, True, False]])
    from models.class_pool.inference import own_class_pool

    ways = [way(e, True) for way in CONTROLS.values()] + [liquid(e, own_class_pool("views"))]
    for _, said in ways:
        assert said.tolist() == [[-1, 1, 1]]


def test_best_temperature_is_fitted() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2.0, (400, 1, 6))
    truth = np.array([rng.choice(6, p=np.exp(row[0]) / np.exp(row[0]).sum()) for row in z])
    fair = evidence(z)
    fair = Evidence(fair.time, fair.seen, fair.scores, fair.quality, truth)
    assert best_temperature(fair) in (0.8, 1.0, 1.2)
    loud = Evidence(fair.time, fair.seen, 3 * fair.scores, fair.quality, truth)
    assert best_temperature(loud) == 3.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--profiles", "often"), "there is no profile 'often'"),
        (("--crop-rate", "0"), "crop_rate is 0.0; give crops a second"),
        (("--seconds", "-1"), "seconds is -1.0; give more than 0"),
        (("--answers", "a.json", "--profiles", "full", "stride5"), "--answers keeps what is said under one profile"),
        (("--results", "nowhere.json"), "nowhere.json"),
        (("--plot", "x.txt"), "x.txt cannot be written"),
        (("--json", "/dev/null/x.json"), "a file where a folder is due"),
        (("--truth", "t.tsv"), "there is no option --truth"),
        (("--detector", "lite0"), "there is no option --detector"),
        (("--crop-rate", "nan"), "crop_rate is nan"),
    ],
)
def test_mistakes_are_one_sentence(
    words: tuple[str, ...], said: str, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--plot" in words:
        pytest.importorskip("matplotlib", reason="the plot needs the extra `bench`")
    assert main(views(pictures, *words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("liquidtrack: ")
    assert said in line


class Moody:
    """A detector that finds the bright box and calls it a truck in every fourth frame, a car in the others."""

    names = ("car", "truck")

    def __call__(self, frame: Frame) -> Detections:
        rows, columns = np.nonzero(frame.bgr[:, :, 1] > 128)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return Detections(np.array([box]), np.array([0.9]), np.array([int(frame.index % 4 == 2)]))


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One sequence of boxes with a car that drives through it."""
    monkeypatch.setattr(eval_recognition_video, "build_detector", lambda *_, **__: Moody())
    folder = tmp_path / "sot/street"
    (folder / "img").mkdir(parents=True)
    rows = []
    for k in range(24):
        picture = np.zeros((120, 200, 3), np.uint8)
        picture[40:80, 10 + 4 * k : 70 + 4 * k] = 220
        cv2.imwrite(str(folder / f"img/{k:04d}.png"), picture)
        rows.append(f"{10 + 4 * k},40,60,40\n")
    (folder / "groundtruth.txt").write_text("".join(rows))
    (tmp_path / "truth.tsv").write_text("street\tcar\n")
    return tmp_path


def over_video(root: Path, *words: str) -> list[str]:
    truth = ["--truth", str(root / "truth.tsv")]
    return ["eval", "video-classes", str(root / "sot"), *truth, "--quiet", *words]


def test_tracks_are_more_accurate_than_frame_by_frame_detections(
    videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = videos / "out.json"
    assert main(over_video(videos, "--profiles", "full", "stride5", "--json", str(out))) == 0
    scores = {(s["name"], s["profile"]): s for s in json.loads(out.read_text())["scores"]}
    alone, ours = scores["detector, frame by frame", "full"], scores["tracks", "full"]
    assert alone["over_time"] == pytest.approx(18 / 24)
    assert alone["flicker"] == pytest.approx(12 / (23 / 30))
    assert (ours["top1"], ours["over_time"], ours["flicker"], ours["ids"]) == (1, 1, 0, 1)
    assert ours["coverage"] == alone["coverage"] == 1
    assert scores["tracks", "stride5"]["objects"] == 1
    assert "ids" in capsys.readouterr().out


def test_third_party_video_results_are_scored(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = videos / "ours.json"
    assert main(over_video(videos, "--answers", str(ours))) == 0
    capsys.readouterr()
    assert main(over_video(videos, "--results", str(ours))) == 0
    rows = {line[:24].strip(): line.split()[-7:] for line in capsys.readouterr().out.splitlines()}
    assert rows["ours.json"][:-1] == rows["tracks"][:-1]  # all but the number of ids


def test_masks_can_be_ground_truth(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = videos / "davis"
    for kind in ("Annotations", "JPEGImages"):
        (root / kind / "480p/street").mkdir(parents=True)
    for k in range(6):
        picture = cv2.imread(str(videos / f"sot/street/img/{k:04d}.png"))
        cv2.imwrite(str(root / f"JPEGImages/480p/street/{k:05d}.jpg"), picture)
        cv2.imwrite(str(root / f"Annotations/480p/street/{k:05d}.png"), (picture[:, :, 0] > 0).astype(np.uint8) * 255)
    words = over_video(videos)
    words[2] = str(root)
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:3] == ["tracks", "1", "1.000"]


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ("street\tbeagle\n", "nobody can call street a 'beagle' here; it knows car, truck."),
        ("road\tcar\n", "names none of the sequences"),
        ("street car\n", "line 1: needs a sequence, a tab"),
    ],
)
def test_wrong_truth_is_one_sentence(truth: str, said: str, videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (videos / "truth.tsv").write_text(truth)
    assert main(over_video(videos)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def train(folder: Path, out: Path, *words: str) -> list[str]:
    sizes = ["--crops", "5", "--batch", "4", "--units", "4", "--quiet"]
    return ["train", "classification", "views", str(folder), "--out", str(out), *sizes, *words]


def test_stopped_training_resumes(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="training needs the extra `torch`")
    import tools.train.class_pool
    import tools.train.loop
    from models.class_pool.inference import load_class_pool

    monkeypatch.setattr(tools.train.class_pool, "CHECKPOINT_STEPS", 2)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main(train(pictures, whole, "--steps", "6")) == 0
    rows = tools.train.loop.add_to_curve

    def kill(path: Path, step: int, losses: dict[str, float]) -> None:
        rows(path, step, losses)
        if step == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tools.train.loop, "add_to_curve", kill)
        assert main(train(pictures, parts, "--steps", "6")) == 1
    assert not (parts / "recognition-views.safetensors").exists()
    assert main(train(pictures, parts, "--steps", "6")) == 0
    a, b = (load_class_pool(p / "recognition-views.safetensors") for p in (whole, parts))
    assert a.config == b.config
    assert all((a.weights[n] == b.weights[n]).all() for n in b.weights)
    assert (parts / "curve-views.csv").read_text().splitlines()[0] == "step,loss"
    assert len(list(parts.glob("evidence-views-*.npz"))) == 1


def test_training_lowers_the_loss(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs the extra `torch`")
    out = tmp_path / "out"
    assert main(train(pictures, out, "--steps", "200")) == 0
    losses = [float(line.split(",")[1]) for line in (out / "curve-views.csv").read_text().splitlines()[1:]]
    assert losses[-1] < losses[0]  # means of a hundred steps each
    assert losses[-1] < 0.93 * np.log(3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--crops", "1"), "crops is 1; give 2 to 1000"),
        (("--steps", "0"), "steps is 0; give 1 to 10000000"),
        (("--learning-rate", "2"), "learning_rate is 2.0; give a learning rate above 0, 1 at most"),
    ],
)
def test_bad_training_settings_are_refused(
    words: tuple[str, ...], said: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training needs the extra `torch`")
    assert main(train(pictures, tmp_path / "out", *words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_folder_of_another_training_is_refused(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training needs the extra `torch`")
    out = tmp_path / "out"
    assert main(train(pictures, out, "--steps", "2")) == 0
    assert main(train(pictures, out, "--steps", "4", "--units", "6")) == 2
    assert "made with other settings (steps was '2' and is '4')" in capsys.readouterr().err
    (out / ".liquidtrack.json").unlink()  # the checkpoint knows them too
    assert main(train(pictures, out, "--steps", "4", "--units", "6")) == 2
    assert (
        "checkpoint-views.pt: is of a training with --steps 2, --units 4; give the same to go on with it"
        in capsys.readouterr().err
    )
