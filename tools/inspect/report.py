"""`liquidtrack inspect`: analysis of a trained liquid head as a table, plots and JSON."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.output_guard.guard import begin
from models.association_head.built_in import head_path
from models.association_head.config import HeadConfig
from models.association_head.inference import load_head
from models.checks.printable import as_lines
from models.errors import ConfigError, WeightsError
from models.runtime.arrays import Array
from tools.inspect.config import InspectConfig
from tools.inspect.feature_names import FEATURE_NAMES, INPUT_NAMES, named
from tools.inspect.findings import Findings
from tools.inspect.probes import (
    Matches,
    correlations,
    matches_of,
    memory_fraction,
    record,
    response_times,
    responses,
    sensitivities,
)
from tools.reporting import plots

if TYPE_CHECKING:
    from models.association_head.model import AssociationHead

LAYERS = ("inter", "command", "motor")  # of a wired cell
STRONGEST = 3  # inputs per layer in the table
SHOWN = 8  # features in the table
STATES = 300  # states from which response times are measured


def inspect(config: InspectConfig) -> None:
    """Probe the head during tracking, print a table, and write plots and JSON.

    Raises:
        ConfigError: matplotlib is missing, a setting is invalid, or the folder cannot be written.
        DataError: the sequences break their format or give no matches.
        WeightsError: the weights cannot be read, or have a different shape.
    """
    try:
        config.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{config.out}: cannot be written ({error.strerror}); name another folder.") from None
    plots.check(config.out / "neurons.png")
    found = find(config)
    print(report(found))
    begin()
    from tools.inspect import plots as head_plots

    if found.seconds is not None:
        head_plots.time_constants(found, config.out / "time_constants.png")
    if len(found.layers):
        head_plots.neurons(found, config.out / "neurons.png")
    head_plots.pairs(found, config.out / "pairs.png")
    try:
        (config.out / "inspect.json").write_text(json.dumps(to_dict(found), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{config.out}: cannot be written ({error.strerror}); name another folder.") from None


def find(config: InspectConfig) -> Findings:
    """All results for a head."""
    path = head_path(config.association_head)
    head = load_head(path)
    model = _defined(path, head.config)
    with tempfile.TemporaryDirectory() as scratch:
        root = config.root or _rendered(config.scene, Path(scratch) / "scene")
        watched = record(head, root, config.profiles, Path(scratch), config.seed, config.quiet)
    matches = matches_of(watched, config.matches, config.seed)
    slope, size = sensitivities(watched, config.pairs, config.seed)
    remembers = head.config.cell != "none"
    units = matches.h.shape[1] if remembers else 0
    return Findings(
        cell=head.config.cell,
        matches=len(matches.dt),
        layers=layers_of(path, units),
        inputs=named(INPUT_NAMES, matches.x.shape[1]),
        features=named(FEATURE_NAMES, len(slope)),
        seconds=time_constants(model, matches),
        answers=response_times(head, matches.after[:STATES]),
        past=memory_fraction(head, matches)[:units],
        response=responses(head, matches)[:units],
        correlation=correlations(matches)[:units],
        slope=slope,
        size=size,
    )


def layers_of(path: Path, units: int) -> tuple[str, ...]:
    """The name of the layer of each unit: inter, command, motor in a wired cell; neuron elsewhere."""
    from safetensors.numpy import load_file

    weights = load_file(path)
    blocks = sorted(name for name in weights if re.fullmatch(r"cell\.blocks\.\d+\.weight", name))
    counts = [weights[name].shape[1] for name in blocks]
    if len(counts) != len(LAYERS) or sum(counts) != units:
        return ("neuron",) * units
    return tuple(layer for layer, count in zip(LAYERS, counts, strict=True) for _ in range(count))


def time_constants(model: AssociationHead, matches: Matches) -> Array | None:
    """(E, U) time constants in seconds, by the definition of the cell; None where it has none."""
    import torch

    flow: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = getattr(model.cell, "time_constants", None)
    if flow is None:
        return None
    with torch.no_grad():
        return np.asarray(flow(torch.from_numpy(matches.x), torch.from_numpy(matches.h)).numpy())


def _defined(path: Path, config: HeadConfig) -> AssociationHead:
    """The weights in the torch definition, which has time constants.

    Raises:
        WeightsError: their shape differs from the head of this version.
    """
    from safetensors.torch import load_file

    from models.association_head.model import AssociationHead
    from tracker.learned.pair_features import FEATURES, INPUTS

    model = AssociationHead(INPUTS, FEATURES, config)
    try:
        model.load_state_dict(load_file(path))
    except RuntimeError as error:
        what = " ".join(str(error).split())[:160]
        raise WeightsError(f"{path}: the weights do not fit this version's head ({what}); train them again.") from None
    return model


def report(found: Findings) -> str:
    """The short table."""
    lines = [f"{found.cell}, {len(found.layers)} units, watched at {found.matches} matches"]
    if found.seconds is None:
        lines.append(f"The cell {found.cell} has no time constants: " + _why(found.cell))
    if len(found.layers):
        lines.append(
            f"{'layer':10}{'units':>6}{'10 %':>8}{'median':>8}{'90 %':>8}{'past':>7}{'dt':>7}  answers most to"
        )
    for layer, rows in found.groups().items():
        size = abs(found.response[rows]).mean(axis=0)
        best = ", ".join(f"{found.inputs[i]} {size[i]:.2f}" for i in np.argsort(-size[:-1])[:STRONGEST])
        spread = " " * 24 if found.seconds is None else _spread(found.seconds[:, rows])
        lines.append(f"{layer:10}{len(rows):6d}{spread}{found.past[rows].mean():7.2f}{size[-1]:7.2f}  {best}")
    moving = np.isfinite(found.answers)
    if moving.any():
        count = int(moving.any(axis=0).sum())
        lines.append(f"{'answer':10}{count:6d}{_spread(found.answers[moving])}{'':16}between two looks")
    lines += [
        "(10 % to 90 %: seconds of the time constants over units and matches; past: share of the state that is memory;",
        " dt, answers to: std of the unit for e times the elapsed time and for one std of the input)",
        "",
        f"{'a pair':24}{'slope':>8}{'size':>8}",
    ]
    for i in np.argsort(-found.size)[:SHOWN]:
        lines.append(f"{found.features[i]:24}{found.slope[i]:+8.2f}{found.size[i]:8.2f}")
    lines.append("(change of the log-odds of a pair in doubt for one std more of a feature, all else as it was)")
    return as_lines(lines)


def _why(cell: str) -> str:
    return "it keeps no state." if cell == "none" else "its state moves at matches alone and does not flow in between."


def _spread(seconds: Array) -> str:
    """10th, 50th and 90th percentile of times in seconds."""
    return "".join(f"{v:8.2f}" if v < 1000 else f"{v:8.0f}" for v in np.quantile(seconds, (0.1, 0.5, 0.9)))


def to_dict(found: Findings) -> dict[str, Any]:
    """All figures, for JSON."""
    names = (*found.inputs, "e times dt")
    units = []
    for u, layer in enumerate(found.layers):
        one: dict[str, Any] = {"layer": layer, "past": float(found.past[u])}
        if found.seconds is not None:
            one["seconds"] = [float(v) for v in np.quantile(found.seconds[:, u], (0.1, 0.5, 0.9))]
        one["response"] = dict(zip(names, found.response[u].astype(float).tolist(), strict=True))
        one["correlation"] = dict(zip(found.inputs, found.correlation[u].astype(float).tolist(), strict=True))
        units.append(one)
    pairs = {
        name: {"slope": float(slope), "size": float(size)}
        for name, slope, size in zip(found.features, found.slope, found.size, strict=True)
    }
    moving = found.answers[np.isfinite(found.answers)]
    answers = [float(v) for v in np.quantile(moving, (0.1, 0.5, 0.9))] if len(moving) else None
    return {
        "cell": found.cell, "matches": found.matches, "units": units, "answer_seconds": answers, "features": pairs,
    }  # fmt: skip


def _rendered(spec: str, root: Path) -> Path:
    from datasets.scenes import parse, write_motchallenge

    write_motchallenge(parse(spec), root, pictures=False)
    return root
