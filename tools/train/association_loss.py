"""What a step of `liquidtrack train association` minimises, and the memory that it takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.association_head.config import STUDENT_T_DOF, HeadConfig
from models.association_head.model import AssociationHead
from tools.train.rollout_batch import Batch, collate
from tools.train.rollouts import Record
from tracker.learned.pair_features import FEATURES

MIN_RETURN_LOGIT = -1.73  # log-odds of 0.15: a track is kept while its probability of return is at least this
MAX_AGE_S = 2.0  # seconds, for the untrained head
UNKNOWN = -30.0  # log-odds
# Weight of the choice of a track; that of a detection is 2 minus this. An unassigned detection starts a new track, but
# an unassigned track only waits, so the logits of detections matter more.
MISS_WEIGHT = 0.5
WINDOW = 64  # matches that gradients pass through; earlier ones only set the state
SOFT = 0.5  # seconds that change the log-odds of a return by 1
JUDGED_TOGETHER = 4  # records of a batch without gradients


def loss(model: AssociationHead, records: list[Record]) -> dict[str, Tensor]:
    """The losses of a batch: association, box prediction, return; the last two have weight 0.1."""
    return batch_loss(model, collate(records))


def batch_loss(model: AssociationHead, batch: Batch) -> dict[str, Tensor]:
    """`loss` of collated records."""
    table = match_states(model, batch)  # (tracks, events + 1, units)
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


def match_states(model: AssociationHead, batch: Batch) -> Tensor:
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


def held_out_loss(model: AssociationHead, records: Sequence[Record]) -> float:
    """The mean of the summed losses over batches of records, without training."""
    found = []
    with torch.no_grad():
        for k in range(0, len(records), JUDGED_TOGETHER):
            part = loss(model, list(records[k : k + JUDGED_TOGETHER]))
            found.append(sum(float(value) for value in part.values()))
    return float(np.mean(found))
