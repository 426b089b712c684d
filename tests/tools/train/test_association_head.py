"""Training: killed and resumed, it ends with the same weights; what it learns, the engine loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import tools.train.head_training
from datasets.ground_truth.tracking import UNLABELLED, BoxTable, PartlyLabelled
from datasets.projects import Project, Track
from datasets.projects.operations import run
from datasets.simulation.training_clips import TrainingClip
from models.association_head.config import HeadConfig
from models.association_head.inference import HeadNumpy, load_head, save_head
from models.association_head.model import AssociationHead
from models.errors import ConfigError, DataError, WeightsError
from tests.support.projects import make_project, seen
from tests.support.walking_people import folder, walkers
from tools.cli.main import main
from tools.train.association_head import train_head
from tools.train.config.association_head import TrainHeadConfig
from tools.train.loop import Loop
from tools.train.rollouts import roll
from tracker.learned.pair_features import FEATURES, INPUTS
from tracker.offline.types import VideoDetections
from tracker.types import Detections


def test_resumed_training_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.train.head_training, "BATCHES", 3)
    whole = TrainHeadConfig(
        roots=(folder(tmp_path / "data"),),
        out=tmp_path / "a",
        rollouts=2,
        clips=3,
        steps=5,
        batch=2,
        workers=1,
        quiet=True,
    )
    train_head(whole)

    save, calls = Loop._save, []

    def kill(self: Loop) -> None:
        save(self)
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    cut = replace(whole, out=tmp_path / "b")
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", kill)
        with pytest.raises(KeyboardInterrupt):
            train_head(cut)
    train_head(cut)
    a, b = (load_file(tmp_path / run / "head.safetensors") for run in "ab")
    assert a.keys() == b.keys()
    assert all((a[name] == b[name]).all() for name in a)
    assert load_head(tmp_path / "b" / "head.safetensors").config == whole.model


def test_training_runs_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "association", str(folder(tmp_path)), "--out", str(tmp_path / "out")]
    for name in ("rollouts", "clips", "steps", "batch", "workers"):
        words += [f"--{name}", "1"]
    words += ["--cell", "none"]
    assert main(words) == 0
    assert load_head(tmp_path / "out" / "head.safetensors").config.cell == "none"
    assert "head.safetensors holds the head" in capsys.readouterr().out


def test_training_continues_from_given_weights(tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    model = HeadConfig(cell="none")
    weights = {n: v.numpy() + 0.01 for n, v in AssociationHead(INPUTS, FEATURES, model).state_dict().items()}
    save_head(start, weights, model, {})
    config = TrainHeadConfig(
        roots=(folder(tmp_path),), out=tmp_path / "out", rollouts=1, clips=2, steps=3, batch=1, workers=1,
        init_weights=start, quiet=True, model=model,
    )  # fmt: skip
    train_head(config)
    went_on = load_file(tmp_path / "out" / "head.safetensors")
    # a few careful steps away from where it started, not from anywhere else
    assert all(abs(went_on[name] - weights[name]).max() < 1e-3 for name in weights)
    assert any((went_on[name] != weights[name]).any() for name in weights)
    with pytest.raises(WeightsError, match=r"start\.safetensors: is of another shape .* give its own settings"):
        train_head(replace(config, out=tmp_path / "other", model=HeadConfig(cell="none", hidden=8)))
    # half way back to another head
    other = {name: value + 1 for name, value in weights.items()}
    save_head(tmp_path / "other.safetensors", other, model, {})
    train_head(replace(config, out=tmp_path / "mean", average_with=tmp_path / "other.safetensors"))
    mean = load_file(tmp_path / "mean" / "head.safetensors")
    assert all(abs(mean[name] - (went_on[name] + other[name]) / 2).max() < 1e-6 for name in weights)
    with pytest.raises(WeightsError, match=r"other\.safetensors: is of another shape"):
        train_head(
            replace(config, init_weights=None, model=HeadConfig(cell="gru-dt"), out=tmp_path / "no",
                    average_with=tmp_path / "other.safetensors")
        )  # fmt: skip
    # another cell in the same place
    train_head(replace(config, out=tmp_path / "gru", model=HeadConfig(cell="gru-dt"), reset_cell=True))
    renewed = load_file(tmp_path / "gru" / "head.safetensors")
    assert all(abs(renewed[name] - weights[name]).max() < 1e-3 for name in weights)
    assert any(name.startswith("cell.") for name in renewed)
    # one of another size: what heard the old units still hears them, and all else is as it was
    wide = HeadConfig(cell="cfc-leaky", units=model.units + 8)
    train_head(replace(config, out=tmp_path / "wide", model=wide, reset_cell=True))
    renewed = load_file(tmp_path / "wide" / "head.safetensors")
    assert renewed["flow.weight"].shape[1] == wide.units
    assert abs(renewed["flow.weight"][:, : model.units] - weights["flow.weight"]).max() < 1e-3
    with pytest.raises(ConfigError, match="name them with --init-weights"):
        replace(config, init_weights=None, reset_cell=True)


def test_sequences_that_are_too_short_are_refused(tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / "walk" / "gt" / "gt.txt").write_text("1,1,0,0,40,100,1,1,1\n")
    (root / "walk" / "seqinfo.ini").write_text(
        "[Sequence]\nname=walk\nframeRate=25\nseqLength=1\nimWidth=640\nimHeight=360\n"
    )
    with pytest.raises(DataError, match="shorter than two frames"):
        train_head(TrainHeadConfig(roots=(root,), out=tmp_path / "out", quiet=True))


def test_training_learns_from_corrected_projects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "film.mp4.liquidtrack"
    with make_project(path, frames=100) as project:
        boxes = np.stack([seen(0, 99, left=60 * k, step=1).xyxy for k in range(4)], axis=1).reshape(-1, 4)
        score = np.full(len(boxes), 0.9, np.float32)
        detections = VideoDetections(
            project.times, np.repeat(np.arange(100), 4), boxes, score, np.zeros(len(boxes), np.int64), (640, 480)
        )
        project.put_detections(detections)
        rows = {k + 1: seen(0, 99, left=60 * k, step=1) for k in range(4)}
        project.import_tracks(
            ((Track(id, 0), one.with_columns(detection=4 * np.arange(100) + id - 1)) for id, one in rows.items()), "a"
        )
    words = ["train", "association", "--projects", str(path), "--out", str(tmp_path / "out")]
    for name in ("rollouts", "clips", "steps", "batch", "workers"):
        words += [f"--{name}", "2" if name in ("clips", "steps") else "1"]
    assert main(words) == 2
    assert "holds no accepted track and no drawn or confirmed box" in capsys.readouterr().err
    with Project.open(path) as project:
        project.apply(run(project, "accept", {"track": 1}), "ann")
        project.apply(run(project, "accept", {"track": 2, "first": 20, "last": 60}), "ann")
    assert main(words) == 0
    with safe_open(tmp_path / "out" / "head.safetensors", "numpy") as file:
        assert "film.mp4.liquidtrack" in str(file.metadata())
    with pytest.raises(ConfigError, match="name one folder of sequences or more, or --projects"):
        TrainHeadConfig()


def test_unlabelled_pairs_leave_the_loss(tmp_path: Path) -> None:
    sequence = walkers(frames=200, people=6)
    found = BoxTable(sequence.truth.start, sequence.truth.id.copy(), sequence.truth.xyxy, np.full(1200, 0.9))
    found.id[found.id >= 3] = UNLABELLED
    found.id[found.id == 2] = np.where(np.arange(200) < 100, 2, UNLABELLED)
    certain = np.isin(sequence.truth.id, (0, 1))
    truth = BoxTable(np.arange(201) * 2, sequence.truth.id[certain], sequence.truth.xyxy[certain], np.ones(400))
    partly = PartlyLabelled("a", "b", sequence.times, truth, found, {}, {0: 8.0, 1: 8.0}, (2,))
    weights = {n: v.numpy() for n, v in AssociationHead(INPUTS, FEATURES, HeadConfig()).state_dict().items()}
    head = HeadNumpy(weights, HeadConfig())
    detections = tuple(
        Detections(box.astype(np.float32), score.astype(np.float32), np.zeros(len(box), np.int64))
        for _, box, score in (found.at(k) for k in range(200))
    )
    number = tuple(found.at(k)[0] for k in range(200))
    there = tuple(frozenset({0, 1, 2} if k < 95 else {0, 1}) for k in range(200))
    clip = TrainingClip(0, partly.times, detections, number, there, (None,) * 200, frozenset(partly.open))
    record = roll(clip, head, np.random.default_rng(0))
    closed = roll(replace(clip, open=frozenset()), head, np.random.default_rng(0))
    shown = np.concatenate(number)[record.column]
    assert record.known[(shown == 0) | (shown == 1)].all()
    unlabelled = record.known[shown == UNLABELLED]
    assert 0 < unlabelled.sum() < len(unlabelled)  # other objects than those seen elsewhere, or anything
    assert record.true[record.known].any()
    assert (record.row_there == -1).sum() > (closed.row_there == -1).sum()


def test_pieces_of_different_times_may_be_one_object(tmp_path: Path) -> None:
    """One person is labelled by two pieces with a spell between them, and another one by a third piece throughout."""
    times = np.arange(80) / 25
    left = np.array([[100.0, 145.0]] * 80) + np.arange(80)[:, None]
    boxes = np.stack([left, np.full((80, 2), 50.0), left + 40, np.full((80, 2), 150.0)], axis=2)
    first = np.where(np.arange(80) < 30, 0, np.where(np.arange(80) < 50, UNLABELLED, 1))
    number = tuple(np.array([one, 2]) for one in first.tolist())
    detections = tuple(
        Detections(box.astype(np.float32), np.full(2, 0.9, np.float32), np.zeros(2, np.int64)) for box in boxes
    )
    clip = TrainingClip(0, times, detections, number, (frozenset[int](),) * 80, (None,) * 80, frozenset({0, 1, 2}))
    weights = {n: v.numpy() for n, v in AssociationHead(INPUTS, FEATURES, HeadConfig()).state_dict().items()}
    head = HeadNumpy(weights, HeadConfig())

    def wrong(clip: TrainingClip) -> int:
        """Pairs of the first person with the same person that count as two different objects."""
        record = roll(clip, head, np.random.default_rng(1))
        near = np.hypot(*record.gap.astype(float).T) < 0.2
        assert (record.known & ~record.true & ~near).any()  # the other person is known to be another one
        return int((record.known & ~record.true & near).sum())

    assert wrong(clip) > 0
    assert wrong(replace(clip, spans=np.array([[0, 29], [50, 79], [0, 79]]))) == 0


def test_track_that_ends_between_two_frames_leaves_the_rows_in_order() -> None:
    """Six people vanish, one stays; after 7.4 s and one step more the lost ones are beyond the longest lifetime."""
    times = np.concatenate([np.arange(10) / 10, [1.0 + 7.35, 1.0 + 7.9, 1.0 + 8.0]])
    box = np.array([[60.0 * k, 50, 60 * k + 40, 150] for k in range(7)], np.float32)
    count = [7] * 10 + [1] * 3
    detections = tuple(Detections(box[:n], np.full(n, 0.9, np.float32), np.zeros(n, np.int64)) for n in count)
    number = tuple(np.arange(n) for n in count)
    clip = TrainingClip(0, times, detections, number, (frozenset(range(7)),) * 13, (None,) * 13)
    weights = {n: v.numpy().copy() for n, v in AssociationHead(INPUTS, FEATURES, HeadConfig()).state_dict().items()}
    weights["readout.bias"][8] = 50  # every track is kept for the longest time
    record = roll(clip, HeadNumpy(weights, HeadConfig()), np.random.default_rng(1))
    assert len(record.row_track) == len(record.row_elapsed) == len(record.row_there)
    assert record.row_elapsed.max() > 7
