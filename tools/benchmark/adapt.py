"""`liquidtrack bench adapt`: what `liquidtrack adapt` gains on cameras of which the truth is known."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from datasets.subsampling.sequences import UNEVEN, thin_indices
from models.association_head.built_in import head_path
from models.checks.printable import as_lines
from models.errors import ConfigError
from models.extras import require
from models.runtime.cache import atomic, sha256
from tools.benchmark.config.adapt import BenchAdaptConfig
from tools.benchmark.config.mot import BenchMotConfig
from tools.benchmark.head_variants import content
from tools.benchmark.mot import Figures, difference, measure
from tools.reporting.files import write_report
from tools.track.sequences import find_sequences
from tools.train.adapt.command import adapt
from tools.train.checkpoints import ROOM, make_out

SCORES = "scores.json"
Gap = dict[str, float]  # a difference in HOTA: value, low, high


@dataclass(frozen=True, slots=True)
class AdaptedCamera:
    """What became of one camera.

    Attributes:
        name: of the folder.
        adapted: whether a head was written.
        agreement: association accuracy of the head without adaptation on held-back time, percent.
        before: HOTA of the head without adaptation by profile.
        gaps: adapted minus before, by group of profiles (full, uneven).
        elsewhere: the same on other cameras, by folder and group.
    """

    name: str
    adapted: bool
    agreement: float
    before: dict[str, float]
    gaps: dict[str, Gap]
    elsewhere: dict[str, dict[str, Gap]]


def bench_adapt(config: BenchAdaptConfig) -> None:
    """Adapt to every camera, and print what it gained.

    Raises:
        LiquidTrackError: data are missing or damaged, there is too little to learn from, or the output folder holds
            something else.
    """
    require("bench adapt", "torch", "trackeval", "scipy")
    for profile in config.profiles:
        thin_indices(1, 25.0, profile, "")
    cameras = list(_cameras(config))
    for root in config.elsewhere:
        find_sequences(root)
    if len({name for name, _ in cameras}) < len(cameras):
        raise ConfigError("two cameras have the same name; give each folder its own name.")
    make_out(config.out, (SCORES,))
    kept = config.out / SCORES
    known, found = _read(kept), []
    usual: dict[Path, Figures] = {}  # of the head without adaptation elsewhere, which is the same for every camera
    for name, folder in tqdm(cameras, desc="cameras", disable=config.quiet or None):
        key = _key(config, folder)
        if key not in known:
            known[key] = asdict(_adapted(config, name, folder, usual))
            with atomic(kept, ROOM) as part:
                part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        found.append(AdaptedCamera(**known[key]))
    print(report(found))
    if config.json is not None:
        write_report(config.json, json.dumps({"cameras": [asdict(one) for one in found], **summary(found)}, indent=1))


def _read(path: Path) -> dict[str, Any]:
    """What was measured before.

    Raises:
        ConfigError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): asdict(AdaptedCamera(**of)) for key, of in known.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        raise ConfigError(f"{path}: is damaged; remove it, and the cameras are adapted to again.") from None


def _cameras(config: BenchAdaptConfig) -> Iterator[tuple[str, Path]]:
    """(name, folder) of each camera."""
    for root in config.roots:
        folders = find_sequences(root)
        if config.each:
            yield from ((folder.name, folder) for folder in folders)
        else:
            yield root.absolute().name, root


def _key(config: BenchAdaptConfig, folder: Path) -> str:
    """Digest of what the figures of a camera follow from."""
    settings = [
        config.profiles,
        config.minutes,
        config.clips,
        config.steps,
        config.rehearsal,
        config.scenes,
        config.seed,
    ]
    data = [content(folder), *map(content, config.elsewhere), sha256(head_path(config.init_weights))]
    return hashlib.sha256(json.dumps([settings, data]).encode()).hexdigest()[:16]


def _adapted(config: BenchAdaptConfig, name: str, folder: Path, usual: dict[Path, Figures]) -> AdaptedCamera:
    settings = config.adaptation((folder,), config.out / name / "camera.safetensors")
    adapt(settings)
    told = json.loads(settings.report.read_text(encoding="utf-8"))
    heads = ["liquid" if config.init_weights is None else f"liquid:{config.init_weights}"]
    heads += [f"liquid:{settings.out}"] * settings.out.exists()
    with _as_root(folder) as root:
        figures = _measure(config, root, heads)
    others = {}
    for one in config.elsewhere if len(heads) > 1 else ():
        if one not in usual:
            usual[one] = _measure(config, one, heads[:1])
        others[one.name] = _gaps(usual[one] | _measure(config, one, heads[1:]))
    before = {p: float(np.mean([e.combined.hota for e in found])) for p, found in figures[heads[0]].items()}
    return AdaptedCamera(name, bool(told["adapted"]), float(told["agreement"]), before, _gaps(figures), others)


def _measure(config: BenchAdaptConfig, root: Path, heads: list[str]) -> Figures:
    settings = BenchMotConfig(root, motions=tuple(heads), profiles=config.profiles, seeds=(config.seed,), quiet=True)
    return measure(replace(settings, workers=config.workers))


@contextmanager
def _as_root(folder: Path) -> Iterator[Path]:
    """The folder, or one that holds it alone if it is a sequence itself."""
    if find_sequences(folder) != [folder]:
        yield folder
        return
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / folder.name).symlink_to(folder.absolute())
        yield Path(name)


def _gaps(figures: Figures) -> dict[str, Gap]:
    """Second head minus first; 0 where there is no second."""
    first, *second = figures
    profiles = list(figures[first])
    uneven = [p for p in profiles if p in UNEVEN]
    groups = {"full": ["full"]} if "full" in profiles else {}
    groups |= {"uneven": uneven} if uneven else {}
    if not second:
        return {label: {"value": 0.0, "low": 0.0, "high": 0.0} for label in groups}
    found = {label: difference(figures, second[0], first, of) for label, of in groups.items()}
    return {label: {"value": gap.value, "low": gap.low, "high": gap.high} for label, gap in found.items()}


def summary(found: list[AdaptedCamera]) -> dict[str, Any]:
    """Over all cameras: how many were adapted to, and the mean and the least difference by group of profiles."""
    groups = list(found[0].gaps) if found else []
    values = {label: [one.gaps[label]["value"] for one in found] for label in groups}
    return {
        "adapted": sum(one.adapted for one in found),
        "mean": {label: float(np.mean(of)) for label, of in values.items()},
        "least": {label: min(of) for label, of in values.items()},
    }


def report(found: list[AdaptedCamera]) -> str:
    """A row for each camera, then the mean over all."""
    groups = list(found[0].gaps)
    width = max(len("cameras"), *(len(one.name) for one in found))
    lines = [f"{'HOTA':{width}}  adapted  agreement" + "".join(f"{'gain, ' + label:>26}" for label in groups)]
    for one in found:
        gains = "".join(f"{_text(one.gaps[label]):>26}" for label in groups)
        lines.append(f"{one.name:{width}}  {'yes' if one.adapted else 'no':>7}  {one.agreement:9.2f}{gains}")
        for root, gaps in one.elsewhere.items():
            gains = "".join(f"{_text(gaps[label]):>26}" for label in groups)
            lines.append(f"{'  on ' + root:{width + 20}}{gains}")
    of = summary(found)
    told = ", ".join(f"{label} {of['mean'][label]:+.2f} (least {of['least'][label]:+.2f})" for label in groups)
    return as_lines([*lines, "", f"mean gain of {len(found)} cameras, {of['adapted']} of them adapted to: {told}"])


def _text(gap: Gap) -> str:
    return f"{gap['value']:+.2f} [{gap['low']:+.2f}, {gap['high']:+.2f}]"
