"""Tiny ONNX networks for the tests: any inputs, any constant answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.runtime.session import Port

Shape = tuple[int | None, ...]
STRIDES = (8, 16, 32)


def write_net(
    path: Path,
    inputs: Mapping[str, tuple[Shape, Any]],
    outputs: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """A network that takes `inputs` (shape, dtype) and answers with `outputs` whatever it is shown."""
    onnx = pytest.importorskip("onnx", reason="writing networks needs the extra `torch`")
    make, kind = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype
    graph = make.make_graph(
        [
            make.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(value))
            for name, value in outputs.items()
        ],
        "tiny",
        [make.make_tensor_value_info(n, kind(np.dtype(dtype)), shape) for n, (shape, dtype) in inputs.items()],
        [make.make_tensor_value_info(n, kind(v.dtype), v.shape) for n, v in outputs.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    make.set_model_props(model, dict(metadata or {}))
    onnx.save(model, str(path))
    return path


def image(name: str = "images", height: int | None = 64, width: int | None = 96) -> Port:
    """An image's input."""
    return Port(name, (1, 3, height, width), np.float32)


def ports(outputs: Mapping[str, NDArray[Any]]) -> list[Port]:
    """The outputs that a network with these answers declares."""
    return [Port(name, value.shape, value.dtype.type) for name, value in outputs.items()]


def cell(size: tuple[int, int], stride: int, column: int, row: int) -> int:
    """The number of an anchor point, counted by hand: all of stride 8 row by row, then 16, then 32."""
    before = sum((size[1] // s) * (size[0] // s) for s in STRIDES if s < stride)
    return before + row * (size[0] // stride) + column


def cells(size: tuple[int, int]) -> int:
    """How many anchor points there are."""
    return sum((size[1] // s) * (size[0] // s) for s in STRIDES)


def yolox_answer(size: tuple[int, int], planted: Sequence[tuple[int, int, int, tuple[float, ...], int, float]]) -> Any:
    """YOLOX's raw output with boxes planted: (stride, column, row, (cx, cy, w, h) in input pixels, class, score)."""
    raw = np.zeros((1, cells(size), 5 + 80), np.float32)
    for stride, column, row, (cx, cy, w, h), label, score in planted:
        at = raw[0, cell(size, stride, column, row)]
        at[:4] = cx / stride - column, cy / stride - row, np.log(w / stride), np.log(h / stride)
        at[4], at[5 + label] = 1.0, score
    return raw
