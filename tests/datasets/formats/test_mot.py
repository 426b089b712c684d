"""MOTChallenge text: the meaning of each file, the source of its times, and one sentence for every error."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import read, write
from datasets.formats.mot import MOT_NAMES, MotWriter
from datasets.formats.writer import FrameBoxes
from models.errors import DataError, LiquidTrackError
from tracker.protocols import SourceInfo

GOOD = "1,-1,10,20,30,40,0.9\n"


def put(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("812,-1,1,2,-3,4,0.5", "det.txt line 2: width is -3.0; a box needs a positive width (use --skip-bad-rows"),
        ("1,-1,1,2,3,0,0.5", "line 2: height is 0.0; a box needs a positive height"),
        ("1,-1,nan,2,3,4,0.5", "line 2: left is nan; numbers must be finite"),
        ("1,-1,1,-inf,3,4,0.5", "line 2: top is -inf; numbers must be finite"),
        ("1,-1,1,2,1e999,4,0.5", "line 2: width is inf; numbers must be finite"),
        ("1,-1,1,2,1e30,4,0.5", "line 2: width is 1e+30; no picture is that large"),
        ("1,-1,100000000,2,0.01,4,0.5", "too small for where it lies"),
        ("0,-1,1,2,3,4,0.5", "line 2: frame is 0; frames are whole numbers from 1"),
        ("-7,-1,1,2,3,4,0.5", "line 2: frame is -7; frames are whole numbers from 1"),
        ("1.5,-1,1,2,3,4,0.5", "line 2: frame is 1.5; frames are whole numbers from 1"),
        ("nan,-1,1,2,3,4,0.5", "line 2: frame is nan"),
        ("1e300,-1,1,2,3,4,0.5", "line 2: frame is 1e+300"),
        ("1,-2,1,2,3,4,0.5", "line 2: id is -2; ids are whole numbers from 0, or -1"),
        ("1,0.5,1,2,3,4,0.5", "line 2: id is 0.5"),
        ("1,-1,1,2,3,4,nan", "line 2: score is nan"),
        ("1,-1,1,2,3,4", "line 2: 6 columns where most lines have 7; all rows need the same columns"),
        ("1,-1,1,2,3", "line 2: 5 columns; a row is frame,id,left,top,width,height"),
        (
            "1;-1;1;2;3;4;5",
            "line 2: 1 columns; a row is frame,id,left,top,width,height[,score,...], with commas between",
        ),
        ("1,-1,1,2,x3,4,0.5", "line 2: 'x3' is no number"),
        ("1,-1,,2,3,4,0.5", "line 2: '' is no number"),
        ("1,-1,1_0,2,3,4,0.5", "line 2: '1_0' is no number"),
        ("1,-1,0x1,2,3,4,0.5", "line 2: '0x1' is no number"),
        ("3,7,1,2,3,4,0.5\n\n3,7,5,6,7,8,0.5", "line 4: id 7 stands twice in frame 3; an object has one box a frame"),
    ],
)
def test_bad_row_is_named_or_dropped(rows: str, message: str, tmp_path: Path) -> None:
    path = put(tmp_path / "det.txt", GOOD + rows + "\n" + "9,-1,1,2,3,4,0.5\n")
    with pytest.raises(DataError) as error:
        read(path)
    assert message in str(error.value)
    assert "det.txt line " in str(error.value)
    assert "--skip-bad-rows" in str(error.value)
    got = read(path, skip_bad_rows=True)
    assert got.frames.tolist() == ([0, 2, 8] if "3,7" in rows else [0, 8])


def test_dropped_rows_are_counted_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = put(tmp_path / "det.txt", GOOD + "1,-1,1,2,-3,4,0.5\n1,-1,1,2,3,4,x\n" + 7 * GOOD)
    read(path, skip_bad_rows=True)
    assert "dropped 2 bad rows, the first line 3: 'x' is no number" in caplog.text


def test_no_more_than_a_fifth_of_the_rows_is_dropped(tmp_path: Path) -> None:
    bad = "1,-1,1,2,-3,4,0.5\n"
    assert len(read(put(tmp_path / "a.txt", 8 * GOOD + 2 * bad), skip_bad_rows=True)) == 8
    assert len(read(put(tmp_path / "b.txt", GOOD + bad), skip_bad_rows=True)) == 1  # one is never many
    for text, said in ((7 * GOOD + 2 * bad, "2 of 9 rows are bad, the first line 8: width"), (bad, "1 of 1 rows")):
        with pytest.raises(DataError) as error:
            read(put(tmp_path / "c.txt", text), skip_bad_rows=True)
        assert said in str(error.value)
        assert "more than a fifth is not dropped" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff1,-1,10,20,30,40,0.9\r\n\r\n2,-1,10,20,30,40,0.9\r\n",
        "1, -1, 10, 20, 30, 40, 0.9\n2, -1, 10, 20, 30, 40, 0.9",
        "1 -1 10 20 30 40 0.9\n2 -1 10 20 30 40 0.9\n",
        "1\t-1\t10\t20\t30\t40\t0.9\n2\t-1\t10\t20\t30\t40\t0.9\n",
        "1;-1;10;20;30;40;0.9\n2;-1;10;20;30;40;0.9\n",
        "2,-1,10,20,30,40,0.9\n1,-1,10,20,30,40,0.9\n",
        "1.0,-1.0,1e1,20,30,40,.9\r2,-1,10,20,30,40,0.9\r",
        "\n  \n1,-1,10,20,30,40,0.9\n\t\n2,-1,10,20,30,40,0.9\n  ",
    ],
)
def test_equivalent_encodings_and_separators_are_read(text: str, tmp_path: Path) -> None:
    for k, data in enumerate(
        (text.encode(), text.lstrip("\ufeff").encode("utf-16"), gzip.compress(text.encode(), mtime=0))
    ):
        got = read(put(tmp_path / f"a{k}.txt", data))
        assert got.frames.tolist() == [0, 1]
        assert got.times is None
        assert got.xyxy.tolist() == [[10, 20, 40, 60]] * 2
        assert got.id.tolist() == [-1, -1]
        assert got.names == ("person",)


def test_unsorted_rows_keep_their_order_within_a_frame(tmp_path: Path) -> None:
    got = read(put(tmp_path / "a.txt", "5,1,1,1,1,1\n2,7,1,1,1,1\n5,9,1,1,1,1\n2,3,1,1,1,1\n5,4,1,1,1,1\n"))
    assert got.frames.tolist() == [1, 4]
    assert got.id.tolist() == [7, 3, 1, 9, 4]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00\x01\x02", "is not a text file (it holds NUL bytes)"),
        (b"\x89PNG\r\n\x1a\n", "is not a text file (byte 0 is no UTF-8)"),
        (b"\x1f\x8b\x08\x00abc", "is a damaged gzip file|is a gzip file that breaks off"),
        (gzip.compress(GOOD.encode() * 99, mtime=0)[:-12], "is a gzip file that breaks off"),
    ],
)
def test_binary_file_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    path = put(tmp_path / "det.txt", data)
    with pytest.raises(DataError) as error:
        read(path, "mot")
    assert any(part in str(error.value) for part in message.split("|"))


def test_a_gzip_bomb_stops_early(tmp_path: Path) -> None:
    path = put(tmp_path / "det.txt.gz", gzip.compress(b"\n" * (66 << 20), 1, mtime=0))
    with pytest.raises(DataError, match="unpacks to 100 times its size"):
        read(path, "mot")


def test_missing_file_and_unknown_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.txt cannot be read \(No such file or directory\); check the path"):
        read(tmp_path / "nowhere.txt")
    with pytest.raises(DataError, match="is a folder of no known kind"):
        read(tmp_path)
    with pytest.raises(DataError, match="holds neither gt"):
        read(tmp_path, "mot")
    with pytest.raises(LiquidTrackError, match="no label format is called 'motx'; there are mot, jsonl"):
        read(tmp_path, "motx")


def test_an_empty_file_has_no_boxes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path / "times.csv", "frame,source_frame,time\n1,1,0\n2,5,0.5\n")
    got = read(put(tmp_path / "a.txt", ""))
    assert len(got) == 0
    assert got.frames.tolist() == [0, 1]
    assert "a.txt is empty" in caplog.text


def test_truth_has_flags_classes_and_visibility(tmp_path: Path) -> None:
    rows = "1,1,1,2,3,4,1,1,0.5\n1,2,1,2,3,4,0,7,1\n2,0,1,2,3,4,1,3,0\n"
    put(tmp_path / "s" / "seqinfo.ini", "[Sequence]\nseqLength=4\nframeRate=25\nimWidth=640\nimHeight=480\n")
    got = read(put(tmp_path / "s" / "gt" / "gt.txt", rows).parent.parent)
    assert got.names == MOT_NAMES
    assert [got.names[k] for k in got.label] == ["pedestrian", "static person", "car"]
    assert got.ignore.tolist() == [False, True, False]
    assert got.visibility is not None
    assert got.visibility.tolist() == [0.5, 1, 0]
    assert got.id.tolist() == [1, 2, 0]
    assert got.frames.tolist() == [0, 1, 2, 3]
    assert got.times is not None
    assert got.times.tolist() == [0, 0.04, 0.08, 0.12]
    assert got.size == (640, 480)
    with pytest.raises(DataError, match="line 1: class 99 is none of the 13 classes"):
        read(put(tmp_path / "gt.txt", "1,1,1,2,3,4,1,99,1\n"))
    put(tmp_path / "t" / "gt" / "labels.txt", "cat\ndog\n")
    got = read(put(tmp_path / "t" / "gt" / "gt.txt", "1,1,1,2,3,4,1,2,1\n"))
    assert got.names == ("cat", "dog")
    assert got.label.tolist() == [1]


def test_class_column_of_detections_is_read_only_if_unambiguous(tmp_path: Path) -> None:
    many = read(put(tmp_path / "a.txt", "1,-1,1,2,3,4,.5,2\n1,-1,1,2,3,4,.5,1\n"))
    assert many.names == ("class 1", "class 2")
    assert many.label.tolist() == [1, 0]
    world = read(put(tmp_path / "b.txt", "1,-1,1,2,3,4,.5,2,3,0\n1,-1,1,2,3,4,.5,1,7,0\n"))
    assert world.names == ("person",)
    put(tmp_path / "c.names", "x\ny\n")
    named = read(put(tmp_path / "c.txt", "1,-1,1,2,3,4,.5,2,-1,-1\n1,-1,1,2,3,4,.5,-1,-1,-1\n"))
    assert named.label.tolist() == [1, 0]


def test_percent_scores_are_divided_by_a_hundred_with_one_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    raw = [0.0, 12.5, 87.0, 99.5, 100.0, -1.0]
    got = read(put(tmp_path / "det.txt", "".join(f"1,-1,{k + 1},2,3,4,{s}\n" for k, s in enumerate(raw))))
    np.testing.assert_allclose(got.score, [0, 0.125, 0.87, 0.995, 1, 1], rtol=1e-6)
    assert [record.getMessage() for record in caplog.records] == [
        "det.txt: scores from 0 to 100 are taken for percent and divided by 100."
    ]


def test_single_score_above_one_is_a_bad_row(tmp_path: Path) -> None:
    rows = "".join(f"{k + 1},-1,1,2,3,4,{0.5 if k != 70 else 1.7}\n" for k in range(200))
    with pytest.raises(DataError, match=r"line 71.*score is 1.7"):
        read(put(tmp_path / "det.txt", rows))
    rounded = read(put(tmp_path / "r.txt", rows.replace("1.7", "1.0000002")))
    assert rounded.score.max() == 1.0


def test_scores_of_any_scale_keep_their_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    raw = [-12.5, 0.0, 3.0, 42.8, 42.9, 117.0, 1e6]
    rows = "".join(f"1,-1,1,2,3,4,{s}\n" for s in raw)
    got = read(put(tmp_path / "det.txt", rows))
    assert (np.diff(got.score) > 0).all()
    assert 0 < got.score[0] < got.score[-1] < 1
    assert got.score[3] == 0.75
    assert len(caplog.records) == 1
    assert "the median 42.8 to 0.75" in caplog.text
    fine = read(put(tmp_path / "a.txt", "1,-1,1,2,3,4,-1\n1,-1,1,2,3,4,0.25\n"))
    assert fine.score.tolist() == [1, 0.25]


class TestTimes:
    """Where times are read from, and where they are written."""

    def test_times_come_from_own_file_then_common_file_then_rate(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.txt", GOOD)
        put(tmp_path / "seqinfo.ini", "[Sequence]\nframeRate=10\nseqLength=2\n")
        assert read(path).times.tolist() == [0, 0.1]  # type: ignore[union-attr]
        put(tmp_path / "times.csv", "frame,source_frame,time\n1,1,0.0\n2,4,0.75\n3,9,0.8\n")
        assert read(path).times.tolist() == [0, 0.75, 0.8]  # type: ignore[union-attr]
        put(tmp_path / "a.times.csv", "time,frame\n2.5,1\n")
        assert read(path).times.tolist() == [2.5]  # type: ignore[union-attr]
        assert read(path, rate=5).times.tolist() == [2.5]  # type: ignore[union-attr]

    def test_given_rate_is_used_only_without_other_times(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.txt", GOOD + "6,-1,10,20,30,40,0.9\n")
        assert read(path, rate=10).times.tolist() == [0, 0.5]  # type: ignore[union-attr]
        for rate in (0, -1, float("nan"), float("inf")):
            with pytest.raises(LiquidTrackError, match="the rate is"):
                read(path, rate=rate)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ("1,1,0\n2,2,0\n", "times.csv line 3: time goes from 0 to 0 at frame 2"),
            ("1,1,1\n2,2,0.5\n", "line 3: time goes from 1 to 0.5 at frame 2"),
            ("1,1,0\n1,2,0.5\n", "line 3: frame 1 stands there twice"),
            ("1,1,0\n2,2,nan\n", "line 3: frame 2 has no finite time"),
            ("1,1,0\n2,2,\n", "line 3: frame 2 has no finite time"),
            ("1,1,0\n2,2,x\n", "line 3: '2,2,x' is no frame number with a time"),
            ("1,1,0\n2\n", "line 3: '2' is no frame number with a time"),
            ("0,1,0\n2,2,1\n", "line 2: frame is 0; frames are whole numbers from 1"),
            ("1,1,0\n", "det.txt line 2: frame 2 is not listed in times.csv"),
        ],
    )
    def test_bad_times_are_refused(self, rows: str, message: str, tmp_path: Path) -> None:
        path = put(tmp_path / "det.txt", GOOD + "2" + GOOD[1:])
        put(tmp_path / "times.csv", "frame,source_frame,time\n" + rows)
        with pytest.raises(DataError) as error:
            read(path)
        assert message in str(error.value)
        assert len(read(path, skip_bad_rows=True)) in (0, 1)

    def test_times_without_a_header_are_refused(self, tmp_path: Path) -> None:
        put(tmp_path / "times.csv", "1,1,0\n")
        with pytest.raises(DataError, match="line 1: the columns are 1, 1, 0; name them frame,source_frame,time"):
            read(put(tmp_path / "det.txt", GOOD))

    @pytest.mark.parametrize(
        ("ini", "message"),
        [
            ("frameRate=30\n", r"is no seqinfo.ini \("),
            ("[Sequence]\nframeRate=fast\n", "framerate is 'fast'"),
            ("[Sequence]\nframeRate=0\n", "framerate is '0'"),
            ("[Sequence]\nseqLength=99999999999\n", "seqlength is '99999999999'"),
        ],
    )
    def test_bad_seqinfo_is_refused(self, ini: str, message: str, tmp_path: Path) -> None:
        put(tmp_path / "seqinfo.ini", ini)
        with pytest.raises(DataError, match=message):
            read(put(tmp_path / "det.txt", GOOD))

    def test_each_result_has_its_own_times(self, tmp_path: Path) -> None:
        results = [tmp_path / f"{name}.txt" for name in "abc"]
        for k, path in enumerate(results):
            _write(path, [0.0, 0.1 + k])
        assert sorted(p.name for p in tmp_path.glob("*.csv")) == ["a.times.csv", "b.times.csv", "c.times.csv"]
        _write(results[0], [0.0, 9.0, 9.5])
        assert [read(p).times[1] for p in results] == [9.0, 1.1, 2.1]  # type: ignore[index]

    def test_times_of_a_sequence_are_not_overwritten(self, tmp_path: Path) -> None:
        put(tmp_path / "times.csv", "frame,source_frame,time\n1,1,0\n2,9,5\n")
        _write(tmp_path / "out.txt", [0.0, 0.1])
        _write(tmp_path / "out.txt", [0.0, 0.2])
        assert (tmp_path / "times.csv").read_text().endswith("2,9,5\n")
        assert read(tmp_path / "out.txt").times.tolist() == [0.0, 0.2]  # type: ignore[union-attr]

    def test_concurrent_writers_keep_their_times(self, tmp_path: Path) -> None:
        writers = [MotWriter(tmp_path / f"{name}.txt") for name in "ab"]
        for writer in writers:
            writer.open(SourceInfo("s", 64, 48), ("person",))
        for k, writer in enumerate(writers):
            writer.put(0, float(k), _BOXES)
            writer.close()
        assert [read(tmp_path / f"{name}.txt").times.tolist() for name in "ab"] == [[0.0], [1.0]]  # type: ignore[union-attr]


_BOXES = FrameBoxes(np.array([4]), np.array([[1, 2, 4, 6]], np.float32), np.array([0.5], np.float32), np.array([0]))


def _write(path: Path, times: list[float]) -> None:
    with MotWriter(path) as writer:
        writer.open(SourceInfo("s", 64, 48), ("person",))
        for k, time in enumerate(times):
            writer.put(k, time, _BOXES)


def test_results_follow_the_motchallenge_format(tmp_path: Path) -> None:
    _write(tmp_path / "a.txt", [0.0, 0.04])
    assert (tmp_path / "a.txt").read_text() == (
        "1,4,1.000,2.000,3.000,4.000,0.5,-1,-1,-1\n2,4,1.000,2.000,3.000,4.000,0.5,-1,-1,-1\n"
    )
    assert (tmp_path / "a.times.csv").read_text() == "frame,source_frame,time\n1,1,0.0\n2,2,0.04\n"


def test_ignored_boxes_are_not_written_as_results(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    truth = read(put(tmp_path / "gt.txt", "1,1,1,2,3,4,1,1,1\n1,2,1,2,3,4,0,1,1\n"))
    write(truth, tmp_path / "out.txt")
    assert read(tmp_path / "out.txt").id.tolist() == [1]
    assert "1 boxes to ignore were left out" in caplog.text


def test_class_names_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    for names in (("cat", "dog"), ("person",)):
        with MotWriter(tmp_path / "a.txt") as writer:
            writer.open(SourceInfo("s", 64, 48), names)
            writer.put(0, 0.0, _BOXES)
        assert read(tmp_path / "a.txt").names == names


def test_subsampled_data_has_true_times(shared: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    root = shared / "data" / "mot_video"
    thin = [sys.executable, shared / "bench" / "thin.py", root, tmp_path, "--profile", "bursty"]
    subprocess.run([*map(str, thin)], check=True, capture_output=True)
    for sequence in sorted(tmp_path.iterdir()):
        table = np.loadtxt(sequence / "times.csv", delimiter=",", skiprows=1, ndmin=2)
        for part in ("gt", "det"):
            got = read(sequence / part / f"{part}.txt")
            raw = np.loadtxt(sequence / part / f"{part}.txt", delimiter=",", ndmin=2)
            assert got.times is not None
            assert got.times.tolist() == table[:, 2].tolist()
            assert len(got) == len(raw)
            by_hand = raw[np.argsort(raw[:, 0], kind="stable")]
            want = np.hstack([by_hand[:, 2:4], by_hand[:, 2:4] + by_hand[:, 4:6]])
            assert np.allclose(got.xyxy, want, atol=1e-3)
            assert (got.frames[got.row] + 1 == by_hand[:, 0]).all()
