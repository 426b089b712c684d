"""`liquidtrack bench sentiment`: liquid cells against LSTM and GRU of one size, and a bag of words, on rated texts."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.ground_truth.rated_texts import (
    FIRST_WORD,
    STEP_S,
    read_rated_texts,
    split_texts,
    vocabulary,
    word_series,
)
from models.liquid.cells import check_name
from tools.benchmark.config.sentiment import BenchSentimentConfig
from tools.benchmark.package_files import VADER, package_file
from tools.benchmark.seed_bootstrap import compare_seeds
from tools.reporting.files import write_report
from tools.train.bag_of_words import fit_bag_of_words
from tools.train.recurrent_cells import Recipe, fit
from tools.train.word_rnn import units_of_size

BATCH, CLIP = 64, 1.0
BACKBONE = 0  # of a CfC: a hidden layer of its usual 128 units alone would be larger than the whole cell
BAG = "bag of words"
REFERENCE = "lstm"  # differences are to this cell, or to the first one where it is absent


def bench_sentiment(config: BenchSentimentConfig) -> None:
    """Train every cell, and print its test accuracy with the difference from the LSTM.

    Raises:
        LiquidTrackError: the texts cannot be fetched or read, a cell is unknown, or the folder holds other trainings.
    """
    for cell in config.cells:
        check_name(cell)
    torch.set_num_threads(config.threads)
    path = config.path or package_file(VADER, "give the path of vaderSentiment's source archive")
    parts = split_texts(read_rated_texts(path, config.texts))
    words = vocabulary(parts["train"].texts)
    sets = {name: word_series(part, words, config.clock) for name, part in parts.items()}
    sizes = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
    print(f"{config.texts}: {sizes} texts; {len(words)} words; clock: {config.clock}")
    print(f"{'':12} {'cell':>8} {'rate':>6} {'dropout':>7} {'valid %':>7} {'test % by seed':>24} {'CPU min':>8}")
    found = []
    right: dict[str, NDArray[np.float64]] = {}
    for cell in config.cells:
        backbone = {"backbone": BACKBONE} if "cfc" in cell else {}
        units = units_of_size(cell, config.embedding, config.size, **backbone)
        recipe = Recipe(
            task=f"{config.texts}-{config.clock}", cell=cell, units=units, seed=config.seeds[0], goal="classify",
            outputs=2, epochs=config.epochs, batch=BATCH, rate=config.learning_rates[0], clip=CLIP, time_unit=STEP_S,
            words=len(words) + FIRST_WORD, embedding=config.embedding, backbone=BACKBONE,
        )  # fmt: skip
        tried = [
            _trained(config, replace(recipe, rate=rate, dropout=dropout), sets)
            for rate, dropout in product(config.learning_rates, config.dropouts)
        ]
        best = max(tried, key=lambda one: one["valid"]["accuracy"])
        chosen = Recipe(**best["recipe"])
        results = [_trained(config, replace(chosen, seed=seed), sets) for seed in config.seeds]
        right[cell] = np.array([one["test_series"] for one in results], np.float64)
        table = (len(words) + FIRST_WORD) * config.embedding + 2 * (units + 1)
        row = {
            "cell": cell, "units": units, "parameters": best["parameters"] - table, "rate": chosen.rate,
            "dropout": chosen.dropout, "valid": [one["valid"]["accuracy"] for one in results],
            "test": [one["test"]["accuracy"] for one in results],
            "cpu_minutes": sum(one["cpu_minutes"] for one in [*tried, *results]),
        }  # fmt: skip
        found.append(row)
        print(_line(row), flush=True)
    bag = fit_bag_of_words(parts)
    right[BAG] = 100 * bag.right[None].astype(np.float64)
    row = {"cell": BAG, "parameters": bag.parameters, "valid": [bag.accuracy], "test": [100 * float(bag.right.mean())]}
    found.append(row)
    print(_line(row))
    reference = REFERENCE if REFERENCE in right else config.cells[0]
    print(f"\ntest accuracy minus that of {reference}, in points, with 95 % intervals over texts and seeds")
    for row in found:
        if row["cell"] != reference:
            gap = compare_seeds(right[row["cell"]], right[reference])
            row["difference"] = asdict(gap)
            print(f"{row['cell']:12} {gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]")
    if config.json is not None:
        about = {
            "texts": config.texts, "clock": config.clock, "sizes": {name: len(part) for name, part in parts.items()},
            "words": len(words), "seeds": list(config.seeds), "reference": reference,
        }  # fmt: skip
        write_report(config.json, json.dumps(about | {"cells": found}, indent=1))


def _trained(config: BenchSentimentConfig, recipe: Recipe, sets: dict[str, Any]) -> dict[str, Any]:
    name = "-".join(
        (recipe.task, recipe.cell, f"u{recipe.units}", f"e{recipe.epochs}", f"r{recipe.rate:g}", f"d{recipe.dropout:g}")
    )
    return fit(recipe, sets, config.out / f"{name}-s{recipe.seed}")


def _line(row: dict[str, Any]) -> str:
    tests = " ".join(f"{value:.1f}" for value in row["test"])
    rate, dropout = (f"{row[name]:g}" if name in row else "" for name in ("rate", "dropout"))
    spent = f"{row['cpu_minutes']:8.1f}" if "cpu_minutes" in row else ""
    valid = np.mean(row["valid"])
    return f"{row['cell']:12} {row['parameters']:8d} {rate:>6} {dropout:>7} {valid:7.1f} {tests:>24} {spent}".rstrip()
