"""`liquidtrack train links`: the link head of offline tracking, then the probabilities of its finished links."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from datasets.ground_truth.tracking import read_sequences
from datasets.simulation.detector_noise import NoiseModel, fit
from models.errors import DataError
from models.extras import require
from models.link_head.inference import LinkHeadNumpy, load_link_head, save_link_head
from models.link_head.model import LinkHead
from models.runtime.arrays import Array, Float32
from tools.cli.messages import say
from tools.track.workers import each
from tools.train.checkpoints import Checkpoint, check_memory, digest, make_out, revision, settings_of
from tools.train.config.link_head import FILES, TrainLinksConfig
from tools.train.link_rollouts import LONGEST_S, LinkRecord, TrackedClip, roll_links
from tools.train.loop import Loop, Schedule, cosine
from tracker.learned.liquid_motion import LiquidMotion
from tracker.offline.doubt.features import DOUBTS, doubt_features, links_of
from tracker.offline.linking.rounds import link_pieces
from tracker.offline.recording import Recording

AVERAGE = 0.99  # decay of the mean of the weights per step
FLOOR, WARMUP_STEPS, BATCHES = 0.02, 100, 50  # final factor on the learning rate; its warm-up; between checkpoints
WEIGHT_DECAY = 1e-2
UNKNOWN = -30.0  # log-odds of a link without a label
PROCESS_BYTES = 300e6  # bytes of a roll-out process
SAMPLE = 2000  # links of a record that the scales of the features are taken from
LEAST_SCALE = 0.05  # of a feature
DOUBT_BATCH = 20_000  # finished links in a step


def train_links(config: TrainLinksConfig) -> None:
    """Train, and print the path of the weights.

    Raises:
        ConfigError: the folder of results cannot be used, or holds a training with different settings or data.
        DataError: there are no sequences, none has two frames, or no clip has a candidate link.
    """
    torch.set_num_threads(max(1, config.workers))
    check_memory(PROCESS_BYTES * config.workers, f"--workers {config.workers}")
    require("train links", "scipy")
    make_out(config.out, (FILES[0], FILES[2]))
    sequences = [s for s in read_sequences(config.roots) if len(s.times) > 1]
    if not sequences:
        raise DataError(f"{config.roots[0]}: every sequence is shorter than two frames; give longer ones.")
    real = [s for s in sequences if s.detections is not None]
    head = None if config.first_round is None else load_link_head(config.first_round)
    work = partial(roll_links, sequences, fit(real) if real else NoiseModel(), head)
    jobs = [(config.data_seed, k) for k in range(config.clips)]
    found = each(work, jobs, config.workers, chunk=10)
    clips = list(tqdm(found, total=len(jobs), desc="rolling out", disable=config.quiet or None))
    records = [record for clip in clips for record in clip.records]
    if not records:
        raise DataError(f"{config.roots[0]}: no clip has a track that could continue another; give longer sequences.")
    data = digest(sequences)
    progress = _Progress(config, records, data)
    progress.train_links(records)
    progress.train_doubt(clips)
    path = config.out / FILES[0]
    save_link_head(path, progress.weights(), config.model, _card(config, data))
    if not config.quiet:
        say(f"{path} holds the link head; track with it: --whole --link-head {path}")


class _Progress:
    """The training over its two stages."""

    def __init__(self, config: TrainLinksConfig, records: Sequence[LinkRecord], data: str) -> None:
        self.config = config
        self.model = LinkHead(records[0].features.shape[1], DOUBTS, config.model)
        sample = np.concatenate([r.features[:SAMPLE] for r in records]).astype(np.float32)
        _scale(self.model.mean, self.model.scale, sample)
        learned = [p for p in self.model.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(learned, lr=config.learning_rate, weight_decay=WEIGHT_DECAY)
        checkpoint = Checkpoint(config.out / FILES[1], settings_of(config, data=("roots",)))
        schedule = Schedule(self._rate, clip=1.0, average=AVERAGE, save=BATCHES)
        self.loop = Loop(self.model, optimiser, checkpoint, schedule, config.out / FILES[2], config.quiet)
        self.loop.resume(data)

    def train_links(self, records: Sequence[LinkRecord]) -> None:
        """Run the remaining steps on the links between pieces."""
        c = self.config

        def losses(step: int) -> dict[str, Tensor]:
            rng = np.random.default_rng([c.data_seed, 1, step])
            chosen: list[LinkRecord] = []
            while sum(len(r.earlier) for r in chosen) < c.links:
                chosen.append(records[int(rng.integers(len(records)))])
            return {"link": link_loss(self.model, chosen, c.hide, torch.Generator().manual_seed(step))}

        self.loop.run(0, c.steps, losses, "links")

    def train_doubt(self, clips: Sequence[TrackedClip]) -> None:
        """Run the remaining steps on the probabilities of finished links."""
        c = self.config
        head = LinkHeadNumpy(self.weights(), c.model)
        parts = [finished_links(clip, head) for clip in tqdm(clips, desc="linking", disable=c.quiet or None)]
        features, right = (np.concatenate(part) for part in zip(*parts, strict=True))
        if not len(right):
            raise DataError("no clip has a finished link whose object is known; give longer sequences.")
        if self.loop.step <= c.steps:
            _scale(self.model.doubt.mean, self.model.doubt.scale, features)
        x, y = torch.from_numpy(features), torch.from_numpy(right.astype(np.float32))

        def losses(step: int) -> dict[str, Tensor]:
            rng = np.random.default_rng([c.data_seed, 2, step])
            rows = torch.from_numpy(rng.integers(len(y), size=DOUBT_BATCH))
            return {"doubt": functional.binary_cross_entropy_with_logits(self.model.doubt(x[rows]), y[rows])}

        self.loop.run(c.steps, c.steps + c.doubt_steps, losses, "doubt")

    def weights(self) -> dict[str, Array]:
        """The mean weights, as they are saved; of the fixed ones the model's."""
        fixed = {n for n, p in self.model.named_parameters() if not p.requires_grad}
        now = self.model.state_dict()
        return {n: (now[n] if n in fixed else v).numpy().copy() for n, v in self.loop.mean.items()}

    def _rate(self, step: int) -> float:
        c = self.config
        step, total = (step, c.steps) if step < c.steps else (step - c.steps, c.doubt_steps)
        return c.learning_rate * min(1.0, (step + 1) / WARMUP_STEPS) * cosine(step, total, FLOOR)


def link_loss(model: LinkHead, records: Sequence[LinkRecord], hide: float, random: torch.Generator) -> Tensor:
    """Mean cross-entropy of the choice of every end and of every start: one link, or none."""
    x = torch.from_numpy(np.concatenate([r.features for r in records]).astype(np.float32))
    hidden = torch.rand(x.shape, generator=random) < hide
    begin = np.cumsum([0, *[r.pieces for r in records]])
    pieces = int(begin[-1])

    def whole(name: str, offset: bool = False) -> Tensor:
        parts = [getattr(r, name) + (b if offset else 0) for r, b in zip(records, begin, strict=False)]
        return torch.from_numpy(np.concatenate(parts))

    earlier, later = whole("earlier", True), whole("later", True)
    true, known = (torch.from_numpy(np.concatenate([getattr(r, n) for r in records])) for n in ("true", "known"))
    z = model(torch.where(hidden, model.mean, x), whole("prior"), earlier, later, pieces)
    z = torch.where(known, z, z.new_tensor(UNKNOWN))
    sums = [_choice(z, group, true, pieces) for group in (earlier, later)]
    total: Tensor = sum(s for s, _ in sums) / sum(n for _, n in sums)  # type: ignore[assignment]
    return total


def _choice(z: Tensor, group: Tensor, true: Tensor, n: int) -> tuple[Tensor, int]:
    """Sum of the cross-entropies of each group's choice, "none" having log-odds 0, and the number of groups."""
    peak = z.new_zeros(n).scatter_reduce(0, group, z.detach(), "amax")
    total = torch.exp(-peak).index_add(0, group, torch.exp(z - peak[group])).log() + peak
    right = z.new_zeros(n).index_add(0, group[true], z[true])
    used = torch.zeros(n, dtype=torch.bool).index_fill(0, group, True)
    return ((total - right) * used).sum(), int(used.sum())


def finished_links(clip: TrackedClip, head: LinkHeadNumpy) -> tuple[Float32, Array]:
    """(L, D) features of the links of a clip's finished tracks, and (L,) whether they are right; known objects only."""
    recording = Recording.of(clip.video, clip.online)
    linking = link_pieces(recording, LONGEST_S, head=head, motion=LiquidMotion())
    links = links_of(clip.video.frame, linking.track)
    before, after = clip.number[links.earlier], clip.number[links.later]
    known = (before >= 0) & (after >= 0)
    return doubt_features(recording, linking, links)[known], (before == after)[known]


def _scale(mean: Tensor, scale: Tensor, sample: Float32) -> None:
    with torch.no_grad():
        mean.copy_(torch.from_numpy(sample.mean(axis=0)))
        scale.copy_(torch.from_numpy(sample.std(axis=0) + LEAST_SCALE))


def _card(config: TrainLinksConfig, data: str) -> dict[str, str]:
    """Metadata of the weights file; `data` is the digest of the training data."""
    settings = {f.name: str(getattr(config, f.name)) for f in fields(config) if f.name not in ("roots", "out", "model")}
    if config.first_round is not None:  # the file by its content: folders stay private
        settings["first_round"] = hashlib.sha256(config.first_round.read_bytes()).hexdigest()
    return {
        "data": ", ".join(root.name for root in config.roots),
        "data_sha256": data,
        "training": json.dumps(settings | {"model": json.dumps(asdict(config.model))}),
        "revision": revision(),
        "date": time.strftime("%Y-%m-%d"),
    }
