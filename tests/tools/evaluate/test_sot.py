"""`eval sot`: figures by hand and by the toolkits' formulas, folders as benchmarks ship them, and wrong ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.ground_truth.single_object import read_boxes, read_sot_sequences, write_boxes
from models.errors import DataError, LiquidTrackError, SourceError
from models.localiser.inference import MATCH, NECK, WEIGHTS
from tools.cli.main import main
from tools.evaluate import sot_peers
from tools.metrics.sot import mean, score

NAN = [np.nan] * 4


def make_sequence(folder: Path, boxes: Any, truth: str = "groundtruth_rect.txt", pictures: str = "img") -> Path:
    """A bright square on dark noise, at `boxes` (xyxy from pixel 0)."""
    (folder / pictures).mkdir(parents=True)
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 60, (96, 128, 3), dtype=np.uint8)
    square = rng.integers(120, 255, (96, 128, 3), dtype=np.uint8)
    for k, box in enumerate(boxes):
        picture = ground.copy()
        if np.isfinite(box).all():
            x1, y1, x2, y2 = (round(v) for v in box)
            picture[y1:y2, x1:x2] = square[: y2 - y1, : x2 - x1]
        cv2.imwrite(str(folder / pictures / f"{k + 1:04}.png"), picture)
    write_boxes(folder / truth, np.array(boxes, np.float64), 1 if truth.endswith("rect.txt") else 0)
    return folder


def walk(frames: int) -> Any:
    return [[20 + 3 * k, 30 + k, 52 + 3 * k, 70 + k] for k in range(frames)]


# --- the metric ---


def test_figures_equal_hand_computed_values() -> None:
    truth = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], NAN, [0, 0, 100, 50]], float)
    answers = np.array([[0, 0, 10, 10], [5, 0, 15, 10], NAN, [0, 0, 1, 1], [20, 0, 120, 50]], float)
    s = score(truth, answers)
    assert s.frames == 4  # the object is not to be seen in the fourth
    assert s.answered == 3 / 4
    # IoU: 1, 50/150, none, 80/120. Above 0, .05, ... 1: 1 at 20 of 21 thresholds, 1/3 at 7 (0 to .30), 2/3 at 14.
    assert s.figures["auc"] == pytest.approx((20 + 7 + 0 + 14) / 21 / 4)
    # centres are off by 0, 5, infinity, 20 pixels; in sides of the box by 0, .5, infinity, .2
    np.testing.assert_allclose(s.precision[[0, 4, 5, 19, 20, 50]], [1 / 4, 1 / 4, 2 / 4, 2 / 4, 3 / 4, 3 / 4])
    np.testing.assert_allclose(s.normalised[[0, 19, 20, 49, 50]], [1 / 4, 1 / 4, 2 / 4, 2 / 4, 3 / 4])
    assert s.figures == {"auc": s.success.mean(), "precision": 0.75, "normalised": 0.5, "answered": 0.75}


def toolkit(truth: Any, answers: Any) -> tuple[float, float, float]:
    """OTB's and LaSOT's toolkits frame by frame: calcRectInt and calcSeqErrRobust on left, top, width, height."""
    overlaps, errors, shares = [], [], []
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in zip(truth, answers, strict=True):
        # their right edge is inclusive: left + width - 1
        across = max(0, min(x1 + w1 - 1, x2 + w2 - 1) - max(x1, x2) + 1)
        down = max(0, min(y1 + h1 - 1, y2 + h2 - 1) - max(y1, y2) + 1)
        overlaps.append(across * down / (w1 * h1 + w2 * h2 - across * down))
        cx1, cy1, cx2, cy2 = x1 + (w1 - 1) / 2, y1 + (h1 - 1) / 2, x2 + (w2 - 1) / 2, y2 + (h2 - 1) / 2
        errors.append(((cx1 - cx2) ** 2 + (cy1 - cy2) ** 2) ** 0.5)
        shares.append((((cx1 - cx2) / w1) ** 2 + ((cy1 - cy2) / h1) ** 2) ** 0.5)
    auc = sum(sum(o > k / 20 for o in overlaps) / len(overlaps) for k in range(21)) / 21
    return auc, sum(e <= 20 for e in errors) / len(errors), sum(s <= 0.2 for s in shares) / len(shares)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_figures_equal_the_toolkit(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.uniform(0, 60, (frames, 2)), rng.uniform(1, 60, (frames, 2))], axis=1)
    answers = truth + rng.normal(0, 8, truth.shape)
    answers[:, 2:] = np.maximum(answers[:, 2:], 1)
    xyxy = [np.concatenate([b[:, :2], b[:, :2] + b[:, 2:]], axis=1) for b in (truth, answers)]
    found = score(*xyxy).figures
    assert (found["auc"], found["precision"], found["normalised"]) == pytest.approx(toolkit(truth, answers))


def test_sequences_have_equal_weight() -> None:
    long, short = np.tile([0.0, 0, 9, 9], (90, 1)), np.tile([0.0, 0, 9, 9], (10, 1))
    both = mean([score(long, long), score(short, short + 100)])
    assert both.frames == 100
    assert both.figures["auc"] == pytest.approx(20 / 21 / 2)


# --- folders ---


def test_ground_truth_of_each_benchmark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("11,21,30,40\n11\t21\t30\t40\n 11 21 30 40\nNaN,NaN,NaN,NaN\n0,0,0,0\n11,31,41,21,21,61,11,61\n")
    box = [10, 20, 40, 60]
    np.testing.assert_array_equal(read_boxes(path, 1), [box, box, box, NAN, NAN, box])


def test_pixel_origin_follows_the_benchmark(tmp_path: Path) -> None:
    boxes = walk(3)
    make_sequence(tmp_path / "otb", boxes)
    make_sequence(tmp_path / "vot", boxes, "groundtruth.txt", "color")
    (tmp_path / "results").mkdir()  # no sequence
    otb, vot = read_sot_sequences(tmp_path)
    assert (otb.name, vot.name) == ("otb", "vot")
    np.testing.assert_allclose(otb.xyxy, boxes)
    np.testing.assert_allclose(vot.xyxy, boxes)
    assert (tmp_path / "otb/groundtruth_rect.txt").read_text().startswith("21.000,31.000,32.000,40.000\n")
    np.testing.assert_allclose(read_sot_sequences(tmp_path / "otb", base=0)[0].xyxy, np.array(boxes) + 1)
    assert [p.name for p in otb.pictures] == ["0001.png", "0002.png", "0003.png"]


def wrong(folder: Path, how: str) -> None:
    path = make_sequence(folder / "a", walk(4)) / "groundtruth_rect.txt"
    lines = path.read_text().splitlines()
    if how == "three numbers":
        lines[1] = "1,2,3"
    elif how == "text":
        lines[2] = "left,top,width,height"
    elif how == "short":
        lines = lines[:3]
    elif how == "no first box":
        lines[0] = "0,0,0,0"
    elif how == "no pictures":
        for picture in (folder / "a" / "img").iterdir():
            picture.unlink()
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("how", "kind", "said"),
    [
        ("three numbers", DataError, "line 2: '1,2,3' is no box"),
        ("text", DataError, "line 3: 'left,top,width,height' is no box"),
        ("short", DataError, "3 boxes for the 4 pictures"),
        ("no first box", DataError, "line 1: the first picture needs a box"),
        ("no pictures", SourceError, "no pictures in this folder"),
    ],
)
def test_a_wrong_sequence_is_one_sentence(tmp_path: Path, how: str, kind: type[LiquidTrackError], said: str) -> None:
    wrong(tmp_path, how)
    with pytest.raises(kind, match=said):
        read_sot_sequences(tmp_path)


# --- the command ---


@pytest.fixture
def data(tmp_path: Path) -> Path:
    make_sequence(tmp_path / "data/a", walk(12))
    make_sequence(tmp_path / "data/b", [*walk(5), NAN, *walk(7)[6:]])
    return tmp_path / "data"


def test_third_party_results_are_scored(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra `bench`")
    out, plot = tmp_path / "s.json", tmp_path / "s.png"
    for sequence in read_sot_sequences(data):
        write_boxes(tmp_path / f"theirs/{sequence.name}.txt", sequence.xyxy, 1)
        write_boxes(tmp_path / f"gone/{sequence.name}/{sequence.name}_001.txt", sequence.xyxy + 500, 1)
    words = [str(data), str(tmp_path / "theirs"), str(tmp_path / "gone"), "--trackers", "--per-sequence"]
    assert main(["eval", "sot", *words, "--json", str(out), "--plot", str(plot), "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 2 * 3
    assert lines[3].split() == ["theirs", "full", "MEAN", "18", "0.952", "1.000", "1.000", "1.000"]
    theirs, gone = json.loads(out.read_text())
    assert theirs["auc"] == pytest.approx(20 / 21)
    assert gone["auc"] == gone["precision"] == 0
    assert theirs["sequences"]["b"]["frames"] == 6
    assert len(theirs["curves"]["success"]) == 21
    assert cv2.imread(str(plot)).shape[2] == 3


def test_subsampled_results_may_list_all_or_kept_frames(data: Path, tmp_path: Path) -> None:
    for sequence in read_sot_sequences(data):
        write_boxes(tmp_path / f"all/{sequence.name}.txt", sequence.xyxy, 1)
        write_boxes(tmp_path / f"kept/{sequence.name}.txt", sequence.xyxy[::5], 1)
    out = tmp_path / "s.json"
    words = ["eval", "sot", str(data), "--profiles", "stride5", "--trackers", "--quiet"]
    main([*words[:3], str(tmp_path / "all"), str(tmp_path / "kept"), *words[3:], "--json", str(out)])
    all_, kept = json.loads(out.read_text())
    assert all_["sequences"] == kept["sequences"]
    assert kept["sequences"]["a"]["frames"] == 3


def test_opencv_tracker_runs_and_its_boxes_can_be_rescored(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, again = tmp_path / "run.json", tmp_path / "again.json"
    words = ["eval", "sot", str(data), "--sequences", "a", "--quiet"]
    begin = [*words, "--trackers", "mil", "--out", str(tmp_path / "out"), "--json", str(run), "--overwrite"]
    for _ in range(3):  # it draws its samples anew in every run
        assert main(begin) == 0
        if json.loads(run.read_text())[0]["auc"] > 0.3:
            break
    folder = tmp_path / "out/mil-full"
    assert main(["eval", "sot", str(data), str(folder), *words[3:], "--trackers", "--json", str(again)]) == 0
    (first,), (second,) = json.loads(run.read_text()), json.loads(again.read_text())
    assert first["auc"] == pytest.approx(second["auc"])
    assert first["auc"] > 0.3
    assert first["rate"] > 0
    assert second["rate"] is None
    assert len(read_boxes(folder / "a.txt", 1)) == 12


def test_frames_with_an_attribute_are_scored_apart(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "a/occlusion.tag").write_text("0\n" * 9 + "1\n" * 3)
    for sequence in read_sot_sequences(data):
        boxes = sequence.xyxy.copy()
        boxes[9:] += 500
        write_boxes(tmp_path / f"theirs/{sequence.name}.txt", boxes, 1)
    words = ["eval", "sot", str(data), str(tmp_path / "theirs"), "--trackers", "--quiet"]
    assert main([*words, "--json", str(tmp_path / "s.json")]) == 0
    (theirs,) = json.loads((tmp_path / "s.json").read_text())
    assert theirs["attributes"]["occlusion"]["frames"] == 3
    assert theirs["attributes"]["occlusion"]["auc"] == 0 < theirs["auc"]
    assert "theirs full, occlusion" in capsys.readouterr().out


def test_peers_run_beside_ours_and_what_is_left_out_is_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("csrt", "kcf"):
        monkeypatch.setitem(sot_peers.OPENCV, name, "TrackerOfNobody")
    words = ["eval", "sot", str(data), "--peers", "--trackers", "--sequences", "a", "--profiles", "full", "stride5"]
    assert main([*words, "--json", str(tmp_path / "s.json"), "--quiet"]) == 0
    assert [(run["name"], run["profile"]) for run in json.loads((tmp_path / "s.json").read_text())] == [
        ("mil", "full"), ("mil", "stride5")
    ]  # fmt: skip
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told] == ["skipped, nanotrack", "skipped, csrt", "skipped, kcf"]


def test_tracker_of_another_python_gives_the_boxes_of_this_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installed MIL as a tracker that only the other build has."""
    monkeypatch.setitem(sot_peers.OPENCV, "csrt", "TrackerMIL")
    monkeypatch.delattr(cv2, "TrackerMIL")
    words = ["eval", "sot", str(data), "--trackers", "csrt", "--peer-python", sys.executable, "--quiet"]
    assert main([*words, "--out", str(tmp_path / "out"), "--json", str(tmp_path / "s.json")]) == 0
    (run,) = json.loads((tmp_path / "s.json").read_text())
    assert run["sequences"]["a"]["auc"] > 0.3
    assert run["rate"] > 0
    assert len(read_boxes(tmp_path / "out/csrt-full/a.txt", 1)) == 12


def test_nanotrack_follows(data: Path, tmp_path: Path, shared: Path) -> None:
    networks = shared / "models/nanotrack"
    words = ["eval", "sot", str(data), "--trackers", "nanotrack", "--nanotrack", str(networks), "--quiet"]
    assert main([*words, "--sequences", "a", "--json", str(tmp_path / "s.json")]) == 0
    (run,) = json.loads((tmp_path / "s.json").read_text())
    assert run["auc"] > 0.3


def test_a_localiser_of_ones_own_is_scored(data: Path, tmp_path: Path) -> None:
    for name in (NECK, MATCH):
        (tmp_path / name).symlink_to(WEIGHTS / name)
    words = ["eval", "sot", str(data), "--sequences", "a", "--quiet"]
    for k, more in enumerate(([], ["--localiser", str(tmp_path)])):
        assert main([*words, *more, "--json", str(tmp_path / f"{k}.json")]) == 0
    (package,), (own,) = (json.loads((tmp_path / f"{k}.json").read_text()) for k in range(2))
    assert own["auc"] == package["auc"] > 0.3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing"], "there is no such folder"),
        (["empty"], "holds no <sequence>/groundtruth_rect.txt"),
        (["data", "--sequences", "c"], "has no sequence 'c'; it has a, b"),
        (["data", "--profiles", "stride0"], "there is no profile 'stride0'"),
        (["data", "--profiles"], "there is no profile to thin the video by"),
        (["data", "--trackers"], "there is nothing to score"),
        (["data", "--rate", "0"], "rate is 0.0"),
        (["data", "nowhere", "--trackers"], "there is no such folder of results"),
        (["data", "empty", "--trackers"], "has no a.txt"),
        (["data", "short", "--trackers"], "7 boxes; a needs one for each of its 12 pictures."),
        (["data", "short", "--trackers", "--profiles", "stride5"], "or of the 3 that stride5 keeps"),
        (["data", "--trackers", "csrt"], "this build of OpenCV has no tracker csrt"),
        (["data", "--trackers", "csrt", "--peer-python", "nowhere"], "--peer-python nowhere cannot be run"),
        (["data", "--trackers", "csrt", "--peer-python", "/bin/true"], "it is no Python that runs programs"),
        (["data", "--trackers", "csrt", "--peer-python", sys.executable], "its OpenCV has no tracker csrt"),
        (["data", "--localiser", "empty"], "localiser-neck.onnx"),
        (["data", "--localiser", "nowhere"], "localiser-neck.onnx"),
        (["data", "--trackers", "nanotrack"], "name their folder with --nanotrack"),
        (["data", "--trackers", "nanotrack", "--nanotrack", "empty"], "holds no or several *backbone*.onnx"),
        (["data", "--trackers", "nanotrack", "--nanotrack", "broken"], "OpenCV cannot read its networks"),
    ],
)
def test_mistakes_are_one_sentence(
    data: Path,
    tmp_path: Path,
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sot_peers.OPENCV, "csrt", "TrackerOfNobody")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    for part in ("backbone", "head"):
        (tmp_path / f"broken/nano_{part}.onnx").write_bytes(b"no network")
    for name in "ab":
        write_boxes(tmp_path / f"short/{name}.txt", np.array(walk(7), np.float64), 1)
    assert main(["eval", "sot", *words, "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
