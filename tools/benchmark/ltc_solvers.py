"""Solvers of a trained LTC: what each costs, and what it changes. The weights were trained with the fused solver."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from datasets.ground_truth.time_series import Series
from models.extras import require
from tools.benchmark.config.recurrent_cells import BenchSeriesConfig
from tools.train.recurrent_cells import Recipe, score, tensors, trained

REFERENCE = "dopri5"  # exact to its tolerance


def folder_of(recipe: Recipe) -> str:
    """The name of a training's folder."""
    parts = (recipe.task, recipe.cell, f"u{recipe.units}", f"e{recipe.epochs}", f"r{recipe.rate:g}", f"s{recipe.seed}")
    return "-".join(parts)


def compare_solvers(
    config: BenchSeriesConfig, sets: dict[str, Series], found: list[dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Run each LTC of the first seed by each solver over the test set, and print figure, deviation and time.

    The deviation is the mean distance of the outputs from those of dopri5. Times are the least CPU time of three runs.
    dopri5 adapts its steps to a whole batch, and is run once.

    Raises:
        ConfigError: torchdiffeq is missing, or the weights are.
    """
    require("bench cells --solvers", "torchdiffeq")
    data = tensors(sets["test"])
    rows: list[dict[str, Any]] = []
    for one in found:
        recipe = Recipe(**one["recipe"])
        if recipe.cell not in ("ltc", "mixed-ltc") or one["seed"] != config.seeds[0]:
            continue
        unit = "MSE" if recipe.goal == "regress" else "accuracy %"
        print(f"\n{recipe.cell}, seed {recipe.seed}")
        print(f"{'solver':8} {'unfolds':>7} {unit:>10} {'deviation':>10} {'CPU s':>7}")
        exact: torch.Tensor | None = None
        for solver, unfolds in _runs(config):
            inner = {"solver": solver, "unfolds": unfolds}
            model = trained(recipe, sets["test"], config.out / folder_of(recipe), **inner)
            seconds = []
            for _ in range(1 if solver == REFERENCE else 3):
                began = time.process_time()
                figures = score(recipe, model, data)
                seconds.append(time.process_time() - began)
            with torch.no_grad():
                x, times, mask, _ = data
                out = model.classify(x, times, mask) if recipe.goal == "classify" else model(x, times, mask)[mask]
            exact = out if exact is None else exact
            off = float(np.abs((out - exact).numpy()).mean())
            figure = figures["loss"] if recipe.goal == "regress" else figures["accuracy"]
            row = {"cell": recipe.cell, "solver": solver, "unfolds": unfolds, "figure": figure, "deviation": off}
            rows.append(row | {"cpu_seconds": min(seconds)})
            steps = "-" if solver == REFERENCE else str(unfolds)
            if solver == REFERENCE and solver not in config.solvers:
                continue
            print(f"{solver:8} {steps:>7} {figure:10.4f} {off:10.1e} {min(seconds):7.2f}", flush=True)
    return {"solvers": rows}


def _runs(config: BenchSeriesConfig) -> list[tuple[str, int]]:
    """The reference first, as all others are compared with it."""
    others = [(solver, count) for solver in config.solvers if solver != REFERENCE for count in config.unfolds]
    return [(REFERENCE, 1), *others]
