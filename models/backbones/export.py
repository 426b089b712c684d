"""One-time export of a torch definition to ONNX; later runs use the file in the cache and never import torch.

`python -m models.backbones.export` rewrites the package's files of EfficientNet-Lite0.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.backbones.registry import get_entry
from models.backbones.staged_efficientnet import FOLDER, NAME, PIECES, StagedNetwork, piece_path
from models.errors import ConfigError, WeightsError
from models.extras import needs
from models.runtime.arrays import Array
from models.runtime.cache import atomic, cache_folder, sha256
from models.runtime.session import Network, Session

OPSET = 17
VERSION = 1  # of the definitions and of this export: a higher number renews every cached file
LARGE = 256  # number of elements from which an array is stored in half precision
HALF_TOLERANCE = 1e-2  # tolerance with half precision, which keeps 11 bits of each weight
TOLERANCE = 1e-4  # largest difference between torch and ONNX Runtime, as a share of the largest output

ROWS = {0: "batch"}  # the free axis of class scores (B, N)
Tap = int | tuple[int, ...] | None  # a stride's map, several strides' maps from one pass, or the class scores


def _strides(stride: Tap) -> tuple[int, ...]:
    return stride if isinstance(stride, tuple) else () if stride is None else (stride,)


def network_path(name: str, stride: Tap, weights: str | None = None) -> Path:
    """The path of the exported network; its name depends on everything that determines its content."""
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
    )  # "random", or an error that the loader reports


def open_network(name: str, stride: Tap, weights: str | None = None, threads: int = 0, device: str = "auto") -> Network:
    """A frozen CNN ready to run: (B, 3, H, W) standardised RGB in, the map of `stride` (None: class scores) out.

    With several strides in rising order, all their maps come from one pass, in that order.

    The package includes EfficientNet-Lite0 with its published weights. Other networks are exported now if they are not
    in the cache or the cached file is damaged.

    Raises:
        ConfigError: an unknown name or stride; torch or the cache folder is missing.
        WeightsError: the weights cannot be fetched or read.
    """
    path = network_path(name, stride, weights)
    if name == NAME and weights is None:
        return StagedNetwork(stride if isinstance(stride, tuple) else (stride,), threads, device)
    if path.is_file():
        try:
            return Session(path, threads, device)
        except WeightsError:
            path.unlink(missing_ok=True)
    export_network(path, name, stride, weights)
    return Session(path, threads, device)


def export_network(path: Path, name: str, stride: Tap, weights: str | None = None) -> None:
    """Writes the network to `path` atomically, after its outputs in ONNX Runtime were compared with torch's.

    Raises:
        ConfigError: torch or onnx is not installed.
        WeightsError: the weights cannot be fetched or read, or the exported network's outputs differ from torch's.
    """
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401

        from models.backbones.load import load_backbone
    except ImportError as error:
        raise needs(f"{name} must be exported once, which", error) from error
    backbone = load_backbone(name, weights)
    module: Any
    if isinstance(stride, tuple):
        module, outputs = backbone.taps(stride), [f"s{s}" for s in stride]
    else:
        module, outputs = backbone if stride is None else backbone.trunk(stride), ["output"]
    with atomic(path) as part:
        write_network(part, module, (2, 3, 96, 160), outputs, {"output": ROWS} if stride is None else {})
        # another size than in the export, to detect a fixed size in the graph
        picture = np.random.default_rng(1).standard_normal((1, 3, 128, 96), dtype=np.float32)
        check(part, module, name, picture, TOLERANCE)


def write_network(
    path: Path,
    module: Any,
    shape: tuple[int, ...],
    outputs: Sequence[str],
    free: Mapping[str, Mapping[int, str]],
    *,
    half: bool = False,
) -> None:
    """Writes a torch module with the input `image` (B, C, H, W) as an ONNX file with free batch, height and width.

    Args:
        path: the file.
        module: takes one tensor, returns one for each of `outputs`.
        shape: shape of an example image.
        outputs: names of the outputs.
        free: the free axes of outputs that are not maps (B, C, H, W).
        half: store large weights in half precision.
    """
    import torch

    probe = torch.from_numpy(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))
    axes = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        # torch's newer exporter takes 20 times as long, and another package, for the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (probe,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=list(outputs),
            dynamic_axes={"image": axes, **{o: free.get(o, axes) for o in outputs}},
        )
    if half:
        import onnx

        model = onnx.load(str(path))
        store_halves(model)
        onnx.save(model, str(path))


def store_halves(model: Any) -> None:
    """Stores large weights as float16; they are converted to float32 once, when the file is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < LARGE:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for node in reversed(nodes):
        model.graph.node.insert(0, node)


def check(path: Path, module: Any, name: str, picture: Array, tolerance: float) -> list[Array]:
    """torch's outputs for the image `picture`, one array each.

    Raises:
        WeightsError: ONNX Runtime's outputs differ by more than `tolerance` of the largest value.
    """
    import torch

    with torch.inference_mode():
        answer = module(torch.from_numpy(picture))
    wanted = [w.numpy() for w in (answer if isinstance(answer, tuple) else (answer,))]
    found = Session(path, threads=1, device="cpu").run({"image": picture})
    worst = max(float(np.abs(f - w).max() / max(np.abs(w).max(), 1e-30)) for f, w in zip(found, wanted, strict=True))
    if not worst <= tolerance:
        raise WeightsError(f"the export of {name} differs from torch's numbers by {worst:.1e}; please report it.")
    return wanted


def write_pieces(folder: Path = FOLDER) -> None:
    """Writes the parts from the published weights, each atomically. Needs torch and onnx.

    Raises:
        WeightsError: the weights cannot be fetched or read, or the parts' outputs differ from torch's.
    """
    from models.backbones.load import load_backbone

    backbone: Any = load_backbone(NAME)
    x = np.random.default_rng(1).standard_normal((1, 3, 128, 96), dtype=np.float32)
    for names, module in zip(PIECES, backbone.pieces(), strict=True):
        outputs = ["scores" if name is None else f"s{name}" for name in names]
        with atomic(piece_path(names[-1], folder)) as part:
            write_network(part, module, x.shape, outputs, {"scores": ROWS}, half=True)
            x = check(part, module, f"{NAME}'s {outputs[-1]}", x, HALF_TOLERANCE)[-1]


if __name__ == "__main__":
    write_pieces()
