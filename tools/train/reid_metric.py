"""`liquidtrack train reid`: learn the metric of re-identification from images of known people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datasets.ground_truth.reid import read_identities
from datasets.output_guard.guard import begin
from models.errors import DataError
from models.runtime.compute import Compute
from tools.cli.messages import say
from tools.evaluate.reid import embed_identities
from tools.train.config.reid_metric import TrainReidConfig
from tools.train.identify_odds import cross_fit
from tracker.reid.descriptor import IdentityFeatures, fit_metric


def train_reid(config: TrainReidConfig) -> None:
    """Learn a metric and write it.

    Raises:
        ConfigError: there are no such images, or the file cannot be written.
        DataError: there is only one identity, or none has two images.
    """
    data = read_identities(config.folder)
    taught = np.full(len(data.identity), True) if config.identities == "all" else data.identity % 2 == 0
    counts = np.bincount(data.identity[taught])
    if not (counts > 1).any():
        raise DataError(f"{config.folder}: no identity has two pictures; give several of each, best of two cameras.")
    if (counts > 0).sum() < 2:
        raise DataError(f"{config.folder}: there is one identity to learn from; give two or more to tell apart.")
    network = IdentityFeatures(Compute.shared(threads=config.threads).threads, config.device)
    features = embed_identities(data, taught, network, config.quiet)
    metric = fit_metric(features, data.identity[taught], data.camera[taught])
    metric = replace(metric, weights=cross_fit(data, features, taught))
    about = {
        "folder": config.folder.resolve().name,
        "identities": str((counts > 0).sum()),
        "pictures": str(taught.sum()),
    }
    begin()
    metric.save(config.out, about)
    say(f"{config.out}: learnt from {taught.sum()} pictures of {(counts > 0).sum()} identities")
