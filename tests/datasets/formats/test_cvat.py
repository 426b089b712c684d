"""CVAT for video 1.1: files as CVAT writes them, our own notes, and the sentence for everything wrong."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.formats import FORMATS, read, write
from datasets.formats.config import LabelConfig
from datasets.formats.cvat_writer import CvatWriter
from datasets.formats.table import union
from datasets.formats.writer import FrameBoxes
from models.errors import ConfigError, DataError
from tracker.protocols import SourceInfo

# As CVAT 2 exports it, shortened: every second frame from 10 to 20, a track with key frames 10 and 14 that ends at 18.
FROM_CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>3</id><name>street</name><size>6</size><mode>interpolation</mode><overlap>5</overlap>
      <start_frame>10</start_frame><stop_frame>20</stop_frame><frame_filter>step=2</frame_filter>
      <labels>
        <label><name>car</name><color>#ff0000</color><attributes>
          <attribute><name>model</name><mutable>False</mutable><input_type>text</input_type></attribute></attributes></label>
        <label><name>person</name><attributes></attributes></label>
      </labels>
      <original_size><width>640</width><height>480</height></original_size>
    </task>
  </meta>
  <track id="0" label="person" source="manual">
    <box frame="10" outside="0" occluded="0" keyframe="1" xtl="10.00" ytl="20.00" xbr="30.00" ybr="40.00"></box>
    <box frame="14" outside="0" occluded="1" keyframe="1" xtl="20.00" ytl="20.00" xbr="50.00" ybr="60.00">
      <attribute name="model">ignore</attribute>
    </box>
    <box frame="18" outside="1" occluded="0" keyframe="1" xtl="99.00" ytl="20.00" xbr="100.00" ybr="60.00"></box>
  </track>
  <track id="1" label="car" source="manual">
    <polygon frame="16" outside="0" occluded="0" keyframe="1" points="5.0,6.0;15.0,6.5;10.0,16.0"></polygon>
  </track>
</annotations>
"""


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_cvat_file_is_read(tmp_path: Path) -> None:
    got = read(put(tmp_path / "a.xml", FROM_CVAT))
    assert got.frames.tolist() == [10, 12, 14, 16, 18, 20]
    assert got.times is None
    assert got.names == ("car", "person")
    assert got.size == (640, 480)
    person = got.id == 0
    assert got.frames[got.row[person]].tolist() == [10, 12, 14, 16]
    assert got.xyxy[person].tolist() == [[10, 20, 30, 40], [15, 20, 40, 50], [20, 20, 50, 60], [20, 20, 50, 60]]
    assert got.visibility is not None
    assert got.visibility[person].tolist() == [1, 1, 0, 0]
    car = got.id == 1  # has no end: it stays to the last frame
    assert got.frames[got.row[car]].tolist() == [16, 18, 20]
    assert got.xyxy[car].tolist() == [[5, 6, 15, 16]] * 3
    assert read(tmp_path / "a.xml", rate=10).times.tolist() == [1.0, 1.2, 1.4, 1.6, 1.8, 2.0]  # type: ignore[union-attr]


def test_times_beside_a_cvat_export_are_used(tmp_path: Path) -> None:
    put(tmp_path / "times.csv", "frame,source_frame,time\n" + "".join(f"{k + 1},1,{k * k}\n" for k in range(21)))
    got = read(put(tmp_path / "a.xml", FROM_CVAT))
    assert got.times is not None
    assert got.times[10] == 100
    assert got.frames[got.row[got.id == 0]].tolist() == list(range(10, 18))


def test_rotated_box_becomes_its_bounding_box(tmp_path: Path) -> None:
    turned = FROM_CVAT.replace('xbr="30.00" ybr="40.00"', 'xbr="30.00" ybr="30.00" rotation="90.0"')
    assert np.allclose(read(put(tmp_path / "a.xml", turned)).xyxy[0], [15, 15, 25, 35])


def test_cvat_image_annotations_are_detections(tmp_path: Path) -> None:
    text = (
        "<annotations><meta/><image id='2' name='a.jpg'/><image id='4' name='b.jpg' width='64' height='48'>"
        "<box label='cat' occluded='0' xtl='1' ytl='2' xbr='3' ybr='4'/><mask label='cat'/></image></annotations>"
    )
    got = read(put(tmp_path / "a.xml", text))
    assert got.frames.tolist() == [2, 4]
    assert got.row.tolist() == [1]
    assert got.id.tolist() == [-1]
    assert got.names == ("cat",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('xtl="10.00"', 'xtl="x"', "line 17: a <box> needs frame and xtl, ytl, xbr, ybr as numbers"),
        (' xtl="10.00"', "", "line 17: a <box> needs frame and xtl"),
        ('xtl="10.00"', 'xtl="30.00"', "line 17: width is 0.0; a box needs a positive width"),
        ('xtl="10.00"', 'xtl="nan"', "line 17: left is nan; numbers must be finite"),
        ('frame="10"', 'frame="-1"', "line 17: frame is -1; frames are whole numbers from 0"),
        ('frame="14"', 'frame="10"', "line 18: id 0 stands twice in frame 10"),
        ('points="5.0,', 'points="5.0;', "line 24: a <polygon> needs frame and points as numbers"),
        ('label="car"', 'label="dog"', "line 23: label 'dog' is not among the labels of <meta>"),
        ('<track id="1"', '<track id="one"', "line 23: a track's id is 'one'"),
        ('<track id="1"', '<track id="-5"', "id is -5"),
    ],
)
def test_bad_row_is_named_or_dropped(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = put(tmp_path / "a.xml", FROM_CVAT.replace(old, new, 1))
    with pytest.raises(DataError) as error:
        read(path)
    assert message in str(error.value)
    assert "--skip-bad-rows" in str(error.value)
    assert len(read(path, skip_bad_rows=True)) > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("<html></html>", "has the root element <html>; CVAT XML has <annotations>"),
        ("<annotations><a></b></annotations>", "line 1: it is no whole XML file (mismatched tag)"),
        (FROM_CVAT[:1200], "it is no whole XML file (unclosed token); export it again"),
        ("<annotations><meta><project/></meta></annotations>", "is a project of several tasks"),
        (
            "<annotations><meta><stop_frame>1e300</stop_frame></meta></annotations>",
            "its <meta> says frames 0 to 1e+300",
        ),
        (
            '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><annotations>&b;</annotations>',
            "it declares an XML entity",
        ),
        (
            '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotations>&a;</annotations>',
            "it declares an XML entity",
        ),
        ("<annotations>&unknown;</annotations>", "it is no whole XML file (undefined entity)"),
    ],
)
def test_file_that_is_no_cvat_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read(put(tmp_path / "a.xml", text))
    assert message in str(error.value)


def test_interpolated_boxes_are_bounded(tmp_path: Path) -> None:
    tracks = "".join(
        f"<track id='{k}' label='a'><box frame='0' xtl='1' ytl='1' xbr='2' ybr='2'/></track>" for k in range(9)
    )
    text = f"<annotations><meta><stop_frame>900000</stop_frame></meta>{tracks}</annotations>"
    with pytest.raises(DataError, match="asks for 8100000 interpolated boxes, more than 2000000"):
        read(put(tmp_path / "a.xml", text))


@given(st.sets(st.integers(0, 30)), st.lists(st.integers(0, 40)))
def test_frame_union_equals_numpy(listed: set[int], more: list[int]) -> None:
    ours = union(np.array(sorted(listed), np.int64), np.array(more, np.int64))
    assert ours.tolist() == np.union1d(list(listed), more).tolist()


def _record(path: Path, close: bool = True) -> None:
    """Track 1 in frames 0, 1 and 4, track 2 in 1 to 4, which turns from car to person, and a detection in frame 1."""
    writer = CvatWriter(path)
    writer.open(SourceInfo("a<b>&c", 640, 480), ("person", "car"))
    shown = {0: [(1, 0)], 1: [(1, 0), (2, 1), (-1, 0)], 2: [(2, 1)], 3: [(2, 0)], 4: [(1, 0), (2, 0)], 6: []}
    for k, rows in shown.items():
        xyxy = np.array([[10 * n + 20, k, 10 * n + 25, k + 9] for n, _ in rows], np.float32).reshape(-1, 4)
        ids, labels = (np.array([row[c] for row in rows], np.int64) for c in (0, 1))
        writer.put(k, k / 8, FrameBoxes(ids, xyxy, np.full(len(rows), 0.5, np.float32), labels))
    if close:
        writer.close()
    else:
        writer._file.close()


def test_closed_file_has_cvats_element_order(tmp_path: Path) -> None:
    _record(tmp_path / "a.xml")
    root = ET.parse(tmp_path / "a.xml").getroot()
    assert root.findtext("meta/task/name") == "a<b>&c"
    assert root.findtext("meta/task/size") == "7"
    assert [e.text for e in root.findall("meta/task/labels/label/name")] == ["person", "car"]
    tracks = [
        (t.get("id"), t.get("label"), [(b.get("frame"), b.get("outside")) for b in t.findall("box")])
        for t in root.findall("track")
    ]
    assert tracks == [
        ("1", "person", [("0", "0"), ("1", "0"), ("2", "1"), ("4", "0"), ("6", "1")]),
        ("2", "car", [("1", "0"), ("2", "0"), ("3", "1")]),
        ("-1", "person", [("1", "0"), ("2", "1")]),
        ("2", "person", [("3", "0"), ("4", "0"), ("6", "1")]),
    ]
    for box in root.iter("box"):  # CVAT's importer takes these for granted
        assert {"frame", "outside", "occluded", "keyframe", "xtl", "ytl", "xbr", "ybr"} <= set(box.keys())


def test_open_closed_and_converted_files_are_equivalent(tmp_path: Path) -> None:
    _record(tmp_path / "closed.xml")
    _record(tmp_path / "open.xml", close=False)
    write(read(tmp_path / "open.xml"), tmp_path / "again.xml")
    for name in ("closed", "open", "again"):
        got = read(tmp_path / f"{name}.xml")
        assert got.frames.tolist() == [0, 1, 2, 3, 4, 6]
        assert got.times is not None
        assert got.times.tolist() == [0, 0.125, 0.25, 0.375, 0.5, 0.75]
        rows = sorted(zip(got.frames[got.row].tolist(), got.id.tolist(), got.label.tolist(), strict=True))
        assert rows == [(0, 1, 0), (1, -1, 0), (1, 1, 0), (1, 2, 1), (2, 2, 1), (3, 2, 0), (4, 1, 0), (4, 2, 0)]


STEPS = st.lists(st.floats(-8, 8), min_size=4, max_size=4)


@given(
    walk=st.lists(st.one_of(STEPS, st.none(), st.just([0.0] * 4)), min_size=1, max_size=60),
    stride=st.integers(1, 4),
    tolerance=st.sampled_from(["0", "0.5px", "2px", "20"]),
    seen=st.integers(0, 2**60),
)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_interpolated_boxes_stay_within_tolerance_and_absences_are_exact(
    walk: list[list[float] | None], stride: int, tolerance: str, seen: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`walk`: how far the edges move in each frame, None where the object is gone; `seen`: when it is not hidden."""
    at = np.array([100.0, 100, 300, 300])
    boxes: dict[int, np.ndarray] = {}
    for k, step in enumerate(walk):
        if step is not None:
            at = at + step
            boxes[stride * k] = np.append(np.minimum(at[:2], at[2:] - 1), at[2:]).astype(np.float32)
    path = tmp_path_factory.mktemp("keys") / "a.xml"
    with FORMATS["cvat"].writer(path, LabelConfig(cvat_keyframes=tolerance)) as writer:
        writer.open(SourceInfo("s", 640, 480), ("dog", "person", "car"))
        for k in range(len(walk)):
            box = boxes.get(stride * k)
            n = int(box is not None)
            columns = np.full(n, 5), np.array([box] if box is not None else [], np.float32).reshape(-1, 4)
            visibility = np.full(n, float(seen >> k & 1), np.float32)
            writer.put(
                stride * k, k / 7, FrameBoxes(*columns, np.ones(n, np.float32), np.full(n, 1), visibility=visibility)
            )
    got = read(path)
    assert got.frames.tolist() == [stride * k for k in range(len(walk))]
    assert got.frames[got.row].tolist() == sorted(boxes)
    if boxes:
        assert got.names == ("person",)
        off = np.abs(got.xyxy[np.argsort(got.row)] - np.array([boxes[k] for k in sorted(boxes)]))
        assert off.max() <= max(float(tolerance.removesuffix("px")), 0.002)
        assert got.visibility is None or (got.visibility > 0.5).tolist() == [
            bool(seen >> k // stride & 1) for k in boxes
        ]


def test_steady_motion_needs_few_key_frames(tmp_path: Path) -> None:
    def boxes_in(tolerance: str) -> int:
        with FORMATS["cvat"].writer(tmp_path / "a.xml", LabelConfig(cvat_keyframes=tolerance)) as writer:
            writer.open(SourceInfo("s", 640, 480), ("person",))
            for k in range(200):  # a walker: even steps, and a sway of two pixels
                left = 10 + 2 * k + np.sin(k / 3)
                box = np.array([[left, 50, left + 40, 150 + np.sin(k / 2)]], np.float32)
                writer.put(k, k / 25, FrameBoxes(np.array([1]), box, np.ones(1, np.float32), np.array([0])))
        return (tmp_path / "a.xml").read_text().count("<box ")

    assert boxes_in("0") == 200
    assert boxes_in("2px") == 2
    assert 2 < boxes_in("0.5") < 100


def test_invalid_tolerance_is_refused(tmp_path: Path) -> None:
    for text in ("-1", "2%", "px", "nan", "1e9", ""):
        with pytest.raises(ConfigError, match="tolerance of key frames"):
            FORMATS["cvat"].writer(tmp_path / "a.xml", LabelConfig(cvat_keyframes=text))


@pytest.mark.parametrize("name", ["cvat", "coco"])
@pytest.mark.parametrize("fault", ["cut", "emptied", "replaced", "deleted", "garbled"])
def test_file_changed_by_another_program_ends_writing_in_one_sentence(name: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{FORMATS[name].layout.suffix}"
    writer = FORMATS[name].writer(path)
    writer.open(SourceInfo("s", 640, 480), ("person",))
    box = np.array([[1, 2, 30, 40]], np.float32)
    for k in range(50):
        writer.put(k, k / 25, FrameBoxes(np.array([1]), box, np.ones(1, np.float32), np.array([0])))
    if fault in ("cut", "emptied"):
        os.truncate(path, 0 if fault == "emptied" else path.stat().st_size // 2)
    elif fault == "garbled":
        path.write_bytes(b"x" * path.stat().st_size)
    else:
        path.unlink()
        if fault == "replaced":
            path.write_text("hand-made")
    if name == "coco":
        writer.close()  # what is left of it is left alone
    else:
        with pytest.raises(DataError, match=r"another program|cannot be written"):
            writer.close()
    writer.close()
    if fault == "replaced":
        assert path.read_text() == "hand-made"


def test_characters_invalid_in_xml_are_replaced(tmp_path: Path) -> None:
    with CvatWriter(tmp_path / "a.xml") as writer:
        writer.open(SourceInfo("bell\x07\ud800", 640, 480), ("per\x00son", "quo\"te's", "<&>"))
        boxes = np.array([[1, 2, 3, 4]] * 3, np.float32)
        writer.put(0, 0.0, FrameBoxes(np.arange(3), boxes, np.ones(3, np.float32), np.arange(3)))
    assert read(tmp_path / "a.xml").names == ("per son", "quo\"te's", "<&>")


@pytest.mark.parametrize("start", [0.0, 1.5])
def test_camera_start_time_is_written_to_the_meta(start: float, tmp_path: Path) -> None:
    with CvatWriter(tmp_path / "a.xml") as writer:
        writer.open(SourceInfo("camera 0", 64, 48, start=start, started=1_700_000_000.25), ("person",))
        box = FrameBoxes(
            np.array([1]), np.array([[1, 2, 30, 40]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64)
        )
        for k in range(3):
            writer.put(k, k / 10, box)
            assert 'start_utc="2023-11-14T22:13:20.250Z"' in (tmp_path / "a.xml").read_text().partition("</meta>")[0]
    meta = (tmp_path / "a.xml").read_text().partition("</meta>")[0]
    assert f'<?liquidtrack start="{start}" start_utc="2023-11-14T22:13:20.250Z"?>' in meta
    got = read(tmp_path / "a.xml")
    assert (got.frames.tolist(), got.start) == ([0, 1, 2], start)
