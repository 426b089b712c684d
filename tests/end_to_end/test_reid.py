"""`track --reid`: people who leave and return, from images through the frozen CNN into label files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets import read
from tests.support.weights import needs_weights
from tools.cli.main import main
from tracker.reid.descriptor import Metric

RATE, AWAY = 4, range(10, 34)  # frames a second; six seconds without people
WHO = 4


def place(who: int, k: int) -> tuple[int, int]:
    """The place of a person in frame k; another one after the absence."""
    return 20 + 75 * ((who + (2 if k >= AWAY.stop else 0)) % WHO), 40 + k % 3


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Striped people before a lawn, and their boxes."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / "img").mkdir()
    rows = []
    for k in range(46):
        rng = np.random.default_rng(k)
        picture = np.full((200, 330, 3), (70, 120, 80), np.float64)
        for who in range(0 if k in AWAY else WHO):
            x, y = place(who, k)
            bands = np.random.default_rng(100 + who).integers(20, 235, (4, 1, 3)).astype(np.float64)
            picture[y : y + 120, x : x + 44] = bands.repeat(30, axis=0).repeat(44, axis=1) * rng.uniform(0.85, 1.1)
            rows.append(f"{k + 1},-1,{x},{y},44,120,0.9\n")
        noisy = np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"img/{k:03}.png"), noisy)
    (folder / "det.txt").write_text("".join(rows))
    return folder


def track(clip: Path, out: Path, *words: str) -> int:
    return main(
        ["track", str(clip / "img"), "--rate", str(RATE), "--detector", f"file:{clip / 'det.txt'}",
         "--jsonl", str(out), "--quiet", "--threads", "1", *words]
    )  # fmt: skip


@pytest.mark.usefixtures("own_cache")
def test_returning_person_has_the_old_id_in_every_frame(clip: Path, tmp_path: Path) -> None:
    needs_weights()
    assert track(clip, tmp_path / "without.jsonl") == 0
    assert track(clip, tmp_path / "with.jsonl", "--reid") == 0
    without, got = read(tmp_path / "without.jsonl"), read(tmp_path / "with.jsonl")
    assert len(np.unique(without.id)) == 2 * WHO
    assert sorted(np.unique(got.id)) == [1, 2, 3, 4]
    name: dict[int, int] = {}
    for row, id, box in zip(got.row.tolist(), got.id.tolist(), got.xyxy.tolist(), strict=True):
        k = int(got.frames[row])
        who = next(w for w in range(WHO) if abs(place(w, k)[0] - box[0]) < 5)
        assert name.setdefault(who, id) == id
    late = got.frames[got.row] >= AWAY.stop + 3
    assert late.sum() == WHO * (46 - AWAY.stop - 3)  # held back for three frames of a quarter of a second at most


@pytest.mark.usefixtures("own_cache")
def test_a_metric_of_other_features_is_refused(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs_weights()
    Metric(np.zeros(7, np.float32), np.zeros((7, 3), np.float32)).save(tmp_path / "m.safetensors", {})
    assert track(clip, tmp_path / "o.jsonl", "--reid", "--reid-metric", str(tmp_path / "m.safetensors")) == 2
    error = capsys.readouterr().err
    assert "is a metric of shapes (7,) and (7, 3) where features have 2816 numbers" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "o.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--reid-gallery-size", "0"), "reid_gallery_size is 0; give 1 or more"),
        (("--reid-crops", "-1"), "reid_crops is -1; give 1 or more"),
        (("--reid-memory", "-5"), "reid_memory is -5.0; give a positive number of seconds"),
        (("--reid-wait", "-1"), "reid_wait is -1.0; give seconds, 0 or more"),
        (("--reid-wait", "inf"), "reid_wait is inf"),
        (("--reid-probability", "1.5"), "reid_probability is 1.5; give one above .5 and below 1"),
        (("--reid-metric", "none.safetensors"), "none.safetensors: cannot be read"),
    ],
)
def test_mistakes_are_one_sentence(
    words: tuple[str, ...], said: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--reid-metric" in words:
        needs_weights()
    assert track(clip, tmp_path / "o.jsonl", "--reid", *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "o.jsonl").exists()
