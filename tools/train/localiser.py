"""`liquidtrack train localisation`: train the network that finds a selected object in a search region."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from datasets.augmentation.target_crops import SEARCH
from models.localiser.config import LocaliserConfig
from models.localiser.export import export_localiser
from models.localiser.inference import MATCH, NECK
from models.localiser.model import Localiser, sample
from models.localiser.shapes import STRIDE, template_grid
from models.runtime.weight_files import check_shapes, read_arrays
from tools.cli.messages import say
from tools.train.checkpoints import Checkpoint, check_memory, digest, make_out, revision, save_halves, settings_of
from tools.train.config.localiser import TrainLocaliserConfig
from tools.train.localiser_data import CropSet, gather, prepare
from tools.train.loop import Loop, Schedule, adamw, cosine
from tracker.single_object.search_region import CONTEXT, SIZE
from tracker.types import Bool, Float32, Int64

CURVE, WEIGHTS = "curve.csv", "localiser.safetensors"
HOW = "give a localiser.safetensors of `train localisation`, and the sizes that it was trained with"
AVERAGE = 0.995  # decay of the mean of the weights per step
CHECKPOINT_STEPS = 50  # steps between checkpoints
WARMUP_STEPS = 60  # steps of increasing learning rate
FLOOR = 0.02  # final factor on the learning rate
WEIGHT_DECAY = 0.02  # of AdamW
OTHERS = 0.5  # pairs with the crop of another object, as a share of those with a crop of the same object
LIKE = 0.85  # share of them whose other object is of the same image or class, where there is one
BESIDE = 0.5  # share of the templates whose neighbour in the batch is of the same image, where there is one
MAX_GAP = 24  # frames between the two crops of a pair from a sequence ...
FAR_GAPS = 0.5  # ... except in this share of the pairs, which may be any distance apart
BOX_NOISE = 0.05  # standard deviation of a template's edges, in sides of the object: users and trackers are not exact
CENTRE = 0.25  # sides of the box from its middle in which a cell is the object; the rest of the box does not count
BOX_WEIGHT = 2.0  # of the loss of boxes, against that of scores
LEAST = -20.0  # logit in place of cells that do not count
PART = 0.7  # share of an object's box in that of the neighbour from which it is a part of the neighbour, and not paired
MARGIN = 2.0  # between the logit of the object and those of the cells most like it
LOOK_ALIKES = 4  # of these cells
RANK_WEIGHT = 0.2  # of their loss
BYTES_A_PAIR = 24e6  # memory of a step, as measured


def train_localiser(config: TrainLocaliserConfig) -> None:
    """Train, and print the path of the network.

    Raises:
        LiquidTrackError: labels, images or weights are missing or invalid, or are weights of another size.
    """
    torch.set_num_threads(config.threads)
    check_memory(BYTES_A_PAIR * config.batch, f"--batch {config.batch}")
    make_out(config.out, (NECK, MATCH, WEIGHTS, CURVE))
    begin = None if config.init_weights is None else weights_of(config.init_weights, config.model)
    data_settings = ("labelled", "sequences")
    checkpoint = Checkpoint(config.out / "checkpoint.pt", settings_of(config, data=data_settings))
    crops = prepare(config, gather(config))
    pairs = LocaliserBatches(crops, config)
    torch.manual_seed(config.seed)
    model = Localiser(config.model)
    if begin is not None:
        model.load_state_dict(begin)
    model = model.to(memory_format=torch.channels_last)
    optimiser = adamw(model, config.learning_rate, WEIGHT_DECAY)

    def rate(step: int) -> float:
        return config.learning_rate * min(1.0, (step + 1) / WARMUP_STEPS) * cosine(step, config.steps, FLOOR)

    schedule = Schedule(rate, clip=5.0, average=AVERAGE, save=CHECKPOINT_STEPS)
    loop = Loop(model, optimiser, checkpoint, schedule, config.out / CURVE, config.quiet)
    data = digest([crops.xyxy, crops.group])
    loop.resume(data)
    model.train()

    def losses_of(step: int) -> dict[str, Tensor]:
        torch.manual_seed(hash((config.seed, step)))  # left-out channels, the same in a resumed training
        return losses(model, *pairs(step))

    loop.run(0, config.steps, losses_of)
    trained = Localiser(config.model)
    trained.load_state_dict(loop.mean)
    about = {"data": data[:12], "code": revision()}
    save_halves(config.out / WEIGHTS, trained, about)
    export_localiser(config.out, trained.eval(), about)
    if not config.quiet:
        say(f"{config.out} holds the localiser, learnt from {len(crops.xyxy)} crops")


def weights_of(path: Path, sizes: LocaliserConfig) -> dict[str, Tensor]:
    """The weights of a `localiser.safetensors`, for `load_state_dict`.

    Raises:
        WeightsError: the file is missing or damaged, or holds a localiser of other sizes.
    """
    arrays, _ = read_arrays(path, "a localiser", HOW)
    own = Localiser(sizes).state_dict()
    check_shapes(path, arrays, {name: tuple(value.shape) for name, value in own.items()}, HOW)
    return {name: torch.from_numpy(value).to(own[name].dtype) for name, value in arrays.items()}


class LocaliserBatches:
    """Batches by number: the same number gives the same batch.

    A batch has T templates, two search regions of each one's object, and pairs of them: each template with its own
    search regions, and with some that were made for another object, mostly of the same image or class. There the
    template's own object may be visible beside the other one, and is to be found.
    """

    def __init__(self, crops: CropSet, config: TrainLocaliserConfig) -> None:
        self._crops, self._config = crops, config
        by_group = np.argsort(crops.group, kind="stable")
        starts = np.flatnonzero(np.diff(crops.group[by_group], prepend=-1))
        self._members = dict(zip(crops.group[by_group[starts]].tolist(), np.split(by_group, starts[1:]), strict=True))
        several = np.bincount(crops.group)[crops.group] > 1
        moving, paired = crops.frame >= 0, crops.clean & several
        self._still, self._moving = np.flatnonzero(~moving & paired), np.flatnonzero(moving & paired)
        self._of_image = {n: self._still[crops.first[self._still] == n] for n in np.unique(crops.first).tolist()}
        self._of_label = {n: self._still[crops.label[self._still] == n] for n in np.unique(crops.label).tolist()}

    def __call__(self, step: int) -> tuple[Tensor, ...]:
        """A batch.

        Returns:
            (3 T, 40, 2N, 2N) and (3 T, 112, N, N) maps of the templates and then of the search regions, (T, 4) boxes of
            the templates, and of P pairs: (P,) the template, (P,) the search region, (P, 4) the object's box in it, and
            (P,) whether it is there.
        """
        rng = np.random.default_rng([self._config.seed, 1, step])
        c, count = self._crops, max(2, self._config.batch // 2)
        ones: list[int] = []
        while len(ones) < count:
            ones.append(one := self._template(rng))
            like = self._alike(one, rng)
            if len(ones) < count and len(like):  # its neighbour in the batch
                ones.append(int(rng.choice(like)))
        twos = [two for one in ones for two in self._searches(one, rng)]
        at = np.arange(count)
        others = rng.permutation(count)[: round(OTHERS * 2 * count)]
        whose = np.where(rng.random(len(others)) < LIKE, others ^ 1, rng.integers(count, size=len(others))) % count
        template = np.concatenate([np.repeat(at, 2), others])
        search = np.concatenate([np.arange(2 * count), 2 * whose + rng.integers(2, size=len(others))])
        rows = np.array(ones + twos)
        box = c.find(rows[count:][search], c.group[rows[:count]][template])
        kept = _comparable(box, c.find(shown := rows[count:][search], c.group[shown]), search // 2 == template)
        template, search, box = template[kept], search[kept], box[kept]
        same = ~np.isnan(box).any(axis=1)
        box[~same] = (0, 0, SIZE, SIZE)
        drawn = c.find(rows[:count], c.group[rows[:count]])
        side = np.sqrt((drawn[:, 2:] - drawn[:, :2]).prod(axis=1, keepdims=True))
        drawn += (side * rng.normal(0, BOX_NOISE, drawn.shape).clip(-2 * BOX_NOISE, 2 * BOX_NOISE)).astype(np.float32)
        maps = c.take(rows)
        if rng.random() < 0.5:  # the maps of a mirrored image are nearly the mirrored maps
            maps = maps[0][..., ::-1].copy(), maps[1][..., ::-1].copy()
            drawn, box = _mirrored(drawn), _mirrored(box)
        tensors = [torch.from_numpy(m).contiguous(memory_format=torch.channels_last) for m in maps]
        return (*tensors, *(torch.from_numpy(part) for part in (drawn, template, search, box, same)))

    def _alike(self, one: int, rng: np.random.Generator) -> Int64:
        """Templates of other objects that are easily taken for `one`: of the same image, or of the same class."""
        c = self._crops
        beside = self._of_image.get(int(c.first[one]), self._still[:0])
        beside = beside[c.group[beside] != c.group[one]]
        if len(beside) and rng.random() < BESIDE:
            alike = beside[c.label[beside] == c.label[one]]
            return np.asarray(alike if len(alike) else beside)
        of_label = self._of_label.get(int(c.label[one]), self._still)
        return np.asarray(of_label if len(of_label) > 1 else self._still)

    def _template(self, rng: np.random.Generator) -> int:
        moves = len(self._moving) and (not len(self._still) or rng.random() < self._config.sequence_share)
        return int(rng.choice(self._moving if moves else self._still))

    def _searches(self, one: int, rng: np.random.Generator) -> list[int]:
        c = self._crops
        members = self._members[int(c.group[one])]
        if c.frame[one] >= 0 and rng.random() >= FAR_GAPS:
            near = members[np.abs(c.frame[members] - c.frame[one]) <= MAX_GAP]
            members = near if len(near) > 1 else members
        others = members[members != one]
        return [int(k) for k in rng.choice(others, 2, replace=len(others) < 2)]


def _comparable(box: Float32, made_for: Float32, own: Bool) -> Bool:
    """Whether pairs show what a tracker meets: an object of another scale, or a part of the neighbour, does not.

    Args:
        box: (P, 4) the template's object in the search region, NaN where it is not visible.
        made_for: (P, 4) the object that the search region was made for.
        own: (P,) whether it is the same object.
    """
    side = CONTEXT / SIZE * np.sqrt((box[:, 2:] - box[:, :2]).prod(axis=1))
    shared = np.minimum(box[:, 2:], made_for[:, 2:]) - np.maximum(box[:, :2], made_for[:, :2])
    part = np.maximum(shared, 0).prod(axis=1) > PART * (box[:, 2:] - box[:, :2]).prod(axis=1)
    real = (side * SEARCH.zoom[1] > 1) & (side * SEARCH.zoom[0] < 1) & ~part
    return np.asarray(own | np.isnan(side) | real)


def _mirrored(xyxy: Float32) -> Float32:
    return np.stack([SIZE - xyxy[:, 2], xyxy[:, 1], SIZE - xyxy[:, 0], xyxy[:, 3]], axis=1)


def losses(model: Localiser, fine: Tensor, coarse: Tensor, drawn: Tensor, *pairs: Tensor) -> dict[str, Tensor]:
    """The losses of a batch of `LocaliserBatches`."""
    template, search, box, same = pairs
    count = len(drawn)
    maps = model.neck(fine, coarse)
    grid, place = (torch.from_numpy(part) for part in template_grid(drawn.numpy()))
    around = sample(maps[:count], grid)
    score, sides = model.match(around[template], place[template], maps[count:][search])
    return targets_loss(score, sides, box, same)


def targets_loss(score: Tensor, sides: Tensor, box: Tensor, same: Tensor) -> dict[str, Tensor]:
    """Quality focal loss of scores, GIoU loss of boxes, and a margin between the object and what is most like it.

    Args:
        score: (B, N, N) logits.
        sides: (B, 4, N, N) log distances to the edges, cells.
        box: (B, 4) true boxes, pixels of the crop.
        same: (B,) whether the object is there.
    """
    n = score.shape[-1]
    at = torch.arange(n, dtype=torch.float32) + 0.5
    truth = box / STRIDE
    size = (truth[:, 2:] - truth[:, :2]).clamp(min=0.1)
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    dx = (at[None, :] - middle[:, :1])[:, None, :].expand(-1, n, -1)
    dy = (at[None, :] - middle[:, 1:])[:, :, None].expand(-1, -1, n)
    width, height = size[:, 0, None, None], size[:, 1, None, None]
    # at least the nearest cell
    near = (dx.abs() <= (CENTRE * width).clamp(min=0.51)) & (dy.abs() <= (CENTRE * height).clamp(min=0.51))
    inside = (dx.abs() < width / 2) & (dy.abs() < height / 2)
    near, inside = near & same[:, None, None], inside & same[:, None, None]
    distance = sides.clamp(-4, 3).exp()
    true = torch.stack([dx + width / 2, dy + height / 2, width / 2 - dx, height / 2 - dy], dim=1)
    iou, giou = _overlaps(distance, true.clamp(min=0.02))
    wanted = torch.where(near, iou.detach(), torch.zeros_like(iou))
    counts = near | ~inside
    probability = score.sigmoid()
    focal = (probability - wanted).abs().square() * F.binary_cross_entropy_with_logits(score, wanted, reduction="none")
    positives = near.sum().clamp(min=1)
    seen = near.flatten(1).any(dim=1)
    best = score.masked_fill(~near, LEAST).flatten(1).amax(dim=1)
    alike = score.masked_fill(inside | near, LEAST).flatten(1).topk(LOOK_ALIKES, dim=1).values.mean(dim=1)
    rank = F.softplus(alike + MARGIN - best)
    return {
        "score": (focal * counts).sum() / positives,
        "box": BOX_WEIGHT * ((1 - giou) * near).sum() / positives,
        "rank": RANK_WEIGHT * torch.where(seen, rank, torch.zeros_like(rank)).sum() / seen.sum().clamp(min=1),
    }


def _overlaps(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """(B, N, N) IoU and generalised IoU of boxes (B, 4, N, N) given by distances to their edges from one point."""
    low, high = torch.minimum(one, two), torch.maximum(one, two)
    shared = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    hull = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    areas = [(b[:, 0] + b[:, 2]) * (b[:, 1] + b[:, 3]) for b in (one, two)]
    union = areas[0] + areas[1] - shared
    iou = shared / union
    return iou, iou - (hull - union) / hull
