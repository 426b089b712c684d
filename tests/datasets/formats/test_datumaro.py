"""Datumaro as reference: it reads our files, and we read its files. `make` installs it, without the second OpenCV
that it requires (pyproject.toml says why).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.formats import read, write
from datasets.formats.annotations import Annotations
from datasets.formats.image_folder import ImageFolder
from tests.support.annotations import corrected
from tracker.protocols import SourceInfo
from tracker.types import Frame, Tracks

dm = pytest.importorskip("datumaro", reason="datumaro is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")

WANT = Annotations(
    np.array([0, 1, 2]),
    np.array([0.0, 0.1, 0.7]),
    np.array([0, 0, 1, 2]),
    np.array([1, 2, 1, 2]),
    np.array([[1, 2, 11, 12], [20, 20, 30, 40.5], [3, 2, 13.25, 12], [21, 21, 32, 41]], np.float32),
    np.array([1, 0.5, 0.75, 1], np.float32),
    np.array([0, 1, 0, 1]),
    ("person", "car"),
    np.zeros(4, bool),
    (64, 48),
)


def boxes(dataset: Any) -> list[list[tuple[str, list[float]]]]:
    """(class, left top right bottom) of each image, images in order of their names."""
    names = [label.name for label in dataset.categories()[dm.AnnotationType.label]]
    items = sorted(dataset, key=lambda item: item.id)
    return [
        sorted((names[a.label], [round(float(v), 2) for v in a.points]) for a in item.annotations) for item in items
    ]


def wanted(a: Annotations) -> list[list[tuple[str, list[float]]]]:
    frames = [a.at(k) for k in range(len(a.frames))]
    return [
        sorted((a.names[c], [round(float(v), 2) for v in b]) for c, b in zip(a.label[at], a.xyxy[at], strict=True))
        for at in frames
    ]


def test_coco_is_read_by_datumaro(tmp_path: Path) -> None:
    write(WANT, tmp_path / "annotations" / "instances_train.json", name="s")
    (tmp_path / "images").mkdir()
    assert boxes(dm.Dataset.import_from(str(tmp_path), "coco_instances")) == wanted(WANT)


def test_cvat_is_read_by_datumaro(tmp_path: Path) -> None:
    write(WANT, tmp_path / "a.xml", name="s")
    dataset = dm.Dataset.import_from(str(tmp_path), "cvat")
    names = [label.name for label in dataset.categories()[dm.AnnotationType.label]]
    found = sorted(
        (item.attributes["frame"], names[a.label], a.attributes["track_id"], [round(float(v), 2) for v in a.points])
        for item in dataset
        for a in item.annotations
        if not a.attributes["outside"]
    )
    assert found == sorted(
        (int(WANT.row[k]), WANT.names[WANT.label[k]], int(WANT.id[k]), [round(float(v), 2) for v in WANT.xyxy[k]])
        for k in range(len(WANT))
    )


def test_mot_is_read_by_datumaro(tmp_path: Path) -> None:
    write(WANT, tmp_path / "gt" / "gt.txt")
    (tmp_path / "gt" / "gt.names").rename(tmp_path / "gt" / "labels.txt")
    dataset = dm.Dataset.import_from(str(tmp_path), "mot_seq")
    assert boxes(dataset) == wanted(WANT)
    ids = [sorted(a.attributes["track_id"] for a in item.annotations) for item in sorted(dataset, key=lambda i: i.id)]
    assert ids == [[1, 2], [1], [2]]


def _pictures(*subsets: str) -> Any:
    items = [
        dm.DatasetItem(
            id=f"{k + 1:06d}",
            subset=subset,
            media=dm.Image.from_numpy(np.zeros((48, 64, 3), np.uint8)),
            annotations=[
                dm.Bbox(b[0], b[1], b[2] - b[0], b[3] - b[1], label=int(c), attributes={"track_id": int(i)})
                for b, c, i in zip(
                    WANT.xyxy[WANT.at(k)].astype(float), WANT.label[WANT.at(k)], WANT.id[WANT.at(k)], strict=True
                )
            ],
        )
        for k in range(3)
        for subset in subsets
    ]
    return dm.Dataset.from_iterable(items, categories=["person", "car"])


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("coco_instances", "annotations/instances_default.json"),
        ("mot_seq_gt", "gt/gt.txt"),
        ("cvat", "default.xml"),
        ("yolo_ultralytics", "."),
    ],
)
def test_datumaro_exports_are_read(kind: str, place: str, tmp_path: Path) -> None:
    dataset = _pictures("train", "val") if kind == "yolo_ultralytics" else _pictures("default")
    dataset.export(str(tmp_path / "out"), kind, save_media=True)
    path = tmp_path / "out" / place
    if kind == "yolo_ultralytics":  # it has a folder for each part of the set
        (tmp_path / "one").mkdir()
        (tmp_path / "out" / "labels" / "train").rename(tmp_path / "one" / "labels")
        (tmp_path / "out" / "images" / "train").rename(tmp_path / "one" / "images")
        (tmp_path / "out" / "data.yaml").rename(tmp_path / "one" / "data.yaml")
        path = tmp_path / "one"
    got = read(path)
    assert wanted(got) == wanted(WANT)
    if kind == "mot_seq_gt":
        assert [sorted(got.id[got.at(k)].tolist()) for k in range(3)] == [[1, 2], [1], [2]]


def test_coco_lists_images_that_datumaro_finds(tmp_path: Path) -> None:
    """The frames of a video by CVAT's names for them, and images by their own: datumaro finds each."""
    for part, pictures in (("video", ()), ("pictures", ("b.png", "a.png", "c.png"))):
        root = tmp_path / part
        write(WANT, root / "annotations" / "instances_default.json", pictures=pictures)
        info = SourceInfo(part, 64, 48, pictures=pictures)
        sink = ImageFolder(root / "images" / "default")
        sink.open(info, WANT.names)
        for k in range(3):
            sink.write(Frame(np.full((48, 64, 3), 80 * k, np.uint8), k, k / 10), Tracks.empty())
        dataset = dm.Dataset.import_from(str(root), "coco_instances")
        items = {item.id: item for item in dataset}
        names = [Path(name).stem for name in pictures or ("frame_000000", "frame_000001", "frame_000002")]
        assert sorted(items) == sorted(names)
        for k, name in enumerate(names):
            assert abs(int(items[name].media.data[0, 0, 0]) - 80 * k) < 3
            assert len(items[name].annotations) == (2, 1, 1)[k]


def test_datumaro_reads_sparse_cvat_key_frames(tmp_path: Path) -> None:
    """It takes boxes as they stand, key frames or not: those that it finds are ours, outside and all."""
    write(WANT, tmp_path / "a.xml", name="s")
    keys = {
        (item.attributes["frame"], a.attributes["track_id"], bool(a.attributes["outside"]))
        for item in dm.Dataset.import_from(str(tmp_path), "cvat")
        for a in item.annotations
    }
    assert keys == {(0, 1, False), (1, 1, False), (2, 1, True), (0, 2, False), (1, 2, True), (2, 2, False)}


def test_yolo_is_read_by_datumaro(tmp_path: Path) -> None:
    write(WANT, tmp_path, "yolo", name="s")
    sink = ImageFolder(tmp_path / "images", naming="yolo")
    sink.open(SourceInfo("s", 64, 48), WANT.names)
    for k in range(3):
        sink.write(Frame(np.zeros((48, 64, 3), np.uint8), k, k / 10), Tracks.empty())
    got, want = boxes(dm.Dataset.import_from(str(tmp_path), "yolo")), wanted(WANT)
    assert [[name for name, _ in frame] for frame in got] == [[name for name, _ in frame] for frame in want]
    for mine, theirs in zip(got, want, strict=True):
        assert np.allclose([box for _, box in mine], [box for _, box in theirs], atol=0.02)


def test_attributes_of_corrected_tracks_are_read_by_datumaro(tmp_path: Path) -> None:
    a = corrected()
    write(a, tmp_path / "a.xml", name="s")
    found = {
        item.attributes["frame"]: made.attributes
        for item in dm.Dataset.import_from(str(tmp_path / "a.xml"), "cvat")
        for made in item.annotations
        if made.attributes["track_id"] == 7 and not made.attributes["outside"]
    }
    assert sorted(found) == [0, 4, 5, 8, 10, 15, 16, 19]
    assert all(made["keyframe"] for made in found.values())
    assert [frame for frame, made in found.items() if made["occluded"]] == [4, 5]
    assert [found[k]["pose"] for k in sorted(found)] == ["", "", "spin", "spin", "spin", "spin", "", ""]
    assert [found[k]["provenance"] for k in (0, 4, 10, 15, 19)] == ["drawn", "filled", "drawn", "confirmed", "tracked"]
    assert (found[0]["dress"], found[0]["name"], found[0]["liquidtrack_id"]) == ("red", "Anna", "7")
    write(a, tmp_path / "annotations" / "instances_train.json", name="s")
    (tmp_path / "images").mkdir()
    items = sorted(dm.Dataset.import_from(str(tmp_path), "coco_instances"), key=lambda item: item.id)
    hidden = [any(made.attributes["occluded"] for made in item.annotations) for item in items]
    assert [k for k, is_hidden in enumerate(hidden) if is_hidden] == [4, 5, 6, 7]
    assert [k for k, item in enumerate(items) if any("pose" in made.attributes for made in item.annotations)] == [
        5, 6, 7, 8, 9, 10, 15,
    ]  # fmt: skip
