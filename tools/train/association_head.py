"""`liquidtrack train association`: roll out the tracker on clips, label by ground truth, train, and repeat."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from datasets.ground_truth.tracking import UNLABELLED, TrackingSequence, read_sequences
from datasets.projects.training import read_projects
from datasets.simulation.detector_noise import NoiseModel, fit
from models.association_head.config import STUDENT_T_DOF, HeadConfig
from models.association_head.inference import HeadNumpy, load_head, save_head
from models.association_head.model import AssociationHead
from models.errors import DataError, WeightsError
from models.extras import require
from models.runtime.arrays import Array
from tools.cli.messages import say
from tools.track.workers import in_processes
from tools.train.checkpoints import (
    Checkpoint,
    check_memory,
    digest,
    make_out,
    revision,
    settings_of,
)
from tools.train.config.association_head import TrainHeadConfig
from tools.train.loop import Loop, Schedule, cosine
from tools.train.rollout_batch import Batch, collate
from tools.train.rollouts import Record, roll_one
from tracker.learned.pair_features import FEATURES, INPUTS

HEAD, CURVE = "head.safetensors", "curve.csv"
AVERAGE = 0.995  # decay of the mean of the weights per step
FLOOR = 0.02  # final factor on the learning rate
WARMUP_STEPS = 100  # steps of increasing learning rate
BATCHES = 50  # steps between checkpoints
CELL = "cell."  # name prefix of its weights
FLOW = "flow.weight"  # weights that read the units of the cell
MIN_RETURN_LOGIT = -1.73  # log-odds of 0.15: a track is kept while its probability of return is at least this
MAX_AGE_S = 2.0  # seconds, for the untrained head
UNKNOWN = -30.0  # log-odds
# Weight of the choice of a track; that of a detection is 2 minus this. An unassigned detection starts a new track, but
# an unassigned track only waits, so the logits of detections matter more.
MISS_WEIGHT = 0.5
WINDOW = 64  # matches that gradients pass through; earlier ones only set the state
FIRST = 8  # clips used to estimate the memory of a batch
PROCESS_BYTES = 150e6  # bytes of a rollout process
SOFT = 0.5  # seconds that change the log-odds of a return by 1


def train_head(config: TrainHeadConfig) -> None:
    """Train, and print the path of the weights.

    Raises:
        ConfigError: the folder of results cannot be used, or holds a training with different settings or data.
        DataError: there are no sequences, or none has two frames.
        WeightsError: `start` or `blend` is not a head of these sizes.
    """
    torch.set_num_threads(max(1, config.workers))
    check_memory(PROCESS_BYTES * config.workers, f"--workers {config.workers}")
    require("train association", "scipy")
    make_out(config.out, (HEAD, CURVE))
    model = AssociationHead(INPUTS, FEATURES, config.model)
    if config.init_weights is not None:
        begin = _weights(config.init_weights, model, config.reset_cell)
        model.load_state_dict({name: torch.from_numpy(value) for name, value in begin.items()})
    other = None if config.average_with is None else _weights(config.average_with, model)
    checkpoint = Checkpoint(config.out / "checkpoint.pt", settings_of(config, data=("roots", "projects")))
    found = [*read_sequences(config.roots), *read_projects(config.projects)]
    sequences = [s for s in found if len(s.times) > 1]
    if not sequences:
        place = (*config.roots, *config.projects)[0]
        raise DataError(f"{place}: every sequence is shorter than two frames; give longer ones.")
    # where detections are unlabelled, false ones and misses cannot be counted
    real = [s for s in sequences if s.detections is not None and UNLABELLED not in s.detections.id]
    noise = fit(real) if real else NoiseModel()
    data = digest(sequences)
    state = _Progress(config, model, checkpoint, data)
    records: list[Record] = []
    for round_ in range(config.rollouts):
        records += _roll_out(config, round_, sequences, noise, state.start_of(round_))
        state.train(round_, records)
    path = config.out / HEAD
    weights = state.weights()
    if other is not None:
        weights = {name: (value + other[name]) / 2 for name, value in weights.items()}
    save_head(path, weights, config.model, _card(config, data))
    if not config.quiet:
        say(f"{path} holds the head; track with it: --motion liquid --association-head {path}")


def _weights(path: Path, model: AssociationHead, renew_cell: bool = False) -> dict[str, Array]:
    """The weights of a file, checked against `model`; `renew_cell` replaces those of the cell by the model's own.

    Raises:
        WeightsError: the file is not a head, or a head of different sizes.
    """
    own = {name: value.numpy() for name, value in model.state_dict().items()}
    weights = load_head(path).weights()
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


class _Progress:
    """The training over its rounds; each round rolls out with the weights at its beginning."""

    def __init__(self, config: TrainHeadConfig, model: AssociationHead, checkpoint: Checkpoint, data: str) -> None:
        self.config, self.model = config, model
        optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=1e-4)
        schedule = Schedule(self._rate, clip=1.0, average=AVERAGE, save=BATCHES)
        self.loop = Loop(model, optimiser, checkpoint, schedule, config.out / CURVE, config.quiet)
        self.loop.extra["starts"] = []  # the rollout weights of each round
        self.loop.resume(data)

    def start_of(self, round_: int) -> HeadNumpy:
        """The rollout head of this round."""
        starts: list[dict[str, Tensor]] = self.loop.extra["starts"]
        if len(starts) == round_:
            starts.append({name: value.clone() for name, value in self.loop.mean.items()})
        return HeadNumpy({name: value.numpy() for name, value in starts[round_].items()}, self.config.model)

    def train(self, round_: int, records: list[Record]) -> None:
        """Run the remaining steps of one round."""
        c = self.config

        def losses(step: int) -> dict[str, Tensor]:
            rng = np.random.default_rng([c.data_seed, 1, step])
            return loss(self.model, [records[k] for k in rng.integers(len(records), size=c.batch)])

        self.loop.run(round_ * c.steps, (round_ + 1) * c.steps, losses, f"round {round_ + 1}")

    def weights(self) -> dict[str, Array]:
        """The mean weights, as they are saved."""
        return {name: value.numpy().copy() for name, value in self.loop.mean.items()}

    def _rate(self, step: int) -> float:
        total = self.config.rollouts * self.config.steps
        return self.config.learning_rate * min(1.0, step / WARMUP_STEPS) * cosine(step, total, FLOOR)


def loss(model: AssociationHead, records: list[Record]) -> dict[str, Tensor]:
    """The losses of a batch: association, box prediction, return; the last two have weight 0.1."""
    batch = collate(records)
    table = _states(model, batch)  # (tracks, events + 1, units)
    answer = model.query(table[batch.row_track, batch.row_events], batch.row_elapsed)
    row, column, true = batch.row, batch.column, batch.true
    z = model.logits(batch.features, batch.base, batch.gap, answer.code[row], (row, column, batch.frame))
    # the label of an unnamed pair is unknown: effectively excluded
    z = torch.where(batch.known, z, z.new_tensor(UNKNOWN))
    pair = MISS_WEIGHT * _choice(z, row, true) + (2 - MISS_WEIGHT) * _choice(z, column, true)
    readout = answer.readout[row[true]]
    off = (batch.z[true] - torch.tanh(readout[:, :4])) * torch.exp(-readout[:, 4:8].clamp(-2, 2))
    miss = (
        (0.5 * (STUDENT_T_DOF + 1) * torch.log1p(off * off / STUDENT_T_DOF) + readout[:, 4:8].clamp(-2, 2))
        .sum(1)
        .mean()
    )
    known = batch.row_there >= 0
    seen = answer.readout[known, 8] + (MAX_AGE_S - batch.row_elapsed[known]) / SOFT + MIN_RETURN_LOGIT
    again = functional.binary_cross_entropy_with_logits(seen, batch.row_there[known].float())
    return {"pair": pair, "box": 0.1 * miss, "again": 0.1 * again}


def step_bytes(records: list[Record], model: HeadConfig) -> float:
    """Approximate memory in bytes of one of these clips in a training step, from its tracks and pairs.

    It is six times the size of the inputs, states and messages, as measured for six head configurations.
    """
    numbers = 0.0
    for r in records:
        numbers += len(np.unique(r.track)) * min(WINDOW, int(r.order.max(initial=0)) + 1) * model.state
        numbers += len(r.row) * (FEATURES + model.hidden + model.message_size * max(1, model.message_rounds))
        numbers += len(r.row_track) * (model.state + model.query_size + model.hidden)
    return 6 * 4 * numbers / len(records)


def _states(model: AssociationHead, batch: Batch) -> Tensor:
    """(tracks, events + 1, state) states before and after each match."""
    h = torch.zeros(len(batch.inputs), model.config.state)
    states = [h]
    step = model.stepper()
    events = batch.inputs.shape[1]
    for k in range(events):
        with torch.set_grad_enabled(k >= events - WINDOW):
            new = step(batch.inputs[:, k], h, batch.waits[:, k])
            h = torch.where((k >= batch.empty)[:, None], new, h)
        states.append(h)
    return torch.stack(states, 1)


def _choice(z: Tensor, group: Tensor, true: Tensor) -> Tensor:
    """Mean cross-entropy of the choice of each group: one pair, or none."""
    n = int(group.max()) + 1
    peak = z.new_zeros(n).scatter_reduce(0, group, z.detach(), "amax")
    total = torch.exp(-peak).index_add(0, group, torch.exp(z - peak[group])).log() + peak
    used = torch.zeros(n, dtype=torch.bool).index_fill(0, group, True)
    right = z.new_zeros(n).index_add(0, group[true], z[true])
    return ((total - right) * used).sum() / used.sum()


def _roll_out(
    config: TrainHeadConfig, round_: int, sequences: list[TrackingSequence], noise: NoiseModel, head: HeadNumpy
) -> list[Record]:
    """The records of this round; each depends only on its number, so that a resumed run gets the same records."""
    jobs = [(config.data_seed, round_, k) for k in range(config.clips)]
    work = partial(roll_one, sequences, noise, head)
    found = map(work, jobs) if config.workers == 1 else in_processes(work, jobs, config.workers, chunk=20)
    with tqdm(total=len(jobs), desc=f"rolling out {round_ + 1}", disable=config.quiet or None) as bar:
        records = []
        for record in found:
            records.append(record)
            bar.update()
            if len(records) == min(FIRST, config.clips):
                check_memory(config.batch * step_bytes(records, config.model), f"--batch {config.batch}")
    return records


def _card(config: TrainHeadConfig, data: str) -> dict[str, str]:
    """Metadata of the weights file; `data` is the digest of the training data."""
    settings = {
        f.name: str(getattr(config, f.name))
        for f in fields(config)
        if f.name not in ("roots", "projects", "out", "model")
    }
    for name, path in (("start", config.init_weights), ("blend", config.average_with)):
        if path is not None:  # the file by its content: folders stay private
            settings[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "data": ", ".join(path.name for path in (*config.roots, *config.projects)),
        "data_sha256": data,
        "training": json.dumps(settings | {"model": json.dumps(asdict(config.model))}),
        "revision": revision(),
        "date": time.strftime("%Y-%m-%d"),
    }
