"""`liquidtrack train classification`: simulate crops, and train the pool that weights them for the class of a track."""

from __future__ import annotations

import json
import math
import time
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from datasets.simulation.detector_noise import Rng
from models.class_pool.config import ClassPoolConfig
from models.class_pool.inference import ClassPoolNumpy, log_softmax, save_class_pool
from models.class_pool.model import ClassPool
from models.errors import DataError
from models.labels.coco import COCO_NAMES
from models.labels.imagenet import imagenet_names
from tools.cli.messages import say
from tools.track_classes.evidence import LabelsOfImages, ViewsOfImages
from tools.track_classes.simulated_views import Evidence, join
from tools.train.checkpoints import (
    Checkpoint,
    check_memory,
    digest,
    keep_arrays,
    kept_arrays,
    make_out,
    settings_of,
)
from tools.train.config.class_pool import TrainRecognitionConfig
from tools.train.loop import Loop, Schedule, cosine
from tracker.classification.crops import QUALITY
from tracker.classification.label_votes import LABEL_QUALITY
from tracker.types import Bool, Float32

AVERAGE = 0.99  # decay of the mean of the weights per step
FLOOR = 0.02  # final factor on the learning rate
STILL_SHARE = 0.3  # share of static objects
CHECKPOINT_STEPS = 100  # steps between checkpoints
IMAGES_PER_FILE = 50  # images per file of evidence
RATES = (4.0, 30.0)  # crops per second of the sequences, drawn log-uniformly


def train_recognition(config: TrainRecognitionConfig) -> None:
    """Train, and print the path of the weights.

    Raises:
        ConfigError, DataError, SourceError: the images are invalid, or the folder of results cannot be used or holds a
            different training.
        WeightsError: a network is not available.
    """
    torch.set_num_threads(config.threads)
    path = config.out / f"recognition-{config.kind}.safetensors"
    # a step takes sixteen times the memory of its evidence and states, as measured for both kinds
    numbers = config.batch * config.crops * (_classes(config) + config.units)
    check_memory(16 * 4 * numbers, f"--batch {config.batch} of --crops {config.crops}")
    make_out(config.out, (path.name, f"curve-{config.kind}.csv"))
    checkpoint = Checkpoint(config.out / f"checkpoint-{config.kind}.pt", settings_of(config, data=("folder",)))
    evidence = _evidence(config)
    data = digest(evidence)
    soft = config.kind == "views"
    sizes = ClassPoolConfig(len(QUALITY if soft else LABEL_QUALITY), units=config.units, soft=soft, agreement=False)
    weights = fit(evidence, sizes, config, checkpoint, data)
    save_class_pool(path, ClassPoolNumpy(weights, sizes), _card(config, data))
    if not config.quiet:
        say(f"{path} holds the pool, learnt from {len(evidence.truth)} sequences")


def draw_times(rng: Rng, views: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(views,) times in seconds of one sequence at a random rate."""
    rate = math.exp(rng.uniform(*np.log(RATES)))
    return np.asarray(np.arange(views) / rate)


def _evidence(config: TrainRecognitionConfig) -> Evidence:
    """All evidence for training: cached files of earlier runs, and the rest computed now.

    Each sequence depends only on the index of its image, so that a resumed run gets the same.
    """
    source = ViewsOfImages if config.kind == "views" else LabelsOfImages
    with closing(source(config.folder, config.detectors, config.threads)) as made:
        chosen = range(0, len(made), 2 if config.images == "even" else 1)
        # scores as stored, and as concatenated
        need = len(chosen) * config.repeats * config.crops * _classes(config) * 12
        check_memory(need, f"--repeats {config.repeats} of --crops {config.crops} from {len(chosen)} pictures")
        parts = [range(k, min(k + IMAGES_PER_FILE, len(chosen))) for k in range(0, len(chosen), IMAGES_PER_FILE)]
        told = {name: getattr(config, name) for name in ("kind", "detectors", "crops", "seed", "repeats")}
        key = digest([told, made.files()])
        found = []
        for k, part in enumerate(tqdm(parts, desc="views", unit="part", disable=config.quiet or None)):
            path = config.out / f"evidence-{config.kind}-{k:03d}.npz"
            if (kept := kept_arrays(path, digest([key, list(part)]))) is None:
                drawn = [
                    made(chosen[n], draw_times, config.crops, np.random.default_rng([config.seed, n, repeat]))
                    for n in part
                    for repeat in range(config.repeats)
                ]
                # images without objects give no evidence
                whole = join([one for one in drawn if one is not None] or [_nothing(config)])
                kept = {f.name: getattr(whole, f.name) for f in fields(Evidence)}
                kept["scores"] = whole.scores.astype(np.float16)
                keep_arrays(path, digest([key, list(part)]), kept)
            found.append(Evidence(**kept | {"scores": kept["scores"].astype(np.float32)}))
    whole = join(found)
    if not len(whole.truth) or not whole.seen.any():
        raise DataError(f"{config.folder}: nothing was seen in these pictures; there is nothing to learn from.")
    return whole.take(np.flatnonzero(whole.seen.any(axis=1)))


def _classes(config: TrainRecognitionConfig) -> int:
    return len(imagenet_names()) if config.kind == "views" else len(COCO_NAMES)


def _nothing(config: TrainRecognitionConfig) -> Evidence:
    """Evidence without sequences."""
    classes, told = _classes(config), QUALITY if config.kind == "views" else LABEL_QUALITY
    shape = 0, config.crops
    numbers = np.zeros((*shape, classes), np.float32), np.zeros((*shape, len(told)), np.float32)
    return Evidence(np.zeros(shape), np.zeros(shape, bool), *numbers, np.zeros(0, np.int64))


def fit(
    evidence: Evidence, sizes: ClassPoolConfig, config: TrainRecognitionConfig, checkpoint: Checkpoint, data: str
) -> dict[str, Float32]:
    """Train on `evidence` with digest `data`; returns the mean of the latest weights.

    Raises:
        ConfigError: the checkpoint belongs to a training on different evidence, or the loss is no longer finite.
    """
    model = ClassPool(sizes)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=1e-4)

    def rate(step: int) -> float:
        return config.learning_rate * cosine(step, config.steps, FLOOR)

    def losses(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([config.seed, 1, step])
        rows = rng.integers(len(evidence.truth), size=config.batch)
        part = freeze(evidence.take(rows), rng)
        return {"loss": loss(model, part, thin(part.seen, rng))}

    schedule = Schedule(rate, clip=1.0, average=AVERAGE, save=CHECKPOINT_STEPS)
    loop = Loop(model, optimiser, checkpoint, schedule, config.out / f"curve-{config.kind}.csv", config.quiet)
    loop.resume(data)
    loop.run(0, config.steps, losses)
    return {name: value.numpy().copy() for name, value in loop.mean.items()}


def freeze(evidence: Evidence, rng: Rng) -> Evidence:
    """Freeze some objects from a random time on: they repeat the same crop, which adds no evidence."""
    rows, views = evidence.seen.shape
    at = np.tile(np.arange(views), (rows, 1))
    for r in np.flatnonzero(rng.random(rows) < STILL_SHARE):
        seen = np.flatnonzero(evidence.seen[r])
        if len(seen):
            start = int(rng.choice(seen))
            at[r, start:] = start
    row = np.arange(rows)[:, None]
    return replace(
        evidence, seen=evidence.seen[row, at], scores=evidence.scores[row, at], quality=evidence.quality[row, at]
    )


def thin(seen: Bool, rng: Rng) -> Bool:
    """Drop crops in realistic patterns: evenly, at random, in bursts, or at the beginning."""
    rows, views = seen.shape
    kept = seen.copy()
    kinds: list[int] = np.asarray(rng.integers(0, 5, size=rows)).tolist()
    for r, kind in enumerate(kinds):
        if kind == 1:
            kept[r] &= np.arange(views) % rng.integers(2, 7) == 0
        elif kind == 2:
            kept[r] &= rng.random(views) > rng.uniform(0.2, 0.85)
        elif kind == 3:
            kept[r] &= (np.arange(views) + rng.integers(20)) % 12 < rng.integers(2, 10)
        elif kind == 4:
            kept[r, : rng.integers(views)] = False
        if not kept[r].any():
            kept[r] = seen[r]
    return kept


def loss(model: ClassPool, evidence: Evidence, seen: Bool) -> Tensor:
    """Mean negative log-likelihood of the true class after each crop, over all crops."""
    rows, views, classes = evidence.scores.shape
    e = evidence.scores.astype(np.float32)
    if model.config.soft:
        e = log_softmax(e.reshape(-1, classes)).reshape(e.shape)
    told, quality = torch.from_numpy(e), torch.from_numpy(evidence.quality)
    mask, truth = torch.from_numpy(seen), torch.from_numpy(evidence.truth)
    before = np.maximum.accumulate(np.where(seen, evidence.time, -np.inf), axis=1)
    last = np.concatenate([np.full((rows, 1), -np.inf), before[:, :-1]], axis=1)
    dt = torch.from_numpy((evidence.time - last).astype(np.float32))
    belief, h = torch.zeros(rows, classes), torch.zeros(rows, model.config.units)
    total = torch.zeros(())
    for k in range(views):
        new, state = model.step(told[:, k], quality[:, k], dt[:, k], belief, h)
        at = mask[:, k : k + 1]
        belief, h = torch.where(at, new, belief), torch.where(at, state, h)
        z = torch.exp(model.trust(h)) * belief
        miss = torch.nn.functional.cross_entropy(z, truth, reduction="none")
        total = total + (miss * mask[:, k]).sum()
    return total / mask.sum()


def _card(config: TrainRecognitionConfig, data: str) -> dict[str, str]:
    """Metadata of the weights file; `data` is the digest of the evidence."""
    left_out = ("folder", "out", "quiet", "threads", "detectors")
    settings = {f.name: str(getattr(config, f.name)) for f in fields(config) if f.name not in left_out}
    settings["detectors"] = ", ".join(Path(name).name for name in config.detectors)
    return {
        "data": config.folder.resolve().name,
        "data_sha256": data,
        "training": json.dumps(settings),
        "date": time.strftime("%Y-%m-%d"),
    }
