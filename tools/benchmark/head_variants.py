"""Association heads that are trained for a comparison, each in a folder of its own: losses, HOTA, curves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.subsampling.sequences import thin_indices
from models.association_head.config import HeadConfig
from models.association_head.inference import save_head
from models.association_head.model import AssociationHead
from models.checks.printable import as_lines
from models.errors import ConfigError
from models.extras import require
from models.runtime.arrays import Float32
from models.runtime.cache import atomic, sha256
from tools.benchmark.config.mot import BenchMotConfig
from tools.benchmark.mot import measure
from tools.benchmark.paired_bootstrap import compare_values
from tools.reporting import plots
from tools.track.sequences import find_sequences
from tools.train.association_loss import held_out_loss
from tools.train.checkpoints import ROOM, Checkpoint, make_out, revision
from tools.train.head_training import HeadTraining, TrainingSteps
from tools.train.rollouts import Record

HEAD, CHECKPOINT, CURVE, SCORES = "head.safetensors", "checkpoint.pt", "curve.csv", "scores.json"
ALL = "all sequences"  # as one
Scores = dict[str, dict[str, float]]  # HOTA by test set and profile


@dataclass(frozen=True, eq=False, slots=True)
class ComparedHead:
    """One trained head of a comparison.

    Attributes:
        kind: its line in the plot.
        place: its place on the horizontal axis.
        seed: of its training.
        steps: training steps.
        numbers: its learned numbers.
        loss: held-out loss.
        path: its file.
        config: its sizes.
        weights: its arrays.
        hota: by test set and profile.
        sequences: HOTA of each test sequence, the mean over the profiles.
    """

    kind: str
    place: int
    seed: int
    steps: int
    numbers: int
    loss: float
    path: Path
    config: HeadConfig
    weights: Mapping[str, Float32]
    hota: Scores = field(default_factory=dict)
    sequences: Mapping[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """What goes into the JSON file."""
        about = {name: getattr(self, name) for name in ("kind", "place", "seed", "steps", "numbers", "loss", "hota")}
        return about | {"model": asdict(self.config)}


@dataclass(frozen=True, eq=False, slots=True)
class VariantTrainer:
    """Trains heads on the same records.

    Attributes:
        out: folder of all heads.
        records: what they learn from.
        judged: records of held-out sequences.
        data: digest of the sequences.
        settings: settings of the roll-outs, by name.
        quiet: show no progress bar.
    """

    out: Path
    records: Sequence[Record]
    judged: Sequence[Record]
    data: str
    settings: Mapping[str, str]
    quiet: bool

    def __call__(self, kind: str, place: int, seed: int, model: AssociationHead, steps: TrainingSteps) -> ComparedHead:
        """The trained head, whose folder is named after its kind, place and seed.

        Raises:
            ConfigError: the folder holds something else.
        """
        folder = self.out / f"{kind}-{place}-s{seed}"
        make_out(folder, (HEAD, CURVE))
        path, checkpoint = folder / HEAD, folder / CHECKPOINT
        if path.exists() and not checkpoint.exists():
            raise ConfigError(f"{path}: is there without its {CHECKPOINT}; remove it, or give another --out.")
        settings = dict(self.settings) | {k: str(v) for k, v in asdict(steps).items()}
        settings |= {"model": json.dumps(asdict(model.config)), "begin": begin_of(model)}
        training = HeadTraining(model, steps, Checkpoint(checkpoint, settings), self.data, folder / CURVE, self.quiet)
        training.train(0, steps.total, self.records, folder.name)
        weights = training.weights()
        save_head(path, weights, model.config, {"data_sha256": self.data, "revision": revision()})
        loss = held_out_loss(training.mean_model(), self.judged)
        return ComparedHead(kind, place, seed, steps.total, learned_numbers(model), loss, path, model.config, weights)


def prepare(command: str, out: Path, tests: Sequence[Path], profiles: Sequence[str], plot: Path | None) -> None:
    """Check all that a comparison needs besides its training data, before the first long step.

    Raises:
        ConfigError: a package is missing, a profile is unknown, or `out` or `plot` cannot be written.
        DataError: a test set holds no sequence.
    """
    require(command, "scipy", *(("trackeval",) if tests else ()))
    if plot is not None:
        plots.check(plot)
    for profile in profiles:
        thin_indices(1, 25.0, profile, "")
    for root in tests:
        find_sequences(root)
    if len({root.name for root in tests}) < len(tests):
        raise ConfigError("two folders of --test have the same name; give each data set its own name.")
    make_out(out, (SCORES,))


def begin_of(model: AssociationHead) -> str:
    """Digest of the weights that a training begins with."""
    whole = hashlib.sha256()
    for value in model.state_dict().values():
        whole.update(value.numpy().tobytes())
    return whole.hexdigest()[:16]


def learned_numbers(model: AssociationHead) -> int:
    """Numbers that a head learns: of a wired cell those of existing synapses."""
    state = model.state_dict()
    masks = {name: value for name, value in state.items() if name.endswith(".mask")}
    missing = sum(len(state[name[:-4] + "weight"]) * int((value == 0).sum()) for name, value in masks.items())
    return sum(p.numel() for p in model.parameters()) - missing


def scored(
    head: ComparedHead, tests: Sequence[Path], profiles: Sequence[str], workers: int, kept: Path
) -> ComparedHead:
    """The head with its HOTA in percent; what was measured before is taken from the file `kept`.

    Raises:
        ConfigError: the file is damaged.
        DataError: a test set breaks its format.
    """
    known = _read(kept)
    hota: Scores = {}
    sequences: dict[str, list[float]] = {}
    for root in tests:
        data = content(root)
        for profile in profiles:
            key = f"{sha256(head.path)[:16]} {data} {profile}"
            if key not in known:
                one = BenchMotConfig(
                    root, motions=(f"liquid:{head.path}",), profiles=(profile,), workers=workers, quiet=True
                )
                [of] = measure(one).values()
                found = of[profile][0]
                known[key] = {ALL: found.combined.hota} | {name: s.hota for name, s in found.sequences.items()}
                with atomic(kept, ROOM) as part:
                    part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
            hota.setdefault(root.name, {})[profile] = known[key][ALL]
            for name, value in known[key].items():
                if name != ALL:
                    sequences.setdefault(f"{root.name} {name}", []).append(value)
    return replace(head, hota=hota, sequences={name: float(np.mean(of)) for name, of in sequences.items()})


def difference(heads: Sequence[ComparedHead], others: Sequence[ComparedHead]) -> dict[str, float] | None:
    """HOTA of `heads` minus that of `others`, each the mean over the seeds, with its interval over the test sequences.

    None where one has no HOTA.
    """
    if not heads or not others or not heads[0].sequences or not others[0].sequences:
        return None
    names = list(heads[0].sequences)
    ours, theirs = ([float(np.mean([h.sequences[name] for h in of])) for name in names] for of in (heads, others))
    found = compare_values(ours, theirs)
    return {"value": found.value, "low": found.low, "high": found.high}


def content(root: Path) -> str:
    """Digest of the labels, detections and times of a data set, or of one sequence."""
    whole = hashlib.sha256()
    for path in sorted(root.glob("**/*")):
        if path.is_file() and path.suffix in (".txt", ".gz", ".ini", ".csv"):
            whole.update(path.relative_to(root).as_posix().encode() + sha256(path).encode())
    return whole.hexdigest()[:16]


def _read(path: Path) -> dict[str, dict[str, float]]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(key): {str(n): float(v) for n, v in of.items()} | {ALL: float(of[ALL])} for key, of in found.items()
        }
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        raise ConfigError(f"{path}: is damaged; remove it, and its scores are measured again.") from None


def table(variants: Sequence[ComparedHead], what: str) -> str:
    """A row for each head."""
    sets = [(name, profile) for name, of in variants[0].hota.items() for profile in of] if variants else []
    head = f"{'kind':8} {what:>10} {'seed':>5} {'numbers':>8} {'steps':>6} {'loss':>7}"
    lines = [head + "".join(f"  {name} {profile}" for name, profile in sets)]
    for v in variants:
        row = f"{v.kind:8} {v.place:10,} {v.seed:5d} {v.numbers:8,} {v.steps:6,} {v.loss:7.4f}"
        lines.append(row + "".join(f"{v.hota[n][p]:{len(n) + len(p) + 3}.2f}" for n, p in sets))
    return as_lines(lines)


def curves(variants: Sequence[ComparedHead], path: Path, what: str) -> None:
    """Plot the loss and each HOTA against the place: a line for each kind, the mean over seeds, a dot for each head.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    plt = plots.pyplot()
    panels: list[tuple[str, Callable[[ComparedHead], float]]] = [("held-out loss", lambda v: v.loss)]
    for name, of in variants[0].hota.items():
        panels += [(f"HOTA, {name}, {p}", lambda v, n=name, p=p: v.hota[n][p]) for p in of]  # type: ignore[misc]
    figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 4), layout="constrained", squeeze=False)
    for axis, (title, value) in zip(axes[0], panels, strict=True):
        for k, kind in enumerate(dict.fromkeys(v.kind for v in variants)):
            own = [v for v in variants if v.kind == kind]
            places = sorted({v.place for v in own})
            means = [float(np.mean([value(v) for v in own if v.place == x])) for x in places]
            axis.plot(places, means, "-", color=f"C{k}", label=kind)
            axis.plot([v.place for v in own], [value(v) for v in own], "o", color=f"C{k}", markersize=4)
        axis.set(xscale="log", xlabel=what, title=title)
        axis.grid(alpha=0.3)
    axes[0][0].legend()
    plots.save(figure, path)
