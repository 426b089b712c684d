"""Inputs and outputs of detector networks: known boxes in raw outputs are decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detection.decoders import (
    DECODERS,
    DetrDecoder,
    YoloV8Decoder,
    YoloXDecoder,
    make_decoder,
)
from models.detection.inputs import Decoder, InputTransform, letterbox
from models.detection.nanodet import NanoDetDecoder
from models.errors import WeightsError
from models.runtime.session import Port, Session
from tests.support.onnx_nets import STRIDES, cell, cells, image, ports, yolox_answer

SIZE = (96, 64)  # width, height of the networks' input
SIZES = Port("orig_target_sizes", (1, 2), np.int64)
UNIT = InputTransform((1.0, 1.0), (0.0, 0.0), SIZE)
REAL = {"yolox_nano": "yolox", "deimv2_femto": "detr", "deimv2_atto": "detr", "nanodet_m_416": "nanodet"}


def nanodet_outputs(size: tuple[int, int] = SIZE, classes: int = 80, bins: int = 8) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for stride in STRIDES:
        n = (size[0] // stride) * (size[1] // stride)
        found[f"cls_pred_stride_{stride}"] = np.zeros((1, n, classes), np.float32)
        found[f"dis_pred_stride_{stride}"] = np.zeros((1, n, 4 * bins), np.float32)
    return found


def lite_outputs(size: tuple[int, int] = SIZE, classes: int = 16) -> dict[str, Any]:
    n = cells(size)
    return {"distances": np.zeros((1, n, 4), np.float32), "scores": np.zeros((1, n, classes), np.float32)}


def detr_outputs(n: int = 3) -> dict[str, Any]:
    return {
        "labels": np.arange(n)[None],
        "boxes": np.array([[[10.0, 20, 30, 40]] * n], np.float32).reshape(1, n, 4),
        "scores": np.linspace(0.9, 0.1, n, dtype=np.float32)[None],
    }


def made(name: str) -> tuple[Decoder, list[Any]]:
    """A family over an input of `SIZE`, and an answer that holds one box."""
    outputs: dict[str, Any]
    inputs = [image()]
    if name == "yolox":
        outputs = {"output": yolox_answer(SIZE, [(16, 2, 1, (40, 30, 20, 24), 3, 0.8)])}
    elif name == "yolov8":
        raw = np.zeros((1, 84, cells(SIZE)), np.float32)
        raw[0, :4, 5], raw[0, 4 + 3, 5] = (40, 30, 20, 24), 0.8
        outputs = {"output0": raw}
    elif name == "lite":
        outputs = lite_outputs()
        number = cell(SIZE, 16, 2, 1)  # its middle is (40, 24)
        outputs["scores"][0, number, 3], outputs["distances"][0, number] = 0.8, (10 / 16, 0.375, 0.625, 1.125)
    elif name == "nanodet":
        outputs = nanodet_outputs()
        outputs["cls_pred_stride_16"][0, 7, 3] = 0.8
        outputs["dis_pred_stride_16"][0, 7] = np.tile([-99, 0, *[-99] * 6], 4)
    else:
        outputs, inputs = detr_outputs(), [image(), SIZES]
    return make_decoder(name, inputs, ports(outputs)), list(outputs.values())


@given(st.integers(1, 400), st.integers(1, 400), st.booleans())
@settings(max_examples=60, deadline=None)
def test_letterbox_keeps_the_aspect_and_is_invertible(width: int, height: int, centred: bool) -> None:
    canvas, fit = letterbox(np.full((height, width, 3), 255, np.uint8), SIZE, 7, centred)
    assert canvas.shape == (SIZE[1], SIZE[0], 3)
    ys, xs = np.nonzero((canvas == 255).all(axis=2))
    left, top, right, bottom = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    assert (canvas == 7).all(axis=2).sum() == canvas.shape[0] * canvas.shape[1] - (right - left) * (bottom - top)
    seen = fit.to_image(np.array([[left, top, right, bottom]], np.float32))[0]
    # Whole pixels of the input are all that can be filled: one of them is 1 / scale pixels of the image.
    np.testing.assert_allclose(seen, [0, 0, width, height], atol=1.01 / min(fit.scale))
    assert fit.scale[0] == fit.scale[1]
    if centred:
        assert abs(left - (SIZE[0] - right)) <= 1
        assert abs(top - (SIZE[1] - bottom)) <= 1
    else:
        assert (left, top) == (0, 0)


@pytest.mark.parametrize("name", DECODERS)
def test_images_are_normalised_as_the_network_was_trained(name: str) -> None:
    bgr = np.full((64, 48, 3), (10, 100, 200), np.uint8)  # half as wide as the input: the rest is filled
    feeds, fit = made(name)[0].prepare(bgr)
    blob = feeds["images"]
    assert blob.shape == (1, 3, SIZE[1], SIZE[0])
    assert blob.dtype == np.float32
    middle, corner = blob[0, :, 32, 24 + int(fit.offset[0])], blob[0, :, 0, -1]
    mean, std = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])
    wanted, filled = {
        "yolox": ([10, 100, 200], [114] * 3),
        "yolov8": (np.array([200, 100, 10]) / 255, [114 / 255] * 3),
        "detr": (np.array([200, 100, 10]) / 255, np.array([200, 100, 10]) / 255),  # stretched: nothing to fill
        "lite": ((np.array([200, 100, 10]) - 127) / 128, [0] * 3),
        "nanodet": (([10, 100, 200] - mean) / std, -mean / std),
    }[name]
    np.testing.assert_allclose(middle, wanted, atol=1e-5)
    np.testing.assert_allclose(corner, filled, atol=1e-5)
    assert fit.offset == ((24.0, 0.0) if name in ("yolov8", "nanodet") else (0.0, 0.0))
    if name == "detr":
        assert feeds["orig_target_sizes"].tolist() == [[48, 64]]
        assert fit.scale == (2.0, 1.0)


box = st.tuples(st.floats(0, 96), st.floats(0, 64), st.floats(1, 200), st.floats(1, 200))
place = st.tuples(st.sampled_from(STRIDES), st.floats(0, 0.999), st.floats(0, 0.999), box, st.integers(0, 79))


@given(st.lists(place, max_size=6, unique_by=lambda p: (p[0], int(p[1] * 3), int(p[2] * 2))), st.booleans())
@settings(max_examples=80, deadline=None)
def test_yolox_decodes_known_boxes(places: list[Any], decoded: bool) -> None:
    planted = [
        (stride, int(u * SIZE[0] / stride), int(v * SIZE[1] / stride), xywh, label, 0.25 + 0.1 * k)
        for k, (stride, u, v, xywh, label) in enumerate(places)
    ]
    raw = yolox_answer(SIZE, planted)
    family = YoloXDecoder([image()], ports({"output": raw}), {})
    if decoded:  # as YOLOX's --decode_in_inference writes it, straight from the paper's code
        for stride in STRIDES:
            for row in range(SIZE[1] // stride):
                for column in range(SIZE[0] // stride):
                    at = raw[0, cell(SIZE, stride, column, row)]
                    at[:2] = (at[:2] + np.array([column, row])) * stride
                    at[2:4] = np.exp(at[2:4]) * stride
    xyxy, score, label = family.decode([raw], UNIT, 0.2)
    assert len(xyxy) == len(planted)
    order = np.argsort(score)
    for k, (*_, (cx, cy, w, h), kind, value) in zip(order, planted, strict=True):
        np.testing.assert_allclose(xyxy[k], [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], atol=2e-3)
        assert label[k] == kind
        assert score[k] == pytest.approx(value)


def test_yolox_multiplies_objectness_and_class() -> None:
    raw = yolox_answer(SIZE, [(8, 1, 1, (20, 20, 9, 9), 5, 0.5)])
    raw[0, :, 4] *= 0.5
    family = YoloXDecoder([image()], ports({"output": raw}), {})
    assert family.decode([raw], UNIT, 0.2)[1].tolist() == [0.25]
    assert len(family.decode([raw], UNIT, 0.3)[0]) == 0


@given(st.lists(st.tuples(box, st.integers(0, 4)), max_size=6), st.sampled_from([0, 32]))
@settings(max_examples=60, deadline=None)
def test_yolov8_decodes_known_boxes(places: list[Any], masks: int) -> None:
    raw = np.zeros((1, 4 + 5 + masks, 126), np.float32)
    raw[0, 9:] = 9  # mask coefficients are no class scores
    for k, (xywh, label) in enumerate(places):
        raw[0, :4, 7 * k], raw[0, 4 + label, 7 * k] = xywh, 0.3 + 0.1 * k
    answer = {"output0": raw} | ({"output1": np.zeros((1, masks, 16, 24), np.float32)} if masks else {})
    family = YoloV8Decoder([image()], ports(answer), {})
    assert family.classes == 5
    xyxy, score, label = family.decode(list(answer.values()), UNIT, 0.25)
    assert label.tolist() == [kind for _, kind in places]
    np.testing.assert_allclose(score, [0.3 + 0.1 * k for k in range(len(places))], rtol=1e-6)
    wanted = [[cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2] for (cx, cy, w, h), _ in places]
    np.testing.assert_allclose(xyxy, np.reshape(wanted, (-1, 4)), atol=1e-3)


def test_yolov8_with_builtin_nms_is_decoded() -> None:
    raw = np.array(
        [[[10, 20, 30, 40, 0.9, 2], [11, 21, 31, 41, 0.4, 0], [0, 0, 0, 0, 0, 0], *[[0] * 6] * 5]], np.float32
    )
    family = YoloV8Decoder([image()], ports({"output0": raw}), {})
    xyxy, score, label = family.decode([raw], UNIT, 0.1)
    assert xyxy.tolist() == [[10, 20, 30, 40], [11, 21, 31, 41]]
    assert score.tolist() == pytest.approx([0.9, 0.4])
    assert label.tolist() == [2, 0]
    assert family.nms == 1


def test_yolov8_ignores_key_points_and_refuses_rotated_boxes() -> None:
    pose = [Port("output0", (1, 4 + 1 + 51, 126), np.float32)]
    assert YoloV8Decoder([image()], pose, {"kpt_shape": "[17, 3]", "task": "pose"}).classes == 1
    with pytest.raises(WeightsError, match="turned boxes"):
        YoloV8Decoder([image()], pose, {"task": "obb"})


def test_input_size_comes_from_the_graph_then_the_metadata() -> None:
    free = [image(height=None, width=None)]
    outputs = [Port("output0", (1, 84, None), np.float32)]
    blank = np.zeros((50, 80, 3), np.uint8)
    for metadata, wanted in (({}, (640, 640)), ({"imgsz": "[320, 416]"}, (320, 416)), ({"imgsz": "256"}, (256, 256))):
        assert YoloV8Decoder(free, outputs, metadata).prepare(blank)[0]["images"].shape[2:] == wanted
    assert YoloV8Decoder([image()], outputs, {"imgsz": "[320, 320]"}).prepare(blank)[0]["images"].shape[2:] == (64, 96)


side = st.floats(0, 6.999)


@given(
    st.sampled_from(STRIDES),
    st.floats(0, 0.999),
    st.floats(0, 0.999),
    st.tuples(side, side, side, side),
    st.integers(0, 79),
)
@settings(max_examples=80, deadline=None)
def test_nanodet_decodes_the_mean_of_its_distance_distributions(
    stride: int, u: float, v: float, sides: tuple[float, ...], label: int
) -> None:
    outputs = nanodet_outputs()
    columns = SIZE[0] // stride
    column, row = int(u * columns), int(v * (SIZE[1] // stride))
    at = row * columns + column
    outputs[f"cls_pred_stride_{stride}"][0, at, label] = 0.7
    logits = np.full((4, 8), -99.0)
    for k, distance in enumerate(sides):  # a mean between two bins: their odds are the parts
        low = int(distance)
        logits[k, low : low + 2] = np.log([max(1 - distance + low, 1e-30), max(distance - low, 1e-30)])
    outputs[f"dis_pred_stride_{stride}"][0, at] = logits.ravel()
    family = NanoDetDecoder([image()], ports(outputs), {})
    xyxy, score, kind = family.decode(list(outputs.values()), UNIT, 0.5)
    x, y = (column + 0.5) * stride - 0.5, (row + 0.5) * stride - 0.5
    left, top, right, bottom = (d * stride for d in sides)
    np.testing.assert_allclose(xyxy, [[x - left, y - top, x + right, y + bottom]], atol=1e-3)
    assert (score.tolist(), kind.tolist()) == (pytest.approx([0.7]), [label])


def test_nanodet_reads_its_outputs_by_name_in_any_order() -> None:
    family, answer = made("nanodet")
    outputs = dict(zip(nanodet_outputs(), answer, strict=True))
    turned = dict(reversed(outputs.items()))
    other = NanoDetDecoder([image()], ports(turned), {})
    for one, two in zip(family.decode(answer, UNIT, 0.1), other.decode(list(turned.values()), UNIT, 0.1), strict=True):
        assert len(one) == 1
        np.testing.assert_array_equal(one, two)


def test_detr_reads_its_outputs_by_name_and_its_boxes_as_they_are() -> None:
    outputs = dict(sorted(detr_outputs().items()))
    family = DetrDecoder([image(), SIZES], ports(outputs), {})
    fit = family.prepare(np.zeros((480, 640, 3), np.uint8))[1]
    xyxy, score, label = family.decode(list(outputs.values()), fit, 0.3)
    assert xyxy.tolist() == [[10, 20, 30, 40]] * 2
    assert score.tolist() == pytest.approx([0.9, 0.5])
    assert label.tolist() == [0, 1]


def test_lite_reads_distances_from_the_middle_of_each_cell() -> None:
    family, answer = made("lite")
    xyxy, score, label = family.decode(answer, UNIT, 0.5)
    np.testing.assert_allclose(xyxy, [[30, 18, 50, 42]])
    assert (score.tolist(), label.tolist()) == ([pytest.approx(0.8)], [3])


def test_lite_scores_follow_the_calibration_of_the_file() -> None:
    outputs = lite_outputs()
    outputs["scores"][0, :3, 0] = 0.1, 0.4, 0.6
    outputs["distances"][0, :3] = 1
    family = make_decoder("lite", [image()], ports(outputs), {"calibration": str([[2, 0.5]] * 16)})
    _, score, _ = family.decode(list(outputs.values()), UNIT, 0.3)
    odds = 2 * np.log(np.array([0.4 / 0.6, 0.6 / 0.4])) + 0.5
    assert score.tolist() == pytest.approx(1 / (1 + np.exp(-odds)))  # .1 has become less than .3
    for wrong in ("", "2", "[[1, 0]]", str([[0, 1]] * 16), str([["a", 1]] * 16), "[" * 9):
        with pytest.raises(WeightsError, match="its metadata's calibration"):
            make_decoder("lite", [image()], ports(outputs), {"calibration": wrong})


@given(st.integers(1, 900), st.integers(1, 900), st.sampled_from([96, 320]))
@settings(max_examples=60, deadline=None)
def test_lite_accepts_images_of_any_size(width: int, height: int, size: int) -> None:
    inputs = [image(height=None, width=None)]
    family = make_decoder("lite", inputs, ports(lite_outputs()), {"imgsz": str(size)})
    feeds, fit = family.prepare(np.zeros((height, width, 3), np.uint8))
    high, wide = feeds["images"].shape[2:]
    assert high % 32 == wide % 32 == 0
    assert max(high, wide) == size
    outputs = lite_outputs((wide, high))
    outputs["scores"][0, -1, 0] = 0.9  # the last cell of stride 32: the lower right corner
    outputs["distances"][0, -1] = 0.5
    box = family.decode(list(outputs.values()), fit, 0.5)[0][0]
    scale = min(size / max(width, height), wide / width, high / height)
    np.testing.assert_allclose(box * scale, [wide - 32, high - 32, wide, high], rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", DECODERS)
def test_no_score_above_the_threshold_gives_no_boxes(name: str) -> None:
    family, answer = made(name)
    assert len(family.decode(answer, UNIT, 0.5)[0]) >= 1
    xyxy, score, label = family.decode(answer, UNIT, 1.0)
    assert (xyxy.shape, score.shape, label.shape) == ((0, 4), (0,), (0,))


@pytest.mark.parametrize("name", DECODERS)
def test_auto_detects_each_decoder_family_and_refuses_others(name: str) -> None:
    family, answer = made(name)
    inputs = [image(), SIZES] if name == "detr" else [image()]
    names = list(
        {"lite": lite_outputs(), "nanodet": nanodet_outputs(), "detr": detr_outputs()}.get(name, {"output": 0})
    )
    outputs = [Port(n, value.shape, value.dtype.type) for n, value in zip(names, answer, strict=True)]
    assert type(make_decoder("auto", inputs, outputs)) is type(family)
    for other in set(DECODERS) - {name}:
        with pytest.raises(WeightsError, match=f"not a network of the family {other}: ") as raised:
            make_decoder(other, inputs, outputs)
        assert names[0] in str(raised.value)  # what the file has, so that its owner can tell


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([image()], []),
        ([image()], [Port("output", (1, 1000), np.float32)]),
        ([image()], [Port("output", (1, 4, 126), np.float32)]),
        ([Port("images", (1, 3, 64, 96), np.uint8)], [Port("output", (1, 126, 85), np.float32)]),
        ([Port("images", (8, 3, 64, 96), np.float32)], [Port("output", (1, 126, 85), np.float32)]),
        ([Port("images", (1, 64, 96, 3), np.float32)], [Port("output", (1, 126, 85), np.float32)]),
        ([image("left"), image("right")], [Port("output", (1, 126, 85), np.float32)]),
    ],
    ids=["nothing", "classifier", "no classes", "bytes", "batch", "colours last", "two pictures"],
)
def test_every_decoder_refuses_a_network_that_is_no_detector(inputs: list[Port], outputs: list[Port]) -> None:
    with pytest.raises(WeightsError, match=r"no known family \(knows: lite, nanodet, detr, yolox, yolov8\)"):
        make_decoder("auto", inputs, outputs)
    for name in DECODERS:
        with pytest.raises(WeightsError):
            make_decoder(name, inputs, outputs)


@pytest.mark.parametrize("name", ["lite", "yolox", "nanodet"])
def test_output_of_unexpected_size_is_refused(name: str) -> None:
    family, answer = made(name)
    with pytest.raises(WeightsError, match="the network answered for"):
        family.decode([value[:, :-1] for value in answer], UNIT, 0.1)


@pytest.mark.parametrize("file", REAL)
def test_real_network_locates_people(file: str, shared: Path) -> None:
    from datasets.ground_truth.detection import read_labelled_images

    session = Session(shared / f"models/{file}.onnx", threads=1, device="cpu")
    family = make_decoder("auto", session.inputs, session.outputs, session.metadata)
    assert type(family) is DECODERS[REAL[file]]
    truth = read_labelled_images(shared / "data/detect/coco_val128")
    person = truth.names.index("person")
    found = wanted = 0
    for picture in truth.pictures[:24]:
        bgr = cv2.imread(str(picture.path))
        assert bgr is not None
        assert picture.size is not None
        feeds, fit = family.prepare(bgr.astype(np.uint8, copy=False))
        xyxy, score, label = family.decode(session.run(feeds), fit, 0.3)
        xyxy = xyxy * np.tile(np.array(picture.size) / bgr.shape[1::-1], 2)
        assert (score >= 0.3).all()
        large = (picture.label == person) & ((picture.xyxy[:, 2:] - picture.xyxy[:, :2]).prod(axis=1) > 96**2)
        for row in picture.xyxy[large & ~picture.ignore]:
            wanted += 1
            low, high = np.maximum(row[:2], xyxy[:, :2]), np.minimum(row[2:], xyxy[:, 2:])
            both = np.clip(high - low, 0, None).prod(axis=1)
            union = (row[2:] - row[:2]).prod() + (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1) - both
            found += bool(((both / union > 0.6) & (label == 0)).any())
    assert wanted >= 10
    assert found >= 0.7 * wanted


def test_nanodet_of_free_size_keeps_the_aspect_ratio_and_calibrates_scores() -> None:
    outputs = nanodet_outputs((64, 96), classes=2)
    outputs["cls_pred_stride_16"][0, 4 + 3] = (0.3, 0.2)
    outputs["dis_pred_stride_16"][0, 4 + 3] = np.tile([-99, 0, *[-99] * 6], 4)
    free = [image(height=None, width=None)]
    declared = [Port(name, (None, None, value.shape[2]), np.float32) for name, value in outputs.items()]
    metadata = {"imgsz": "96", "calibration": "[[1, 0], [2, 6]]"}
    family = make_decoder("auto", free, declared, metadata)
    feeds, fit = family.prepare(np.zeros((180, 120, 3), np.uint8))
    assert feeds["images"].shape == (1, 3, 96, 64)
    xyxy, score, label = family.decode(list(outputs.values()), fit, 0.5)
    assert label.tolist() == [1]  # a weaker score of a class whose scores are raised
    assert score == pytest.approx(1 / (1 + np.exp(-(2 * np.log(0.2 / 0.8) + 6))))
    centre = np.array([3.5, 1.5]) * 16 - 0.5
    wanted = np.concatenate([centre - 16, centre + 16]) * 120 / 64
    np.testing.assert_allclose(xyxy[0], wanted, atol=1e-3)
    assert len(family.decode(list(outputs.values()), fit, 0.99)[0]) == 0
