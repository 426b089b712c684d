"""Association heads in torch from weights and sizes, and back in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.association_head.config import HeadConfig
from models.association_head.inference import HeadNumpy
from models.association_head.model import AssociationHead
from models.runtime.arrays import Array
from tracker.learned.pair_features import FEATURES, INPUTS


def torch_head(config: HeadConfig, weights: Mapping[str, Array] | None = None) -> AssociationHead:
    """A head to train, with a copy of the given weights or with its first ones."""
    model = AssociationHead(INPUTS, FEATURES, config)
    if weights is not None:
        model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})
    return model


def in_numpy(model: AssociationHead) -> HeadNumpy:
    """The same head in NumPy."""
    return HeadNumpy({name: value.numpy().copy() for name, value in model.state_dict().items()}, model.config)
