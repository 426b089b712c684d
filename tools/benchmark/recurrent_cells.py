"""`liquidtrack bench cells`: liquid cells against LSTM, GRU and CT-RNN on time series with true times."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch

from datasets.ground_truth import weather_series
from datasets.ground_truth.time_series import (
    CHEETAH_FILES,
    XOR_LENGTH,
    Series,
    event_xor,
    half_cheetah,
    occupancy,
)
from models.liquid.cells import check_name
from tools.benchmark.config.recurrent_cells import BenchSeriesConfig
from tools.benchmark.ltc_solvers import compare_solvers, folder_of
from tools.benchmark.package_files import PVLIB, package_file
from tools.benchmark.seed_bootstrap import compare_seeds
from tools.reporting.files import write_report
from tools.train.recurrent_cells import Goal, Recipe, fit
from tools.train.word_rnn import units_of_size


@dataclass(frozen=True, slots=True)
class Task:
    """Default training settings of a task, from the code of the papers where given."""

    goal: Goal
    outputs: int
    cells: tuple[str, ...]
    epochs: int
    batch: int
    rate: float
    units: int = 32
    rates: dict[str, float] = field(default_factory=dict)  # of cells that need a different one
    decay: float = 1.0
    clip: float = 0.0
    time_unit: float = 1.0
    optimizer: Literal["adam", "rmsprop"] = "adam"
    horizon: float = 0.0  # of a CfC's gates
    choose: tuple[float, ...] = ()  # learning rates; with the first seed, the best on the validation set is taken
    size: int = 0  # numbers of each cell, in place of units; a CfC then has no hidden layer


USUAL = ("ltc", "mixed-ltc", "cfc", "mixed-cfc", "ctrnn", "lstm", "lstm-dt", "gru", "gru-dt")
LIQUID = ("cfc", "ltc")  # parts of the names of liquid cells
GATED = ("cfc", "cfc-no-gate", "mixed-cfc")  # cells with gates that can be spread
TASKS = {
    "cheetah": Task("regress", 17, USUAL, 200, 16, 1e-3, rates={"ltc": 1e-2, "mixed-ltc": 1e-2}),
    "xor": Task(
        "classify", 2, ("mixed-cfc", "cfc", "ctrnn", "lstm", "lstm-dt", "gru-dt"), 24, 128, 4e-3,
        units=64, decay=0.85, clip=10.0, time_unit=1 / XOR_LENGTH, optimizer="rmsprop", horizon=10 / XOR_LENGTH,
    ),
    "occupancy": Task(
        "label", 2, USUAL, 20, 16, 1e-3, rates={"ltc": 5e-3, "mixed-ltc": 5e-3}, time_unit=60.0
    ),
    "weather": Task(
        "regress", 5, ("cfc", "cfc-leaky", "mixed-cfc", "lstm-dt", "gru", "gru-dt", "gru-decay"), 14, 32, 2e-3,
        clip=1.0, time_unit=weather_series.HOUR_S, size=4000, choose=(2e-3, 5e-3),
    ),
}  # fmt: skip


def bench_series(config: BenchSeriesConfig) -> None:
    """Train every cell with every seed, and print a line of test figures after each training.

    Raises:
        LiquidTrackError: the data are missing or damaged, a cell is unknown, or the folder holds a different training.
    """
    task = TASKS[config.task]
    cells = config.cells or task.cells
    for cell in cells:
        check_name(cell)
    torch.set_num_threads(config.threads)
    sets = _data(config)
    figure = "test MSE" if task.goal == "regress" else "test %"
    print(f"{'cell':12} {'seed':>4} {'parameters':>10} {figure:>9} {'best epoch':>10} {'CPU min':>8}")
    found: list[dict[str, Any]] = []
    for cell in cells:
        tried = []
        for rate in () if config.learning_rate else task.choose:
            recipe = replace(_recipe(config, task, cell, config.seeds[0], sets["train"].x.shape[2]), rate=rate)
            tried.append(fit(recipe, sets, config.out / folder_of(recipe)))
        best = min(tried, key=lambda one: one["valid"]["loss"])["recipe"]["rate"] if tried else 0.0
        for seed in config.seeds:
            recipe = _recipe(config, task, cell, seed, sets["train"].x.shape[2])
            recipe = replace(recipe, rate=best or recipe.rate)
            result = fit(recipe, sets, config.out / folder_of(recipe))
            print(_line(cell, seed, result), flush=True)
            found.append({"cell": cell, "seed": seed, **result})
    if task.goal == "regress":
        test = sets["test"]
        still = float(np.square(test.x - test.y)[test.mask].mean())
        print(f"{'last value':12} {'':4} {'':10} {still:9.3f}")
    gaps = _differences(config, sets, found)
    solved = compare_solvers(config, sets, found) if config.solvers else {}
    if config.json is not None:
        for one in found:
            one.pop("test_series", None)  # long, and in the folder
        whole = {"task": config.task, "drop": config.drop, "cells": found, **gaps, **solved}
        write_report(config.json, json.dumps(whole, indent=1))


def _recipe(config: BenchSeriesConfig, task: Task, cell: str, seed: int, inputs: int) -> Recipe:
    sized = bool(task.size) and not config.units
    backbone = {"backbone": 0} if sized and "cfc" in cell else {}
    units = units_of_size(cell, inputs, task.size, **backbone) if sized else config.units or task.units
    unit = task.time_unit / (1 - config.drop) if config.task == "weather" else task.time_unit  # the mean gap
    return Recipe(
        task=f"{config.task}-drop{config.drop:g}" if config.task in ("cheetah", "weather") else config.task,
        cell=cell, units=units, seed=seed, goal=task.goal, outputs=task.outputs,
        epochs=config.epochs or task.epochs, batch=task.batch,
        rate=config.learning_rate or task.rates.get(cell, task.rate),
        decay=task.decay, clip=task.clip, time_unit=unit, optimizer=task.optimizer,
        horizon=task.horizon if cell in GATED else 0.0, backbone=0 if sized else -1,
    )  # fmt: skip


def _data(config: BenchSeriesConfig) -> dict[str, Series]:
    if config.task == "xor":
        return event_xor()
    if config.task == "weather":
        path = config.data or package_file(PVLIB, "give --data, the wheel of pvlib or a folder with weather/")
        path = path / config.task if path.is_dir() else path
        return weather_series.weather(path, drop=config.drop)
    assert config.data is not None  # guaranteed by the configuration
    folder = config.data / config.task
    return half_cheetah(folder, drop=config.drop) if config.task == "cheetah" else occupancy(folder)


def _differences(config: BenchSeriesConfig, sets: dict[str, Series], found: list[dict[str, Any]]) -> dict[str, Any]:
    """Every cell's test error minus that of the control that is best on the validation set, printed with intervals.

    Only where the test set has recordings to draw from, several cells were trained, and one of them is no liquid one.
    """
    names = list(dict.fromkeys(one["cell"] for one in found))
    controls = [name for name in names if not any(part in name for part in LIQUID)]
    if config.task not in ("cheetah", "weather") or not controls or len(names) < 2:
        return {}
    test = sets["test"]
    files = CHEETAH_FILES["test"].stop - CHEETAH_FILES["test"].start
    recording = weather_series.months(test) if config.task == "weather" else np.arange(len(test)) * files // len(test)
    values = {}
    for name in names:
        series = np.array([one["test_series"] for one in found if one["cell"] == name])
        values[name] = np.stack([series[:, recording == r].mean(1) for r in np.unique(recording)], 1)

    def validation(name: str) -> float:
        return float(np.mean([one["valid"]["loss"] for one in found if one["cell"] == name]))

    reference = min(controls, key=validation)
    print(
        f"\ntest MSE minus that of {reference} (best control on validation), 95 % intervals over recordings and seeds"
    )
    gaps = {}
    for name in sorted(names, key=validation):
        gaps[name] = asdict(compare_seeds(values[name], values[reference]))
        gap = gaps[name]
        print(f"{name:12} {gap['value']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]")
    return {"reference": reference, "differences": gaps}


def _line(cell: str, seed: int, result: dict[str, Any]) -> str:
    test = result["test"]
    value = f"{test['accuracy']:9.2f}" if "accuracy" in test else f"{test['loss']:9.3f}"
    spent = f"{result['best_epoch']:10d} {result['cpu_minutes']:8.1f}"
    return f"{cell:12} {seed:4d} {result['parameters']:10d} {value} {spent}"
