"""`eval segmentation`: the figures equal TrackEval's, and errors for mismatched folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datasets.masks.indexed_png import read_indexed, write_indexed
from models.errors import ConfigError, DataError
from tools.cli.main import main
from tools.evaluate.config.segmentation import EvalSegmentationConfig
from tools.evaluate.segmentation import evaluate, score_masks, table
from tools.metrics.segmentation import VOID, boundary, contour, region
from tracker.types import UInt8

SIZE = (90, 120)


def blobs(frame: int, shake: float = 0.0, swap: bool = False) -> UInt8:
    """Two discs that move, one of which is away in some frames."""
    rng = np.random.default_rng(frame)
    mask = np.zeros(SIZE, np.uint8)
    for number, (x, y, r) in enumerate(((20 + 2 * frame, 40, 14), (90 - frame, 50 + frame, 10)), 1):
        if number == 2 and 6 <= frame < 8:
            continue
        dx, dy, dr = rng.normal(0, shake, 3) if shake else (0, 0, 0)
        cv2.circle(mask, (round(x + dx), round(y + dy)), max(round(r + dr), 2), 3 - number if swap else number, -1)
    return mask


def write(root: Path, name: str, masks: list[UInt8]) -> None:
    (root / name).mkdir(parents=True, exist_ok=True)
    for k, mask in enumerate(masks):
        write_indexed(root / name / f"{k:05d}.png", mask)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    truth, results = tmp_path / "truth" / "Annotations" / "480p", tmp_path / "results"
    for s, name in enumerate(("ball", "disc")):
        write(truth, name, [blobs(k) for k in range(12)])
        write(results, name, [blobs(k, shake=2.0 + s) for k in range(12)])
    return tmp_path / "truth", results


def config(truth: Path, *results: Path, **options: Any) -> EvalSegmentationConfig:
    return EvalSegmentationConfig(truth, results, quiet=True, **options)


def trackeval_scores(truth: list[UInt8], found: list[UInt8]) -> dict[str, float]:
    metric = pytest.importorskip("trackeval", reason="the oracle is in the extra `eval`").metrics.JAndF()
    pytest.importorskip("skimage", reason="TrackEval's boundaries need scikit-image (extra `dev`)")
    from pycocotools import mask as coco

    def rows(masks: list[UInt8]) -> list[Any]:
        return [[coco.encode(np.asfortranarray((m == k).astype(np.uint8))) for k in (1, 2)] for m in masks]

    data = {
        "num_timesteps": len(truth),
        "num_tracker_ids": 2,
        "num_gt_ids": 2,
        "gt_dets": rows(truth),
        "tracker_dets": rows(found),
        "gt_ids": [[0, 1]] * len(truth),
        "tracker_ids": [[0, 1]] * len(truth),
    }
    result: dict[str, float] = metric.eval_sequence(data)
    return result


# pycocotools 2.0 speaks NumPy 1's __array__
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("shake", [0.0, 1.5, 6.0])
def test_figures_equal_trackeval(shake: float) -> None:
    truth = [blobs(k) for k in range(13)]
    found = [blobs(k, shake) for k in range(13)]
    found[3][:] = 0  # a miss
    wanted = trackeval_scores(truth, found)
    scored = score_masks("s", truth, found, frames="all")
    ours = [scored.objects[k] for k in (1, 2)]
    for name, field in (("J", "j"), ("F", "f")):
        for part, suffix in (("Mean", ""), ("Recall", "_recall"), ("Decay", "_decay")):
            value = np.mean([getattr(s, field + suffix) for s in ours])
            assert value == pytest.approx(wanted[f"{name}-{part}"], abs=1e-9), f"{name}-{part}"
    assert np.mean([s.j_and_f for s in ours]) == pytest.approx(wanted["J&F"], abs=1e-9)


def test_boundaries_of_empty_and_equal_masks_are_scored() -> None:
    disc = blobs(0) == 1
    nothing = np.zeros(SIZE, bool)
    assert region(nothing, nothing) == contour(nothing, nothing) == 1
    assert region(disc, nothing) == contour(disc, nothing) == 0
    assert region(disc, disc) == contour(disc, disc) == 1
    assert not boundary(np.ones(SIZE, bool)).any()


def test_davis_skips_the_first_and_last_frame() -> None:
    truth = [blobs(k) for k in range(8)]
    found = [np.zeros(SIZE, np.uint8), *truth[1:-1], np.zeros(SIZE, np.uint8)]
    assert score_masks("s", truth, found, frames="davis").objects[1].j_and_f == 1
    assert score_masks("s", truth, found, frames="all").objects[1].j < 1


def test_void_pixels_are_ignored() -> None:
    truth = [blobs(k) for k in range(5)]
    found = [mask.copy() for mask in truth]
    for one, two in zip(truth, found, strict=True):
        one[:20], two[:20] = VOID, 1
    assert score_masks("s", truth, found, frames="all").objects[1].j == 1


def test_best_id_assignment_resolves_a_swap() -> None:
    truth, swapped = [blobs(k) for k in range(9)], [blobs(k, swap=True) for k in range(9)]
    assert score_masks("s", truth, swapped).objects[1].j < 0.2
    assert score_masks("s", truth, swapped, ids="best").objects[1].j == 1


def test_folders_are_scored_by_sequence_and_profile(folders: tuple[Path, Path], tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib, from the extra `bench`")
    truth, results = folders
    out, picture = tmp_path / "s.json", tmp_path / "s.png"
    words = ["eval", "segmentation", str(truth), str(results), "--profiles", "full", "stride2", "--quiet"]
    assert main([*words, "--json", str(out), "--plot", str(picture)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 1 + 2 * (4 + 1)  # a row an object and one for all, twice
    assert shown[0].split() == ["J&F", "J", "recall", "decay", "F", "recall", "decay"]
    full, thin = json.loads(out.read_text())
    assert [full["profile"], thin["profile"]] == ["full", "stride2"]
    assert len(full["sequences"]["ball"]["j"][0]) == 10
    assert len(thin["sequences"]["ball"]["j"][0]) == 4
    assert 0.3 < full["overall"]["j"] < 0.95
    assert full["sequences"]["ball"]["objects"]["1"]["j"] == pytest.approx(np.mean(full["sequences"]["ball"]["j"][0]))
    assert picture.stat().st_size > 5000


def test_one_sequence_alone_and_folders_beside_it(folders: tuple[Path, Path]) -> None:
    truth, results = folders
    (results / "junk").mkdir()
    (one,) = evaluate(config(truth, results, sequences=("disc",)))
    assert [s.name for s in one.sequences] == ["disc"]
    assert "2 folders are no sequence" in one.notes[0]
    assert "disc 2" in table([one])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t, r: (r / "ball/00003.png").unlink(), "00003.png: this mask is missing"),
        (lambda t, r: write_indexed(r / "ball/00003.png", np.zeros((9, 9), np.uint8)), "9 x 9 pixels where the truth"),
        (lambda t, r: (r / "ball/00003.png").write_bytes(b"x"), "00003.png: no mask can be read"),
        (lambda t, r: cv2.imwrite(str(r / "ball/00003.png"), np.zeros((*SIZE, 3), np.uint8)), "a colour picture"),
        (lambda t, r: (r / "ball").rename(r / "bull"), "holds no folder ball"),
        (lambda t, r: r.rename(r.parent / "elsewhere"), "there is no such folder"),
        (lambda t, r: t.rename(t.parent / "elsewhere"), "there is no such folder"),
    ],
)
def test_mismatched_folders_are_one_sentence(
    spoil: Any, said: str, folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(*folders)
    assert main(["eval", "segmentation", *map(str, folders), "--quiet"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_unscorable_selections_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, results = folders
    with pytest.raises(ConfigError, match="holds no sequence 'bell'"):
        evaluate(config(truth, results, sequences=("bell",)))
    with pytest.raises(ConfigError, match="no profile 'most'"):
        evaluate(config(truth, results, profiles=("most",)))
    with pytest.raises(DataError, match="too few to score"):
        evaluate(config(truth, results, profiles=("stride9",)))
    with pytest.raises(ConfigError, match="--compose belongs to a run of our own"):
        config(truth, results, compose=2)
    with pytest.raises(ConfigError, match="holds no <sequence>"):
        evaluate(config(tmp_path / "truth" / "Annotations" / "480p" / "ball", results))
    write(tmp_path / "empty", "ball", [np.zeros(SIZE, np.uint8)] * 4)
    with pytest.raises(DataError, match="all empty"):
        evaluate(config(tmp_path / "empty", tmp_path / "empty"))


def test_indexed_and_grey_masks_round_trip(tmp_path: Path) -> None:
    numbers = np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 32)
    write_indexed(tmp_path / "n.png", numbers)
    assert (read_indexed(tmp_path / "n.png") == numbers).all()
    colours = cv2.imread(str(tmp_path / "n.png"))
    assert colours[0, 4].tolist() == [0, 0, 128]  # number 1 is DAVIS's dark red
    cv2.imwrite(str(tmp_path / "g.png"), (numbers > 100).astype(np.uint8) * 255)
    assert (read_indexed(tmp_path / "g.png") == (numbers > 100)).all()
    cv2.imwrite(str(tmp_path / "k.png"), numbers)
    assert (read_indexed(tmp_path / "k.png") == numbers).all()
