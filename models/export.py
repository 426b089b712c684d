"""From a torch definition to ONNX, once; later runs find the file in the cache and never import torch."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from models.backbones.registry import get_entry
from models.cache import atomic, cache_folder, sha256
from models.errors import ConfigError, WeightsError
from models.runtime import Session

OPSET = 17
VERSION = 1  # of the definitions and of this export: raise it and every cached file is made anew
TOLERANCE = 1e-4  # of the largest output, between torch and ONNX Runtime

Tap = int | tuple[int, ...] | None  # a stride's map, several strides' maps from one pass, or the class scores


def _strides(stride: Tap) -> tuple[int, ...]:
    return stride if isinstance(stride, tuple) else () if stride is None else (stride,)


def network_path(name: str, stride: Tap, weights: str | None = None) -> Path:
    """Where the exported network is or will be, its name made from all that its content depends on."""
    entry = get_entry(name)
    for missing in (s for s in _strides(stride) if s not in entry.channels):
        raise ConfigError(
            f"{name} has no feature map of stride {missing}; choose {', '.join(map(str, entry.channels))}."
        )
    identity = entry.weights.sha256 if weights is None else _identity(weights)
    key = hashlib.sha256(json.dumps([VERSION, OPSET, name, stride, identity]).encode()).hexdigest()[:16]
    tap = "scores" if stride is None else "".join(f"s{s}" for s in _strides(stride))
    return cache_folder() / "networks" / f"{name}-{tap}-{key}.onnx"


def _identity(weights: str) -> str:
    return (
        sha256(Path(weights)) if Path(weights).is_file() else weights
    )  # "random", or a mistake that the loader will explain


def open_network(name: str, stride: Tap, weights: str | None = None, threads: int = 0, device: str = "auto") -> Session:
    """A frozen CNN ready to run: (B, 3, H, W) standardised RGB in, the map of `stride` (None: class scores) out.

    With several strides, rising, all their maps come from one pass, in that order.

    Exported now if the cache does not hold it, and again if the cached file is damaged.

    Raises:
        ConfigError: an unknown name or stride; torch or the cache folder is not there.
        WeightsError: the weights are not to be had.
    """
    path = network_path(name, stride, weights)
    if path.is_file():
        try:
            return Session(path, threads, device)
        except WeightsError:
            path.unlink(missing_ok=True)
    export_network(path, name, stride, weights)
    return Session(path, threads, device)


def export_network(path: Path, name: str, stride: Tap, weights: str | None = None) -> None:
    """Write the network to `path`, whole or not at all, after ONNX Runtime gave torch's numbers.

    Raises:
        ConfigError: torch or onnx is not installed.
        WeightsError: the weights are not to be had, or the exported network differs from torch's.
    """
    try:
        import onnx  # noqa: F401
        import torch

        from models.backbones.network import load_backbone
    except ImportError as error:
        raise ConfigError(
            f"{name} must be exported once, which needs {error.name}; pip install '.[torch]' in liquidtrack's folder."
        ) from error
    backbone = load_backbone(name, weights)
    module: Any
    if isinstance(stride, tuple):
        module, outputs = backbone.taps(stride), [f"s{s}" for s in stride]
    else:
        module, outputs = backbone if stride is None else backbone.trunk(stride), ["output"]
    probe = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 3, 96, 160), dtype=np.float32))
    axes = {0: "batch", 2: "height", 3: "width"}
    with atomic(path) as part:
        with warnings.catch_warnings():
            # The exporter that torch prefers now takes 20 times as long and one more package for the same graph.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                (probe,),
                str(part),
                dynamo=False,
                opset_version=OPSET,
                input_names=["image"],
                output_names=outputs,
                dynamic_axes={"image": axes, **{o: {0: "batch"} if stride is None else axes for o in outputs}},
            )
        _check(part, module, torch, name)


def _check(path: Path, module: Any, torch: Any, name: str) -> None:
    """Compare on a size that the exporter did not see, so that a size frozen into the graph is found."""
    picture = np.random.default_rng(1).standard_normal((1, 3, 128, 96), dtype=np.float32)
    with torch.inference_mode():
        answer = module(torch.from_numpy(picture))
    wanted = [w.numpy() for w in (answer if isinstance(answer, tuple) else (answer,))]
    found = Session(path, threads=1, device="cpu").run({"image": picture})
    worst = max(float(np.abs(f - w).max() / max(np.abs(w).max(), 1e-30)) for f, w in zip(found, wanted, strict=True))
    if not worst <= TOLERANCE:
        raise WeightsError(f"the export of {name} differs from torch's numbers by {worst:.1e}; please report it.")
