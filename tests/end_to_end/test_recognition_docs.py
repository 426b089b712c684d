"""What docs/guides/classify.md shows runs as it stands there, on small files of the names that it gives."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.moving_box_clip import write_clip
from tests.support.onnx_nets import write_net, yolox_answer
from tools.cli.main import main

DOC = (Path(__file__).parents[2] / "docs" / "guides" / "classify.md").read_text(encoding="utf-8")
WNIDS = ("n01440764", "n01443537")
BRIEF = {
    "train": "--steps 2 --crops 8 --repeats 2 --batch 2 --quiet",
    "crop-classes": "--seconds 0.3 --quiet",
    "track": "--overwrite",  # the document's runs share their file names
}


def blocks(kind: str) -> list[str]:
    """The code blocks of one language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == kind]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds everything that the commands name."""
    pytest.importorskip("torch", reason="the document's trainings need the extra `torch`")
    pytest.importorskip("matplotlib", reason="the document's plot needs the extra `bench`")
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "street.mp4", [k / 25 for k in range(4)])
    inputs = {"images": ((1, 3, 64, 96), np.float32)}
    # a car in the middle, as large as any view of it
    planted = [(8, k, 3, (44.0, 31.0, side, side), 2, 0.9) for k, side in enumerate((8.0, 11.0, 16.0, 22.0, 31.0))]
    write_net(tmp_path / "yolox_nano.onnx", inputs, {"output": yolox_answer((96, 64), planted)})
    rng = np.random.default_rng(0)
    (tmp_path / "PICTURES").mkdir()
    rows = "".join(f"{k}\t{wnid}\tfish {k}\n" for k, wnid in enumerate(WNIDS))
    (tmp_path / "PICTURES" / "labels.tsv").write_text("index\twnid\tname\n" + rows)
    for wnid in WNIDS:
        for k in range(2):
            picture = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / "PICTURES" / f"{wnid}_{k}.png"), picture)
    (table,) = blocks("")
    (tmp_path / "classes.tsv").write_text(table)
    for line in table.splitlines():
        name = line.partition("\t")[0]
        for kind in ("JPEGImages", "Annotations"):
            (tmp_path / "DAVIS" / kind / "480p" / name).mkdir(parents=True)
        for k in range(3):
            cv2.imwrite(str(tmp_path / f"DAVIS/JPEGImages/480p/{name}/{k:05d}.jpg"), np.full((64, 96, 3), 90, np.uint8))
            mask = np.zeros((64, 96), np.uint8)
            mask[15:45, 25:55] = 1
            cv2.imwrite(str(tmp_path / f"DAVIS/Annotations/480p/{name}/{k:05d}.png"), mask)
    (tmp_path / "COCO" / "images").mkdir(parents=True)
    for k in range(2):
        cv2.imwrite(str(tmp_path / f"COCO/images/{k}.png"), np.full((64, 96, 3), 90, np.uint8))
    content = {
        "images": [{"id": k, "file_name": f"{k}.png", "width": 96, "height": 64} for k in range(2)],
        "annotations": [
            {"id": k + 1, "image_id": k, "category_id": 3, "bbox": [25, 15, 30, 30]} for k in range(2)
        ],
        "categories": [{"id": 3, "name": "car"}],
    }  # fmt: skip
    (tmp_path / "COCO" / "instances.json").write_text(json.dumps(content))
    return tmp_path


def test_every_documented_command_runs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "crop-classes", "PICTURES", "--seconds", "0.3", "--answers", "theirs.json"]) == 0
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(lines) == 8
    for line in lines:
        words = shlex.split(line, comments=True)
        assert words.pop(0) == "liquidtrack"
        assert main([*words, *shlex.split(BRIEF.get(words[1], BRIEF.get(words[0], "")))]) == 0, (
            line,
            capsys.readouterr().err,
        )
    for name in ("out.jsonl", "out.mp4", "reliability.png", "out/recognition/recognition-labels.safetensors"):
        assert (place / name).is_file()
    assert list((place / "views").rglob("times.csv"))


def test_documented_results_are_read(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results,) = blocks("json")
    (place / "theirs.json").write_text(results)
    words = ["--truth", "classes.tsv", "--detector", "yolox_nano.onnx", "--results", "theirs.json"]
    assert main(["eval", "video-classes", "DAVIS", *words, "--quiet"]) == 0
    assert "theirs.json" in capsys.readouterr().out


def test_unreachable_truth_class_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "classes.tsv").write_text("libby\tbeagle|whippet\n")
    words = ["--truth", "classes.tsv", "--detector", "yolox_nano.onnx"]
    assert main(["eval", "video-classes", "DAVIS", *words, "--quiet"]) == 2
    assert "classes.tsv: nobody can call libby a 'beagle' here" in capsys.readouterr().err
