"""`eval mot` against TrackEval's own run, and the errors for wrong files."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import importlib.util
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import read, write
from models.errors import ConfigError, DataError
from tests.support.mot_results import breaks, write_rows
from tools.cli.main import main
from tools.evaluate.mot import evaluate, evaluate_all
from tools.metrics import mot as mot_scores
from tools.metrics.mot_tables import table

pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")


def trackeval_says(truth: Path, results: Path) -> dict[str, dict[str, float]]:
    """TrackEval's official evaluator on the same files; COMBINED is all sequences together."""
    import trackeval

    names = sorted(p.name for p in truth.iterdir() if p.is_dir())
    with contextlib.redirect_stdout(io.StringIO()):
        data = trackeval.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": str(truth),
                "TRACKERS_FOLDER": str(results.parent),
                "TRACKERS_TO_EVAL": [results.name],
                "TRACKER_SUB_FOLDER": "",
                "SKIP_SPLIT_FOL": True,
                "SEQ_INFO": dict.fromkeys(names),
                "PRINT_CONFIG": False,
            }
        )
        evaluator = trackeval.Evaluator(
            {
                "PRINT_RESULTS": False, "PRINT_CONFIG": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False,
                "OUTPUT_DETAILED": False, "PLOT_CURVES": False, "LOG_ON_ERROR": None,
            }
        )  # fmt: skip
        metrics = [
            trackeval.metrics.HOTA(),
            trackeval.metrics.CLEAR({"PRINT_CONFIG": False}),
            trackeval.metrics.Identity({"PRINT_CONFIG": False}),
        ]
        result, _ = evaluator.evaluate([data], metrics)
    out = {}
    for name, by_class in result["MotChallenge2DBox"][results.name].items():
        r = by_class["pedestrian"]
        out[name] = {
            "hota": 100 * np.mean(r["HOTA"]["HOTA"]),
            "deta": 100 * np.mean(r["HOTA"]["DetA"]),
            "assa": 100 * np.mean(r["HOTA"]["AssA"]),
            "assre": 100 * np.mean(r["HOTA"]["AssRe"]),
            "asspr": 100 * np.mean(r["HOTA"]["AssPr"]),
            "idf1": 100 * r["Identity"]["IDF1"],
            "mota": 100 * r["CLEAR"]["MOTA"],
            "idsw": r["CLEAR"]["IDSW"],
            "fp": r["CLEAR"]["CLR_FP"],
            "fn": r["CLEAR"]["CLR_FN"],
            "frag": r["CLEAR"]["Frag"],
            "mt": r["CLEAR"]["MT"],
            "ml": r["CLEAR"]["ML"],
            "ids": r["Count"]["IDs"],
            "gt_ids": r["Count"]["GT_IDs"],
        }
    return out


def test_figures_equal_trackeval(folders: tuple[Path, Path]) -> None:
    truth, results = folders
    says = trackeval_says(truth, results)
    got = evaluate(truth, results)
    assert list(got.sequences) == ["A-01", "B-02", "C-03"]
    for name, scores in got.sequences.items():
        assert dataclasses.asdict(scores) == pytest.approx(says[name], abs=1e-6)
    assert dataclasses.asdict(got.combined) == pytest.approx(says["COMBINED_SEQ"], abs=1e-6)
    # the fixture is worth something: no metric is at an end of its scale, and ids do switch
    assert 5 < got.combined.assa < 95
    assert 5 < got.combined.deta < 95
    assert min(got.combined.fp, got.combined.fn, got.combined.frag, got.combined.mt, got.combined.ids) > 0
    assert got.combined.idsw > 5


def test_figures_equal_trackeval_on_real_data(shared: Path, tmp_path: Path) -> None:
    root = shared / "data/mot/MOT17-second"
    truth, results = tmp_path / "gt", tmp_path / "res"
    rng = np.random.default_rng(0)
    for name in ("MOT17-09", "MOT17-13"):  # distractors, occluders, boxes over the edge
        for file in ("gt/gt.txt", "seqinfo.ini"):
            (truth / name / file).parent.mkdir(parents=True, exist_ok=True)
            (truth / name / file).write_bytes((root / name / file).read_bytes())
        rows = np.loadtxt(root / name / "gt/gt.txt", delimiter=",")
        rows = rows[rng.random(len(rows)) < 0.8]
        rows[:, 2:6] += rng.normal(0, 0.05, (len(rows), 4)) * rows[:, 4:5]
        rows = rows[(rows[:, 4:6] > 1).all(axis=1)]
        rows[:, 1] += 1000 * (rows[:, 0] // 60)
        write_rows(results / f"{name}.txt", [(*r[:2], *r[2:6].round(3), 1, -1, -1, -1) for r in rows])
    says = trackeval_says(truth, results)
    got = evaluate(truth, results)
    for name, scores in {**got.sequences, "COMBINED_SEQ": got.combined}.items():
        assert dataclasses.asdict(scores) == pytest.approx(says[name], abs=1e-6)

    spec = importlib.util.spec_from_file_location("shared_score", shared / "bench/score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, _, length in (("MOT17-09", 0, 263), ("MOT17-13", 0, 375)):
        figures = module.figures(module.one((truth / name / "gt/gt.txt", results / f"{name}.txt", length)))
        for metric, value in figures.items():
            assert getattr(got.sequences[name], metric.lower()) == pytest.approx(value, abs=1e-6), metric


def test_trackeval_reads_our_results(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, results = folders
    for name in ("A-01", "B-02", "C-03"):
        (tmp_path / "gt2" / name).mkdir(parents=True)
        (tmp_path / "gt2" / name / "seqinfo.ini").write_bytes((truth / name / "seqinfo.ini").read_bytes())
        write(read(truth / name / "gt" / "gt.txt"), tmp_path / "gt2" / name / "gt" / "gt.txt")
        write(read(results / f"{name}.txt"), tmp_path / "res2" / f"{name}.txt")
    for file in (tmp_path / "res2").glob("*times.csv"):
        file.unlink()
    ours, theirs = (trackeval_says(*pair) for pair in ((tmp_path / "gt2", tmp_path / "res2"), folders))
    for name, figures in theirs.items():
        assert ours[name] == pytest.approx(figures, abs=1e-6)


def test_worker_count_does_not_change_the_figures(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    serial = evaluate(*folders)
    monkeypatch.setattr("tools.evaluate.mot.PARALLEL_BYTES", 0)
    parallel = evaluate(*folders, workers=2)
    assert parallel.sequences == serial.sequences
    assert parallel.combined == serial.combined


def test_manifest_is_not_read_as_a_sequence(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, results = folders
    for sequence in truth.iterdir():
        rows = [line.split(",") for line in (results / f"{sequence.name}.txt").read_text().splitlines()]
        (sequence / "det").mkdir()
        (sequence / "det/det.txt").write_text("".join(",".join([row[0], "-1", *row[2:7]]) + "\n" for row in rows))
    assert main(["mot", str(truth), str(tmp_path / "out"), "--quiet", "--workers", "1"]) == 0
    assert (tmp_path / "out/.liquidtrack.json").is_file()
    assert main(["eval", "mot", str(truth), str(tmp_path / "out"), "--quiet", "--workers", "1"]) == 0
    assert "left out" not in "".join(capsys.readouterr())


def test_perfect_result_scores_one(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, _ = folders
    rows = [line.split(",") for line in (truth / "A-01/gt/gt.txt").read_text().split()]
    counted = [(*map(float, r[:6]), 1, -1, -1, -1) for r in rows if r[6] == "1" and r[7] == "1"]
    write_rows(tmp_path / "one.txt", counted)
    got = evaluate(truth / "A-01", tmp_path / "one.txt")
    assert dataclasses.astuple(got.combined) == pytest.approx((*[100] * 7, 0, 0, 0, 0, 6, 0, 6, 6))


def test_track_on_a_distractor_is_no_false_positive(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, _ = folders
    rows = [line.split(",") for line in (truth / "A-01/gt/gt.txt").read_text().split()]
    chosen = [(*map(float, r[:6]), 1, -1, -1, -1) for r in rows if (r[6] == "1" and r[7] == "1") or r[7] == "7"]
    write_rows(tmp_path / "one.txt", chosen)
    assert evaluate(truth / "A-01", tmp_path / "one.txt").combined.mota == pytest.approx(100)
    assert evaluate(truth / "A-01", tmp_path / "one.txt", distractors=(2, 8, 12)).combined.mota < 95


def test_selected_classes_are_scored(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, _ = folders
    rows = [line.split(",") for line in (truth / "A-01/gt/gt.txt").read_text().split()]
    both = [(*map(float, r[:6]), 1, float(r[7]), -1, -1) for r in rows if r[7] in ("1", "3")]
    for row in range(len(rows)):
        rows[row][6] = "1"
    write_rows(tmp_path / "gt.txt", [tuple(map(float, r)) for r in rows])
    write_rows(tmp_path / "cars.txt", both)
    got = evaluate(tmp_path / "gt.txt", tmp_path / "cars.txt", classes=(3,))
    assert got.combined.hota == pytest.approx(100)
    assert len(got.notes) == 1
    assert "are not of class 3; left out" in got.notes[0]


def test_zipped_truth_and_single_gt_file_are_read(folders: tuple[Path, Path]) -> None:
    truth, results = folders
    whole = evaluate(truth, results)
    plain = truth / "A-01/gt/gt.txt"
    alone = evaluate(plain, results / "A-01.txt")
    assert alone.sequences == {"A-01": whole.sequences["A-01"]}
    (truth / "A-01/gt/gt.txt.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert evaluate(truth, results).sequences == whole.sequences


def test_missing_and_extra_files_are_reported(folders: tuple[Path, Path]) -> None:
    truth, results = folders
    (results / "B-02.txt").rename(results / "Z-99.txt")
    got = evaluate(truth, results)
    assert got.sequences["B-02"].hota == 0
    assert got.sequences["B-02"].mota == 0
    assert got.notes == (
        f"{results}: no predictions for B-02; counted as empty.",
        f"{results}: no truth for Z-99; left out.",
    )
    (results / "B-02.txt").write_text("")  # an empty file is a result too
    assert evaluate(truth, results).combined == got.combined


def test_wrong_files_are_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, results = folders
    breaks((tmp_path / "nowhere", results), ConfigError, "nowhere", "no such file")
    breaks((truth, tmp_path / "nowhere"), ConfigError, "nowhere", "no such file")
    (tmp_path / "empty").mkdir()
    breaks((tmp_path / "empty", results), ConfigError, "empty", "gt/gt.txt")
    breaks((truth, tmp_path / "empty"), ConfigError, "empty", "<sequence>.txt")
    breaks((truth, truth / "A-01/gt/gt.txt"), ConfigError, "belongs to a sequence", "A-01, B-02, C-03")


def test_wrong_rows_are_named(folders: tuple[Path, Path]) -> None:
    truth, results = folders
    path = results / "B-02.txt"
    good = path.read_text()
    first = good.split("\n")[0]
    path.write_text(good + first + "\n")
    breaks(folders, DataError, "B-02.txt line", "stands twice in frame 1")
    path.write_text("999,1,10,10,10,10,1,-1,-1,-1\n")
    breaks(folders, DataError, "B-02.txt", "names frame 999", "counts 57")
    path.write_text("1,1,10,10,nan,10,1,-1,-1,-1\n")
    breaks(folders, DataError, "B-02.txt line 1", "width is nan")
    breaks(folders, DataError, "B-02.txt: 1 of 1 rows are bad", "more than a fifth", skip_bad_rows=True)
    path.write_text("1,-1,10,10,10,10,1,-1,-1,-1\n1,-1,50,10,10,10,1,-1,-1,-1\n")
    breaks(folders, DataError, "B-02.txt", "track them first")
    path.write_text(good)
    gt = truth / "C-03/gt/gt.txt"
    rows = gt.read_text()
    gt.write_text(rows + rows.split("\n")[0] + "\n")
    breaks(folders, DataError, "C-03", "gt.txt line", "stands twice")
    gt.write_text("")
    breaks(folders, DataError, "C-03", "none of the 0 rows")
    gt.write_text(rows)
    breaks(folders, DataError, "counts as truth", "class 4", classes=(4,))


def test_missing_trackeval_is_one_sentence(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackeval.metrics", None)
    breaks(folders, ConfigError, "pip install '.[eval]'")


def test_mot_command_prints_and_writes_figures(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, results = folders
    out = tmp_path / "scores.json"
    other = tmp_path / "other"
    other.mkdir()
    (other / "A-01.txt").write_bytes((results / "A-01.txt").read_bytes())
    words = ["eval", "mot", str(truth), str(results), str(other), "--per-sequence", "--json", str(out)]
    assert main(words) == 0
    text = capsys.readouterr()
    assert text.out.rstrip("\n") == table(evaluate_all(truth, [results, other]), per_sequence=True)
    assert "no predictions for B-02, C-03; counted as empty" in text.err
    content = json.loads(out.read_text())
    assert [c["name"] for c in content] == ["res", "other"]
    got = evaluate(truth, results)
    assert content[0]["combined"] == dataclasses.asdict(got.combined)
    assert content[0]["sequences"]["B-02"] == dataclasses.asdict(got.sequences["B-02"])

    assert main(["eval", "mot", str(truth)]) == 2
    assert "name a folder or file of them" in capsys.readouterr().err
    assert main([*words[:4], "--json", str(tmp_path)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_float32_boxes_round_trip_the_file_values() -> None:
    written = np.random.default_rng(0).uniform(-500, 8000, (10_000, 4)).round(3)
    assert np.array_equal(mot_scores._decimal(written.astype(np.float32)), written)
    fine = np.array([[1 / 3, 2 / 3, 4 / 3, 1e-5]], np.float32)  # no file with three decimals wrote these
    assert np.array_equal(mot_scores._decimal(fine), fine.astype(float))
