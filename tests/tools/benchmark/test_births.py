"""`liquidtrack bench births` on images and videos of a bright object that a simple detector finds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.masks.indexed_png import write_indexed
from models.errors import ConfigError
from tools.benchmark.births import bench_births, measure, report
from tools.benchmark.config.births import BenchBirthsConfig
from tools.cli.main import MISTAKE, OK, main
from tools.metrics.births import BirthScene, FalseTracks, false_tracks, found_objects, group_of
from tracker.types import Detections, Frame, Tracks

HERE = "python:tests.tools.benchmark.test_births"
WIDTH, HEIGHT = 160, 120
FRAMES = 30


class Unsure:
    """Detects bright objects, with scores too low to start a track by score."""

    names = ("person", "dog", "kite")
    score = 0.5

    def __call__(self, frame: Frame) -> Detections:
        y, x = (frame.bgr[:, :, 1] > 125).nonzero()
        if len(x) < 50:
            return Detections.empty()
        box = [*np.percentile(x, (1, 99)), *np.percentile(y, (1, 99))]
        xyxy = np.array([[box[0], box[2], box[1] + 1, box[3] + 1]], np.float32)
        return Detections(xyxy, np.array([self.score], np.float32), np.array([1]))


class Sure(Unsure):
    """The same, with high scores."""

    score = 0.9


def _scene(left: int = 50) -> np.ndarray:
    bgr = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    bgr[30:90, left : left + 60] = 220
    return bgr


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Folders of images, of masks and of one object, with the same bright dog in each."""
    pictures, sot = tmp_path / "pictures", tmp_path / "sot/one"
    (pictures / "images").mkdir(parents=True)
    cv2.imwrite(str(pictures / "images/a.png"), _scene())
    boxes = [{"id": 1, "image_id": 1, "category_id": 5, "bbox": [50, 30, 60, 60], "area": 3600, "iscrowd": 0}]
    images = [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}]
    labels = {"images": images, "annotations": boxes, "categories": [{"id": 5, "name": "dog"}]}
    (pictures / "instances.json").write_text(json.dumps(labels))
    masks, frames = tmp_path / "davis/Annotations/480p/two", tmp_path / "davis/JPEGImages/480p/two"
    for folder in (masks, frames, sot / "img"):
        folder.mkdir(parents=True)
    for k in range(FRAMES):
        bgr = _scene(20 + 2 * k)
        cv2.imwrite(str(frames / f"{k:05d}.jpg"), bgr)
        cv2.imwrite(str(sot / f"img/{k:05d}.jpg"), bgr)
        write_indexed(masks / f"{k:05d}.png", (bgr[:, :, 1] > 125).astype(np.uint8))
    (sot / "groundtruth.txt").write_text("".join(f"{20 + 2 * k},30,60,60\n" for k in range(FRAMES)))
    return tmp_path


def _config(root: Path, *detectors: str, **other: object) -> BenchBirthsConfig:
    return BenchBirthsConfig(
        davis=(root / "davis",), sot=(root / "sot",), images=(root / "pictures",),
        detectors=tuple(f"{HERE}:{name}" for name in detectors), workers=1, quiet=True, **other,  # type: ignore[arg-type]
    )  # fmt: skip


def test_low_score_object_is_tracked_by_evidence_only(root: Path) -> None:
    runs = measure(_config(root, "Unsure", "Sure", profiles=("full", "stride3")))
    assert {run.source for run in runs} == {"davis", "sot", "pictures"}
    for run in runs:
        (thing,) = run.objects  # where the truth does not say what it is, the detector does
        assert (thing.name, thing.group) == ("dog", "animal")
        assert (thing.tracked is not None) == (run.rule == "evidence" or run.detector.endswith(":Sure"))
    assert all((run.false is not None) == (run.source == "pictures") for run in runs)
    assert all(run.false.false == 0 for run in runs if run.false)
    assert {run.seconds for run in runs if run.source == "sot"} == {FRAMES / 25}  # whatever is left out


def test_report_lists_both_rules_for_each_source(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = root / "figures.json"
    bench_births(_config(root, "Unsure", json=out))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[1:]] == ["davis", "davis", "sot", "sot", "pictures", "pictures", "all", "all"]
    assert rows[-2][3:] == ["evidence", "-", "-", "100%", "3/3", "-", "100%", "3/3", "1", "0.0", "0.0"]
    assert rows[-1][3:] == ["score", "-", "-", "0%", "0/3", "-", "0%", "0/3", "0", "0.0", "0.0"]
    figures = json.loads(out.read_text())
    assert [f["objects"][0]["tracked"] is None for f in figures] == [False, True] * 3


def test_worker_count_does_not_change_the_figures(root: Path) -> None:
    config = _config(root, "Unsure")
    assert report(measure(config)) == report(measure(replace(config, workers=2)))


def test_births_command_runs_and_refuses_mistakes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "births", "--quiet", "--workers", "1", "--detectors", f"{HERE}:Sure"]
    assert main([*words, "--sot", str(root / "sot")]) == OK
    assert "100% 1/1" in capsys.readouterr().out
    for wrong, said in (
        ([], "give --davis, --sot or --images"),
        (["--sot", str(root / "none")], "there is no such folder"),
        (["--sot", str(root / "sot"), "--profiles", "often"], "there is no profile 'often'"),
        (["--sot", str(root / "sot"), "--min-area", "1.5"], "min_area is 1.5"),
    ):
        assert main([*words, *wrong]) == MISTAKE
        assert said in capsys.readouterr().err


def test_detections_of_one_video_are_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="knows one video at most"):
        BenchBirthsConfig(sot=(root / "sot",), detectors=("file:det.txt",))


TIME = np.arange(40) / 25
BOX = np.array([50.0, 30.0, 110.0, 90.0])


def _known(name: str | None = "dog", visible: float = 1.0, ignore: bool = False) -> BirthScene:
    xyxy, share = np.tile(BOX, (len(TIME), 1, 1)), np.full((len(TIME), 1), visible)
    return BirthScene(TIME, xyxy, share, (name,), np.array([ignore]), (WIDTH, HEIGHT))


def _sights(every: int, label: int = 1) -> list[Detections]:
    one = Detections(BOX[None].astype(np.float32), np.array([0.5], np.float32), np.array([label]))
    return [one if k % every == 0 else Detections.empty() for k in range(len(TIME))]


def _tracks(begin: int, box: np.ndarray = BOX, label: int = 1) -> list[Tracks]:
    zero = np.zeros(1)
    one = Tracks(zero + 7, box[None].astype(np.float32), zero + 1, zero + label, zero + 1, zero, zero)  # type: ignore[arg-type]
    return [one if k >= begin else Tracks.empty() for k in range(len(TIME))]


@pytest.mark.parametrize(("every", "begin", "in_time"), [(1, 0, True), (1, 16, True), (1, 17, False), (2, 20, True)])
def test_delay_is_measured_from_the_fifth_detection(every: int, begin: int, in_time: bool) -> None:
    """Half a second is 12 frames of 25 a second."""
    (thing,) = found_objects(_known(), _sights(every), _tracks(begin), Unsure.names, 0.03)
    assert thing.fifth == pytest.approx(4 * every / 25)
    assert (thing.tracked is not None) == in_time


def test_only_detected_objects_are_counted() -> None:
    def count(scene: BirthScene, found: list[Detections], least_area: float = 0.03) -> int:
        return len(found_objects(scene, found, _tracks(0), Unsure.names, least_area))

    assert count(_known(), _sights(2)) == 1
    assert count(_known(), _sights(3)) == 0  # too rarely
    assert count(_known(), _sights(1, label=0)) == 0  # of another class
    assert count(_known(None), _sights(1, label=0)) == 1  # unlabelled
    assert count(_known("walrus"), _sights(1)) == 0  # a class that the detector lacks
    assert count(_known(visible=0.5), _sights(1)) == 0  # half outside
    assert count(_known(ignore=True), _sights(1)) == 0
    assert count(_known(), _sights(1), least_area=0.2) == 0


def test_false_tracks_are_split_into_near_objects_and_phantoms() -> None:
    def count(box: list[float], label: int = 1, ignore: bool = False) -> FalseTracks:
        shown = _tracks(0, np.array(box), label)
        return false_tracks(_known(ignore=ignore), shown, Unsure.names, ("dog", "person"))

    assert count([50, 30, 110, 90]) == FalseTracks(1, 0, 0)
    assert count([50, 30, 80, 60]) == FalseTracks(1, 1, 0)  # IoU 0.25
    assert count([50, 30, 80, 60], ignore=True) == FalseTracks(1, 0, 0)  # inside a crowd
    assert count([0, 0, 20, 20]) == FalseTracks(1, 1, 1)
    assert count([0, 0, 20, 20], label=2) == FalseTracks(0, 0, 0)  # kites are not labelled


def test_classes_are_grouped() -> None:
    names = ("Person", "motorbike", "boat", "bird", "giraffe", "backpack", "traffic light")
    assert [group_of(n) for n in names] == ["person", "vehicle", "vehicle", "animal", "animal", "other", "other"]
