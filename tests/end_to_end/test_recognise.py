"""`track` reports class probabilities and fine-grained classes: from image files to JSON lines, with the real CNN."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools.cli.main import main

FRAMES = 8


@pytest.fixture
def street(tmp_path: Path) -> tuple[Path, Path]:
    """Images of two moving objects, and their detected classes: the first is a dog, but a cat in two frames."""
    pictures = tmp_path / "street"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    ground, thing = (rng.integers(0, 255, size, dtype=np.uint8) for size in ((200, 320, 3), (80, 80, 3)))
    lines = [json.dumps({"format": "liquidtrack", "version": 1, "names": ["person", "dog", "cat"]})]
    for k in range(FRAMES):
        picture = ground.copy()
        picture[60:140, 20 + 4 * k : 100 + 4 * k] = thing
        cv2.imwrite(str(pictures / f"{k:04d}.png"), picture)
        first = {"xyxy": [20 + 4 * k, 60, 100 + 4 * k, 140], "label": "cat" if k in (3, 5) else "dog", "score": 0.9}
        second = {"xyxy": [220, 40, 260, 160], "label": "person", "score": 0.8}
        lines.append(json.dumps({"frame": k, "seconds": k / 10, "boxes": [first, second]}))
    (tmp_path / "found.jsonl").write_text("\n".join(lines) + "\n")
    return pictures, tmp_path / "found.jsonl"


def boxes(path: Path) -> tuple[list[str], list[list[dict]]]:
    head, *lines = map(json.loads, path.read_text().splitlines())
    return head["names"], [line["boxes"] for line in lines]


def words(street: tuple[Path, Path], out: Path, *more: str) -> list[str]:
    detector = f"file:{street[1]}"
    return ["track", str(street[0]), "--rate", "10", "--detector", detector, "--jsonl", str(out), "--quiet", *more]


def test_single_wrong_detector_class_changes_no_label(street: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert main(words(street, out)) == 0
    names, frames = boxes(out)
    assert names == ["person", "dog", "cat"]
    assert [[(b["id"], b["label"]) for b in found] for found in frames] == [[(1, "dog"), (2, "person")]] * FRAMES
    assert all(0.3 < b["class_score"] <= 1 for found in frames for b in found)
    assert frames[3][0]["class_score"] < frames[2][0]["class_score"]  # the doubt shows in the figure


def test_real_network_adds_fine_grained_classes(street: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert main(words(street, out, "--classify", "imagenet", "--video", str(tmp_path / "out.mp4"))) == 0
    names, frames = boxes(out)
    assert names[:3] == ["person", "dog", "cat"]
    assert {"beagle", "tabby"} <= set(names)
    assert all(found[1]["label"] == "person" for found in frames)
    assert all(found[0]["label"] in names and 0 < found[0]["class_score"] <= 1 for found in frames)


def test_invalid_setting_is_one_sentence(
    street: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(street, tmp_path / "out.jsonl", "--classify-crops", "0")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "liquidtrack: classify_crops is 0; give 1 or more."
