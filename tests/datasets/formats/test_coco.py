"""COCO-video JSON: plain COCO and MMTracking's keys, pycocotools as reference, and one sentence for every error."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.formats import read, write
from datasets.formats.annotations import Annotations
from datasets.masks.rle import decode, encode
from models.errors import DataError

TOP: dict[str, Any] = {
    "images": [{"id": 7, "file_name": "b.jpg", "width": 64, "height": 48}, {"id": 3, "file_name": "a.jpg"}],
    "annotations": [{"id": 1, "image_id": 7, "category_id": 18, "bbox": [1, 2, 3, 4]}],
    "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
}


def put(path: Path, top: Any) -> Path:
    path.write_text(json.dumps(top))
    return path


def test_plain_coco_is_read(tmp_path: Path) -> None:
    got = read(put(tmp_path / "a.json", TOP))
    assert got.frames.tolist() == [0, 1]  # in the order of the images' ids
    assert got.times is None
    assert got.row.tolist() == [1]
    assert got.id.tolist() == [-1]
    assert got.xyxy.tolist() == [[1, 2, 4, 6]]
    assert got.names == ("person", "dog")
    assert got.label.tolist() == [1]
    assert got.size == (64, 48)
    put(tmp_path / "b.json", TOP)
    (tmp_path / "b.times.csv").write_text("frame,source_frame,time\n1,1,0.5\n2,2,0.75\n")
    timed = read(tmp_path / "b.json")
    assert timed.times is not None
    assert timed.times.tolist() == [0.5, 0.75]


def test_mmtracking_coco_is_read(tmp_path: Path) -> None:
    top = copy.deepcopy(TOP)
    top["images"] = [{"id": 1, "frame_id": 4}, {"id": 2, "frame_id": 9}]
    top["annotations"] = [
        {"id": 1, "image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4], "instance_id": 12, "iscrowd": 1}
    ]
    got = read(put(tmp_path / "a.json", top))
    assert got.frames.tolist() == [4, 9]
    assert got.id.tolist() == [12]
    assert got.ignore.tolist() == [True]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("images",), None, "has no list 'images'"),
        (("annotations",), {}, "has no list 'annotations'"),
        (("categories",), 3, "has no list 'categories'"),
        (("categories", 0), {"id": 18, "name": "x"}, "category 2: a category needs a name and an id of its own"),
        (("categories", 0, "name"), 5, "category 1: a category needs a name"),
        (("images", 0, "id"), "x", "image 1: it needs an id of its own"),
        (("images", 0, "id"), 3, "image 2: it needs an id of its own"),
        (("images", 0, "frame_index"), "x", "image 1: frame is nan"),
        (("images", 0, "time"), "x", "image 2: frame 0 has no finite time"),
        (("annotations", 0), 5, "annotation 1: it is no object"),
        (("annotations", 0, "image_id"), 99, "annotation 1: image_id 99 is not among the images"),
        (("annotations", 0, "category_id"), 99, "annotation 1: category_id 99 is not among the categories"),
        (("annotations", 0, "bbox"), [1, 2, 3], "annotation 1: bbox is missing"),
        (("annotations", 0, "bbox"), [1, 2, 3, None], "annotation 1: bbox is missing"),
        (("annotations", 0, "bbox"), [1, 2, -3, 4], "annotation 1: width is -3.0; a box needs a positive width"),
        (("annotations", 0, "bbox"), [1, 2, 3, float("nan")], "annotation 1: height is nan"),
        (("annotations", 0, "score"), 2, "annotation 1: score is 2.0"),
        (("annotations", 0, "track_id"), "a", "annotation 1: track_id, score, visibility and link are numbers"),
        (("annotations", 0, "segmentation"), {"size": [1, 1]}, "annotation 1: the mask has no runs"),
        (("videos",), [{"id": 1}, {"id": 2}], "holds 2 videos; split it"),
    ],
)
def test_invalid_entry_is_named(place: tuple[Any, ...], value: Any, message: str, tmp_path: Path) -> None:
    top = copy.deepcopy(TOP)
    inner: Any = top
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(DataError) as error:
        read(put(tmp_path / "a.json", top))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("[]", "is JSON but no COCO file"),
        ('{"images": [', "is no whole JSON file"),
        (json.dumps(TOP)[:-9], "is no whole JSON file"),
        ("[" * 100_000, "is nested too deeply|is no whole JSON file"),
    ],
)
def test_file_that_is_no_coco_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read(path)
    assert any(part in str(error.value) for part in message.split("|"))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own, with NumPy 2.4
def test_pycocotools_loads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is in the extra `eval`")
    rng = np.random.default_rng(0)
    masks = rng.random((3, 48, 64)) < 0.3
    want = Annotations(
        np.array([0, 4]),
        np.array([0, 0.3]),
        np.array([0, 0, 1]),
        np.array([5, 6, 5]),
        np.array([[1, 2, 3.5, 4], [5, 6, 7, 8], [2, 2, 9, 9]], np.float32),
        np.array([0.5, 1, 0.25], np.float32),
        np.array([0, 1, 0]),
        ("person", "car"),
        np.array([False, True, False]),
        (64, 48),
        mask=tuple(encode(m) for m in masks),
    )
    write(want, tmp_path / "a.json")
    api = coco.COCO(str(tmp_path / "a.json"))
    assert [c["name"] for c in api.loadCats(api.getCatIds())] == ["person", "car"]
    images = api.loadImgs(sorted(api.getImgIds()))
    assert [(i["frame_index"], i["time"], i["width"], i["height"]) for i in images] == [
        (0, 0.0, 64, 48),
        (4, 0.3, 64, 48),
    ]
    found = api.loadAnns(sorted(api.getAnnIds()))
    assert [a["bbox"] for a in found] == [[1, 2, 2.5, 2], [5, 6, 2, 2], [2, 2, 7, 7]]
    assert [(a["track_id"], a["iscrowd"], a["score"]) for a in found] == [(5, 0, 0.5), (6, 1, 1), (5, 0, 0.25)]
    for a, mask in zip(found, masks, strict=True):
        assert (api.annToMask(a).astype(bool) == mask).all()
    got = read(tmp_path / "a.json")
    assert got.mask is not None
    assert all((decode(rle) == mask).all() for rle, mask in zip(got.mask, masks, strict=True) if rle is not None)
    capsys.readouterr()


def test_mask_encoding_equals_pycocotools() -> None:
    api = pytest.importorskip("pycocotools.mask", reason="pycocotools is in the extra `eval`")
    rng = np.random.default_rng(1)
    for share in (0, 0.001, 0.2, 0.5, 0.999, 1):
        for shape in ((1, 1), (48, 64), (300, 5), (700, 900)):
            mask = rng.random(shape) < share
            want = api.encode(np.asfortranarray(mask.astype(np.uint8)))
            rle = encode(mask)
            assert rle.counts.encode() == want["counts"]
            assert [rle.height, rle.width] == want["size"]
            assert (decode(rle) == mask).all()
