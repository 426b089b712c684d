"""Networks in ONNX files: class names, outputs, and errors for invalid files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.errors import ConfigError, DataError, WeightsError
from models.labels.coco import COCO_NAMES
from models.runtime.session import Session
from tests.support.onnx_nets import cells, write_net, yolox_answer
from tracker.detectors.config import DetectorConfig
from tracker.detectors.onnx_file import OnnxDetector
from tracker.types import Frame

SIZE = (96, 64)
FRAME = Frame(np.zeros((64, 96, 3), np.uint8), 0, 0.0)
IMAGE = {"images": ((1, 3, 64, 96), np.float32)}


def config(**options: Any) -> DetectorConfig:
    return DetectorConfig("onnx:net.onnx", threads=1, device="cpu", **options)


def yolox(path: Path, classes: int = 80, **options: Any) -> Path:
    """A network that detects an object of the last class at [20, 10, 60, 50] in every image."""
    raw = yolox_answer(SIZE, [(8, 4, 3, (40, 30, 40, 40), 0, 0.75)])[:, :, : 5 + classes]
    if classes > 1:
        at = raw[0, :, 5] > 0
        raw[0, at, 5], raw[0, at, 4 + classes] = 0, 0.75
    return write_net(path, IMAGE, {"output": raw}, **options)


def test_network_outputs_become_detections(tmp_path: Path) -> None:
    found = OnnxDetector(yolox(tmp_path / "net.onnx"), config())(FRAME)
    np.testing.assert_allclose(found.xyxy, [[20, 10, 60, 50]], atol=1e-4)
    assert found.score.tolist() == [0.75]
    assert found.label.tolist() == [79]


def test_boxes_are_scaled_to_frame_pixels_and_clipped(tmp_path: Path) -> None:
    detector = OnnxDetector(yolox(tmp_path / "net.onnx"), config())
    found = detector(Frame(np.zeros((80, 48 * 4, 3), np.uint8), 0, 0.0))  # goes in at half its size
    np.testing.assert_allclose(found.xyxy, [[40, 20, 120, 80]], atol=1e-3)


def test_half_precision_networks_are_supported(tmp_path: Path) -> None:
    raw = yolox_answer(SIZE, [(8, 4, 3, (40, 30, 40, 40), 0, 0.75)]).astype(np.float16)
    write_net(tmp_path / "net.onnx", {"images": ((1, 3, 64, 96), np.float16)}, {"output": raw})
    found = OnnxDetector(tmp_path / "net.onnx", config())(FRAME)
    np.testing.assert_allclose(found.xyxy, [[20, 10, 60, 50]], atol=0.1)
    assert found.xyxy.dtype == np.float32


def test_nan_outputs_are_dropped(tmp_path: Path) -> None:
    raw = yolox_answer(SIZE, [(8, k, 1, (40, 30, 40, 40), 0, 0.75) for k in range(4)])
    at = np.flatnonzero(raw[0, :, 4])
    raw[0, at[0], 0], raw[0, at[1], 2], raw[0, at[2], 4] = np.nan, np.nan, np.nan
    write_net(tmp_path / "net.onnx", IMAGE, {"output": raw})
    assert len(OnnxDetector(tmp_path / "net.onnx", config())(FRAME)) == 1


def test_names_come_from_the_flag_else_the_metadata_else_coco(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    assert OnnxDetector(yolox(path), config()).names == COCO_NAMES
    assert OnnxDetector(yolox(path, 2), config()).names == ("class 0", "class 1")
    for text in ("{0: 'cat', 1: 'dog'}", "['cat', 'dog']", "{1: 'dog', 0: 'cat'}", '{"0": "cat", "1": "dog"}'):
        assert OnnxDetector(yolox(path, 2, metadata={"names": text}), config()).names == ("cat", "dog")
    for text in ("{0: 'cat'", "7", "{1: 'cat', 2: 'dog'}", "__import__('os')"):
        assert OnnxDetector(yolox(path, 2, metadata={"names": text}), config()).names == ("class 0", "class 1")
    (tmp_path / "names.txt").write_text("\ufeffwalker\n\n  rider \n", encoding="utf-8")
    (tmp_path / "names.json").write_text('["walker", "rider"]')
    for name in ("names.txt", "names.json"):
        detector = OnnxDetector(yolox(path, 2, metadata={"names": "['cat', 'dog']"}), config(names=tmp_path / name))
        assert detector.names == ("walker", "rider")
        assert detector(FRAME).label.tolist() == [1]


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        ("none.txt", None, ConfigError, r"cannot read the class names \(No such file or directory\); check --names"),
        ("empty.txt", b"\n\n", DataError, "holds no class names; write one a line"),
        ("bytes.txt", b"\xff\xfe\x00", DataError, "not a text file"),
        ("bad.json", b"[1, ", DataError, "not valid JSON"),
        ("dict.json", b'{"0": "cat"}', DataError, "not a JSON list of class names"),
        ("numbers.json", b"[1, 2]", DataError, "not a JSON list of class names"),
        ("deep.json", b"[" * 100_000, DataError, "not valid JSON"),
        (
            "three.txt",
            b"a\nb\nc\n",
            ConfigError,
            r"tells 2 classes apart but .*three\.txt names 3; give --names that fit",
        ),
    ],
)
def test_bad_class_name_file_is_refused(
    name: str, content: bytes | None, error: type[Exception], said: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=said) as raised:
        OnnxDetector(yolox(tmp_path / "net.onnx", 2), config(names=tmp_path / name))
    assert name in str(raised.value)


def test_mismatched_metadata_is_refused(tmp_path: Path) -> None:
    yolox(tmp_path / "net.onnx", 3, metadata={"names": "['cat', 'dog']"})
    with pytest.raises(ConfigError, match="tells 3 classes apart but its metadata names 2; give --names"):
        OnnxDetector(tmp_path / "net.onnx", config())


def test_class_index_beyond_the_names_is_refused(tmp_path: Path) -> None:
    raw = np.array([[[10, 20, 30, 40, 0.9, 5], *[[0] * 6] * 9]], np.float32)  # suppressed inside: classes do not show
    write_net(tmp_path / "net.onnx", IMAGE, {"output0": raw}, {"names": "['cat', 'dog']"})
    detector = OnnxDetector(tmp_path / "net.onnx", config())
    with pytest.raises(ConfigError, match="answered class 5 where 2 have names; give --names"):
        detector(FRAME)


def test_unexpected_decoder_reports_the_outputs_of_the_file(tmp_path: Path) -> None:
    path = yolox(tmp_path / "net.onnx")
    with pytest.raises(
        WeightsError, match=r"net\.onnx: not a network of the family nanodet: .* images \[1, 3, 64, 96\]"
    ):
        OnnxDetector(path, config(family="nanodet"))
    write_net(path, IMAGE, {"scores": np.zeros((1, 1000), np.float32)})
    with pytest.raises(WeightsError, match=r"net\.onnx: a network of no known family .* scores \[1, 1000\]"):
        OnnxDetector(path, config())


def test_text_file_is_no_network(tmp_path: Path) -> None:
    write_net(tmp_path / "net.onnx", IMAGE, {"output": np.array(["a"], object).astype(np.str_)})
    with pytest.raises(WeightsError, match=r"liquidtrack runs networks of plain tensors"):
        OnnxDetector(tmp_path / "net.onnx", config())


def test_missing_network_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(WeightsError, match=r"there is no such file; give the path of an \.onnx network"):
            OnnxDetector(path, config())


@given(st.binary(max_size=80))
@example(b"")
@example(b"not a network")
@settings(max_examples=60, deadline=None)
def test_arbitrary_bytes_as_network_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.onnx"
    path.write_bytes(data)
    with pytest.raises(WeightsError) as raised:
        OnnxDetector(path, config())
    (line,) = str(raised.value).splitlines()
    assert "bytes.onnx" in line


def test_truncated_network_is_refused(tmp_path: Path) -> None:
    path = yolox(tmp_path / "net.onnx")
    data = path.read_bytes()
    for share in (0.1, 0.5, 0.95):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(WeightsError, match=r"net\.onnx: .*"):
            OnnxDetector(path, config())


def test_network_failure_at_run_time_is_reported(tmp_path: Path) -> None:
    inputs = {**IMAGE, "mask": ((1, 7), np.float32)}  # wants more than an image
    write_net(tmp_path / "net.onnx", inputs, {"output": np.zeros((1, cells(SIZE), 85), np.float32)})
    detector = OnnxDetector(tmp_path / "net.onnx", config())
    with pytest.raises(
        WeightsError, match=r"net\.onnx: the network failed \(.*\); it may be damaged or of another family"
    ):
        detector(FRAME)


def test_onnx_runtime_writes_no_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = yolox(tmp_path / "net.onnx")
    OnnxDetector(path, config())(FRAME)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(WeightsError):
        OnnxDetector(path, config())
    assert capfd.readouterr() == ("", "")


def test_cuda_without_a_gpu_is_refused(tmp_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime knows CUDA")
    with pytest.raises(ConfigError, match="device cuda needs the package onnxruntime-gpu"):
        Session(yolox(tmp_path / "net.onnx"), device="cuda")
    assert not Session(tmp_path / "net.onnx", device="auto").on_gpu


@pytest.mark.parametrize("file", ["yolox_nano", "deimv2_femto", "nanodet_m_416"])
def test_real_network_detects_its_classes(file: str, shared: Path) -> None:
    detector = OnnxDetector(shared / f"models/{file}.onnx", config(classes=("person",), score=0.4))
    pictures = sorted((shared / "data/detect/coco_val128/images").iterdir())[:12]
    found = []
    for k, path in enumerate(pictures):
        bgr = np.asarray(cv2.imread(str(path)), np.uint8)
        found.append(detector(Frame(bgr, k, float(k))))
        assert (found[-1].xyxy[:, 2:] <= np.array(bgr.shape[1::-1])).all()
    assert sum(map(len, found)) >= 6
    assert {label for one in found for label in one.label.tolist()} == {0}
    assert all((one.score >= np.float32(0.4)).all() for one in found)


def batching(path: Path, truly: bool) -> Path:
    """A network that declares free batches, and answers for each image, or for one whatever it is shown."""
    onnx = pytest.importorskip("onnx", reason="writing networks needs the extra `torch`")
    make = onnx.helper
    raw = yolox_answer(SIZE, [(8, 4, 3, (40, 30, 40, 40), 0, 0.75)])
    count = [make.make_node("Shape", ["images"], ["count"], start=0, end=1)]
    if not truly:
        count.append(make.make_node("Div", ["count", "count"], ["one"]))
    constants = {"raw": raw, "rest": np.ones(2, np.int64)}
    nodes = [make.make_node("Constant", [], [k], value=onnx.numpy_helper.from_array(v)) for k, v in constants.items()]
    nodes += [
        *count,
        make.make_node("Concat", ["count" if truly else "one", "rest"], ["shape"], axis=0),
        make.make_node("Expand", ["raw", "shape"], ["output"]),
    ]
    images = make.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [None, 3, 64, 96])
    output = make.make_tensor_value_info("output", onnx.TensorProto.FLOAT, [None, *raw.shape[1:]])
    graph = make.make_graph(nodes, "batching", [images], [output])
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8), str(path))
    return path


@pytest.mark.parametrize("kind", ["batching", "lying", "single"])
def test_batch_is_one_pass_where_the_network_takes_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net.onnx"
    detector = OnnxDetector(yolox(path) if kind == "single" else batching(path, kind == "batching"), config())
    sizes: list[int] = []
    run = detector._session.run

    def counted(feeds: Any) -> Any:
        sizes.append(len(feeds["images"]))
        return run(feeds)

    detector._session.run = counted  # type: ignore[method-assign]
    frames = [Frame(np.zeros((64, 96 * (1 + k % 2), 3), np.uint8), k, 0.1 * k) for k in range(3)]
    for _ in range(2):
        found = detector.batch(frames)
        assert [boxes.xyxy.round().tolist() for boxes in found] == [detector(f).xyxy.round().tolist() for f in frames]
    one = [1] * 6
    assert sizes == {"batching": [3, 1, 1, 1] * 2, "lying": [3, *one, *one], "single": [*one, *one]}[kind]
    assert detector.best_batch == 1  # on a CPU
