"""Our JSON lines: what may be left out, and the sentence for everything wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import read
from datasets.formats._write import Boxes
from datasets.formats.jsonl import JsonlWriter
from models.errors import DataError
from tracker.protocols import SourceInfo

HEAD = '{"format": "liquidtrack", "version": 1, "width": 64, "height": 48, "names": ["person", "car"]}\n'
BOX = '{"id": 1, "xyxy": [1, 2, 3, 4], "label": "car", "score": 0.5}'


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_box_may_leave_out_what_goes_without_saying(tmp_path: Path) -> None:
    late = '{"frame": 3, "seconds": 1.5, "boxes": [{"xyxy": [1, 2, 3, 4], "label": "car"}]}'
    lines = late + '\n{"frame": 1, "seconds": 0.5, "boxes": []}'
    got = read(put(tmp_path / "a.jsonl", HEAD + lines))
    assert got.frames.tolist() == [1, 3]
    assert got.times is not None
    assert got.times.tolist() == [0.5, 1.5]
    assert (got.id[0], got.score[0], got.label[0], got.ignore[0]) == (-1, 1, 1, False)
    assert got.size == (64, 48)
    open_names = read(put(tmp_path / "b.jsonl", '{"format": "liquidtrack", "version": 1}\n' + lines))
    assert open_names.names == ("car",)
    assert open_names.size is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1, 2]", "line 2: it is no frame"),
        ("{", "line 2: it is no frame"),
        ('{"frame": 0, "seconds": 0}', "line 2: it is no frame"),
        ('{"frame": true, "seconds": 0, "boxes": []}', "line 2: it is no frame"),
        ('{"frame": -1, "seconds": 0, "boxes": []}', "line 2: frame is -1"),
        ('{"frame": 0.5, "seconds": 0, "boxes": []}', "line 2: frame is 0.5"),
        ('{"frame": 0, "seconds": "now", "boxes": []}', "line 2: frame 0 has no finite time"),
        ('{"frame": 0, "seconds": NaN, "boxes": []}', "line 2: frame 0 has no finite time"),
        ('{"frame": 0, "seconds": null, "boxes": []}', "line 2: frame 0 has no finite time"),
        ('{"frame": 9, "seconds": 5, "boxes": []}', "line 3: frame 9 stands there twice"),
        ('{"frame": 0, "seconds": 8, "boxes": []}', "line 3: time goes from 8 to 5 at frame 9"),
        ('{"frame": 0, "seconds": 0, "boxes": [3]}', 'line 2 box 1: "xyxy" is missing'),
        (
            '{"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, 3], "label": "car"}]}',
            'line 2 box 1: "xyxy" is missing',
        ),
        ('{"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, 3, 4]}]}', 'line 2 box 1: "label" is missing'),
        (
            '{"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, 3, 4], "label": "dog"}]}',
            "line 2 box 1: label 'dog' is not among the header's names person, car",
        ),
        ('{"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, 1, 4], "label": "car"}]}', "line 2 box 1: width is 0.0"),
        ('{"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, Infinity, 4], "label": "car"}]}', "box 1: right is inf"),
        ('{"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, 3, 4], "label": "car", "score": 1.5}]}', "score is 1.5"),
        (
            '{"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, 3, 4], "label": "car", "score": "x"}]}',
            "\"score\" is 'x'",
        ),
        ('{"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, 3, 4], "label": "car", "id": 1.5}]}', "id is 1.5"),
        (
            '{"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, 3, 4], "label": "car", "ignore": 1}]}',
            '"ignore" is neither',
        ),
        (
            '{"frame": 0, "seconds": 0, "boxes": [' + BOX + ", " + BOX + "]}",
            "line 2 box 2: id 1 stands twice in frame 0",
        ),
        (
            '{"frame": 0, "seconds": 0, "boxes": ['
            '{"xyxy": [1, 2, 3, 4], "label": "car", "mask": {"size": [2, 2], "counts": [5]}}]}',
            "box 1: the mask's runs hold 5 pixels, but 2 x 2 is its size",
        ),
    ],
)
def test_a_bad_line_is_named_or_dropped(line: str, message: str, tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", HEAD + line + '\n{"frame": 9, "seconds": 5, "boxes": [' + BOX + "]}\n")
    with pytest.raises(DataError) as error:
        read(path)
    assert message in str(error.value)
    assert "--skip-bad-rows" in str(error.value)
    with path.open("a") as file:
        file.writelines(f'{{"frame": {k}, "seconds": {k}, "boxes": []}}\n' for k in range(10, 20))
    assert len(read(path, skip_bad_rows=True)) <= 2


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("", "line 1: no header"),
        ('{"frame": 0}\n', "line 1: no header"),
        ('{"format": "liquidtrack", "version": 2}\n', "line 1: version 2; this program reads version 1"),
        ('{"format": "liquidtrack"}\n', "line 1: version None"),
        ('{"format": "liquidtrack", "version": 1, "names": "person"}\n', "line 1: names is no list of texts"),
    ],
)
def test_bad_headers(head: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read(put(tmp_path / "a.jsonl", head), "jsonl")
    assert message in str(error.value)


def test_a_last_line_that_breaks_off_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = '{"frame": 0, "seconds": 0, "boxes": []}\n'
    got = read(put(tmp_path / "a.jsonl", HEAD + line + '{"frame": 1, "seco'))
    assert got.frames.tolist() == [0]
    assert "the last line breaks off" in caplog.text
    with pytest.raises(DataError, match="line 3: it is no frame"):
        read(put(tmp_path / "b.jsonl", HEAD + line + '{"frame": 1, "seco\n'))


def test_every_line_is_json_with_frame_and_seconds(tmp_path: Path) -> None:
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        writer.open(SourceInfo("Straße", 64, 48, rate=29.97), ("person",))
        box = Boxes(np.array([3]), np.array([[0.1, 2, 3.3, 4]], np.float32), np.array([0.9], np.float32), np.array([0]))
        writer.put(5, 0.25, box)
    head, line = (json.loads(text) for text in (tmp_path / "a.jsonl").read_text("utf-8").splitlines())
    assert head == {
        "format": "liquidtrack",
        "version": 1,
        "source": "Straße",
        "width": 64,
        "height": 48,
        "rate": 29.97,
        "names": ["person"],
    }
    boxes = [{"id": 3, "xyxy": [0.1, 2.0, 3.3, 4.0], "label": "person", "score": 0.9}]
    assert line == {"frame": 5, "seconds": 0.25, "boxes": boxes}
