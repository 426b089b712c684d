"""`liquidtrack train association`: roll out the tracker on clips, label by ground truth, train, and repeat."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

from datasets.simulation.detector_noise import WideNoise
from models.association_head.built_in import head_path
from models.association_head.config import HeadConfig
from models.association_head.inference import HeadNumpy, load_head, save_head
from models.association_head.model import AssociationHead
from models.errors import WeightsError
from models.extras import require
from models.runtime.arrays import Array
from tools.cli.messages import say
from tools.train.checkpoints import Checkpoint, digest, make_out, revision, settings_of
from tools.train.config.association_head import TrainHeadConfig
from tools.train.head_rollouts import ON_HELD_OUT, RollOuts, hold_out, noise_of, training_sequences, use_workers
from tools.train.head_training import GrowthRule, HeadTraining, TrainingSteps
from tools.train.rollouts import Record
from tracker.learned.pair_features import FEATURES, INPUTS

HEAD, CURVE = "head.safetensors", "curve.csv"
CELL = "cell."  # name prefix of its weights
FLOW = "flow.weight"  # weights that read the units of the cell
HELD_OUT_CLIPS = (4, 40)  # fewest and most clips of held-out sequences; otherwise a tenth of the training's


def train_head(config: TrainHeadConfig) -> None:
    """Train, and print the path of the weights.

    Raises:
        ConfigError: the folder of results cannot be used, or holds a training with different settings or data.
        DataError: there are no sequences, or none has two frames.
        WeightsError: `start` or `blend` is not a head of these sizes.
    """
    use_workers(config.workers)
    require("train association", "scipy")
    make_out(config.out, (HEAD, CURVE))
    model = AssociationHead(INPUTS, FEATURES, config.model)
    if config.init_weights is not None:
        begin = _weights(config.init_weights, model, config.reset_cell)
        model.load_state_dict({name: torch.from_numpy(value) for name, value in begin.items()})
    other = None if config.average_with is None else _weights(config.average_with, model)
    checkpoint = Checkpoint(config.out / "checkpoint.pt", settings_of(config, data=("roots", "projects")))
    sequences = training_sequences(config.roots, config.projects)
    data = digest(sequences)
    sequences, held = hold_out(sequences, config.data_seed) if config.grow else (sequences, [])
    noise = WideNoise() if config.detectors == "wide" else noise_of(sequences)
    if config.detectors == "wide":
        sequences, held = ([replace(s, detections=None) for s in some] for some in (sequences, held))
    steps = TrainingSteps(config.rollouts * config.steps, config.batch, config.learning_rate, config.data_seed)
    training = HeadTraining(model, steps, checkpoint, data, config.out / CURVE, config.quiet, _growth(config))
    records: list[Record] = []
    for round_ in range(config.rollouts):
        head = HeadNumpy(*training.start_of(round_))
        rolled = RollOuts(noise, head, config.batch, _largest(config), config.workers, config.quiet)
        jobs = [(config.data_seed, round_, k) for k in range(config.clips)]
        records += rolled(sequences, jobs, f"rolling out {round_ + 1}")
        judged = []
        if held:
            count = min(max(config.clips // 10, HELD_OUT_CLIPS[0]), HELD_OUT_CLIPS[1])
            jobs = [(config.data_seed, round_, ON_HELD_OUT + k) for k in range(count)]
            judged = rolled(held, jobs, "rolling out held-out clips")
        training.train(round_ * config.steps, (round_ + 1) * config.steps, records, f"round {round_ + 1}", judged)
    path = config.out / HEAD
    weights = training.weights()
    if other is not None:
        weights = {name: (value + other[name]) / 2 for name, value in weights.items()}
    save_head(path, weights, training.config, _card(config, data))
    if not config.quiet:
        grown = f" of {training.config.units} neurons" if config.grow else ""
        say(f"{path} holds the head{grown}; track with it: --motion liquid --association-head {path}")


def _largest(config: TrainHeadConfig) -> HeadConfig:
    """The head's sizes when it is fully grown."""
    model = config.model
    return replace(model, units=config.grow, hidden=config.grow_hidden or model.hidden) if config.grow else model


def _growth(config: TrainHeadConfig) -> GrowthRule | None:
    """When the head grows."""
    if not config.grow:
        return None
    begin, end = ((model.units, model.hidden) for model in (config.model, _largest(config)))
    return GrowthRule(begin, end, config.grow_step, config.grow_patience)


def _weights(path: Path, model: AssociationHead, renew_cell: bool = False) -> dict[str, Array]:
    """The weights of a file, checked against `model`; `renew_cell` replaces those of the cell by the model's own.

    Raises:
        WeightsError: the file is not a head, or a head of different sizes.
    """
    own = {name: value.numpy() for name, value in model.state_dict().items()}
    head = load_head(path)
    weights = head.weights()
    if head.config.motion_modes != model.config.motion_modes:
        raise WeightsError(f"{path}: stands on other motion modes; give --motion-modes {head.config.motion_modes}.")
    if renew_cell:
        weights = {n: v for n, v in weights.items() if not n.startswith(CELL)}
        weights |= {n: v for n, v in own.items() if n.startswith(CELL)}
        weights[FLOW] = _as_wide(weights[FLOW], own[FLOW])
    if {n: v.shape for n, v in weights.items()} != {n: v.shape for n, v in own.items()}:
        raise WeightsError(f"{path}: is of another shape than the head to train; give its own settings.")
    return weights


def _as_wide(weight: Array, own: Array) -> Array:
    """(N, U) weights widened to the units of `own`; the columns of new units are those of `own`."""
    heard = own.copy()
    n = min(weight.shape[1], own.shape[1])
    heard[:, :n] = weight[:, :n]
    return heard


def _card(config: TrainHeadConfig, data: str) -> dict[str, str]:
    """Metadata of the weights file; `data` is the digest of the training data."""
    settings = {
        f.name: str(getattr(config, f.name))
        for f in fields(config)
        if f.name not in ("roots", "projects", "out", "model")
    }
    for name, path in (("start", config.init_weights), ("blend", config.average_with)):
        if path is not None:  # the file by its content: folders stay private
            settings[name] = hashlib.sha256(head_path(path).read_bytes()).hexdigest()
    return {
        "data": ", ".join(path.name for path in (*config.roots, *config.projects)),
        "data_sha256": data,
        "training": json.dumps(settings | {"model": json.dumps(asdict(config.model))}),
        "revision": revision(),
        "date": time.strftime("%Y-%m-%d"),
    }
