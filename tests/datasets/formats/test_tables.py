"""CSV and Parquet tables: read by pandas, written by pandas, and refused in one sentence where they are wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import FORMATS, read, write
from datasets.formats.provenance import Provenance
from datasets.formats.registry import sniff
from datasets.formats.writer import FrameBoxes
from models.errors import DataError, LiquidTrackError
from tests.support.annotations import assert_carried, assert_same, corrected
from tracker.protocols import SourceInfo

pandas = pytest.importorskip("pandas", reason="pandas is not installed")
pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
TABLES = pytest.mark.parametrize("name", ["csv", "parquet"])


@TABLES
def test_pandas_reads_what_was_written(name: str, tmp_path: Path) -> None:
    want = corrected()
    path = tmp_path / f"a.{name}"
    write(want, path)
    table = pandas.read_csv(path, float_precision="round_trip") if name == "csv" else pandas.read_parquet(path)
    assert list(table.columns) == [
        "frame", "time", "id", "class", "score", "left", "top", "right", "bottom", "provenance", "occluded", "link",
        "ignore", "visibility", "name", "attribute:dress", "attribute:pose",
    ]  # fmt: skip
    assert table["frame"].dtype == table["id"].dtype == np.int64
    assert table["occluded"].dtype == bool
    assert want.times is not None
    assert table["frame"].tolist() == want.frames[want.row].tolist()
    assert table["time"].tolist() == want.times[want.row].tolist()
    assert table["id"].tolist() == want.id.tolist()
    assert np.array_equal(table[["left", "top", "right", "bottom"]].to_numpy(np.float32), want.xyxy)
    assert want.provenance is not None
    assert table["provenance"].tolist() == [Provenance(p).word for p in want.provenance]
    spin = table[(table["id"] == 7) & (table["attribute:pose"] == "spin")]
    assert spin["frame"].tolist() == [5, 6, 7, 8, 9, 10, 15]
    assert set(table.loc[table["id"] == 7, "name"]) == {"Anna"}


@TABLES
def test_a_table_from_pandas_is_read(name: str, tmp_path: Path) -> None:
    rows = pandas.DataFrame(
        {
            "bottom": [4, 6.5, 9], "right": [3, 5, 8], "top": [1, 2, 3], "left": [0, 1, 2], "frame": [3, 3, 9],
            "id": [1, 2, 1], "time": [0.3, 0.3, 1.25], "speed": [1.0, 2.0, 3.0], "class": ["cat", "dog", "cat"],
        }
    )  # fmt: skip
    path = tmp_path / f"a.{name}"
    if name == "csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_parquet(path)
    assert sniff(path) == name
    got = read(path)
    assert got.frames.tolist() == [3, 9]
    assert got.times is not None
    assert got.times.tolist() == [0.3, 1.25]
    assert got.id.tolist() == [1, 2, 1]
    assert got.xyxy[1].tolist() == [1, 2, 5, 6.5]
    assert [got.names[k] for k in got.label] == ["cat", "dog", "cat"]
    assert got.score.tolist() == [1, 1, 1]
    assert (got.provenance, got.occluded, got.link, got.tracks) == (None, None, None, ())


@TABLES
def test_frames_without_boxes_survive(name: str, tmp_path: Path) -> None:
    want = corrected().take(np.array([id == 7 for id in corrected().id]))
    write(want, tmp_path / f"a.{name}")
    got = read(tmp_path / f"a.{name}")
    assert got.frames.tolist() == list(range(20))
    assert_same(got, want)
    assert_carried(got, want, name)


def test_a_csv_without_its_times_has_those_of_its_rows(tmp_path: Path) -> None:
    write(corrected(), tmp_path / "a.csv")
    lines = (tmp_path / "a.frames.csv").read_text().splitlines()
    assert lines[:3] == ["frame,source_frame,time", "0,0,0.0", "1,1,0.04"]
    assert len(lines) == 21
    (tmp_path / "a.frames.csv").unlink()
    assert_same(read(tmp_path / "a.csv"), corrected())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "frame,time",
            "number,time",
            "a.csv line 1: the column frame is missing; a table has at least frame, left",
        ),
        ("id,class", "time,class", "a.csv line 1: the column time stands there twice; keep one."),
        ("drawn", "painted", "line 3: provenance is 'painted'; it is one of seen, filled, drawn, confirmed, tracked"),
        (",true,", ",maybe,", "occluded is 'maybe'; it is true or false"),
        ("\n0,0.0,2,", "\n0,x,2,", "line 2: time is 'x'; give a number"),
        ("\n0,0.0,2,", "\n-1,0.0,2,", "line 2: frame is -1; frames are whole numbers from 0"),
        ("\n0,0.0,7,", "\n0,0.0,2,", "id 2 stands twice in frame 0"),
        ("\n0,0.0,7,", "\n0,0.5,7,", "line 3: frame 0 has time 0.5, and another in an earlier row; it has one time"),
        ("\n0,0.0,7,", "\n0,", "line 3: 15 columns where the first line names 17; all rows need the same columns"),
    ],
)
def test_a_wrong_csv_row_is_named_with_its_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(corrected(), path)
    (tmp_path / "a.frames.csv").unlink()
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError) as error:
        read(path)
    assert message in str(error.value)


def test_a_csv_that_breaks_off_loses_only_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(corrected(), path)
    text = path.read_text()
    lines = text.splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:7])
    assert len(read(path)) == len(corrected()) - 1


def test_a_killed_parquet_run_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    code = (
        "import sys, os; sys.path.insert(0, os.getcwd())\n"
        "from datasets.formats import FORMATS\nfrom tracker.protocols import SourceInfo\n"
        "from datasets.formats.writer import FrameBoxes\nimport numpy as np\n"
        "w = FORMATS['parquet'].writer(sys.argv[1]); w.open(SourceInfo('s', 64, 48), ('a',))\n"
        "box = np.tile(np.array([[1, 2, 3, 4]], np.float32), (3000, 1))\n"
        "for k in range(50): w.put(k, k / 25, FrameBoxes(np.arange(3000), box, np.ones(3000, np.float32), "
        "np.zeros(3000, np.int64)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -9
    assert path.stat().st_size > 1000  # row groups had been written
    with pytest.raises(DataError, match=r"is no whole Parquet table \(.*\); a run that was killed leaves none"):
        read(path)


def test_parquet_has_row_groups_and_documented_metadata(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    box = np.tile(np.array([[1, 2, 3, 4]], np.float32), (40_000, 1))
    with FORMATS["parquet"].writer(path) as writer:
        writer.open(SourceInfo("street", 64, 48, start=1.5), ("person", "car"))
        for k in range(5):
            n = 40_000 if k % 2 == 0 else 0
            columns = np.arange(n), box[:n], np.ones(n, np.float32), np.zeros(n, np.int64)
            writer.put(k, k / 25, FrameBoxes(*columns))
    with pq.ParquetFile(path) as file:
        assert file.metadata.num_row_groups == 2
        about = json.loads(file.metadata.metadata[b"liquidtrack"])
    assert about == {
        "version": 1, "source": "street", "names": ["person", "car"], "size": [64, 48], "start": 1.5, "rate": None,
        "frames": [0, 1, 2, 3, 4], "times": [0.0, 0.04, 0.08, 0.12, 0.16], "tracks": [],
    }  # fmt: skip
    got = read(path)
    assert (len(got), got.frames.tolist(), got.start, got.size) == (120_000, [0, 1, 2, 3, 4], 1.5, (64, 48))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 2; this program reads 1, so install a newer one."),
        ({"names": [3]}, "its metadata do not belong together; write the file again."),
        ({"times": [0.0]}, "its metadata do not belong together; write the file again."),
        ({"frames": "x"}, "its metadata do not belong together; write the file again."),
        ({"names": ["cat"]}, "row 1: class 'dancer' is not among the names in the metadata"),
        ({"frames": [0, 1], "times": [0.0, 1.0]}, "frame 2 is not listed in a.parquet"),
    ],
)
def test_wrong_parquet_metadata_are_one_sentence(change: dict[str, object], message: str, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    write(corrected(), path)
    table = pq.read_table(path)
    about = json.loads(pq.read_metadata(path).metadata[b"liquidtrack"])
    pq.write_table(table.replace_schema_metadata({b"liquidtrack": json.dumps({**about, **change})}), path)
    with pytest.raises(DataError) as error:
        read(path)
    assert message in str(error.value)


def test_parquet_needs_an_ordinary_file(tmp_path: Path) -> None:
    with pytest.raises(LiquidTrackError, match=r"/dev/full cannot be written \(this format needs an ordinary file\)"):
        FORMATS["parquet"].writer(Path("/dev/full")).open(SourceInfo("s", 64, 48), ("a",))
