"""Rewrites a network of TensorFlow.js as ONNX.

What the old format needs and ONNX does not is folded: changes of the axes' order, separate padding, biases, and shapes
that allow one size of image only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.detection.tfjs import TfjsGraph, TfjsNode, Value, known
from models.errors import WeightsError

OPSET = 17
_TO_LAST, _TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)  # (B, C, H, W) to (B, H, W, C) and back


@dataclass(frozen=True, slots=True)
class _Map:
    """A value of the new graph. `last`: channels come last in the old graph; here they always come second."""

    name: str
    size: tuple[int, int]  # (height, width) in an image of the old graph's size
    last: bool = False
    padding: int = 0  # still to be done by the operation that takes it
    filters: Value | None = None  # of a convolution that still waits for its bias
    stride: int = 1


@dataclass
class _Writer:
    """The new graph while it is written."""

    graph: TfjsGraph
    maps: dict[str, Any] = field(default_factory=dict)
    nodes: list[Any] = field(default_factory=list)
    stored: list[Any] = field(default_factory=list)

    def constant(self, name: str, values: Value) -> str:
        from onnx import numpy_helper

        self.stored.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def write(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name


def to_onnx(graph: TfjsGraph, names: Mapping[str, str]) -> Any:
    """The same network as an ONNX model: input `image` (B, 3, H, W), free batch, height and width (multiples of 32).

    Args:
        graph: the network.
        names: the new name of each output.

    Raises:
        WeightsError: the graph has an operation that this reader does not know.
    """
    from onnx import TensorProto, checker, helper

    writer = _Writer(graph)
    for node in graph.nodes:
        if node.name == graph.picture:
            writer.maps[node.name] = _Map("image", graph.size)
        elif any(name.partition(":")[0] in writer.maps for name in node.inputs):
            writer.maps[node.name] = known(_REWRITE, node)(writer, node)
    for old, new in names.items():
        writer.write("Identity", [writer.maps[old].name], new)
    floats = TensorProto.FLOAT
    # the order of the old signature means nothing; that of `names` is the caller's
    outputs = [helper.make_tensor_value_info(new, floats, ["batch", f"cells_{new}", None]) for new in names.values()]
    image = helper.make_tensor_value_info("image", floats, ["batch", 3, "height", "width"])
    whole = helper.make_graph(writer.nodes, "network", [image], outputs, writer.stored)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    checker.check_model(model, full_check=True)
    return model


def _short(node: TfjsNode) -> str:
    """Its name without the name of the function around the whole graph."""
    return node.name.removeprefix("PartitionedCall/").replace("/", "_")


def _pad(w: _Writer, node: TfjsNode) -> _Map:
    widths = w.graph.constants[node.inputs[1]]
    sides = set(widths[2:].ravel().tolist())
    if widths[:2].any() or len(sides) != 1:
        raise WeightsError(f"{node.name} pads in a way that this reader does not know.")
    x: _Map = w.maps[node.inputs[0]]
    return _Map(x.name, x.size, x.last, int(sides.pop()))


def _transposed(w: _Writer, node: TfjsNode) -> _Map:
    x: _Map = w.maps[node.inputs[0]]
    order = tuple(w.graph.constants[node.inputs[1]].tolist())
    if order == (_TO_FIRST if x.last else _TO_LAST):
        return _Map(x.name, x.size, not x.last, x.padding)
    if order != (0, 2, 1):
        raise WeightsError(f"{node.name} turns axes in a way that this reader does not know.")
    return _Map(w.write("Transpose", [x.name], _short(node), perm=order), x.size)


def _smaller(x: _Map, kernel: int, stride: int) -> tuple[int, int]:
    height, width = ((side + 2 * x.padding - kernel) // stride + 1 for side in x.size)
    return height, width


def _convolution(w: _Writer, node: TfjsNode) -> _Map:
    x: _Map = w.maps[node.inputs[0]]
    filters = w.graph.constants[node.inputs[1]].transpose(3, 2, 0, 1)
    size = _smaller(x, filters.shape[2], node.stride)
    return _Map(x.name, size, x.last, x.padding, filters, node.stride)


def _added(w: _Writer, node: TfjsNode) -> _Map:
    maps = [name for name in node.inputs if name in w.maps]
    x: _Map = w.maps[maps[0]]
    name = _short(node)
    if x.filters is None:
        if len(maps) != 2:
            raise WeightsError(f"{node.name} adds a constant to a map, which this reader does not know.")
        return _Map(w.write("Add", [x.name, w.maps[maps[1]].name], name), x.size, x.last)
    bias = next(w.graph.constants[other] for other in node.inputs if other not in w.maps)
    inputs = [x.name, w.constant(f"{name}.weight", x.filters), w.constant(f"{name}.bias", bias)]
    shape = {"kernel_shape": x.filters.shape[2:], "strides": [x.stride] * 2, "pads": [x.padding] * 4}
    return _Map(w.write("Conv", inputs, name, **shape), x.size, x.last)


def _pooled(w: _Writer, node: TfjsNode) -> _Map:
    x: _Map = w.maps[node.inputs[0]]
    kernel = node.integers("ksize")[1]
    shape = {"kernel_shape": [kernel] * 2, "strides": [node.stride] * 2, "pads": [x.padding] * 4}
    return _Map(w.write("MaxPool", [x.name], _short(node), **shape), _smaller(x, kernel, node.stride), x.last)


def _leaky(w: _Writer, node: TfjsNode) -> _Map:
    x: _Map = w.maps[node.inputs[0]]
    return _Map(w.write("LeakyRelu", [x.name], _short(node), alpha=node.attributes["alpha"]["f"]), x.size, x.last)


def _joined(w: _Writer, node: TfjsNode) -> _Map:
    parts = [w.maps[name] for name in node.inputs[:-1]]
    if int(w.graph.constants[node.inputs[-1]]) != (3 if parts[0].last else 1):
        raise WeightsError(f"{node.name} joins maps along an axis that is not that of the channels.")
    return _Map(w.write("Concat", [x.name for x in parts], _short(node), axis=1), parts[0].size, parts[0].last)


def _resized(w: _Writer, node: TfjsNode) -> _Map:
    """Twice or half the size. In halving, half-pixel bilinear is the mean of two by two."""
    x: _Map = w.maps[node.inputs[0]]
    height, width = w.graph.constants[node.inputs[1]].tolist()
    factors = {height / x.size[0], width / x.size[1]}
    name = _short(node)
    if factors == {0.5}:
        w.write("AveragePool", [x.name], name, kernel_shape=[2, 2], strides=[2, 2])
    elif factors == {2.0}:
        scales = w.constant(f"{name}.scales", np.array([1, 1, 2, 2], np.float32))
        w.write("Resize", [x.name, "", scales], name, mode="linear", coordinate_transformation_mode="half_pixel")
    else:
        raise WeightsError(f"{node.name} resizes by {factors}; this reader knows a half and twice.")
    return _Map(name, (height, width), x.last)


def _parts(w: _Writer, node: TfjsNode) -> _Map:
    """Kept as one map: whoever takes a part cuts it out."""
    return w.maps[node.inputs[0]]  # type: ignore[no-any-return]


def _taken(w: _Writer, node: TfjsNode) -> tuple[_Map, str]:
    """The first input, cut out if it is a part of a split."""
    base, _, part = node.inputs[0].partition(":")
    source = next(n for n in w.graph.nodes if n.name == base)
    x: _Map = w.maps[base]
    if source.kind != "SplitV":
        return x, x.name
    ends = np.cumsum(w.graph.constants[source.inputs[1]])
    k = int(part or 0)
    name = f"{_short(source)}.{k}"
    start = [w.constant(f"{name}.{e}", np.array([v], np.int64)) for e, v in
             (("start", int(ends[k - 1]) if k else 0), ("end", int(ends[k])), ("axis", 1))]  # fmt: skip
    return x, w.write("Slice", [x.name, *start], name)


def _sigmoid(w: _Writer, node: TfjsNode) -> _Map:
    x, name = _taken(w, node)
    return _Map(w.write("Sigmoid", [name], _short(node)), x.size)


def _table(w: _Writer, node: TfjsNode) -> _Map:
    """(B, C, H, W) -> (B, C, cells); the number of channels is the largest of the old shape's numbers."""
    x, name = _taken(w, node)
    channels = _channels(w.graph, node)
    shape = w.constant(f"{_short(node)}.shape", np.array([0, channels, -1], np.int64))
    return _Map(w.write("Reshape", [name, shape], _short(node)), x.size)


def _channels(graph: TfjsGraph, node: TfjsNode) -> int:
    """The channels of a reshape to [1, C, -1], whose shape the old graph adds up from two constants."""
    source = next((n for n in graph.nodes if n.name == node.inputs[1]), None)
    shapes = [
        graph.constants[name] for name in (source.inputs if source else node.inputs[1:]) if name in graph.constants
    ]
    if len(shapes) != 1 or shapes[0].shape != (3,) or shapes[0][0] != 1 or shapes[0][2] != -1:
        raise WeightsError(f"{node.name} reshapes in a way that this reader does not know.")
    return int(shapes[0][1])


def _same(w: _Writer, node: TfjsNode) -> _Map:
    return w.maps[node.inputs[0]]  # type: ignore[no-any-return]


_REWRITE: dict[str, Callable[[_Writer, TfjsNode], _Map]] = {
    "Add": _added,
    "ConcatV2": _joined,
    "Conv2D": _convolution,
    "Identity": _same,
    "LeakyRelu": _leaky,
    "MaxPool": _pooled,
    "Pad": _pad,
    "PadV2": _pad,
    "Reshape": _table,
    "ResizeBilinear": _resized,
    "Sigmoid": _sigmoid,
    "SplitV": _parts,
    "Transpose": _transposed,
}
