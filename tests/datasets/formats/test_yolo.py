"""YOLO folders: the ways in which others write them, and the sentence for everything wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.formats import read, write
from datasets.formats.config import LabelConfig
from datasets.formats.writer import FrameBoxes
from datasets.formats.yolo_writer import YoloWriter
from models.errors import DataError
from tests.support.annotations import assert_same
from tracker.protocols import SourceInfo

YAML = "width: 100\nheight: 50\nnames: [person, car]\n"


def folder(path: Path, yaml: str = YAML, **labels: str) -> Path:
    """`frame_7="..."` becomes labels/frame_7.txt."""
    (path / "labels").mkdir(parents=True)
    if yaml:
        (path / "data.yaml").write_text(yaml)
    for name, text in labels.items():
        (path / "labels" / f"{name}.txt").write_text(text)
    return path


@pytest.mark.parametrize(
    "names",
    [
        "names: [person, 'big car', \"a, b\"]",
        "names: ['person', big car, \"a, b\"]  # three",
        "names:\n  - person\n  - big car  # a comment\n  - 'a, b'\nnc: 3",
        "names:\n- person\n- big car\n- 'a, b'\nnc: 3",
        'names:\n  0: person\n  1: big car\n  2: "a, b"\n',
        "nc: 3\nnames:\n  # the classes\n  2: 'a, b'\n\n  0: person\n  1: big car\ntrain: x",
        "names: {0: person, 1: big car, 2: 'a, b'}",
        "names: [\n  person,\n  big car,\n  'a, b',\n]\nnc: 3",
    ],
)
def test_every_spelling_of_names_in_data_yaml_is_read(names: str, tmp_path: Path) -> None:
    got = read(folder(tmp_path / "a", f"width: 100\nheight: 50\n{names}\n", f1="2 .5 .5 .2 .2\n"))
    assert got.names == ("person", "big car", "a, b")
    assert got.label.tolist() == [2]
    assert np.allclose(got.xyxy, [[40, 20, 60, 30]])


def test_written_data_yaml_names_equal_those_of_a_yaml_reader(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    names = (
        "person",
        "a: b",
        "it's",
        'say "x"',
        "#hash",
        "[x]",
        "naïve 🚲",
        "yes",
        "0",
        "tab\tbed",
        "- dash",
        "{a}",
        "null",
    )
    writer = YoloWriter(tmp_path / "a")
    writer.open(SourceInfo("s", 64, 48), names)
    writer.close()
    loaded = yaml.safe_load((tmp_path / "a" / "data.yaml").read_text("utf-8"))
    assert tuple(loaded["names"].values()) == writer.names == read(tmp_path / "a").names
    assert (loaded["width"], loaded["height"]) == (64, 48)


def test_class_names_and_size_from_other_files_are_used(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    a = folder(tmp_path / "a", "", f0="1 .5 .5 .2 .2\n")
    with pytest.raises(DataError, match=r"names no classes; write data.yaml"):
        read(a)
    (a / "labels" / "classes.txt").write_text("person\ncar\n")
    with pytest.raises(DataError, match="does not say the pictures' size"):
        read(a)
    assert np.allclose(read(a, size=(10, 10)).xyxy, [[4, 4, 6, 6]])
    (a / "images").mkdir()
    cv2.imwrite(str(a / "images" / "f0.png"), np.zeros((50, 100, 3), np.uint8))
    got = read(a)
    assert got.size == (100, 50)
    assert got.names == ("person", "car")
    assert read(a / "labels").size == (100, 50)


def test_file_numbers_start_at_one_unless_zero_exists(tmp_path: Path) -> None:
    row = "0 .5 .5 .2 .2\n"
    assert read(folder(tmp_path / "a", clip_1=row, clip_12="", clip_3=row)).frames.tolist() == [0, 2, 11]
    assert read(folder(tmp_path / "b", f000000=row, f000004=row)).frames.tolist() == [0, 4]
    c = folder(tmp_path / "c", f000001=row, f000004=row)
    (c / "times.csv").write_text("frame,source_frame,time\n1,1,0\n2,2,0.5\n4,4,0.75\n")
    got = read(c)
    assert got.frames.tolist() == [0, 1, 3]
    assert got.row.tolist() == [0, 2]


def test_a_lone_sixth_column_is_an_id_or_a_score(tmp_path: Path) -> None:
    ids = read(folder(tmp_path / "a", f1="0 .5 .5 .2 .2 1\n1 .5 .5 .2 .2 12\n", f2="0 .5 .5 .2 .2\n"))
    assert ids.id.tolist() == [1, 12, -1]
    assert ids.score.tolist() == [1, 1, 1]
    scores = read(folder(tmp_path / "b", f1="0 .5 .5 .2 .2 1\n1 .5 .5 .2 .2 0.5\n"))
    assert scores.id.tolist() == [-1, -1]
    assert scores.score.tolist() == [1, 0.5]
    both = read(folder(tmp_path / "c", f1="0 .5 .5 .2 .2 0.25 7\n"))
    assert (both.score[0], both.id[0]) == (0.25, 7)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 .5 .5 .2", "labels/f1.txt line 2: 4 columns; a row is class, centre x"),
        ("0 .1 .1 .2 .2 .3 .3 .4 .4", "line 2: 9 columns"),
        ("person .5 .5 .2 .2", "line 2: 'person' is no number"),
        ("2 .5 .5 .2 .2", "line 2: class is 2; the 2 classes have the numbers 0 to 1"),
        ("0.5 .5 .5 .2 .2", "line 2: class is 0.5"),
        ("nan .5 .5 .2 .2", "line 2: class is nan"),
        ("0 .5 .5 0 .2", "line 2: width is 0.0"),
        ("0 .5 .5 -.2 .2", "line 2: width is -"),
        ("0 nan .5 .2 .2", "line 2: the box is nan"),
        ("0 50 25 20 10", "YOLO counts in fractions of the picture, not in pixels"),
        ("0 .5 .5 .2 .2 1.5 3", "line 2: score is 1.5"),
        ("0 .5 .5 .2 .2 .5 -3", "line 2: id is -3"),
        ("0 .5 .5 .2 .2 .5 4\n0 .5 .5 .2 .2 .5 4", "labels/f1.txt line 3: id 4 stands twice in frame 1"),
    ],
)
def test_bad_row_is_named_or_dropped(row: str, message: str, tmp_path: Path) -> None:
    a = folder(tmp_path / "a", f1=f"0 .5 .5 .2 .2 .5 2\n{row}\n")
    with pytest.raises(DataError) as error:
        read(a)
    assert message in str(error.value)
    assert 1 <= len(read(a, skip_bad_rows=True)) <= 2


def test_unusual_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels/cat.txt: its name ends in no number"):
        read(folder(tmp_path / "a", cat="0 .5 .5 .2 .2\n"))
    with pytest.raises(DataError, match="as well; keep one video a folder"):
        read(folder(tmp_path / "b", a_1="", b_1=""))
    (folder(tmp_path / "c") / "labels" / "train").mkdir()
    with pytest.raises(DataError, match="holds only folders; put the label files of one video"):
        read(tmp_path / "c")
    with pytest.raises(DataError, match="has no folder 'labels'"):
        read(tmp_path, "yolo")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_writing_needs_the_image_size(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="fractions of the picture, whose size is not known"):
        YoloWriter(tmp_path / "a").open(SourceInfo("s", 0, 0), ("person",))


def test_labels_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    for frames in (5, 2):
        with YoloWriter(tmp_path / "a") as writer:
            writer.open(SourceInfo("s", 64, 48), ("person",))
            for k in range(frames):
                writer.put(
                    k,
                    k / 5,
                    FrameBoxes(
                        np.zeros(0, int), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, int)
                    ),
                )
    assert read(tmp_path / "a").frames.tolist() == [0, 1]


def test_default_labels_have_the_training_format(tmp_path: Path) -> None:
    with YoloWriter(tmp_path / "a") as writer:
        writer.open(SourceInfo("s", 100, 50), ("person",))
        box = np.array([[40, 20, 60, 30], [0, 0, 50, 50]], np.float32)
        writer.put(0, None, FrameBoxes(np.array([-1, -1]), box, np.ones(2, np.float32), np.array([0, 0])))
        writer.put(1, None, FrameBoxes(np.array([-1, -1]), box, np.array([0.5, 1], np.float32), np.array([0, 0])))
    rows = [len(line.split()) for k in (1, 2) for line in _lines(tmp_path / "a" / "labels" / f"00000{k}.txt")]
    assert rows == [5, 5, 5, 5]
    assert read(tmp_path / "a").score.tolist() == [1, 1, 0.5, 1]
    assert not (tmp_path / "a" / "times.csv").exists()


def test_scores_and_ids_follow_the_box_if_requested(tmp_path: Path) -> None:
    want = read(_tracked(tmp_path / "plain"))
    write(want, tmp_path / "ids", "yolo", config=LabelConfig(yolo_ids=True))
    assert [len(line.split()) for line in _lines(tmp_path / "ids" / "labels" / "000001.txt")] == [7, 7, 7]
    assert not (tmp_path / "ids" / "tracks.csv").exists()
    assert_same(read(tmp_path / "ids"), want)
    write(read(tmp_path / "ids"), tmp_path / "again", "yolo")
    assert_same(read(tmp_path / "again"), want)


def test_edited_label_is_read_without_its_id(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _tracked(tmp_path / "a")
    label = path / "labels" / "000001.txt"
    _, second = _lines(label)  # the third lies beyond the image
    numbers = " ".join(f"{float(v):.12g}" for v in second.split())  # another program's way of writing
    label.write_text(f"1 0.25 0.5 0.1 0.2\n{numbers}\n")
    got = read(path)
    assert got.id[got.at(0)].tolist() == [-1, 8, 9]
    assert got.xyxy[0].tolist() == [20, 20, 30, 30]
    assert "1 boxes of tracks.csv have no label any more" in caplog.text
    label.write_text("")  # deleted by hand: only what no label ever showed is left
    assert read(path).id.tolist() == [9, 7, -1, 7]


def _tracked(path: Path) -> Path:
    """Three objects in the first frame: inside the image, over its edge, beyond it; then one, twice in a frame."""
    with YoloWriter(path) as writer:
        writer.open(SourceInfo("s", 100, 50), ("person", "car"))
        box = np.array([[40, 20, 60, 30], [-10, 0, 50, 60], [200, 10, 220, 20]], np.float32)
        writer.put(
            0, 0.0, FrameBoxes(np.array([7, 8, 9]), box, np.array([0.5, 1, 0.25], np.float32), np.array([0, 1, 0]))
        )
        two = np.array([7, -1]), box[[0, 0]], np.array([0.5, 1], np.float32), np.array([0, 0])
        writer.put(1, 0.5, FrameBoxes(*two))
        writer.put(2, 0.7, FrameBoxes(*(column[:1] for column in two)))
    return path


def test_boxes_beyond_the_image_edge_round_trip(tmp_path: Path) -> None:
    got = read(_tracked(tmp_path / "a"))
    assert got.id.tolist() == [7, 8, 9, 7, -1, 7]
    assert got.xyxy[1:3].tolist() == [[-10, 0, 50, 60], [200, 10, 220, 20]]
    assert got.score.tolist() == [0.5, 1, 0.25, 0.5, 1, 0.5]
    (tmp_path / "a" / "tracks.csv").write_text("frame,id,score,class,x,y,width,height\n1,x\n1,7")
    with pytest.raises(DataError, match=r"tracks.csv line 2: a row is frame,id,score,class"):
        read(tmp_path / "a")
