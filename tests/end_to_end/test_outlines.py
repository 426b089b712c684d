"""`liquidtrack track --outlines` from a video file to every output with masks, and `eval segmentation` of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datasets import read
from datasets.masks.indexed_png import read_indexed, write_indexed
from datasets.masks.rle import decode
from datasets.scenes import Scene, render
from datasets.scenes.export import write_video
from tools.cli.main import main
from tracker import build_pipeline

pytestmark = pytest.mark.usefixtures("own_cache")

SCENE = Scene(seed=3, width=480, height=270, duration=0.6, rate=10, people=3, vehicles=0, occluders=0)
SMALL = ("--mask-cells", "32", "--quiet")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a rendered video and detections of its people."""
    folder = tmp_path_factory.mktemp("clip")
    write_video(SCENE, folder / "street.mp4")
    lines = []
    for frame, truth in render(SCENE):
        for (left, top, right, bottom), share in zip(truth.xyxy.tolist(), truth.visibility.tolist(), strict=True):
            if share > 0.3:
                lines.append(f"{frame.index + 1},-1,{left},{top},{right - left},{bottom - top},0.9,-1,-1,-1\n")
    (folder / "det.txt").write_text("".join(lines))
    return folder


def track(clip: Path, *words: object) -> int:
    return main(["track", str(clip / "street.mp4"), "--detector", f"file:{clip / 'det.txt'}", *map(str, words), *SMALL])


def test_every_track_has_the_same_true_mask_in_all_outputs(clip: Path, tmp_path: Path) -> None:
    out = {name: tmp_path / f"a.{name}" for name in ("jsonl", "json", "mp4")}
    flags = ["--jsonl", out["jsonl"], "--coco", out["json"], "--masks", tmp_path / "m", "--video", out["mp4"]]
    assert track(clip, "--outlines", *flags) == 0
    lines, coco = read(out["jsonl"]), read(out["json"])
    assert lines.mask is not None
    assert coco.mask is not None
    assert lines.mask == coco.mask
    scores = []
    for frame, truth in render(SCENE):
        numbers = read_indexed(next((tmp_path / "m").glob(f"*/{frame.index:05d}.png")))
        for row in np.flatnonzero(lines.frames[lines.row] == frame.index).tolist():
            rle = lines.mask[row]
            if rle is None:
                continue
            mask = decode(rle)
            assert ((numbers == lines.id[row]) == mask).all()
            fit = [(mask & true).sum() / (mask | true).sum() for true in truth.mask]
            scores.append(max(fit))
    assert len(scores) > 0.8 * len(lines.id)
    assert np.mean(scores) > 0.5  # people of 10 to 20 pixels' width, after a video codec
    plain = tmp_path / "plain.jsonl"
    assert track(clip, "--jsonl", plain) == 0
    bare = read(plain)
    assert bare.mask is None
    assert (bare.xyxy == lines.xyxy).all()  # outlines change no box
    assert (bare.id == lines.id).all()


def test_tracks_of_a_file_keep_their_ids_and_get_outlines(clip: Path, tmp_path: Path) -> None:
    given, out = tmp_path / "given.jsonl", tmp_path / "out.jsonl"
    assert track(clip, "--jsonl", given) == 0
    words = [
        "track",
        str(clip / "street.mp4"),
        "--detector",
        f"file:{given}",
        "--keep-ids",
        "--outlines",
        "--end",
        "0.3",
    ]
    assert main([*words, "--outline-most", "2", "--jsonl", str(out), *SMALL]) == 0
    before, after = read(given), read(out)
    assert set(after.id.tolist()) <= set(before.id.tolist())
    assert after.mask is not None


def test_python_gives_the_same_masks_as_the_command(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    assert track(clip, "--outlines", "--end", "0.25", "--jsonl", out) == 0
    lines = read(out)
    pipeline = build_pipeline(f"file:{clip / 'det.txt'}", source=clip / "street.mp4", outlines=True, mask_cells=32)
    for frame, tracks in pipeline:
        if frame.time > 0.25:
            break
        shown = tracks.confirmed
        wanted = {int(lines.id[k]): lines.mask[k] for k in np.flatnonzero(lines.frames[lines.row] == frame.index)}  # type: ignore[index]
        assert shown.id.tolist() == list(wanted)
        for id, mask in zip(shown.id.tolist(), shown.mask or (), strict=shown.mask is not None):
            rle = wanted[id]
            assert (mask is None) == (rle is None)
            assert mask is None or rle is None or (decode(rle) == mask).all()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--outlines", "--mot", "o.txt"], "none of these outputs holds any; add --jsonl"),
        (["--outlines", "--whole"], "--outlines works frame by frame, not with --whole"),
        (["--outlines", "--looks", "0.5"], "--outlines needs every frame"),
        (["--outline-most", "3"], "outline_most and outline_budget belong to outlines"),
        (["--outlines", "--outline-budget", "-1"], "outline_budget is -1"),
    ],
)
def test_wrong_outline_settings_are_told_in_one_sentence(
    words: list[str], said: str, clip: Path, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert track(clip, *words, *([] if "--mot" in words else ["--jsonl", "o.jsonl"])) == 2
    assert not any(tmp_path.iterdir())
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_masks_from_boxes_of_every_frame_are_scored(tmp_path: Path, capsys: Any) -> None:
    for frame, truth in render(SCENE):
        wanted = np.argsort(-truth.mask.sum(axis=(1, 2)))[:1]
        for kind in ("JPEGImages", "Annotations"):
            (tmp_path / kind / "480p" / "walk").mkdir(parents=True, exist_ok=True)
        stem = f"480p/walk/{frame.index:05d}"
        cv2.imwrite(str(tmp_path / f"JPEGImages/{stem}.jpg"), frame.bgr)
        write_indexed(tmp_path / f"Annotations/{stem}.png", truth.mask[wanted].any(axis=0).astype(np.uint8))
    report = tmp_path / "s.json"
    base = [
        "eval",
        "segmentation",
        str(tmp_path),
        "--rate",
        "10",
        "--mask-cells",
        "32",
        "--json",
        str(report),
        "--quiet",
    ]
    assert main([*base, "--start", "jittered", "--boxes", "every"]) == 0
    assert json.loads(report.read_text())[0]["overall"]["j"] > 0.6
    none = ["--start", "detected", "--detector", "none", "--frames", "all", "--overwrite"]
    assert main([*base, *none]) == 0
    assert json.loads(report.read_text())[0]["overall"]["j"] > 0.2
    assert "the detector none found 0 of 1 boxes; the others are true ones" in capsys.readouterr().err
