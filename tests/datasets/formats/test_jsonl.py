"""Our JSON lines: what may be left out, and the sentence for everything wrong."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import FORMATS, read, write
from datasets.formats.jsonl import JsonlWriter
from datasets.formats.writer import FrameBoxes
from datasets.masks.rle import encode
from models.errors import DataError
from tests.support.annotations import target
from tracker.protocols import SourceInfo

HEAD = '{"format": "liquidtrack", "version": 1, "width": 64, "height": 48, "names": ["person", "car"]}\n'
BOX = '{"id": 1, "xyxy": [1, 2, 3, 4], "label": "car", "score": 0.5}'


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_optional_box_fields_may_be_omitted(tmp_path: Path) -> None:
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
def test_bad_line_is_named_or_dropped(line: str, message: str, tmp_path: Path) -> None:
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
def test_bad_headers_are_refused(head: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read(put(tmp_path / "a.jsonl", head), "jsonl")
    assert message in str(error.value)


def test_truncated_last_line_is_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = '{"frame": 0, "seconds": 0, "boxes": []}\n'
    got = read(put(tmp_path / "a.jsonl", HEAD + line + '{"frame": 1, "seco'))
    assert got.frames.tolist() == [0]
    assert "the last line breaks off" in caplog.text
    with pytest.raises(DataError, match="line 3: it is no frame"):
        read(put(tmp_path / "b.jsonl", HEAD + line + '{"frame": 1, "seco\n'))


def test_every_line_is_json_with_frame_and_seconds(tmp_path: Path) -> None:
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        writer.open(SourceInfo("Straße", 64, 48, rate=29.97), ("person",))
        box = FrameBoxes(
            np.array([3]), np.array([[0.1, 2, 3.3, 4]], np.float32), np.array([0.9], np.float32), np.array([0])
        )
        writer.put(5, 0.25, box)
    head, line = (json.loads(text) for text in (tmp_path / "a.jsonl").read_text("utf-8").splitlines())
    assert head == {
        "format": "liquidtrack",
        "version": 1,
        "source": "Straße",
        "width": 64,
        "height": 48,
        "rate": 29.97,
        "start": 0.0,
        "names": ["person"],
    }
    boxes = [{"id": 3, "xyxy": [0.1, 2.0, 3.3, 4.0], "label": "person", "score": 0.9}]
    assert line == {"frame": 5, "seconds": 0.25, "seek": pytest.approx(0.25 + 0.5 / 29.97, abs=1e-6), "boxes": boxes}


def _lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_line_matches_the_published_schema(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((resources.files("datasets.formats") / "jsonl.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    mask = encode(np.ones((48, 64), bool))
    for name, info in (("a", SourceInfo("s", 64, 48, 25.0, start=1.5)), ("b", SourceInfo("s", 0, 0))):
        with JsonlWriter(tmp_path / f"{name}.jsonl") as writer:
            writer.open(info, ("person", "car"))
            for k, time in enumerate((0.0, 0.04, None, 0.2)):
                ids = np.array([3, -1])
                box = np.array([[1, 2, 3, 4], [-5.5, 2, 30, 40]], np.float32)
                score = np.array([0.5, 1], np.float32)
                extra = {"ignore": np.array([True, False]), "visibility": score, "class_score": score}
                masks = (mask, None)
                writer.put(k, time, FrameBoxes(ids, box, score, np.array([0, 1]), **extra, mask=masks))  # type: ignore[arg-type]
        lines = _lines_of(tmp_path / f"{name}.jsonl")
        assert len(lines) == 5
        for line in lines:
            validator.validate(line)
    for wrong in ({"frame": -1, "seconds": 0, "boxes": []}, {"frame": 0}, {"format": "liquidtrack", "version": 2}):
        assert not validator.is_valid(wrong)
    assert not validator.is_valid({"frame": 0, "seconds": 0, "boxes": [{"xyxy": [1, 2, 3]}]})


@pytest.mark.parametrize("start", [0.0, 1.5, -0.02])
def test_seek_time_lies_within_the_frame(start: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    times = np.concatenate([np.arange(300) * 1001 / 30000, 10.01 + np.cumsum(rng.uniform(0.002, 0.3, 300))])
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        writer.open(SourceInfo("s", 64, 48, 30.0, start=start), ("person",))
        for k, time in enumerate(times.tolist()):
            writer.put(k, time, FrameBoxes(*(np.zeros((0, *tail)) for tail in ((), (4,), (), ()))))  # type: ignore[arg-type]
            if k == 9:  # readable while it grows; the last line's is not known yet
                seeks = [line["seek"] for line in _lines_of(tmp_path / "a.jsonl")[1:]]
                assert seeks[-1] is None
                assert None not in seeks[:-1]
    head, *lines = _lines_of(tmp_path / "a.jsonl")
    assert head["start"] == start

    def shown(at: float) -> int:
        """The frame that a player with a clock of microseconds, which rounds down, shows."""
        clock = np.floor(at * 1e6)
        return int(np.searchsorted(np.round((start + times) * 1e6), clock, "right")) - 1

    assert [shown(float(line["seek"])) for line in lines] == list(range(len(times)))  # type: ignore[arg-type]
    naive = [shown(start + float(line["seconds"])) for line in lines]  # type: ignore[arg-type]
    assert naive != list(range(len(times)))  # which is why there is a `seek`


def test_skipped_frames_do_not_shift_the_seek_time(tmp_path: Path) -> None:
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        writer.open(SourceInfo("s", 64, 48), ("person",))
        for k in (0, 3, 6):
            writer.put(k, k / 10, FrameBoxes(*(np.zeros((0, *tail)) for tail in ((), (4,), (), ()))))  # type: ignore[arg-type]
    assert [line["seek"] for line in _lines_of(tmp_path / "a.jsonl")[1:]] == pytest.approx([0.05, 0.35, 0.65])


@pytest.mark.parametrize("name", ["jsonl", "coco", "cvat", "yolo"])
def test_start_time_of_the_file_is_kept(name: str, tmp_path: Path) -> None:
    path = target(tmp_path, name)
    with FORMATS[name].writer(path) as writer:
        writer.open(SourceInfo("s", 64, 48, start=1.5), ("person",))
        writer.put(
            0,
            0.0,
            FrameBoxes(np.array([1]), np.array([[1, 2, 3, 4]], np.float32), np.ones(1, np.float32), np.array([0])),
        )
    got = read(path)
    assert got.start == 1.5
    write(got, tmp_path / "again.jsonl")
    assert read(tmp_path / "again.jsonl").start == 1.5
