"""`liquidtrack bench gradients`: how far gradients reach back with and without mixed memory, as a table and a plot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.liquid import make_cell, run
from models.liquid.cells import check_name
from tools.benchmark.config.gradient_reach import BenchGradientsConfig
from tools.reporting.files import write_report
from tools.reporting.plots import check, pyplot, save
from tools.train.checkpoints import check_memory

SHOWN = (0, 10, 25, 50, 99)  # steps back that are printed


def bench_gradients(config: BenchGradientsConfig) -> None:
    """Print, and optionally plot, the norm of the gradient of the last output with respect to earlier inputs.

    Raises:
        ConfigError: a cell is unknown, matplotlib is missing, or the plot cannot be written.
    """
    for cell in config.cells:
        check_name(cell)
    # an LTC stores values for each pair of its neurons in each of its six steps
    pairs = config.steps * config.units * (config.units + config.inputs) if any("ltc" in c for c in config.cells) else 0
    check_memory(192 * pairs, f"--units {config.units} over --steps {config.steps}")
    if config.plot is not None:
        check(config.plot)
    norms = {cell: gradient_norms(cell, config) for cell in config.cells}
    shown = [back for back in SHOWN if back < config.steps]
    print(f"{'steps back':12} " + " ".join(f"{back:9d}" for back in shown))
    for cell, values in norms.items():
        print(f"{cell:12} " + " ".join(f"{values[back]:9.1e}" for back in shown))
    if config.json is not None:
        content = {"units": config.units, "seeds": config.seeds, "norms": {n: v.tolist() for n, v in norms.items()}}
        write_report(config.json, json.dumps(content, indent=1))
    if config.plot is not None:
        _plot(norms, config.plot)


def gradient_norms(cell: str, config: BenchGradientsConfig) -> NDArray[np.float64]:
    """(steps,) median over the seeds of the norm of d sum(last output) / d input, by steps before the last."""
    found = []
    for seed in range(config.seeds):
        torch.manual_seed(seed)
        network = make_cell(cell, config.inputs, config.units).double()
        x = torch.randn(1, config.steps, config.inputs, dtype=torch.float64, requires_grad=True)
        outputs, _ = run(network, x)
        (gradient,) = torch.autograd.grad(outputs[0, -1].sum(), x)
        found.append(gradient[0].norm(dim=1).flip(0).numpy())
    return np.asarray(np.median(found, axis=0))


def _plot(norms: dict[str, NDArray[np.float64]], path: Path) -> None:
    figure, axes = pyplot().subplots(figsize=(7, 4.5), layout="constrained")
    for cell, values in norms.items():
        axes.semilogy(np.maximum(values, np.finfo(np.float64).tiny), label=cell)
    axes.set(xlabel="steps back", ylabel="norm of the gradient", title="How far back untrained cells learn")
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)
