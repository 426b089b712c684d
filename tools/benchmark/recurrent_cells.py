"""`liquidtrack bench cells`: liquid cells against LSTM, GRU and CT-RNN on time series with true times."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from datasets.ground_truth.time_series import XOR_LENGTH, Series, event_xor, half_cheetah, occupancy
from models.liquid.cells import check_name
from tools.benchmark.config.recurrent_cells import BenchSeriesConfig
from tools.reporting.files import write_report
from tools.train.recurrent_cells import Goal, Recipe, fit


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


USUAL = ("ltc", "mixed-ltc", "cfc", "mixed-cfc", "ctrnn", "lstm", "lstm-dt", "gru", "gru-dt")
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
        for seed in config.seeds:
            recipe = _recipe(config, task, cell, seed)
            name = "-".join(
                (recipe.task, cell, f"u{recipe.units}", f"e{recipe.epochs}", f"r{recipe.rate:g}", f"s{seed}")
            )
            result = fit(recipe, sets, config.out / name)
            print(_line(cell, seed, result), flush=True)
            found.append({"cell": cell, "seed": seed, **result})
    if config.json is not None:
        write_report(config.json, json.dumps({"task": config.task, "drop": config.drop, "cells": found}, indent=1))


def _recipe(config: BenchSeriesConfig, task: Task, cell: str, seed: int) -> Recipe:
    return Recipe(
        task=f"{config.task}-drop{config.drop:g}" if config.task == "cheetah" else config.task,
        cell=cell, units=config.units or task.units, seed=seed, goal=task.goal, outputs=task.outputs,
        epochs=config.epochs or task.epochs, batch=task.batch,
        rate=config.learning_rate or task.rates.get(cell, task.rate),
        decay=task.decay, clip=task.clip, time_unit=task.time_unit, optimizer=task.optimizer,
        horizon=task.horizon if cell in GATED else 0.0,
    )  # fmt: skip


def _data(config: BenchSeriesConfig) -> dict[str, Series]:
    if config.task == "xor":
        return event_xor()
    assert config.data is not None  # guaranteed by the configuration
    folder = config.data / config.task
    return half_cheetah(folder, drop=config.drop) if config.task == "cheetah" else occupancy(folder)


def _line(cell: str, seed: int, result: dict[str, Any]) -> str:
    test = result["test"]
    value = f"{test['accuracy']:9.2f}" if "accuracy" in test else f"{test['loss']:9.3f}"
    spent = f"{result['best_epoch']:10d} {result['cpu_minutes']:8.1f}"
    return f"{cell:12} {seed:4d} {result['parameters']:10d} {value} {spent}"
