"""Networks that are missing, damaged or misnamed, from the command line: one sentence, exit code 2, nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.moving_box_clip import write_clip
from tests.support.onnx_nets import write_net, yolox_answer
from tools.cli.main import main

SSD = "torchvision:ssdlite320_mobilenet_v3_large"
YOLOX = ("--detector", "good.onnx")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a clip, a good network and bad ones."""
    write_clip(tmp_path / "clip.mp4", [k / 25 for k in range(4)])
    picture = {"images": ((1, 3, 64, 96), np.float32)}
    good = write_net(tmp_path / "good.onnx", picture, {"output": yolox_answer((96, 64), [])})
    write_net(tmp_path / "classifier.onnx", picture, {"scores": np.zeros((1, 1000), np.float32)})
    wants_more = {**picture, "mask": ((1, 7), np.float32)}
    write_net(tmp_path / "fails.onnx", wants_more, {"output": yolox_answer((96, 64), [])})
    (tmp_path / "cut.onnx").write_bytes(good.read_bytes()[:5000])
    (tmp_path / "text.onnx").write_text("hello")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "two.txt").write_text("cat\ndog\n")
    (tmp_path / "empty.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--detector", "none.onnx"), "none.onnx: there is no such file; give the path of an .onnx network"),
        (("--detector", "cut.onnx"), "cut.onnx: ONNX Runtime cannot load this network"),
        (("--detector", "text.onnx"), "text.onnx: ONNX Runtime cannot load this network"),
        (("--detector", "classifier.onnx"), "classifier.onnx: a network of no known family"),
        (("--detector", "onnx"), "detector onnx needs a file; write onnx:FILE"),
        ((*YOLOX, "--family", "detr"), "good.onnx: not a network of the family detr"),
        ((*YOLOX, "--names", "none.txt"), "none.txt: cannot read the class names"),
        ((*YOLOX, "--names", "empty.txt"), "empty.txt: holds no class names"),
        ((*YOLOX, "--names", "two.txt"), "good.onnx tells 80 classes apart but two.txt names 2"),
        ((*YOLOX, "--classes", "unicorn"), "knows no class 'unicorn'"),
        ((*YOLOX, "--score", "7"), "score is 7.0; give a number between 0 and 1"),
        (("--detector", "yolo:x"), "there is no detector 'yolo'"),
        (("--detector", "torchvision:ssd"), "torchvision has no detector 'ssd'"),
        (("--detector", SSD, "--weights", "none.pth"), "none.pth: there is no such weights file"),
        (("--detector", SSD, "--weights", "text.pth"), "text.pth: not a file of torch weights"),
        (("--appearance", "vgg"), "there is no frozen CNN 'vgg'; it is one of efficientnet_lite0"),
        (("--appearance", "resnet18", "--appearance-weights", "none.pth"), "none.pth: there is no such weights file"),
        (("--appearance", "resnet18", "--appearance-weights", "text.pth"), "text.pth: not a file of torch weights"),
        (("--appearance", "resnet18", "--appearance-size", "7"), "appearance_size is 7; give 64 to 4096 pixels"),
    ],
)
def test_a_bad_network_is_one_sentence(
    words: tuple[str, ...], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "none.pth" in words or "text.pth" in words or "torchvision:ssd" in words:
        pytest.importorskip("torchvision", reason="these networks need the extra `torch`")
    assert main(["track", "clip.mp4", "--jsonl", "out.jsonl", "--quiet", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("liquidtrack: ")
    assert line.endswith((".", "?"))
    assert said in line
    assert not (folder / "out.jsonl").exists()


def test_network_failing_on_the_first_frame_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", "clip.mp4", "--jsonl", "out.jsonl", "--quiet", "--detector", "fails.onnx"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("liquidtrack: fails.onnx: the network failed")
