"""A graph of TensorFlow.js is evaluated as TensorFlow defines it, and its ONNX form gives the same numbers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.detection.tfjs import evaluate, read_tfjs
from models.errors import WeightsError
from models.runtime.session import Session

SIDE = 64  # pixels, of the graph's image


class Sketch:
    """A graph as the converter writes it: nodes in any order, constants in half precision."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.stored = b""
        self.rng = np.random.default_rng(0)

    def constant(self, name: str, values: Any, whole: bool = True) -> str:
        array = np.asarray(values, np.int32 if whole else np.float16)
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": "int32"}
        if not whole:
            entry |= {"dtype": "float32", "quantization": {"dtype": "float16", "original_dtype": "float32"}}
        self.entries.append(entry)
        self.nodes.append({"name": name, "op": "Const", "attr": {}})
        self.stored += array.tobytes()
        return name

    def node(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.insert(0, {"name": name, "op": op, "input": list(inputs), "attr": attributes})
        return name

    def turn(self, x: str, *order: int) -> str:
        perm = self.constant(f"{x}/perm{len(self.nodes)}", order)
        return self.node("Transpose", f"{x}/turned{len(self.nodes)}", x, perm)

    def convolution(self, name: str, x: str, side: int, inputs: int, count: int, stride: int, leaky: bool) -> str:
        """(B, C, H, W) -> the same layout, as a converter from ONNX writes it."""
        if side > 1:
            half = side // 2
            widths = self.constant(f"{name}/widths", [[0, 0], [0, 0], [half, half], [half, half]])
            x = self.node("Pad", f"{name}/pad", x, widths)
        scale = 1.5 / np.sqrt(side * side * inputs)
        filters = self.constant(
            f"{name}/filters", self.rng.standard_normal((side, side, inputs, count)) * scale, whole=False
        )
        bias = self.constant(f"{name}/bias", self.rng.standard_normal(count), whole=False)
        x = self.node("Conv2D", f"{name}/conv", self.turn(x, 0, 2, 3, 1), filters, **strided(stride))
        x = self.turn(self.node("Add", f"{name}/add", x, bias), 0, 3, 1, 2)
        return self.node("LeakyRelu", f"{name}/leaky", x, alpha={"f": 0.1}) if leaky else x

    def resized(self, name: str, x: str, size: int) -> str:
        flags = {"half_pixel_centers": {"b": True}, "align_corners": {"b": False}}
        sizes = self.constant(f"{name}/size", [size, size])
        return self.turn(self.node("ResizeBilinear", name, self.turn(x, 0, 2, 3, 1), sizes, **flags), 0, 3, 1, 2)

    def save(self, folder: Path, outputs: list[str]) -> Path:
        image = {"shape": {"dim": [{"size": str(n)} for n in (1, 3, SIDE, SIDE)]}}
        self.nodes.append({"name": "image", "op": "Placeholder", "attr": {"shape": image}})
        manifest = [{"paths": ["net.bin"], "weights": self.entries}]
        signature = {"outputs": {f"{name}:0": {} for name in outputs}}
        model = {"modelTopology": {"node": self.nodes}, "weightsManifest": manifest, "signature": signature}
        (folder / "net.json").write_text(json.dumps(model))
        (folder / "net.bin").write_bytes(self.stored)
        return folder / "net.json"


def strided(stride: int, side: int = 0) -> dict[str, Any]:
    found = {"strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}}}
    found["padding"] = {"s": base64.b64encode(b"VALID").decode()}  # type: ignore[dict-item]
    return found | ({"ksize": {"list": {"i": ["1", str(side), str(side), "1"]}}} if side else {})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A detector in small: every operation that NanoDet has, with a split head of 3 + 4 channels."""
    s = Sketch()
    x = s.convolution("stem", "image", 3, 3, 4, 2, leaky=True)
    widths = s.constant("pool/widths", [[0, 0], [0, 0], [1, 1], [1, 1]])
    least = s.constant("pool/least", -np.inf, whole=False)
    padded = s.node("PadV2", "pool/pad", x, widths, least)
    x = s.turn(s.node("MaxPool", "pool", s.turn(padded, 0, 2, 3, 1), **strided(2, side=3)), 0, 3, 1, 2)
    y = s.convolution("deep", x, 3, 4, 4, 2, leaky=True)
    up = s.resized("up", y, SIDE // 4)
    down = s.resized("down", x, SIDE // 8)
    fine = s.node("ConcatV2", "fine", x, s.node("Add", "sum", x, up), s.constant("fine/axis", 1))
    coarse = s.node("ConcatV2", "coarse", y, down, s.constant("coarse/axis", 1))
    for name, maps in (("fine", fine), ("coarse", coarse)):
        head = s.convolution(f"{name}_head", maps, 1, 8, 7, 1, leaky=False)
        sizes, axis = s.constant(f"{name}/sizes", [3, 4]), s.constant(f"{name}/split_axis", 1)
        s.node("SplitV", f"{name}/split", head, sizes, axis)
        where = s.constant(f"{name}/where", np.zeros((0, 1)))
        shape, values, zero = (s.constant(f"{name}/{k}", v) for k, v in (("n", [3]), ("values", []), ("zero", 0)))
        dense = s.node("SparseToDense", f"{name}/dense", where, shape, values, zero)
        scores = s.node("Sigmoid", f"{name}/sigmoid", f"{name}/split")
        for part, table, count in (("scores", scores, 3), ("boxes", f"{name}/split:1", 4)):
            wanted = s.node("AddV2", f"{name}/{part}/shape", s.constant(f"{name}/{part}/rows", [1, count, -1]), dense)
            flat = s.node("Reshape", f"{name}/{part}/flat", table, wanted)
            s.node("Identity", f"{name}_{part}", s.turn(flat, 0, 2, 1))
    return s.save(tmp_path, ["fine_boxes", "fine_scores", "coarse_scores", "coarse_boxes"])


def picture(height: int = SIDE, width: int = SIDE) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(3).standard_normal((1, 3, height, width), dtype=np.float32)


def test_evaluation_agrees_with_torch_operation_by_operation(source: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch judges the operations; it comes with the extra `torch`")
    graph = read_tfjs(source)
    assert graph.size == (SIDE, SIDE)
    assert set(graph.outputs) == {"fine_boxes", "fine_scores", "coarse_scores", "coarse_boxes"}
    answer = evaluate(graph, picture())
    c = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in graph.constants.items()}
    f = torch.nn.functional

    def convolved(name: str, x: Any, stride: int, half: int) -> Any:
        return f.conv2d(x, c[f"{name}/filters"].permute(3, 2, 0, 1), c[f"{name}/bias"], stride, half)

    x = f.max_pool2d(f.leaky_relu(convolved("stem", torch.from_numpy(picture()), 2, 1), 0.1), 3, 2, 1)
    y = f.leaky_relu(convolved("deep", x, 2, 1), 0.1)
    fine = torch.cat([x, x + f.interpolate(y, scale_factor=2, mode="bilinear")], 1)
    coarse = torch.cat([y, f.interpolate(x, scale_factor=0.5, mode="bilinear")], 1)
    for name, maps in (("fine", fine), ("coarse", coarse)):
        head = convolved(f"{name}_head", maps, 1, 0).flatten(2).permute(0, 2, 1)
        np.testing.assert_allclose(answer[f"{name}_scores"], head[..., :3].sigmoid(), atol=1e-5)
        np.testing.assert_allclose(answer[f"{name}_boxes"], head[..., 3:], atol=1e-4)


def test_onnx_form_gives_the_same_numbers_and_takes_any_size(source: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="writing networks needs the extra `torch`")
    from models.detection.tfjs_export import to_onnx

    graph = read_tfjs(source)
    wanted = evaluate(graph, picture())
    names = {name: f"new_{name}" for name in sorted(graph.outputs)}
    model = to_onnx(graph, names)
    assert {node.op_type for node in model.graph.node} == {
        "AveragePool", "Add", "Concat", "Conv", "Identity", "LeakyRelu", "MaxPool", "Reshape", "Resize", "Sigmoid",
        "Slice", "Transpose",
    }  # fmt: skip
    assert sum(node.op_type == "Transpose" for node in model.graph.node) == 4  # those of the answers alone
    onnx.save(model, str(tmp_path / "net.onnx"))
    session = Session(tmp_path / "net.onnx", threads=1, device="cpu")
    for (old, new), port, found in zip(names.items(), session.outputs, session.run({"image": picture()}), strict=True):
        assert port.name == new
        np.testing.assert_allclose(found, wanted[old], atol=1e-5)
    both = session.run({"image": np.concatenate([picture(32, 96), picture(32, 96)[:, :, ::-1]])})
    assert [part.shape[:2] for part in both] == [(2, 48), (2, 48), (2, 192), (2, 192)]  # 4 x 12 and 8 x 24 cells


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "net.bin").write_bytes(b"short"), "its weights are cut off; fetch them again"),
        (lambda folder: (folder / "net.bin").unlink(), "its weights cannot be read"),
        (lambda folder: (folder / "net.json").write_text("{}"), "no graph model of TensorFlow.js"),
        (lambda folder: (folder / "net.json").write_text("hello"), "no graph model of TensorFlow.js"),
    ],
)
def test_damaged_files_are_refused_in_one_sentence(source: Path, damage: Any, said: str) -> None:
    damage(source.parent)
    with pytest.raises(WeightsError, match=said) as raised:
        read_tfjs(source)
    assert "\n" not in str(raised.value)


def test_unknown_operation_is_named(source: Path) -> None:
    pytest.importorskip("onnx", reason="writing networks needs the extra `torch`")
    from models.detection.tfjs_export import to_onnx

    source.write_text(source.read_text().replace('"Sigmoid"', '"Softplus"'))
    graph = read_tfjs(source)
    for act in (lambda: evaluate(graph, picture()), lambda: to_onnx(graph, {})):
        with pytest.raises(WeightsError, match="sigmoid is a Softplus, which this reader does not know"):
            act()
