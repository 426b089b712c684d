"""Attacks by networks: damaged, huge, endless or inconsistent ONNX files, and torch weights."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.attack.harness import assert_answered, attack, kept, start
from tests.support.moving_box_clip import write_clip
from tests.support.onnx_nets import cells, write_net, yolox_answer

onnx = pytest.importorskip("onnx", reason="networks are written with the extra `torch`")
make, KIND = onnx.helper, onnx.TensorProto

TRACK = ["track", "clip.mp4", "--jsonl", "o.jsonl", "--quiet", "--detector"]
PICTURE: Any = {"images": ((1, 3, 64, 96), np.float32)}
NOTHING = yolox_answer((96, 64), [])
SURE = yolox_answer((96, 64), [(16, 2, 1, (40.0, 30.0, 30.0, 30.0), 2, 0.9)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip, images, and a good network."""
    root = tmp_path_factory.mktemp("networks")
    write_clip(root / "clip.mp4", [k / 25 for k in range(3)])
    for name in ("anna", "bob"):
        (root / "people" / name).mkdir(parents=True)
        for camera in "ab":
            cv2.imwrite(str(root / "people" / name / f"{camera}_1.png"), np.full((32, 16, 3), 90, np.uint8))
    write_net(root / "good.onnx", PICTURE, {"output": SURE})
    return root


def answered(place: Path, words: list[Any], **more: Any) -> str:
    """The sentence that refuses it; the clip is as it was."""
    with kept(place / "clip.mp4"):
        answer = attack(words, cwd=place)
    clear(place)
    return assert_answered(answer, **more)


def clear(place: Path) -> None:
    """Takes away what a run left."""
    for path in place.glob("o.*"):
        path.unlink()


NOT_ONNX: dict[str, bytes] = {
    "empty": b"",
    "text": b"hello",
    "zeros": bytes(5000),
    "a long field": b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "nested groups": b"\x0b" * 200_000,
}


@pytest.mark.parametrize("name", NOT_ONNX)
@pytest.mark.parametrize(
    "words",
    [TRACK, ["eval", "reid", "people", "--identities", "all", "--quiet", "--embedder"], ["bench", "detection"]],
    ids=["track", "reid", "bench"],
)
def test_file_that_is_no_onnx_is_one_sentence(place: Path, words: list[Any], name: str) -> None:
    (place / "bad.onnx").write_bytes(NOT_ONNX[name])
    answered(place, [*words, "bad.onnx"], says="bad.onnx: ")


@pytest.mark.parametrize("at", range(16))
def test_network_with_a_changed_byte_runs_or_is_one_sentence(place: Path, at: int) -> None:
    whole = bytearray((place / "good.onnx").read_bytes())
    # the graph's own words stand before and behind the numbers
    spot = at * 7 if at < 8 else len(whole) - 1 - (at - 8) * 11
    whole[spot] ^= 0x2A
    (place / "bad.onnx").write_bytes(bytes(whole))
    answer = attack([*TRACK, "bad.onnx"], cwd=place)
    clear(place)
    assert_answered(answer, code=(0, 2))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_network_is_one_sentence(place: Path, share: float) -> None:
    whole = (place / "good.onnx").read_bytes()
    (place / "bad.onnx").write_bytes(whole[: int(share * len(whole))])
    answered(place, [*TRACK, "bad.onnx"], says="bad.onnx: ")


def net(path: Path, inputs: Any = PICTURE, outputs: Any = None, **metadata: str) -> Path:
    """A network that returns `outputs` for every input."""
    return write_net(path, inputs, {"output": NOTHING} if outputs is None else outputs, metadata)


def image(*shape: int | None, kind: Any = np.float32) -> Any:
    return {"images": (shape, kind)}


WRONG: dict[str, tuple[Any, Any, dict[str, str]]] = {
    "100,000 pixels": (image(1, 3, 100_000, 100_000), None, {}),
    "wide": (image(1, 3, 32, 2**31 - 1), None, {}),
    "free, metadata huge": (image(1, 3, None, None), None, {"imgsz": "[100000, 100000]"}),
    "metadata of 5,000 digits": (image(1, 3, None, None), None, {"imgsz": "9" * 5000}),
    "key points of 5,000 digits": (image(1, 3, 64, 96), {"output": np.zeros((1, 84, 126), np.float32)},
                                   {"kpt_shape": f"[{'9' * 5000}, 3]"}),
    "many channels": (image(1, 100_000, 64, 96), None, {}),
    "a batch of a million": (image(1_000_000, 3, 64, 96), None, {}),
    "flat": (image(1, 3), None, {}),
    "six axes": (image(1, 1, 1, 3, 64, 96), None, {}),
    "bytes": (image(1, 3, 64, 96, kind=np.uint8), None, {}),
    "whole numbers": (image(1, 3, 64, 96, kind=np.int64), None, {}),
    "words": ({"images": ((1, 3, 64, 96), np.dtype(object))}, None, {}),
    "no input": ({}, None, {}),
    "two pictures": ({**PICTURE, "more": ((1, 3, 64, 96), np.float32)}, None, {}),
    "more is wanted": ({**PICTURE, "mask": ((1, 7), np.float32)}, None, {}),
    "a classifier": (PICTURE, {"scores": np.zeros((1, 1000), np.float32)}, {}),
    "one number": (PICTURE, {"output": np.zeros((), np.float32)}, {}),
    "no boxes at all": (PICTURE, {"output": np.zeros((1, 0, 85), np.float32)}, {}),
    "a table too small": (PICTURE, {"output": np.zeros((1, 3, 5), np.float32)}, {}),
    "turned boxes": (PICTURE, {"output": np.zeros((1, 20, 900), np.float32)}, {"task": "obb"}),
    "names do not fit": (PICTURE, None, {"names": "['a', 'b']"}),
    "names with escapes do not fit": (PICTURE, None, {"names": "['\\x1b[31mred\\x07', 'b\\n']"}),
    "a million names": (PICTURE, None, {"names": str(["x"] * 200_000)}),
    "lite without its cells": (image(1, 3, None, None), {"scores": np.zeros((1, 7, 2), np.float32),
                               "distances": np.zeros((1, 7, 4), np.float32)}, {"family": "lite"}),
    "lite calibrated by words": (image(1, 3, 64, 96), {"scores": np.zeros((1, 126, 1), np.float32),
                                 "distances": np.zeros((1, 126, 4), np.float32)}, {"calibration": '["a"]'}),
    "lite calibrated by nothing": (image(1, 3, 64, 96), {"scores": np.zeros((1, 126, 1), np.float32),
                                   "distances": np.zeros((1, 126, 4), np.float32)}, {"calibration": "[[NaN, 1]]"}),
    "lite calibrated deeply": (image(1, 3, 64, 96), {"scores": np.zeros((1, 126, 1), np.float32),
                               "distances": np.zeros((1, 126, 4), np.float32)}, {"calibration": "[" * 50_000}),
    "classes without names": (PICTURE, {"output": np.full((1, 12, 6), [0, 0, 9, 9, 0.9, 500], np.float32)}, {}),
    "negative classes": (PICTURE, {"output": np.full((1, 12, 6), [0, 0, 9, 9, 0.9, -3], np.float32)}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_network_of_wrong_shape_is_one_sentence(place: Path, name: str) -> None:
    inputs, outputs, metadata = WRONG[name]
    if name == "words":
        pytest.importorskip("onnx")
        graph = make.make_graph(
            [make.make_node("Constant", [], ["output"], value=onnx.numpy_helper.from_array(NOTHING))], "g",
            [make.make_tensor_value_info("images", KIND.STRING, (1, 3, 64, 96))],
            [make.make_tensor_value_info("output", KIND.FLOAT, NOTHING.shape)],
        )  # fmt: skip
        write(place / "bad.onnx", graph)
    else:
        net(place / "bad.onnx", inputs, outputs, **metadata)
    answered(place, [*TRACK, "bad.onnx"])


def write(path: Path, graph: Any, opset: int = 17) -> Path:
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", opset)], ir_version=8), str(path))
    return path


def graph_of(nodes: list[Any], numbers: dict[str, Any] | None = None, shape: Any = NOTHING.shape) -> Any:
    return make.make_graph(
        nodes, "g", [make.make_tensor_value_info("images", KIND.FLOAT, (1, 3, 64, 96))],
        [make.make_tensor_value_info("output", KIND.FLOAT, shape)],
        initializer=[onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in (numbers or {}).items()],
    )  # fmt: skip


def endless(path: Path) -> Path:
    """A loop of 2^62 iterations over the image."""
    body = make.make_graph(
        [make.make_node("Identity", ["on"], ["still"]), make.make_node("Add", ["v", "v"], ["w"])], "body",
        [make.make_tensor_value_info(n, k, s) for n, k, s in (("i", KIND.INT64, []), ("on", KIND.BOOL, []),
                                                              ("v", KIND.FLOAT, [1]))],
        [make.make_tensor_value_info("still", KIND.BOOL, []), make.make_tensor_value_info("w", KIND.FLOAT, [1])],
    )  # fmt: skip
    nodes = [
        make.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        make.make_node("Reshape", ["mean", "one"], ["start"]),
        make.make_node("Loop", ["rounds", "go", "start"], ["end"], body=body),
        make.make_node("Add", ["end", "table"], ["output"]),
    ]
    numbers = {"one": np.array([1]), "rounds": np.array(2**62), "go": np.array(True), "table": NOTHING}
    return write(path, graph_of(nodes, numbers))


BROKEN: dict[str, Any] = {
    "unknown operator": lambda: graph_of([make.make_node("Explode", ["images"], ["output"])]),
    "a shape that cannot be": lambda: graph_of(
        [make.make_node("Reshape", ["images", "to"], ["output"])], {"to": np.array([7, 7])}
    ),
    "a loop of nodes": lambda: graph_of(
        [make.make_node("Add", ["images", "b"], ["a"]), make.make_node("Neg", ["a"], ["b"]),
         make.make_node("Identity", ["b"], ["output"])]
    ),
    "no nodes": lambda: graph_of([]),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_graph_that_cannot_run_is_one_sentence(place: Path, name: str) -> None:
    write(place / "bad.onnx", BROKEN[name]())
    answered(place, [*TRACK, "bad.onnx"], says="bad.onnx: ")


def test_an_unknown_opset_is_one_sentence(place: Path) -> None:
    write(place / "bad.onnx", graph_of([make.make_node("Identity", ["images"], ["output"])]), 9999)
    answered(place, [*TRACK, "bad.onnx"], says="bad.onnx: ")


@pytest.mark.parametrize("location", ["/etc/passwd", "../../../../etc/passwd", "absent.bin", ""])
def test_external_weights_are_not_read(place: Path, location: str) -> None:
    graph = graph_of([make.make_node("Add", ["more", "images"], ["output"])], {"more": np.zeros(4, np.float32)})
    tensor = graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = KIND.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    write(place / "bad.onnx", graph)
    answered(place, [*TRACK, "bad.onnx"], says="bad.onnx: ")


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_stops_an_endless_network(place: Path, signals: int) -> None:
    endless(place / "endless.onnx")
    with start([*TRACK, "endless.onnx"], cwd=place, seconds=28) as run:
        time.sleep(1.5)
        for _ in range(signals):
            run.signal(signal.SIGINT)
            time.sleep(0.5)
        answer = run.wait()
    assert answer.code == 1, str(answer)
    assert not answer.why, str(answer)
    assert b"Traceback" not in answer.stderr
    clear(place)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30, 88.0])
def test_non_finite_outputs_are_dropped(place: Path, value: float) -> None:
    answer = yolox_answer((96, 64), [(16, 2, 1, (40.0, 30.0, 30.0, 30.0), 2, 0.9)])
    answer[0, :, :4] = value
    answer[0, :, 4:] = np.nan if np.isnan(value) else 0.9
    net(place / "odd.onnx", PICTURE, {"output": answer})
    assert_answered(attack([*TRACK, "odd.onnx"], cwd=place), code=0)
    for path in place.glob("o.*"):
        path.unlink()


def test_number_of_network_boxes_is_bounded(place: Path) -> None:
    side = 1024
    answer = np.zeros((1, cells((side, side)), 85), np.float32)
    rng = np.random.default_rng(0)
    answer[0, :, 2:4] = 4
    answer[0, :, 4], answer[0, :, 5] = 1, rng.uniform(0.5, 1, answer.shape[1])
    net(place / "many.onnx", image(1, 3, side, side), {"output": answer})
    done = attack([*TRACK, "many.onnx", "--nms", "1"], cwd=place)
    assert_answered(done, code=0)
    assert done.stderr.count(b"the 1000 of the highest scores are kept") == 1
    clear(place)


@pytest.mark.parametrize(
    "name",
    ["yolo11n.pt", "a b.pth", "n.torchscript", "n.engine", "n.tflite", "n.pb", "n.h5", "n.mlmodel", "N.PT", "onnx:n.pt",
     "file:n.pt", "n.safetensors", "n.keras", "n.weights"],
)  # fmt: skip
def test_foreign_network_formats_get_an_export_hint(place: Path, name: str) -> None:
    (place / name.partition(":")[2]).write_bytes(b"PK\x03\x04") if ":" in name else (place / name).write_bytes(b"PK")
    said = answered(place, [*TRACK, name], says=("export it", ".onnx"))
    assert ("yolo export model=" in said) == name.lower().endswith(".pt")


SSD = [*TRACK, "torchvision:ssdlite320_mobilenet_v3_large", "--weights"]
RESNET = [*TRACK, "background", "--appearance", "resnet18", "--appearance-weights"]


@pytest.mark.parametrize("words", [SSD, RESNET], ids=["detector", "appearance"])
def test_torch_weights_are_read_without_executing_code(place: Path, words: list[Any]) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchvision")
    import pickle

    class Evil:
        def __reduce__(self) -> Any:
            return (open, (str(place / "hacked"), "w"))

    files: dict[str, Any] = {"evil.pth": pickle.dumps(Evil()), "cut.pth": b"PK\x03\x04", "zeros.pth": bytes(99)}
    torch.save([1, 2], place / "list.pth")
    torch.save({"a": torch.zeros(2)}, place / "other.pth")
    torch.save({1: "a", "b": None}, place / "odd.pth")
    for name, content in files.items():
        (place / name).write_bytes(content)
    for name in (*files, "list.pth", "other.pth", "odd.pth", "absent.pth", "people"):
        answer = attack([*words, name], cwd=place, torch=True, env={"LIQUIDTRACK_CACHE": str(place / "cache")})
        assert_answered(answer, says=f"{name}: ", memory=10**9)
    assert not (place / "hacked").exists()
