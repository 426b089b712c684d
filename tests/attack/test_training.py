"""Attacks on trainings and fits: bad values of every flag, folders and checkpoints that are not what they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack.harness import assert_answered, attack, kept
from tests.tools.test_train_head import folder

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")
pytest.importorskip("torchvision", reason="training needs the extra `torch`")

from tests.tools.test_train_detector import pictures  # noqa: E402

SMALL = "--rollouts 1 --clips 1 --steps 1 --batch 1 --workers 1 --cell none --units 4 --quiet".split()  # noqa: SIM905
HEAD = ["train", "head", "data", "--out", "new"]
DETECTOR = ["train", "detector", "coco", "--out", "new", "--workers", "0", "--classes", "ball", "box"]
VIEWS = ["train", "recognition", "views", "pictures", "--out", "new"]
REID = ["train", "reid", "people", "--out", "new/m.safetensors"]
SERIES = ["bench", "series", "xor", "--out", "new"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something small for every training."""
    root = tmp_path_factory.mktemp("training")
    folder(root / "data")
    pictures(root / "coco", 2)
    (root / "pictures").mkdir()
    (root / "pictures" / "labels.tsv").write_text("index\twnid\tname\n0\tn01440764\ttench\n")
    picture = (root / "coco" / "images" / "0.png").read_bytes()
    (root / "pictures" / "n01440764.png").write_bytes(picture)
    for name in ("anna", "bob"):
        (root / "people" / name).mkdir(parents=True)
        for camera in "ab":
            (root / "people" / name / f"{camera}_1.png").write_bytes(picture)
    (root / "file").write_text("mine")
    return root


OUTS = {"head": [*HEAD[:3], *SMALL], "detector": DETECTOR[:3] + DETECTOR[5:], "views": VIEWS[:4], "series": SERIES[:3]}


@pytest.mark.parametrize("name", OUTS)
@pytest.mark.parametrize("out", ["file", "file/below", "/proc/x", "/dev/null", "x" * 300])
def test_an_output_that_cannot_be_is_one_sentence(place: Path, name: str, out: str) -> None:
    with kept(place / "file"):
        answer = attack([*OUTS[name], "--out", out], cwd=place, torch=True)
        assert_answered(answer)


@pytest.fixture(scope="module")
def finished(place: Path) -> Path:
    """A training of a head that is done."""
    answer = attack([*HEAD[:3], *SMALL, "--out", "done"], cwd=place, torch=True)
    assert answer.code == 0, str(answer)
    return place / "done"


OTHERS = [
    ["--data-seed", "1"], ["--seed", "1"], ["--steps", "2"], ["--clips", "2"], ["--batch", "2"], ["--rollouts", "2"],
    ["--rate", "0.1"], ["--units", "5"], ["--hidden", "5"], ["--cell", "gru-dt"], ["--no-habits"], ["--alike", "1"],
]  # fmt: skip


@pytest.mark.parametrize("change", OTHERS, ids=" ".join)
def test_a_finished_training_of_other_settings_is_refused(place: Path, finished: Path, change: list[str]) -> None:
    with kept(finished):
        answer = attack([*HEAD[:3], *SMALL, "--out", "done", *change], cwd=place, torch=True)
        assert_answered(answer, says="done/")
