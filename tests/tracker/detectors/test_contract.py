"""What every detector promises, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import DetectionFile
from models.errors import ConfigError, DataError
from tests.support.detector_scenes import frame, iou, truth
from tests.support.onnx_nets import write_net, yolox_answer
from tracker.detectors.background import BackgroundDetector
from tracker.detectors.config import KINDS, DetectorConfig
from tracker.detectors.registry import DETECTORS, build_detector
from tracker.protocols import Detector
from tracker.types import Detections, Frame

TIMES = [k / 10 for k in range(53)]  # the thing is there from frame 40 on
FRAMES = [frame(time, k) for k, time in enumerate(TIMES)]
# Two of one class that overlap by .68, one of another class at the same place, one far away, one half out.
ROWS = [(40, 30, 30, 50, 0.9), (43, 33, 30, 50, 0.5), (100, 20, 20, 30, 0.7), (-10, 80, 30, 60, 0.3)]

PYTHON = """
import numpy as np

class Found:
    names = ("walker", "car")

    def __call__(self, frame):
        ltwh = np.array(ROWS)
        xyxy = np.concatenate([ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:4]], axis=1)
        return xyxy, ltwh[:, 4], [0, 0, 1, 0]
"""


def _lite0(folder: Path) -> DetectorConfig:
    return DetectorConfig("lite0:128", score=1e-5, threads=1, device="cpu")  # no real objects in these images


def _nanodet(folder: Path) -> DetectorConfig:
    return DetectorConfig("nanodet:128", score=1e-5, threads=1, device="cpu")


def _fused(folder: Path) -> DetectorConfig:
    return DetectorConfig("fused:128", score=1e-5, threads=1, device="cpu")


def _background(folder: Path) -> DetectorConfig:
    return DetectorConfig("background")


def _onnx(folder: Path) -> DetectorConfig:
    planted = [
        (8, 2 + k, 3, (x + w / 2, y + h / 2, w, h), (0, 0, 2, 0)[k], score)
        for k, (x, y, w, h, score) in enumerate(ROWS)
    ]
    raw = yolox_answer((160, 128), planted)  # the frames go in unscaled: 160 x 120, filled below
    write_net(folder / "net.onnx", {"images": ((1, 3, 128, 160), np.float32)}, {"output": raw})
    return DetectorConfig(str(folder / "net.onnx"), threads=1, device="cpu")


def _torchvision(folder: Path) -> DetectorConfig:
    pytest.importorskip("torchvision", reason="this detector needs the extra `torch`")
    return DetectorConfig(
        "torchvision:ssdlite320_mobilenet_v3_large", weights="random", score=0.0, threads=1, device="cpu"
    )


def _python(folder: Path) -> DetectorConfig:
    (folder / "mine.py").write_text(PYTHON.replace("ROWS", str(ROWS)))
    return DetectorConfig(f"python:{folder / 'mine.py'}:Found")


def _file(folder: Path) -> DetectorConfig:
    rows = [f"{k + 1},-1,{','.join(map(str, row))}\n" for k in range(len(FRAMES)) for row in ROWS]
    (folder / "det.txt").write_text("".join(rows))
    return DetectorConfig(f"file:{folder / 'det.txt'}")


def _tiled(folder: Path) -> DetectorConfig:
    return replace(_python(folder), detector=f"tiled:{_python(folder).detector}", tile_size=160)


MADE: dict[str, Callable[[Path], DetectorConfig]] = {
    "lite0": _lite0,
    "nanodet": _nanodet,
    "fused": _fused,
    "background": _background,
    "onnx": _onnx,
    "torchvision": _torchvision,
    "python": _python,
    "file": _file,
    "tiled": _tiled,
}


def build(config: DetectorConfig) -> Detector:
    def read(path: Path) -> tuple[DetectionFile, tuple[str, ...]]:
        file = DetectionFile(path)
        return file, file.names

    return build_detector(config, read)


@pytest.fixture(params=MADE)
def config(request: pytest.FixtureRequest, tmp_path: Path) -> DetectorConfig:
    return MADE[request.param](tmp_path)


def look(detector: Detector) -> list[Detections]:
    # Only a background model must see all that was before
    return [detector(one) for one in (FRAMES if isinstance(detector, BackgroundDetector) else FRAMES[-3:])]


def everything(found: list[Detections]) -> Detections:
    return Detections(
        np.concatenate([one.xyxy for one in found]),
        np.concatenate([one.score for one in found]),
        np.concatenate([one.label for one in found]),
    )


def test_every_detector_is_tested_and_documented() -> None:
    assert {*MADE, "none"} == set(DETECTORS) == set(KINDS)


def test_detector_none_detects_nothing_and_has_no_classes() -> None:
    detector = build(DetectorConfig("none"))
    assert isinstance(detector, Detector)
    assert detector.names == ()
    assert len(detector(FRAMES[0])) == 0


def test_detector_returns_boxes_scores_and_named_classes(config: DetectorConfig) -> None:
    detector = build(config)
    assert isinstance(detector, Detector)
    assert detector.names
    assert all(isinstance(name, str) and name for name in detector.names)
    found = look(detector)
    assert all(isinstance(one, Detections) for one in found)
    rows = everything(found)
    assert len(rows) >= 5
    assert rows.xyxy.dtype == rows.score.dtype == np.float32
    assert ((rows.label >= 0) & (rows.label < len(detector.names))).all()
    if config.kind_and_argument()[0] in (
        "lite0",
        "nanodet",
        "fused",
        "background",
        "onnx",
        "torchvision",
    ):  # what others wrote stays as it is
        assert (rows.xyxy[:, :2] >= 0).all()
        assert (rows.xyxy[:, 2:] <= FRAMES[0].size).all()


def test_the_same_frames_give_the_same_boxes(config: DetectorConfig) -> None:
    for one, two in zip(look(build(config)), look(build(config)), strict=True):
        np.testing.assert_array_equal(one.xyxy, two.xyxy)
        np.testing.assert_array_equal(one.score, two.score)
        np.testing.assert_array_equal(one.label, two.label)


def test_frames_may_change_in_size(config: DetectorConfig) -> None:
    detector = build(config)
    for k, (height, width) in enumerate([(120, 160), (61, 97), (1, 1), (400, 30)]):
        found = detector(Frame(np.full((height, width, 3), 90, np.uint8), k, float(k)))
        assert isinstance(found, Detections)


def test_only_requested_classes_are_returned(config: DetectorConfig) -> None:
    detector = build(config)
    rows = everything(look(detector))
    kind = int(np.bincount(rows.label).argmax())
    chosen = build(replace(config, classes=(detector.names[kind].upper(),)))
    kept = everything(look(chosen))
    assert chosen.names == detector.names
    assert len(kept) == (rows.label == kind).sum()
    assert set(kept.label.tolist()) == {kind}


def test_unknown_class_is_refused(config: DetectorConfig) -> None:
    with pytest.raises(ConfigError, match=r"knows no class 'unicorn'; (perhaps|it knows)"):
        build(replace(config, classes=("unicorn",)))


def test_only_scores_from_the_threshold_are_kept(config: DetectorConfig) -> None:
    rows = everything(look(build(config)))
    for score in (0.99 * np.median(rows.score), min(1.0, 1.01 * rows.score.max())):
        kept = everything(look(build(replace(config, score=float(score)))))
        assert len(kept) == (rows.score >= score).sum()
        assert (kept.score >= score).all()


def test_nms_keeps_the_higher_score_of_two_overlapping_boxes(config: DetectorConfig) -> None:
    many, few = (look(build(replace(config, nms=nms))) for nms in (1.0, 0.3))
    assert sum(map(len, few)) <= sum(map(len, many))
    for one in few:
        for i in range(len(one)):
            for j in range(i):
                if one.label[i] == one.label[j]:
                    assert iou(one.xyxy[i], one.xyxy[j]) <= 0.3 + 1e-5
    if config.kind_and_argument()[0] in ("onnx", "python", "file", "tiled"):  # made to overlap
        assert [len(one) for one in many] == [4] * 3
        assert [sorted(one.score.round(2).tolist()) for one in few] == [pytest.approx([0.3, 0.7, 0.9])] * 3


def test_background_detector_locates_the_moving_object() -> None:
    found = look(build(DetectorConfig("background")))
    assert not any(map(len, found[:40]))
    hits = [
        max((iou(box, truth(one.time)) for box in got.xyxy), default=0) > 0.7
        for one, got in zip(FRAMES[40:], found[40:], strict=True)
    ]
    assert sum(hits) >= 12


@pytest.mark.parametrize(
    ("detector", "said"),
    [
        ("bakground", r"there is no detector 'bakground'; perhaps background was meant\."),
        ("yolo:net", "there is no detector 'yolo'; it knows lite0, nanodet, fused, background, onnx, torchvision"),
        ("none:5", "detector none takes no argument; write none in place of none:5"),
        ("background:5", "detector background takes no argument; write background in place of background:5"),
        ("lite0:big", "detector lite0 takes the long side of its picture, 64 to 4096 pixels; write lite0:640 in place"),
        ("lite0:32", "write lite0:640 in place of lite0:32"),
        (
            "nanodet:x",
            "detector nanodet takes the long side of its picture, 64 to 4096 pixels; write nanodet:640",
        ),
        ("fused:x", "detector fused takes the long side of its picture, 64 to 4096 pixels; write fused:640"),
        ("tiled", "detector tiled needs the detector that looks at the tiles; write tiled:fused"),
        (
            "tiled:background",
            "detector background cannot look at tiles; use tiled with one of lite0, nanodet, fused",
        ),
        ("tiled:tiled:lite0", "detector tiled cannot look at tiles"),
        ("tiled:unknown", "there is no detector 'unknown'"),
        ("https://host/net.onnx", "https://host/net.onnx needs its checksum; give --sha256"),
        ("https://u:secret@host/net.zip?key=1", "https://host/net.zip names no ONNX file"),
        ("onnx", "detector onnx needs a file; write onnx:FILE"),
        ("file", "detector file needs a file of detections; write file:det.txt"),
        ("python", "is not python:MODULE:CALLABLE"),
    ],
)
def test_invalid_detector_name_is_refused(detector: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build(DetectorConfig(detector))


def test_detection_file_is_read_from_python_as_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("1,-1,10,20,30,40,0.9\n1,-1,10,20,30,x,0.9\n")
    with pytest.raises(DataError, match="line 2"):
        build_detector(f"file:{tmp_path / 'det.txt'}")
    detector = build_detector(tmp_path / "det.txt", skip_bad_rows=True)
    assert detector(FRAMES[0]).xyxy.tolist() == [[10, 20, 40, 60]]


def test_detection_file_reader_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    from tracker import providers

    monkeypatch.setattr(providers, "_GIVEN", {})
    monkeypatch.setitem(providers._BY_NAME, "read_detections", ("not_there.at_all", "read"))
    with pytest.raises(ConfigError, match=r"not_there.at_all of liquidtrack cannot be imported") as raised:
        build_detector("file:det.txt")
    assert "\n" not in str(raised.value)
    providers.provide("read_detections", lambda path, skip_bad_rows: ({0: Detections.empty()}, ("boat",)))
    assert build_detector("file:det.txt").names == ("boat",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("nets/a.onnx", ("onnx", "nets/a.onnx")),
        ("A.ONNX", ("onnx", "A.ONNX")),
        ("onnx:a.bin", ("onnx", "a.bin")),
        ("det.txt", ("file", "det.txt")),
        ("c:/nets/a.onnx", ("onnx", "c:/nets/a.onnx")),
        ("python:my.module:detect", ("python", "my.module:detect")),
        ("torchvision:ssd300_vgg16", ("torchvision", "ssd300_vgg16")),
        ("background", ("background", "")),
        ("lite0", ("lite0", "")),
        ("lite0:640", ("lite0", "640")),
        ("nanodet", ("nanodet", "")),
        ("auto", ("fused", "")),
        ("none", ("none", "")),
    ],
)
def test_suffix_of_a_bare_file_selects_the_detector(text: str, wanted: tuple[str, str]) -> None:
    assert DetectorConfig(text).kind_and_argument() == wanted


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"score": 1.5}, "score is 1.5; give a number between 0 and 1"),
        ({"nms": -0.1}, "nms is -0.1; give a number between 0 and 1"),
        ({"score": float("nan")}, "score is nan"),
        ({"threads": -1}, "threads is -1"),
        ({"sha256": "abc"}, "sha256 is 'abc'; give the 64 hexadecimal digits that sha256sum prints"),
        ({"tile_size": 5}, "tile_size is 5; give 64 to 4096 pixels"),
        ({"detector": " "}, "detector is empty"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        DetectorConfig(**setting)  # type: ignore[arg-type]
