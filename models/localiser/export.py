"""Export of the trained localiser to two ONNX files: the neck, once an image, and the matcher, once a template."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.backbones.export import OPSET, store_halves
from models.errors import WeightsError
from models.localiser.inference import MATCH, NECK
from models.localiser.model import Localiser
from models.localiser.shapes import CHANNELS, PLACE, TEMPLATE
from models.runtime.cache import atomic
from models.runtime.session import Session

CELLS = 16
TOLERANCE = 2e-2  # share of the largest output: weights are stored in half precision


def export_localiser(folder: Path, model: Localiser, card: Mapping[str, str] | None = None) -> None:
    """Writes both files into `folder`, each after its outputs were compared with torch's.

    Raises:
        WeightsError: an exported network differs from torch's.
    """
    width = model.config.width
    fine, coarse = (CHANNELS[0], 2 * CELLS, 2 * CELLS), (CHANNELS[1], CELLS, CELLS)
    _write(folder / NECK, model.neck, {"fine": fine, "coarse": coarse}, ("map",), card)
    shapes = {
        "template": (width, TEMPLATE, TEMPLATE),
        "place": (PLACE, TEMPLATE, TEMPLATE),
        "search": (width, CELLS, CELLS),
    }
    _write(folder / MATCH, model.match, shapes, ("score", "sides"), card)


def _write(
    path: Path,
    module: nn.Module,
    shapes: Mapping[str, tuple[int, ...]],
    outputs: tuple[str, ...],
    card: Mapping[str, str] | None,
) -> None:
    import onnx

    rng = np.random.default_rng(0)
    feeds = {name: rng.standard_normal((2, *shape), dtype=np.float32) for name, shape in shapes.items()}
    inputs = tuple(torch.from_numpy(value) for value in feeds.values())
    with atomic(path) as part:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in `models.backbones.export`
            torch.onnx.export(
                module,
                inputs,
                str(part),
                dynamo=False,
                opset_version=OPSET,
                input_names=list(feeds),
                output_names=list(outputs),
                dynamic_axes={name: {0: "batch"} for name in (*feeds, *outputs)},
            )
        network = onnx.load(str(part))
        store_halves(network)
        onnx.helper.set_model_props(network, dict(card or {}))
        onnx.save(network, str(part))
        with torch.inference_mode():
            answer = module(*inputs)
        wanted = answer if isinstance(answer, tuple) else (answer,)
        found = Session(part, threads=1, device="cpu").run(feeds)
        for f, w in zip(found, wanted, strict=True):
            worst = float(np.abs(f - w.numpy()).max() / max(float(w.abs().max()), 1e-30))
            if not worst <= TOLERANCE:
                raise WeightsError(f"the export of {path.name} differs from torch's numbers by {worst:.1e}; report it.")
