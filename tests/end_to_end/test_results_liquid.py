"""The page about the promises of liquid networks says what the intervals say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.results_checkout import make_checkout, script


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


def put(root: Path, name: str, content: object) -> None:
    results = root / "docs/results"
    (results / f"{name}.json").write_text(json.dumps(content))
    with (results / "commands.toml").open("a") as file:
        file.write(f'[{name}]\ncommand = "bench {name}"\nweights = []\n')
    record = {"command": f"bench {name}", "date": "2026-11-30", "seconds": 9.0, "machine": "any", "weights": {}}
    (results / f"{name}.run.json").write_text(json.dumps(record))


def gap(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


@pytest.mark.parametrize(
    ("switching", "interrupted", "verdict"),
    [
        (gap(2, 1, 3), gap(0.5, -1, 2), "ahead"),
        (gap(0.5, -1, 2), gap(-0.5, -2, 1), "level"),
        (gap(-2, -3, -1), gap(0, -1, 1), "behind"),
        (gap(-2, -3, -1), gap(2, 1, 3), "mixed"),
    ],
)
def test_verdict_follows_the_intervals(
    checkout: Path, switching: dict[str, float], interrupted: dict[str, float], verdict: str
) -> None:
    right = {"cfc-leaky, 48 units": {"all": 71.0, "seeds": [71.0], "up to 0.2 s": 80.0}}
    put(
        checkout,
        "liquid-clock",
        {
            kind: {"right": right, "differences": {"cfc-leaky minus cfc-leaky:untimed, 48 units": found}}
            for kind, found in (("switching", switching), ("interrupted", interrupted))
        },
    )
    made = script(checkout, "results.py")
    assert made.returncode == 0, made.stderr
    page = (checkout / "docs/results/liquid.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith("| a clock of its own")]
    assert row.endswith(f"| {verdict} |")
    assert f"gaps of 1 to 5 s {interrupted['value']:+.1f}" in row
    assert "| `cfc-leaky, 48 units` | 80.0 | 71.0 |" in page
    assert "better than gated networks" not in page  # not measured here


def test_language_is_judged_by_the_liquid_cell_that_validation_chose(checkout: Path) -> None:
    rows = [
        {"cell": "cfc", "valid": [60.0, 61.0], "test": [70.0], "difference": gap(5, 4, 6)},
        {"cell": "mixed-cfc", "valid": [62.0, 63.0], "test": [64.0], "difference": gap(-2, -3, -1)},
        {"cell": "lstm", "valid": [66.0], "test": [66.0]},
        {"cell": "bag of words", "valid": [67.0], "test": [68.5], "difference": gap(2.5, 1, 4)},
    ]
    put(checkout, "liquid-sentiment", {"texts": "films", "reference": "lstm", "cells": rows})
    assert script(checkout, "results.py").returncode == 0
    page = (checkout / "docs/results/liquid.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith("| good at natural language")]
    assert "`mixed-cfc` -2.0 [-3.0, -1.0] points beside the LSTM" in row
    assert "a bag of words has 68.5 %, `mixed-cfc` 64.0 %" in row
    assert row.endswith("| behind |")


def test_sizes_and_labels_are_rows_of_the_promises(checkout: Path) -> None:
    def of(kind: str, numbers: int, minus: str, *values: float) -> dict[str, object]:
        return {"kind": kind, "numbers": numbers, "minus": minus} | gap(*values)

    sizes = [
        of("scratch", 12_000, "given", -9, -10, -8), of("pruned", 6000, "given", -3, -4, -2),
        of("pruned", 12_000, "given", -0.2, -0.5, 0.1), of("pruned", 24_000, "given", 0, -0.1, 0.1),
        of("grown", 6000, "scratch", 5, 4, 6), of("grown", 50_000, "scratch", 0.3, -0.2, 0.8),
    ]  # fmt: skip
    put(checkout, "liquid-sizes", {"heads": [{"numbers": 24_220}], "differences": sizes})
    labels = [
        {"kind": "liquid", "sequences": n, "minus": minus} | gap(n / 10, 0.05, 1)
        for n in (1, 3, 10)
        for minus in ("gru", "none")
    ]
    put(checkout, "liquid-labels", {"differences": labels})
    made = script(checkout, "results.py")
    assert made.returncode == 0, made.stderr
    lines = (checkout / "docs/results/liquid.md").read_text().splitlines()
    (changed,) = [line for line in lines if line.startswith("| it can change its neurons")]
    assert "from 24,220 to 12,000 numbers -0.2 [-0.5, +0.1] HOTA; grown to 50,000 in a third" in changed
    assert changed.endswith("| level |")
    (few,) = [line for line in lines if line.startswith("| little labelled data")]
    assert "1 labelled sequences +0.1 [+0.1, +1.0], 3 labelled sequences +0.3" in few
    assert few.endswith("| ahead |")
