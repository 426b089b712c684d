"""Label Studio JSON: their exports, our files by their rules, damage in one sentence."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.formats import read, write
from datasets.formats.config import LabelConfig
from datasets.formats.provenance import Provenance
from datasets.formats.registry import sniff
from datasets.formats.track_info import TrackInfo
from models.errors import DataError
from tests.support.annotations import assert_same, corrected

SEEN, FILLED, DRAWN, CONFIRMED, TRACKED, PREDICTED = Provenance


def key(frame: int, x: float, enabled: bool = True, **more: Any) -> dict[str, Any]:
    box = {"x": x, "y": 10, "width": 5, "height": 20, "rotation": 0}
    return {"frame": frame, "enabled": enabled, **box, "time": frame / 25, **more}


def region(id: str, label: str, *sequence: dict[str, Any], origin: str = "manual") -> dict[str, Any]:
    value = {"framesCount": 12, "duration": 0.48, "sequence": list(sequence), "labels": [label]}
    return {
        "id": id,
        "type": "videorectangle",
        "from_name": "box",
        "to_name": "video",
        "origin": origin,
        "value": value,
    }


# An export as Label Studio makes it: a car in frames 1 to 5 and from 9 on, and a person from a model, to the end.
EXPORT = [
    {
        "id": 41,
        "data": {"video": "/data/upload/1/street.mp4"},
        "predictions": [],
        "annotations": [
            {
                "id": 7,
                "was_cancelled": False,
                "result": [
                    region("Xz3aQ", "Car", key(1, 10), key(5, 30, enabled=False), key(9, 40), key(10, 42)),
                    region("b", "Person", key(11, 50), origin="prediction"),
                    {
                        "id": "Xz3aQ", "type": "choices", "from_name": "colour", "to_name": "video",
                        "value": {"choices": ["red", "dull"]},
                    },
                ],
            }
        ],
    }
]  # fmt: skip


def put(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_an_export_of_label_studio_is_read(tmp_path: Path) -> None:
    path = put(tmp_path / "a.json", EXPORT)
    assert sniff(path) == "labelstudio"
    got = read(path, size=(200, 100))
    assert got.frames.tolist() == list(range(12))
    assert got.times is not None
    assert np.allclose(got.times, np.arange(12) * 0.04)
    assert got.names == ("Car", "Person")
    car, person = got.id == 1, got.id == 2
    assert got.row[car].tolist() == [0, 1, 2, 3, 4, 8, 9, 10, 11]
    assert got.xyxy[car][:5].tolist() == [[20 + 10 * k, 10, 30 + 10 * k, 30] for k in range(5)]
    assert got.xyxy[car][-3:].tolist() == [[84, 10, 94, 30]] * 3
    assert got.row[person].tolist() == [10, 11]
    assert got.provenance is not None
    assert got.provenance[car].tolist() == [DRAWN, FILLED, FILLED, FILLED, DRAWN, DRAWN, DRAWN, FILLED, FILLED]
    assert got.provenance[person].tolist() == [SEEN, SEEN]
    assert got.tracks == (TrackInfo(1, attributes=(("colour", "red, dull"),), absences=((5, 7),)),)


def test_an_export_with_interpolated_frames_knows_them(tmp_path: Path) -> None:
    content = copy.deepcopy(EXPORT)
    sequence = content[0]["annotations"][0]["result"][0]["value"]["sequence"]  # type: ignore[index]
    sequence[1:1] = [key(k, 10 + 5 * (k - 1), auto=True) for k in (2, 3, 4)]
    plain, full = (read(put(tmp_path / f"{k}.json", c), size=(200, 100)) for k, c in enumerate((EXPORT, content)))
    assert_same(full, plain)
    assert plain.provenance is not None
    assert full.provenance is not None
    assert full.provenance.tolist() == plain.provenance.tolist()


def test_json_min_and_a_single_task_are_read(tmp_path: Path) -> None:
    want = read(put(tmp_path / "a.json", EXPORT), size=(200, 100))
    assert_same(read(put(tmp_path / "b.json", EXPORT[0]), size=(200, 100)), want)
    values = [r["value"] for r in EXPORT[0]["annotations"][0]["result"][:2]]  # type: ignore[index]
    small = put(tmp_path / "c.json", [{"video": "/data/street.mp4", "id": 41, "box": values, "annotator": 1}])
    assert sniff(small) == "labelstudio"
    assert_same(read(small, size=(200, 100)), want)


def test_times_beside_an_export_are_used(tmp_path: Path) -> None:
    (tmp_path / "a.times.csv").write_text("frame,time\n" + "".join(f"{k + 1},{k * k}\n" for k in range(12)))
    got = read(put(tmp_path / "a.json", EXPORT), size=(200, 100))
    assert got.times is not None
    assert got.times.tolist() == [k * k for k in range(12)]


def test_a_turned_box_becomes_its_bounding_box(tmp_path: Path) -> None:
    content = copy.deepcopy(EXPORT)
    sequence = content[0]["annotations"][0]["result"][0]["value"]["sequence"]  # type: ignore[index]
    sequence[0]["rotation"] = 90
    got = read(put(tmp_path / "a.json", content), size=(200, 100))
    # 10 x 20 pixels at (20, 10), turned clockwise around that corner
    assert np.allclose(got.xyxy[got.row == 0][0], [0, 10, 20, 20], atol=1e-4)


def shown(sequence: list[dict[str, Any]], frame: int) -> list[float] | None:
    """What Label Studio's page shows of a region in a frame, by its rules: lifespan, then linear interpolation."""
    before = [item for item in sequence if item["frame"] <= frame]
    if not before or not (before[-1]["enabled"] or before[-1]["frame"] == frame):
        return None
    prev, later = before[-1], [item for item in sequence if item["frame"] > frame]
    if prev["frame"] == frame or not later:
        return [float(prev[k]) for k in ("x", "y", "width", "height")]
    part = (frame - prev["frame"]) / (later[0]["frame"] - prev["frame"])
    return [prev[k] + (later[0][k] - prev[k]) * part for k in ("x", "y", "width", "height")]


@pytest.mark.parametrize("keys", ["2px", "0", "person"])
def test_label_studio_shows_our_boxes_where_they_are(keys: str, tmp_path: Path) -> None:
    a = corrected()
    write(a, tmp_path / "a.json", "labelstudio", config=LabelConfig(cvat_keyframes=keys))
    (task,) = json.loads((tmp_path / "a.json").read_text())
    assert set(task) == {"data", "annotations"}
    regions = task["annotations"][0]["result"]
    assert [(r["id"], r["value"]["labels"], r["origin"]) for r in regions] == [
        ("2", ["dancer"], "prediction"),
        ("7", ["dancer"], "prediction-changed"),
    ]
    assert regions[1]["meta"] == {"text": ["Anna", "dress: red"]}
    boxes = 0
    for r in regions:
        assert r["type"] == "videorectangle"
        assert r["value"]["framesCount"] == 20
        for item in r["value"]["sequence"]:
            assert {"frame", "enabled", "rotation", "x", "y", "width", "height", "time"} <= set(item)
        for frame in range(20):
            at = (a.row == frame) & (a.id == int(r["id"]))
            box = shown(r["value"]["sequence"], frame + 1)
            assert (box is not None) == at.any()
            if box is not None:
                boxes += 1
                x, y, width, height = box
                pixels = [x * 6.4, y * 4.8, (x + width) * 6.4, (y + height) * 4.8]
                assert np.abs(np.array(pixels) - a.xyxy[at][0]).max() < (0.01 if keys == "0" else 2)
    assert boxes == len(a)


def test_a_key_frame_added_in_label_studio_is_drawn(tmp_path: Path) -> None:
    write(corrected(), tmp_path / "a.json", "labelstudio")
    content = json.loads((tmp_path / "a.json").read_text())
    result = content[0]["annotations"][0]["result"]
    result[0]["value"]["sequence"].insert(1, key(6, 20))
    result.append(region("new", "dancer", key(3, 1), key(4, 1, enabled=False)))
    got = read(put(tmp_path / "b.json", content))
    assert got.provenance is not None
    of_two = got.provenance[got.id == 2]
    assert of_two[5] == DRAWN
    assert set(of_two[:5].tolist()) == {SEEN}
    assert (got.id == 8).sum() == 2  # a new region has a new id
    assert got.times is not None
    assert corrected().times is not None
    assert got.times.tolist() == corrected().times.tolist()  # type: ignore[union-attr]
    assert got.tracks == corrected().tracks


def test_a_changed_class_is_a_second_region_of_the_same_track(tmp_path: Path) -> None:
    a = corrected()
    a = replace(a, names=("dancer", "singer"), label=((a.id == 2) & (a.row > 9)).astype(np.int64))
    write(a, tmp_path / "a.json", "labelstudio")
    ids = [r["id"] for r in json.loads((tmp_path / "a.json").read_text())[0]["annotations"][0]["result"]]
    assert sorted(ids) == ["2", "2.2", "7"]
    got = read(tmp_path / "a.json")
    assert sorted(zip(got.row, got.id, got.label, strict=True)) == sorted(zip(a.row, a.id, a.label, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("", "is empty; Label Studio JSON holds a list of tasks."),
        ("[{", "is no whole JSON file"),
        ([], "holds no task with videorectangle regions; export video object tracking as JSON."),
        ([{"image": "a.jpg", "annotations": [{"result": []}]}], "holds no task with videorectangle regions"),
        (EXPORT * 2, "holds 2 videos; export or keep one task a file."),
        (EXPORT, "counts in per cent of the image, whose size it does not give; state it with --size."),
    ],
)
def test_other_files_are_refused_in_one_sentence(change: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read(put(tmp_path / "a.json", change), "labelstudio")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"x": 10,', '"x": "a",', "task 1 region 1 key frame 1: a key frame needs frame, x, y, width, height"),
        ('"frame": 1,', '"frame": 1.5,', "task 1 region 1 key frame 1: frame is 0.5; frames are whole numbers from 0"),
        ('"width": 5', '"width": 0', "task 1 region 1 key frame 1: width is 0.0; a box needs a positive width"),
        ('"time": 0.44', '"time": 0.44, "score": 7', "key frame 1: score is 7.0; scores are probabilities"),
        ('"time": 0.04', '"provenance": "x"', "key frame 1: provenance is 'x'; it is one of seen, filled, drawn"),
        ('"sequence": [', '"sequence": 3, "q": [', "task 1 region 1: it has no sequence of key frames"),
    ],
)
def test_a_wrong_key_frame_is_named_or_dropped(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = json.dumps(EXPORT)
    assert old in text
    path = put(tmp_path / "a.json", text.replace(old, new, 1))
    with pytest.raises(DataError) as error:
        read(path, size=(200, 100))
    assert message in str(error.value)
    assert len(read(path, size=(200, 100), skip_bad_rows=True)) > 0
