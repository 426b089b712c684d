"""YOLO folders as a training program reads them: a reader of our own, by the published rules of Ultralytics' data sets.

https://docs.ultralytics.com/datasets/detect: one text file an image, beside it in the folder `labels` where the image
lies in `images`, of the same name; a row is `class x_center y_center width height`, in fractions of the image; classes
count from 0; an image without objects needs no file. data.yaml has `train`, `val` and `names`, and a `path` that is the
folder of the file where it is missing. More than five columns are a polygon's corners (docs/datasets/segment); a file
with a number beyond 0..1, a class beyond the names, or rows of another length is thrown away together with its image.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from datasets.formats import FORMATS, read, write
from datasets.formats.annotations import Annotations
from datasets.formats.config import LabelConfig
from datasets.formats.writer import FrameBoxes
from tools.cli.main import main
from tracker.protocols import SourceInfo

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


class Thrown(Exception):
    """An image that training would leave out."""


def training_set(data: Path) -> dict[str, np.ndarray]:
    """Image's name -> (N, 5) class and box, of the `train` part.

    Raises:
        Thrown: an image or its label is not by the rules.
    """
    settings = yaml.safe_load(data.read_text(encoding="utf-8"))
    root = data.parent / settings.get("path", "")
    assert "path" not in settings or (Path(settings["path"]).is_absolute() and root.is_dir())
    names = settings["names"]
    names = dict(enumerate(names)) if isinstance(names, list) else names
    assert sorted(names) == list(range(len(names)))
    assert all(isinstance(name, str) for name in names.values())
    assert len(names) == settings.get("nc", len(names))
    assert (root / settings["val"]).is_dir()
    pictures = sorted(p for p in (root / settings["train"]).rglob("*") if p.suffix.lower() in SUFFIXES)
    assert pictures, "no pictures"
    out = {}
    for picture in pictures:
        head, _, tail = str(picture).rpartition("/images/")
        label = Path(f"{head}/labels/{tail}").with_suffix(".txt")
        height, width = cv2.imread(str(picture)).shape[:2]
        if min(height, width) < 10:
            raise Thrown("an image of less than ten pixels")
        out[picture.name] = rows(label.read_text(encoding="utf-8"), len(names)) if label.is_file() else np.zeros((0, 5))
    return out


def rows(text: str, classes: int) -> np.ndarray:
    """The boxes of a label file, (N, 5); polygons become the box around them."""
    lines = [line.split() for line in text.strip().splitlines() if line]
    if any(len(line) > 6 for line in lines):
        corners = [np.array(line[1:], float).reshape(-1, 2) for line in lines]  # an error for an even number of columns
        low, high = (np.array([f(c, axis=0) for c in corners]) for f in (np.min, np.max))
        boxes: np.ndarray = np.hstack([[[float(line[0])] for line in lines], (low + high) / 2, high - low])
    else:
        try:
            boxes = np.array(lines, np.float32).reshape(len(lines), -1).astype(float) if lines else np.zeros((0, 5))
        except ValueError:
            raise Thrown("rows of different lengths") from None
    if boxes.shape[1] != 5:
        raise Thrown(f"{boxes.shape[1]} columns")
    if len(boxes) and (boxes[:, 1:].max() > 1 or boxes.min() < 0):
        raise Thrown("numbers beyond 0..1")
    if len(boxes) and boxes[:, 0].max() >= classes:
        raise Thrown("a class beyond the names")
    if len(np.unique(boxes, axis=0)) < len(boxes):
        raise Thrown("the same row twice")
    return boxes


WANT = Annotations(
    np.array([0, 3, 4]),
    np.array([0.0, 0.1, 0.7]),
    np.array([0, 0, 0, 2]),
    np.array([1, 2, 3, 1]),
    np.array([[4, 8, 16, 24], [-20, 20, 30, 60], [200, 0, 210, 9], [3, 2, 13.25, 12]], np.float32),
    np.array([1, 0.5, 0.75, 1], np.float32),
    np.array([0, 1, 1, 1]),
    ("person", "traffic: light"),
    np.zeros(4, bool),
    (64, 48),
)


def with_pictures(folder: Path) -> Path:
    (folder / "images").mkdir()
    for label in (folder / "labels").glob("*.txt"):
        cv2.imwrite(str(folder / "images" / f"{label.stem}.jpg"), np.zeros((48, 64, 3), np.uint8))
    return folder / "data.yaml"


def test_yolo_output_is_a_valid_training_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(WANT, tmp_path / "set", "yolo")
    data = with_pictures(tmp_path / "set")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    got = training_set(data)
    assert list(got) == ["000001.jpg", "000004.jpg", "000005.jpg"]
    first = got["000001.jpg"]
    assert first[:, 0].tolist() == [0, 1]  # what lies beyond the image is no label
    assert np.allclose(first[0, 1:], [10 / 64, 16 / 48, 12 / 64, 16 / 48])
    assert np.allclose(first[1, 1:], [15 / 64, 34 / 48, 30 / 64, 28 / 48])  # cut at the edge
    assert len(got["000004.jpg"]) == 0
    assert np.allclose(read(tmp_path / "set").xyxy, WANT.xyxy, atol=1e-3)  # and whole for us


def test_track_writes_a_valid_training_set(tmp_path: Path) -> None:
    """Images beside labels, and the frames of COCO in a folder of their own, by one command."""
    words = ["track", "scene:2", "--end", "1", "--detector", "background", "--quiet", "--yolo", str(tmp_path / "set")]
    more = ["--yolo-images", "--coco", str(tmp_path / "a.json"), "--images", str(tmp_path / "frames")]
    assert main([*words, *more]) == 0
    got = training_set(tmp_path / "set" / "data.yaml")
    assert len(got) == len(read(tmp_path / "set").frames) > 5
    named = [image["file_name"] for image in json.loads((tmp_path / "a.json").read_text())["images"]]
    assert named[:2] == ["frame_000000.jpg", "frame_000001.jpg"]
    assert sorted(path.name for path in (tmp_path / "frames").glob("*.jpg")) == named
    assert main([*words, *more, "--every", "2"]) == 2  # what other settings made is not replaced unasked
    assert main([*words[:-2], "--yolo-images", "--mot", str(tmp_path / "a.txt")]) == 2


def test_yolo_rows_with_ids_are_no_training_set(tmp_path: Path) -> None:
    """Which is why they are not written unasked."""
    write(WANT, tmp_path / "set", "yolo", config=LabelConfig(yolo_ids=True))
    data = with_pictures(tmp_path / "set")
    with pytest.raises(Thrown, match=r"beyond 0\.\.1"):
        training_set(data)


def test_any_boxes_give_a_valid_training_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    with FORMATS["yolo"].writer(tmp_path / "set") as writer:
        writer.open(SourceInfo("s", 1919, 1077), tuple(f"class {k}" for k in range(9)))
        for k in range(40):
            corner = rng.uniform(-400, 2000, (8, 2))
            boxes = np.hstack([corner, corner + rng.uniform(0.001, 900, (8, 2))]).astype(np.float32)
            score = rng.random(8).astype(np.float32)
            writer.put(k, k / 25, FrameBoxes(rng.permutation(100)[:8], boxes, score, rng.integers(0, 9, 8)))
    data = with_pictures(tmp_path / "set")
    assert sum(len(boxes) for boxes in training_set(data).values()) > 100
