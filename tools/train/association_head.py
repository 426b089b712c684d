"""`liquidtrack train association`: roll the tracker out on clips, label by truth, train, and repeat."""

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

from datasets.ground_truth.tracking import TrackingSequence, read_sequences
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
AVERAGE = 0.995  # what the mean of the weights keeps at a step
FLOOR = 0.02  # of the learning rate at the end
WARMUP_STEPS = 100  # steps of a growing learning rate
BATCHES = 50  # steps between checkpoints
CELL = "cell."  # what its weights' names begin with
FLOW = "flow.weight"  # what hears the cell's units
MIN_RETURN_LOGIT = -1.73  # log-odds of .15: a track is kept while it is at least as likely as this to be seen again
MAX_AGE_S = 2.0  # seconds; the untrained head's
UNKNOWN = -30.0  # log-odds
# What a track's choice weighs beside a detection's, which has 2 less this: a detection that is given to nobody becomes
# somebody new, a track that is given nothing only waits, so that the odds must be right about the former.
MISS_WEIGHT = 0.5
WINDOW = 64  # matches through which gradients go back; earlier ones only lead the state to where it is
FIRST = 8  # clips by whose sizes a batch's memory is judged
PROCESS_BYTES = 150e6  # bytes of one that rolls out
SOFT = 0.5  # seconds that change the log-odds of being seen again by 1


def train_head(config: TrainHeadConfig) -> None:
    """Trains, and says where the weights are.

    Raises:
        ConfigError: the folder of results cannot be used, or holds a training with other settings or data.
        DataError: no sequences, or none that lasts for two frames.
        WeightsError: `start` or `blend` are no heads of these sizes.
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
    checkpoint = Checkpoint(config.out / "checkpoint.pt", settings_of(config, data=("roots",)))
    sequences = [s for s in read_sequences(config.roots) if len(s.times) > 1]
    if not sequences:
        raise DataError(f"{config.roots[0]}: every sequence is shorter than two frames; give longer ones.")
    real = [s for s in sequences if s.detections is not None]
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
    """The weights of a file that fit `model`; with `renew_cell` those of its cell are the model's own.

    Raises:
        WeightsError: the file is no head, or one of other sizes.
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
    """(N, U) weights that hear as many units as `own`: of those that they have not heard, what `own` hears of them."""
    heard = own.copy()
    n = min(weight.shape[1], own.shape[1])
    heard[:, :n] = weight[:, :n]
    return heard


class _Progress:
    """The training over its rounds, each of which rolls out with the weights that stood at its beginning."""

    def __init__(self, config: TrainHeadConfig, model: AssociationHead, checkpoint: Checkpoint, data: str) -> None:
        self.config, self.model = config, model
        optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=1e-4)
        schedule = Schedule(self._rate, clip=1.0, average=AVERAGE, save=BATCHES)
        self.loop = Loop(model, optimiser, checkpoint, schedule, config.out / CURVE, config.quiet)
        self.loop.extra["starts"] = []  # the weights that each round rolls out with
        self.loop.resume(data)

    def start_of(self, round_: int) -> HeadNumpy:
        """The head that rolls out in this round."""
        starts: list[dict[str, Tensor]] = self.loop.extra["starts"]
        if len(starts) == round_:
            starts.append({name: value.clone() for name, value in self.loop.mean.items()})
        return HeadNumpy({name: value.numpy() for name, value in starts[round_].items()}, self.config.model)

    def train(self, round_: int, records: list[Record]) -> None:
        """The steps of one round that are still to do."""
        c = self.config

        def losses(step: int) -> dict[str, Tensor]:
            rng = np.random.default_rng([c.data_seed, 1, step])
            return loss(self.model, [records[k] for k in rng.integers(len(records), size=c.batch)])

        self.loop.run(round_ * c.steps, (round_ + 1) * c.steps, losses, f"round {round_ + 1}")

    def weights(self) -> dict[str, Array]:
        """The mean ones, as they are saved."""
        return {name: value.numpy().copy() for name, value in self.loop.mean.items()}

    def _rate(self, step: int) -> float:
        total = self.config.rollouts * self.config.steps
        return self.config.learning_rate * min(1.0, step / WARMUP_STEPS) * cosine(step, total, FLOOR)


def loss(model: AssociationHead, records: list[Record]) -> dict[str, Tensor]:
    """The losses of a batch: association, prediction of boxes, being seen again; the last two weigh a tenth."""
    batch = collate(records)
    table = _states(model, batch)  # (tracks, events + 1, units)
    answer = model.query(table[batch.row_track, batch.row_events], batch.row_elapsed)
    row, column, true = batch.row, batch.column, batch.true
    z = model.logits(batch.features, batch.base, batch.gap, answer.code[row], (row, column, batch.frame))
    # of a pair without any name nobody knows what is right: as good as left out
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
    """About how many bytes of a training step's memory a clip of these takes, by its tracks and pairs.

    Six times what the inputs, states and messages themselves take, as measured for heads of six forms.
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
    """Mean cross-entropy of each group's choice of a pair, or of none."""
    n = int(group.max()) + 1
    peak = z.new_zeros(n).scatter_reduce(0, group, z.detach(), "amax")
    total = torch.exp(-peak).index_add(0, group, torch.exp(z - peak[group])).log() + peak
    used = torch.zeros(n, dtype=torch.bool).index_fill(0, group, True)
    right = z.new_zeros(n).index_add(0, group[true], z[true])
    return ((total - right) * used).sum() / used.sum()


def _roll_out(
    config: TrainHeadConfig, round_: int, sequences: list[TrackingSequence], noise: NoiseModel, head: HeadNumpy
) -> list[Record]:
    """This round's records; each depends on its own number alone, so that a resumed run sees the same."""
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
    """What the file says of itself; `data` is the digest of what it learnt from."""
    settings = {f.name: str(getattr(config, f.name)) for f in fields(config) if f.name not in ("roots", "out", "model")}
    for name, path in (("start", config.init_weights), ("blend", config.average_with)):
        if path is not None:  # the file by its content: folders are nobody's business
            settings[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "data": ", ".join(root.name for root in config.roots),
        "data_sha256": data,
        "training": json.dumps(settings | {"model": json.dumps(asdict(config.model))}),
        "revision": revision(),
        "date": time.strftime("%Y-%m-%d"),
    }
