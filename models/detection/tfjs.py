"""Networks in TensorFlow.js's graph format: read, and evaluated as they stand with NumPy.

The format: tensorflow/tfjs, tfjs-converter ("graph-model": one JSON file of nodes, one binary file of weights).
Operations are those of convolutional detectors; anything else is an error.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.errors import WeightsError

Value = NDArray[Any]

_STORED: dict[str, Any] = {"float16": np.float16, "float32": np.float32, "int32": np.int32}


@dataclass(frozen=True, slots=True)
class TfjsNode:
    """One operation: its name, kind, inputs (`name` or `name:output`) and attributes as the file has them."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def integers(self, key: str) -> tuple[int, ...]:
        """A list of integers, such as strides."""
        return tuple(int(value) for value in self.attributes[key]["list"]["i"])

    @property
    def stride(self) -> int:
        """The stride of a convolution or pooling, the same down and across."""
        strides = self.integers("strides")
        if strides[0] != 1 or strides[3] != 1 or strides[1] != strides[2] or self.text("padding") != "VALID":
            raise WeightsError(f"{self.name} has strides or a padding that this reader does not know.")
        return strides[1]

    def text(self, key: str) -> str:
        """A text, stored in base 64."""
        return base64.b64decode(self.attributes[key]["s"]).decode()


@dataclass(frozen=True, slots=True)
class TfjsGraph:
    """A network: its operations in the order of the file, its constants, and its input and outputs by name."""

    nodes: tuple[TfjsNode, ...]
    constants: Mapping[str, Value]
    picture: str
    outputs: tuple[str, ...]
    size: tuple[int, int]  # (height, width) of the image that it was exported for


def read_tfjs(path: Path) -> TfjsGraph:
    """The graph in a model's JSON file and the weights beside it.

    Raises:
        WeightsError: it is no such file, or the weights beside it are missing or shorter than it says.
    """
    try:
        model = json.loads(path.read_text())
        groups = model["weightsManifest"]
        operations = model["modelTopology"]["node"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: no graph model of TensorFlow.js ({error or type(error).__name__}).") from error
    constants: dict[str, Value] = {}
    for group in groups:
        try:
            stored = b"".join((path.parent / name).read_bytes() for name in group["paths"])
        except OSError as error:
            raise WeightsError(f"{path}: its weights cannot be read ({error}); put them beside it.") from error
        start = 0
        for entry in group["weights"]:
            kind = np.dtype(_STORED[entry.get("quantization", entry)["dtype"]])
            count = int(np.prod(entry["shape"]))
            if start + count * kind.itemsize > len(stored):
                raise WeightsError(f"{path}: its weights are cut off; fetch them again.")
            values = np.frombuffer(stored, kind, count, start).reshape(entry["shape"])
            constants[entry["name"]] = values.astype(entry["dtype"])
            start += count * kind.itemsize
    nodes = tuple(TfjsNode(n["name"], n["op"], tuple(n.get("input", ())), n.get("attr", {})) for n in operations)
    pictures = [node for node in nodes if node.kind == "Placeholder"]
    if len(pictures) != 1:
        raise WeightsError(f"{path}: it has {len(pictures)} inputs; a detector has one.")
    sides = [int(side["size"]) for side in pictures[0].attributes["shape"]["shape"]["dim"]]
    outputs = tuple(name.partition(":")[0] for name in model["signature"]["outputs"])
    return TfjsGraph(ordered(nodes, constants), constants, pictures[0].name, outputs, (sides[2], sides[3]))


def ordered(nodes: Sequence[TfjsNode], constants: Mapping[str, Value]) -> tuple[TfjsNode, ...]:
    """The operations without constants, each behind those whose outputs it takes."""
    left = {node.name: node for node in nodes if node.kind != "Const" and node.name not in constants}
    done: list[TfjsNode] = []
    while left:
        ready = [n for n in left.values() if not any(name.partition(":")[0] in left for name in n.inputs)]
        if not ready:
            raise WeightsError(f"the graph goes in circles at {next(iter(left))}.")
        done += ready
        for node in ready:
            del left[node.name]
    return tuple(done)


def _windows(x: Value, size: tuple[int, int], stride: int) -> Value:
    """(B, H, W, C) -> (B, H', W', C, h, w)."""
    return sliding_window_view(x, size, axis=(1, 2))[:, ::stride, ::stride]


def _convolve(node: TfjsNode, x: Value, filters: Value) -> Value:
    height, width, inputs, count = filters.shape
    windows = _windows(x, (height, width), node.stride)
    flat = filters.transpose(2, 0, 1, 3).reshape(-1, count)
    shape = (*windows.shape[:3], count)
    return np.asarray(windows.reshape(-1, inputs * height * width) @ flat).reshape(shape)


def _resize(node: TfjsNode, x: Value, size: Value) -> Value:
    """Bilinear, with pixels as areas (half-pixel centres)."""
    if not node.attributes["half_pixel_centers"]["b"] or node.attributes["align_corners"]["b"]:
        raise WeightsError(f"{node.name} resizes in a way that this reader does not know.")
    for axis, wanted in zip((1, 2), size.tolist(), strict=True):
        have = x.shape[axis]
        at = ((np.arange(wanted) + 0.5) * have / wanted - 0.5).clip(0, have - 1)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, have - 1)
        part = (at - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(4)])
        x = x.take(low, axis) * (1 - part) + x.take(high, axis) * part
    return x


def _sparse(_: TfjsNode, where: Value, shape: Value, values: Value, default: Value) -> Value:
    dense = np.full(shape, default)
    dense[tuple(where.T)] = values
    return dense


def _split(node: TfjsNode, x: Value, sizes: Value, axis: Value) -> Sequence[Value]:
    return np.split(x, np.cumsum(sizes)[:-1], int(axis))


_REFERENCE: dict[str, Callable[..., Any]] = {
    "Add": lambda _, a, b: a + b,
    "AddV2": lambda _, a, b: a + b,
    "ConcatV2": lambda _, *parts: np.concatenate(parts[:-1], int(parts[-1])),
    "Conv2D": _convolve,
    "Identity": lambda _, x: x,
    "LeakyRelu": lambda node, x: np.where(x >= 0, x, x * np.float32(node.attributes["alpha"]["f"])),
    "MaxPool": lambda node, x: _windows(x, node.integers("ksize")[1:3], node.stride).max(axis=(4, 5)),
    "Pad": lambda _, x, widths: np.pad(x, widths),
    "PadV2": lambda _, x, widths, value: np.pad(x, widths, constant_values=value),
    "Reshape": lambda _, x, shape: x.reshape(shape),
    "ResizeBilinear": _resize,
    "Sigmoid": lambda _, x: 1 / (1 + np.exp(-x)),
    "SparseToDense": _sparse,
    "SplitV": _split,
    "Transpose": lambda _, x, order: x.transpose(order),
}


def evaluate(graph: TfjsGraph, picture: NDArray[np.float32]) -> dict[str, Value]:
    """Every output by name for an image of the size that the graph was exported for, (1, C, H, W).

    Raises:
        WeightsError: the graph has an operation that this reader does not know.
    """
    values: dict[str, Any] = dict(graph.constants) | {graph.picture: picture}

    def at(name: str) -> Any:
        base, _, part = name.partition(":")
        return values[base][int(part or 0)] if isinstance(values[base], list) else values[base]

    for node in graph.nodes:
        if node.name != graph.picture:
            values[node.name] = known(_REFERENCE, node)(node, *map(at, node.inputs))
    return {name: values[name] for name in graph.outputs}


def known(table: Mapping[str, Callable[..., Any]], node: TfjsNode) -> Callable[..., Any]:
    """The table's entry for a node's kind.

    Raises:
        WeightsError: there is none.
    """
    if node.kind not in table:
        raise WeightsError(f"{node.name} is a {node.kind}, which this reader does not know.")
    return table[node.kind]
