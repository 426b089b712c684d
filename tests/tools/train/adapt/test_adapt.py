"""Adaptation from the command line: labels, clips, resumed runs, what is written, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `torch`")

import datasets.simulation.training_clips
import tools.train.adapt.agreement
import tools.train.adapt.command
import tools.train.adapt.folds
import tools.train.adapt.students
from datasets.ground_truth.tracking import UNLABELLED
from datasets.simulation.crowds import crowd
from models.association_head.inference import HeadNumpy, load_head, save_head
from models.runtime.cache import sha256
from models.runtime.weight_files import read_arrays
from tests.support.walking_people import detections_folder, walkers, write_detections
from tools.cli.main import main
from tools.track.config.video import TrackConfig
from tools.track.findings import other_camera
from tools.train.adapt.command import adapt, label_camera, run
from tools.train.adapt.guard import GuardResult, decide
from tools.train.adapt.pseudo_labels import PseudoLabels
from tools.train.adapt.recordings import CameraRecording, read_camera, stretches
from tools.train.adapt.students import roll_student
from tools.train.config.adapt import AdaptConfig
from tools.train.loop import Loop
from tracker.config import TrackerConfig
from tracker.learned.liquid_motion import WEIGHTS, LiquidMotion
from tracker.offline.types import VideoDetections
from tracker.protocols import SourceInfo
from tracker.types import Float64


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short clips, one way to leave frames out, and little to rehearse."""
    monkeypatch.setattr(tools.train.adapt.agreement, "UNEVEN", ("stride5",))
    monkeypatch.setattr(tools.train.adapt.students, "FRAMES", 12)
    monkeypatch.setattr(datasets.simulation.training_clips, "BURN_IN_FRAMES", 4)
    monkeypatch.setattr(tools.train.adapt.students, "SCENES", 1)
    monkeypatch.setattr(tools.train.adapt.students, "SCENE_S", 3.0)
    monkeypatch.setattr(tools.train.adapt.command, "HELD_BACK", 3)


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return detections_folder(tmp_path_factory.mktemp("camera"), 320, 6)


@pytest.fixture(scope="module")
def head() -> HeadNumpy:
    return load_head(WEIGHTS)


def small(camera: Path, out: Path) -> AdaptConfig:
    return AdaptConfig(sources=(camera,), out=out, clips=8, steps=3, batch=2, rehearsal=0.0, workers=1, quiet=True)


@pytest.fixture(scope="module")
def labels(camera: Path, head: HeadNumpy) -> list[PseudoLabels]:
    config = small(camera, Path("camera.safetensors"))
    return label_camera(config, head, read_camera(config))


def accept(stage: str, share: float, gains: Float64, rehearsal: object) -> GuardResult:
    return replace(decide(stage, share, gains), accepted=stage == "weights")


def test_sure_parts_show_one_person_each(labels: list[PseudoLabels]) -> None:
    truth, (one,) = walkers(320, 6).truth, labels
    video = one.recording.video
    assert (one.piece >= 0).mean() > 0.5
    wrong = 0
    for piece in range(len(one.spans)):
        rows = np.flatnonzero(one.piece == piece)
        people = []
        for row in rows.tolist():
            ids, boxes, _ = truth.at(int(video.frame[row]))
            people.append(int(ids[abs(boxes - video.xyxy[row]).sum(axis=1).argmin()]))
        wrong += len(people) - np.bincount(people).max()
        assert one.spans[piece].tolist() == [video.frame[rows[0]], video.frame[rows[-1]]]
    assert wrong / (one.piece >= 0).sum() < 0.01
    assert set(one.fold.tolist()) == {0, 1}


def test_clip_is_labelled_in_the_blocks_of_its_fold_alone(labels: list[PseudoLabels], head: HeadNumpy) -> None:
    sequences, folds = [one.sequence() for one in labels], [one.fold for one in labels]
    assert UNLABELLED in sequences[0].detections.id  # type: ignore[union-attr]
    found = [record for k in range(6) for record in roll_student(sequences, folds, head, (1, k))]
    again = [record for k in range(6) for record in roll_student(sequences, folds, head, (1, k))]
    assert {one.fold for one in found} == {0, 1}
    assert all((a.record.base == b.record.base).all() for a, b in zip(found, again, strict=True))
    for one in found:
        assert one.record.known[one.record.true].all()
        assert (one.record.row_there == -1).all()
    # blocks of one fold alone: the other has no pair
    nothing = [np.zeros_like(fold) for fold in folds]
    assert {one.fold for k in range(3) for one in roll_student(sequences, nothing, head, (1, k))} == {0}


def test_long_recording_is_sampled_evenly() -> None:
    times = np.arange(40_000) / 10
    frame = np.arange(40_000)
    boxes = np.tile(np.array([0, 0, 10, 10], np.float32), (40_000, 1))
    video = VideoDetections(times, frame, boxes, np.full(40_000, 0.5, np.float32), frame)
    found = stretches([CameraRecording("long", video)], 600)
    assert len(found) == 10
    assert sum(one.seconds for one in found) == pytest.approx(600, rel=0.01)
    starts = [float(one.video.times[0]) for one in found]
    assert np.diff(starts) == pytest.approx(np.full(9, 400.0), abs=1)
    for one in found:  # `label` is the frame in the recording
        assert (one.video.label == np.searchsorted(times, one.video.times[one.video.frame])).all()
    assert stretches(found, 6000) == found


def test_better_head_is_written_with_its_figures(
    camera: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tools.train.adapt.command, "decide", accept)
    out = tmp_path / "yard.safetensors"
    adapt(replace(small(camera, out), quiet=False))
    assert "track with it: --association-head" in capsys.readouterr().out
    weights, about = read_arrays(out, "a head", "adapt")
    report = json.loads((tmp_path / "yard.json").read_text())
    assert report["adapted"]
    assert [v["stage"] for v in report["verdicts"]] == ["biases", "weights"]
    assert about["camera"] == camera.name
    assert json.loads(about["guard"])["blocks"] == report["blocks"] >= 8
    before = load_head(WEIGHTS).weights()
    assert 0 < max(float(abs(weights[name] - before[name]).max()) for name in before) < 0.1
    assert sorted(path.name for path in tmp_path.glob("*")) == ["yard.json", "yard.safetensors"]
    assert about["package_head"] == sha256(WEIGHTS)
    config = TrackConfig("yard.mp4", tracking=TrackerConfig(association_head=str(out)))
    assert other_camera(config, SourceInfo("yard", 960, 960)) is None
    assert "of 960x960 pixels, and this has 640x480" in str(other_camera(config, SourceInfo("gate", 640, 480)))
    assert other_camera(TrackConfig("gate.mp4"), SourceInfo("gate", 640, 480)) is None
    results = tmp_path / "results"
    words = ["mot", str(camera), str(results), "--association-head", str(out), "--quiet", "--workers", "1"]
    assert main(words) == 0
    assert (results / "walkers.txt").stat().st_size > 0
    assert capsys.readouterr().err == ""
    save_head(tmp_path / "old.safetensors", load_head(out).weights(), load_head(out).config, {"package_head": "a"})
    LiquidMotion.build(TrackerConfig(association_head=str(tmp_path / "old.safetensors")))
    assert "with another version of the head; adapt again" in caplog.text


def test_interrupted_run_resumes_to_the_same_weights(
    camera: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools.train.adapt.command, "decide", accept)
    monkeypatch.setattr(tools.train.adapt.folds, "BATCHES", 2)
    words = ["adapt", str(camera), "--clips", "6", "--steps", "3", "--batch", "2", "--rehearsal", "0"]
    words += ["--workers", "1", "--quiet", "--out"]
    assert main([*words, str(tmp_path / "a.safetensors")]) == 0
    save, calls = Loop._save, []

    def kill(self: Loop) -> None:
        save(self)
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", kill)
        assert main([*words, str(tmp_path / "b.safetensors")]) == 1
    assert list(tmp_path.glob("b.*.pt"))
    assert not (tmp_path / "b.safetensors").exists()
    assert main([*words, str(tmp_path / "b.safetensors")]) == 0
    assert not list(tmp_path.glob("b.*.pt"))
    a, b = (load_head(tmp_path / f"{name}.safetensors").weights() for name in "ab")
    assert all((a[name] == b[name]).all() for name in a)


def test_head_that_is_no_better_is_not_written(
    camera: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "yard.safetensors"
    config = replace(small(camera, out), clips=8, steps=2, rehearsal=0.5, quiet=False)
    adapt(config)
    assert "no head was written" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["yard.json"]
    report = json.loads((tmp_path / "yard.json").read_text())
    assert not report["adapted"]
    assert len(report["verdicts"]) == 4
    assert all(verdict["rehearsal"] is not None for verdict in report["verdicts"])


def shuffled(labels: PseudoLabels, rng: np.random.Generator) -> PseudoLabels:
    """The labels of every frame in another order."""
    piece, frame = labels.piece.copy(), labels.recording.video.frame
    rows = np.flatnonzero(piece >= 0)
    mixed = rows[np.lexsort((rng.random(len(rows)), frame[rows]))]
    piece[rows] = labels.piece[mixed]
    return replace(labels, piece=piece)


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory, head: HeadNumpy) -> list[PseudoLabels]:
    """A crowd whose tracks depend on small changes of the weights."""
    scene = crowd(np.random.default_rng(1), 20.0, 15.0)
    config = small(write_detections(tmp_path_factory.mktemp("crowd"), scene, 15), Path("camera.safetensors"))
    return label_camera(config, head, read_camera(config))


def tries(labels: list[PseudoLabels], head: HeadNumpy, out: Path, count: int) -> int:
    """How many of `count` adaptations to shuffled labels are accepted."""
    accepted = 0
    for seed in range(count):
        rng = np.random.default_rng([seed, 9])
        config = replace(small(Path("camera"), out.with_stem(f"try{seed}")), clips=12, steps=20, seed=seed)
        found = run(config, head, [shuffled(one, rng) for one in labels])
        assert any(result.gain != 0 for result in found.results)
        accepted += found.weights is not None
    return accepted


def test_shuffled_labels_are_refused(
    hard: list[PseudoLabels], head: HeadNumpy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools.train.adapt.agreement, "UNEVEN", ("bursty",))
    assert tries(hard, head, tmp_path / "a.safetensors", 1) == 0


@pytest.mark.slow
def test_shuffled_labels_are_accepted_in_few_of_many_tries(
    hard: list[PseudoLabels], head: HeadNumpy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools.train.adapt.agreement, "UNEVEN", ("drop70", "bursty"))
    assert tries(hard, head, tmp_path / "a.safetensors", 40) <= 2


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["adapt", *words, "--quiet", "--workers", "1"]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    return said


def test_what_cannot_be_learned_from_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "yard.safetensors")]
    assert "too short to learn" in refused(capsys, str(detections_folder(tmp_path / "short", 60)), *out)
    assert "never shows two objects at once" in refused(
        capsys, str(detections_folder(tmp_path / "alone", 320, 1)), *out
    )
    flat = detections_folder(tmp_path / "flat", 320, 6) / "walkers" / "det" / "det.txt"
    rows = [line.rsplit(",", 1)[0] + ",1\n" for line in flat.read_text().splitlines()]
    flat.write_text("".join(rows))
    assert "give detections with scores" in refused(capsys, str(tmp_path / "flat"), *out)
    assert "a file that ends in .safetensors" in refused(capsys, "yard.mp4", "--out", str(tmp_path / "yard.txt"))
    assert "holds no <sequence>/det/det.txt" in refused(capsys, str(tmp_path), *out)
    assert not (tmp_path / "yard.json").exists()


def test_blocks_without_known_objects_do_not_judge(
    camera: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools.train.adapt.agreement, "MIN_ROWS", 10**6)
    words = [str(camera), "--clips", "6", "--rehearsal", "0", "--out", str(tmp_path / "yard.safetensors")]
    assert "in only 0 blocks of time" in refused(capsys, *words)


def test_head_of_other_sizes_is_refused(camera: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = load_head(WEIGHTS)
    other = head.weights()
    other["first.weight"] = other["first.weight"][:, 1:]
    save_head(tmp_path / "other.safetensors", other, head.config, {})
    said = refused(
        capsys,
        str(camera),
        "--init-weights",
        str(tmp_path / "other.safetensors"),
        "--out",
        str(tmp_path / "a.safetensors"),
    )
    assert "this version has" in said
