"""What the parts of a head do in recorded roll-outs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from models.association_head.model import AssociationHead
from models.association_head.pruning import RecordedActivity
from models.errors import DataError
from models.runtime.arrays import Array
from tools.train.association_loss import match_states
from tools.train.rollout_batch import collate
from tools.train.rollouts import Record

SAMPLE = 2000  # matches, states and pairs of a clip that are kept, so that crowds do not outweigh the rest


def usable(records: Sequence[Record]) -> list[Record]:
    """The records with a pair that is right: of the others nothing is learned."""
    return [record for record in records if record.true.any()]


def activity_of(model: AssociationHead, records: Sequence[Record], seed: int = 0) -> RecordedActivity:
    """The activity of a head on records.

    Raises:
        DataError: no record has a pair that is right.
    """
    rng, c = np.random.default_rng([seed, 3]), model.config
    parts: list[tuple[Array, ...]] = []
    with torch.no_grad():
        for record in usable(records):
            batch = collate([record])
            states = match_states(model, batch)[batch.row_track, batch.row_events]
            code = model.query(states, batch.row_elapsed).code
            first = torch.relu(model.first(torch.cat((batch.features, code[batch.row]), 1)))
            second = torch.relu(model.second(first))
            inputs = torch.from_numpy(record.inputs.astype(np.float32))
            found = (inputs, states[:, : c.units], first, second)
            parts.append(tuple(_sampled(value.numpy(), rng) for value in found))
    if not parts:
        raise DataError("no clip has an object that is matched twice; give longer sequences, or more --clips.")
    return RecordedActivity(*map(np.concatenate, zip(*parts, strict=True)))


def _sampled(rows: Array, rng: np.random.Generator) -> Array:
    return rows if len(rows) <= SAMPLE else rows[rng.choice(len(rows), SAMPLE, replace=False)]
