"""Train a `LiquidRNN` on a `Series`: seeded, logged, and resumable after a kill with identical weights."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional

from datasets.ground_truth.time_series import Series
from models.errors import ConfigError
from models.liquid import LiquidRNN
from models.runtime.cache import atomic
from tools.train.checkpoints import ROOM, Checkpoint, digest, make_out, settings_of
from tools.train.loop import Loop, Schedule
from tools.train.word_rnn import WordRNN

WEIGHTS = "weights.safetensors"
EVAL_ROWS = 512  # series scored at once
POOL = 50  # batches that are sorted together by length
Goal = Literal["regress", "label", "classify"]
Network = LiquidRNN | WordRNN


@dataclass(frozen=True, slots=True)
class Recipe:
    """All settings that affect the trained weights, except the data.

    Attributes:
        task: name of the data, including their preprocessing.
        cell: name of the cell.
        units: neurons.
        seed: seed of the weights and of the order of the batches.
        goal: regress (mean squared error per sample), label (class per sample) or classify (class per series).
        outputs: number of outputs.
        epochs: passes through the training set.
        batch: series per step.
        rate: learning rate.
        decay: factor on the rate after each epoch.
        clip: largest norm of the gradient; 0: no limit.
        time_unit: seconds that count as 1 for the cell.
        optimizer: Adam, or RMSprop with the defaults of TensorFlow.
        horizon: range in seconds of the initial gates of a CfC; 0: no spread.
        words: size of the vocabulary of series of words; 0: series of numbers.
        embedding: numbers of each word.
        dropout: probability that a word, or a number of its embedding, is left out in training.
        backbone: units of the hidden layer of a CfC; -1: its usual number, 0: no hidden layer.
    """

    task: str
    cell: str
    units: int
    seed: int
    goal: Goal
    outputs: int
    epochs: int
    batch: int
    rate: float
    decay: float = 1.0
    clip: float = 0.0
    time_unit: float = 1.0
    optimizer: Literal["adam", "rmsprop"] = "adam"
    horizon: float = 0.0
    words: int = 0
    embedding: int = 0
    dropout: float = 0.0
    backbone: int = -1


def fit(recipe: Recipe, sets: dict[str, Series], folder: Path) -> dict[str, Any]:
    """Train, or resume from `folder`, and return the figures of the best epoch.

    The epoch of the lowest validation loss (regress) or highest validation accuracy gives the test figure.

    Raises:
        ConfigError: the folder holds a training with a different recipe, or cannot be written.
    """
    saved, done = folder / "state.pt", folder / "result.json"
    learnt = digest(sets)
    if done.exists():
        return _result(done, recipe, learnt)
    make_out(folder, ("log.jsonl",))
    checkpoint = Checkpoint(saved, settings_of(recipe))
    torch.manual_seed(recipe.seed)
    model = _model(recipe, sets["train"])
    optimizer = (
        torch.optim.RMSprop(model.parameters(), recipe.rate, alpha=0.9, eps=1e-7)
        if recipe.optimizer == "rmsprop"
        else torch.optim.Adam(model.parameters(), recipe.rate)
    )
    data = {name: tensors(series) for name, series in sets.items()}
    order = _Order(recipe, data["train"][2].sum(1).numpy())

    def rate(step: int) -> float:
        return recipe.rate * recipe.decay ** (step // len(order))

    def losses(step: int) -> dict[str, Tensor]:
        if recipe.dropout:
            torch.manual_seed((recipe.seed + 1) * 1_000_003 + step)  # the same when resumed
        model.train()
        total, count, _ = _loss(recipe, model, _cut(data["train"], torch.from_numpy(order(step))))
        return {"train": total.sum() / count}

    loop = Loop(model, optimizer, checkpoint, Schedule(rate, recipe.clip, average=0, save=len(order)), quiet=True)
    best = loop.extra
    best |= {"score": -float("inf"), "best": 0, "weights": model.state_dict(), "seconds": 0.0}
    figures: dict[str, float] = {}
    began = time.process_time()

    def judge(step: int, means: dict[str, float]) -> None:
        """Keep the weights of the best epoch."""
        nonlocal began
        figures.update(score(recipe, model, data["valid"]))
        value = -figures["loss"] if recipe.goal == "regress" else figures["accuracy"]
        if value > best["score"]:
            weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            best.update(score=value, best=step // len(order) - 1, weights=weights)
        best["seconds"] += time.process_time() - began
        began = time.process_time()
        if not np.isfinite(means["train"]):
            loop.stop()  # no later epoch can be better

    def note(step: int, means: dict[str, float]) -> None:
        line = {"epoch": step // len(order) - 1, **means, **{f"valid_{k}": v for k, v in figures.items()}}
        with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line | {"cpu_seconds": round(best["seconds"], 1)}) + "\n")

    loop.resume(learnt)
    loop.run(0, recipe.epochs * len(order), losses, judge=judge, note=note)
    model.load_state_dict(best["weights"])
    with atomic(folder / WEIGHTS, ROOM) as part:
        part.write_bytes(save(model.state_dict()))
    scored = {name: outcomes(recipe, model, data[name]) for name in ("valid", "test")}
    result = {
        "recipe": asdict(recipe),
        "data_sha256": learnt,
        "parameters": sum(p.numel() for p in model.parameters()),
        "best_epoch": best["best"],
        "cpu_minutes": best["seconds"] / 60,
        **{name: _means(recipe, found) for name, found in scored.items()},
        "test_series": [float(f"{value:.6g}") for value in _per_series(recipe, scored["test"])],
    }
    with atomic(done, ROOM) as part:
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    saved.unlink(missing_ok=True)
    return result


class _Order:
    """The rows of each step's batch; its length is the number of batches of an epoch."""

    def __init__(self, recipe: Recipe, lengths: NDArray[Any]) -> None:
        self._recipe, self._lengths = recipe, lengths
        self._epoch, self._batches = 0, self._drawn(0)

    def __len__(self) -> int:
        return len(self._batches)

    def __call__(self, step: int) -> NDArray[np.int64]:
        epoch, k = divmod(step, len(self))
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._drawn(epoch)
        return self._batches[k]

    def _drawn(self, epoch: int) -> list[NDArray[np.int64]]:
        return batches(self._lengths, self._recipe.batch, np.random.default_rng((self._recipe.seed, epoch)))


def batches(lengths: NDArray[Any], size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """All rows in random batches without the last few; rows of similar length share a batch, to reduce padding."""
    order = rng.permutation(len(lengths))
    pools = [order[start : start + size * POOL] for start in range(0, len(order), size * POOL)]
    alike = np.concatenate([rows[np.argsort(lengths[rows], kind="stable")] for rows in pools])
    cut = [alike[start : start + size] for start in range(0, len(alike) - size + 1, size)]
    return cut if np.ptp(lengths) == 0 else [cut[k] for k in rng.permutation(len(cut))]


def score(recipe: Recipe, model: Network, data: tuple[Tensor, ...]) -> dict[str, float]:
    """Mean loss per sample, and accuracy in % or mean absolute error."""
    return _means(recipe, outcomes(recipe, model, data))


def outcomes(recipe: Recipe, model: Network, data: tuple[Tensor, ...]) -> NDArray[np.float64]:
    """(N, 3) of each series: sum of the loss, number of its terms, and sum of absolute errors or of correct answers."""
    model.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(data[0]), EVAL_ROWS):
            batch = _cut(data, torch.arange(start, min(start + EVAL_ROWS, len(data[0]))))
            loss, _, second = _loss(recipe, model, batch)
            terms = batch[2].sum(1) * recipe.outputs if recipe.goal == "regress" else batch[2].sum(1)
            terms = torch.ones_like(terms) if recipe.goal == "classify" else terms
            found.append(torch.stack((loss.double(), terms.double(), second.double()), 1).numpy())
    return np.concatenate(found)


def _means(recipe: Recipe, found: NDArray[np.float64]) -> dict[str, float]:
    total, count, second = found.sum(0)
    mean, other = float(total / count), float(second / count)
    return {"loss": mean, "mae": other} if recipe.goal == "regress" else {"loss": mean, "accuracy": 100 * other}


def _per_series(recipe: Recipe, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) the mean squared error, or the share of correct answers in %, of each series."""
    return found[:, 0] / found[:, 1] if recipe.goal == "regress" else 100 * found[:, 2] / found[:, 1]


def _loss(recipe: Recipe, model: Network, batch: tuple[Tensor, ...]) -> tuple[Tensor, int, Tensor]:
    """(B,) sums of each series' loss, number of all terms, and (B,) sums of absolute errors or of correct answers."""
    x, times, mask, y = batch
    if recipe.goal == "classify":
        logits = model.classify(x, times, mask)
        return functional.cross_entropy(logits, y, reduction="none"), len(y), logits.argmax(-1) == y
    out = model(x, times, mask)
    if recipe.goal == "regress":
        error = torch.where(mask.unsqueeze(-1), out - y, 0.0)
        return error.square().sum((1, 2)), int(mask.sum()) * out.shape[2], error.detach().abs().sum((1, 2))
    loss = functional.cross_entropy(out.transpose(1, 2), y, reduction="none")
    right = (out.argmax(-1) == y) & mask
    return torch.where(mask, loss, 0.0).sum(1), int(mask.sum()), right.sum(1)


def trained(recipe: Recipe, series: Series, folder: Path, **changed: Any) -> Network:
    """The network of a completed training, with settings of the cell that need no other weights `changed`.

    Raises:
        ConfigError: the weights are missing or damaged.
    """
    model = _model(recipe, series, **changed)
    try:
        model.load_state_dict(load((folder / WEIGHTS).read_bytes()))
    except (OSError, SafetensorError, RuntimeError):
        raise ConfigError(f"{folder / WEIGHTS}: is missing or damaged; choose another --out.") from None
    return model


def _model(recipe: Recipe, series: Series, **changed: Any) -> Network:
    settings: dict[str, Any] = {"cell": recipe.cell, "time_unit": recipe.time_unit, **changed}
    if recipe.horizon:
        settings["horizon"] = recipe.horizon
    if recipe.backbone >= 0 and "cfc" in recipe.cell:
        settings["backbone"] = recipe.backbone
    if recipe.words:
        settings["dropout"] = recipe.dropout
        return WordRNN(recipe.words, recipe.embedding, recipe.outputs, recipe.units, **settings)
    return LiquidRNN(series.x.shape[2], recipe.outputs, recipe.units, **settings)


def _cut(data: tuple[Tensor, ...], rows: Tensor) -> tuple[Tensor, ...]:
    """The rows, cut to the length of the longest."""
    x, times, mask, y = (column[rows] for column in data)
    longest = int(mask.sum(1).max())
    return x[:, :longest], times[:, :longest], mask[:, :longest], y[:, :longest] if y.dim() > 1 else y


def tensors(series: Series) -> tuple[Tensor, ...]:
    """x, times, mask and y."""
    return tuple(torch.from_numpy(a) for a in (series.x, series.times, series.mask, series.y))


def _result(path: Path, recipe: Recipe, learnt: str) -> dict[str, Any]:
    """The figures of a completed training.

    Raises:
        ConfigError: the file is damaged, or belongs to a training with a different recipe or data.
    """
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = result["recipe"] | {"data": result.get("data_sha256", learnt)}
        figures = (*(result[name] for name in ("test", "parameters", "best_epoch", "cpu_minutes", "test_series")),)
        if None in figures:
            raise ValueError("a figure is missing")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ConfigError(f"{path}: is damaged, or no result; remove it, or choose another --out.") from None
    usual = {field.name: field.default for field in fields(recipe)}  # of settings that an older version did not have
    wanted = asdict(recipe) | {"data": learnt}
    other = [name for name, value in wanted.items() if known.get(name, usual.get(name)) != value]
    if other:
        raise ConfigError(f"{path.parent} holds a training with another {', '.join(other)}; choose another --out.")
    return result
