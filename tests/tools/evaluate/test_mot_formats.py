"""`eval mot` of every label format as truth and as results, by class, and its tables for papers."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.formats import read, write
from datasets.formats.config import LabelConfig
from datasets.formats.layout import LAYOUTS
from models.errors import ConfigError, DataError
from tests.support.mot_results import breaks
from tools.cli.main import main
from tools.evaluate.mot import evaluate, evaluate_all
from tools.metrics.mot import Scores
from tools.metrics.mot_tables import to_csv, to_latex

pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")
FORMATS = ("mot", "jsonl", "coco", "cvat", "yolo", "kitti", "labelstudio", "csv", "parquet")
EXACT = LabelConfig(cvat_keyframes="0")


@pytest.fixture
def pair(folders: tuple[Path, Path]) -> tuple[Path, Path, Scores]:
    """(truth of one class and sequence, its results, their scores): what every format can hold."""
    truth, results = folders
    gt, res = truth / "A-01/gt/gt.txt", results / "A-01.txt"
    rows = [line for line in gt.read_text().splitlines() if line.split(",")[6:8] == ["1", "1"]]
    gt.write_text("\n".join(rows) + "\n")
    return gt, res, evaluate(gt, res).combined


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_as_truth_and_as_results(
    name: str, pair: tuple[Path, Path, Scores], tmp_path: Path
) -> None:
    truth, results, want = pair
    suffix = LAYOUTS[name].suffix
    files = []
    for k, (path, kind) in enumerate(((truth, "pedestrian"), (results, "person"))):
        files.append(tmp_path / f"{name}{k}{suffix}")
        got = dataclasses.replace(read(path), size=(4000, 3000))
        one = dataclasses.replace(got, names=(kind,), label=np.zeros(len(got), np.int64))
        write(one, files[-1], name, config=EXACT)
    if name == "mot":
        files[0] = files[0].rename(tmp_path / "gt.txt")
    for pair_of in ((files[0], files[1]), (truth, files[1]), (files[0], results)):
        got = evaluate(*pair_of).combined
        assert dataclasses.astuple(got) == pytest.approx(dataclasses.astuple(want), abs=0.15)
        assert (got.gt_ids, got.ids) == (want.gt_ids, want.ids)


def test_label_files_of_any_format_are_paired_by_name(pair: tuple[Path, Path, Scores], tmp_path: Path) -> None:
    truth, results, want = pair
    size = {"size": (4000, 3000)}
    for name in ("one", "two"):
        write(dataclasses.replace(read(truth), **size), tmp_path / "truth" / f"{name}.json")
        write(dataclasses.replace(read(results), **size), tmp_path / "results" / f"{name}.jsonl")
    write(dataclasses.replace(read(results), **size), tmp_path / "labels_of" / "two", "yolo")
    got = evaluate(tmp_path / "truth", tmp_path / "results")
    assert list(got.sequences) == ["one", "two"]
    assert got.sequences["two"].hota == pytest.approx(want.hota, abs=0.01)
    other = evaluate(tmp_path / "truth", tmp_path / "labels_of")
    assert other.sequences["two"].hota == pytest.approx(want.hota, abs=0.15)
    assert "no predictions for one; counted as empty" in other.notes[0]
    (tmp_path / "results" / "one.xml").write_text("<annotations/>")
    breaks((tmp_path / "truth", tmp_path / "results"), ConfigError, "are both of one; keep one of them")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"xyxy": lambda a: a.xyxy / 1000}, "overlaps any box of the truth"),
        ({"frames": lambda a: a.frames + 5000}, "names frame 5040, where seqinfo.ini counts 42"),
        ({"names": lambda a: ("bird",)}, "none of its"),
        ({"id": lambda a: a.id * 0 - 1}, "track them first"),
    ],
)
def test_misread_file_is_an_error_instead_of_a_zero_score(
    change: dict[str, Any], said: str, pair: tuple[Path, Path, Scores], tmp_path: Path
) -> None:
    truth, results, _ = pair
    got = read(results)
    wrong = dataclasses.replace(got, times=None, **{name: f(got) for name, f in change.items()})
    write(wrong, tmp_path / "wrong.jsonl")
    breaks((truth, tmp_path / "wrong.jsonl"), DataError, said)


def test_ignored_boxes_become_ignore_regions_in_other_formats(tmp_path: Path) -> None:
    rows = ["1 1 Car 0 0 -10 10 10 60 60", "1 -1 DontCare -1 -1 -10 300 0 900 400", "2 1 Car 0 0 -10 12 10 62 60"]
    rest = " -1 -1 -1 -1000 -1000 -1000 -10"
    (tmp_path / "truth.txt").write_text("".join(f"{row}{rest}\n" for row in rows))
    rows = [rows[0], "1 2 Car 0 0 -10 400 100 450 150", "1 3 Car 0 0 -10 100 100 150 150", rows[2]]
    (tmp_path / "found.txt").write_text("".join(f"{row}{rest} 0.9\n" for row in rows))
    got = evaluate(tmp_path / "truth.txt", tmp_path / "found.txt").combined
    assert (got.fp, got.fn, got.ids) == (1, 0, 2)


def test_classes_are_scored_separately_by_name_and_index(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, _ = folders
    got = read(truth / "A-01/gt/gt.txt")
    got = dataclasses.replace(got, ignore=np.zeros(len(got), bool))
    write(got, tmp_path / "truth.jsonl")
    persons = np.flatnonzero(got.label == 0)
    columns = {name: getattr(got, name)[persons] for name in ("row", "id", "xyxy", "score", "label", "ignore")}
    write(dataclasses.replace(got, **columns, visibility=None), tmp_path / "found.jsonl")
    both = evaluate(tmp_path / "truth.jsonl", tmp_path / "found.jsonl", per_class=True)
    assert both.classes["pedestrian"].hota == pytest.approx(100)
    assert both.classes["car"].hota == 0
    assert both.combined.hota < 100
    assert both.combined.fn == sum(s.fn for s in both.classes.values())
    for classes in (("Pedestrian",), ("person",), (1,), ("1",)):
        one = evaluate(tmp_path / "truth.jsonl", tmp_path / "found.jsonl", classes=classes)
        assert one.combined == both.classes["pedestrian"]
    breaks((tmp_path / "truth.jsonl",) * 2, DataError, "has no class 'zebra'; there are pedestrian", classes=("zebra",))


def test_huge_frame_numbers_cost_no_memory(tmp_path: Path) -> None:
    row = "{},1,10,10,50,50,1,-1,-1,-1\n"
    (tmp_path / "gt.txt").write_text(row.format(1) + row.format(9_000_000_000_000_000))
    (tmp_path / "found.txt").write_text(row.format(1))
    assert evaluate(tmp_path / "gt.txt", tmp_path / "found.txt").combined.fn == 1


def test_tables_for_papers_and_spreadsheets(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, results = folders
    (tmp_path / "my_tracker & co").mkdir()
    for file in results.iterdir():
        (tmp_path / "my_tracker & co" / file.name).write_bytes(file.read_bytes())
    files = {flag: tmp_path / f"out.{flag}" for flag in ("csv", "latex", "plot")}
    files["plot"] = files["plot"].with_suffix(".png")
    words = [word for flag, path in files.items() for word in (f"--{flag}", str(path))]
    pytest.importorskip("matplotlib")
    assert main(["eval", "mot", str(truth), str(tmp_path / "my_tracker & co"), "--per-class", "--quiet", *words]) == 0
    evaluations = evaluate_all(truth, [tmp_path / "my_tracker & co"], per_class=True)
    lines = files["csv"].read_text().splitlines()
    assert lines == to_csv(evaluations).splitlines()
    rows = list(csv.DictReader(lines))
    assert [(r["sequence"], r["class"]) for r in rows] == [
        ("A-01", "all"), ("B-02", "all"), ("C-03", "all"), ("COMBINED", "pedestrian"), ("COMBINED", "all"),
    ]  # fmt: skip
    assert float(rows[-1]["hota"]) == pytest.approx(evaluations[0].combined.hota, abs=1e-6)
    assert int(rows[-1]["fp"]) == evaluations[0].combined.fp
    latex = files["latex"].read_text()
    assert latex == to_latex(evaluations) + "\n"
    assert r"my\_tracker \& co, pedestrian & " in latex
    assert latex.count("&") - latex.count(r"\&") == 15 * 3
    assert files["plot"].read_bytes()[:4] == b"\x89PNG"
    assert main(["eval", "mot", str(truth), str(results), "--plot", str(tmp_path / "x.cat")]) == 2
