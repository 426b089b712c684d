"""`liquidtrack track` with marked objects, and `eval segmentation` of our own run, from mark to scored folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datasets import read
from datasets.formats.davis_masks import MaskFolder
from datasets.masks.indexed_png import read_indexed, write_indexed
from datasets.masks.rle import decode
from datasets.scenes import Scene, render
from models.errors import ConfigError, DataError
from tests.support.weights import needs_weights
from tools.cli.main import main
from tools.evaluate.segmentation import score_masks
from tools.track.config.mask_prompts import MarkConfig
from tracker.protocols import SourceInfo
from tracker.types import Frame, State, Tracks

pytestmark = pytest.mark.usefixtures("own_cache")

SCENE = Scene(seed=3, width=320, height=180, duration=0.6, rate=10, people=4, occluders=0)


@pytest.fixture(scope="module")
def davis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene's largest person as a sequence in DAVIS's layout, and the same mirrored as another one."""
    root = tmp_path_factory.mktemp("davis")
    wanted = None
    for frame, truth in render(SCENE):
        if wanted is None:
            wanted = int(truth.id[np.argmax(truth.mask.sum(axis=(1, 2)) * (truth.label == 0))])
        mask = truth.mask[truth.id == wanted].any(axis=0).astype(np.uint8)
        for name, flip in (("right", 1), ("left", -1)):
            for kind in ("JPEGImages", "Annotations"):
                (root / kind / "480p" / name).mkdir(parents=True, exist_ok=True)
            stem = f"480p/{name}/{frame.index:05d}"
            cv2.imwrite(str(root / f"JPEGImages/{stem}.jpg"), frame.bgr[:, ::flip])
            write_indexed(root / f"Annotations/{stem}.png", np.ascontiguousarray(mask[:, ::flip]))
    return root


def track(*words: object) -> int:
    return main(["track", *map(str, words), "--mask-cells", "32", "--quiet"])


def test_prompted_object_is_in_every_output_with_its_mask(davis: Path, tmp_path: Path) -> None:
    needs_weights()
    pictures, truth = davis / "JPEGImages/480p/right", davis / "Annotations/480p/right"
    out = tmp_path / "a.jsonl", tmp_path / "a.json"
    flags = ["--mask", truth / "00000.png", "--jsonl", out[0], "--coco", out[1], "--masks", tmp_path / "masks"]
    assert track(pictures, "--rate", "10", *flags, "--video", tmp_path / "a.mp4") == 0
    found = [read_indexed(tmp_path / f"masks/right/{k:05d}.png") for k in range(6)]
    wanted = [read_indexed(truth / f"{k:05d}.png") for k in range(6)]
    assert (found[0] == wanted[0]).all()
    assert score_masks("right", wanted, found).objects[1].j > 0.6
    for path in out:
        rows = read(path)
        assert rows.names == ("object",)
        assert rows.id.tolist() == [1] * 6
        assert rows.mask is not None
        for k, rle in enumerate(rows.mask):
            assert rle is not None
            assert (decode(rle) == (found[k] == 1)).all()
    line = json.loads(out[0].read_text().splitlines()[3])
    drawn = np.zeros((180, 320), np.uint8)
    for polygon in line["boxes"][0]["polygons"]:
        cv2.fillPoly(drawn, [np.array(polygon, np.int32).reshape(-1, 1, 2)], 1)
    assert (drawn > 0).sum() == pytest.approx((found[2] == 1).sum(), rel=0.1)
    assert (tmp_path / "a.mp4").stat().st_size > 1000


def test_box_and_polygon_prompts_work_beside_a_detector(davis: Path, tmp_path: Path) -> None:
    needs_weights()
    rows, columns = np.nonzero(read_indexed(davis / "Annotations/480p/right/00000.png"))
    x, y, w, h = columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
    detections = tmp_path / "det.txt"
    detections.write_text("".join(f"{k},-1,5,5,40,60,0.9,-1,-1,-1\n" for k in range(1, 7)))
    corners = f"{x},{y},{x + w},{y},{x + w},{y + h},{x},{y + h}@0.3"
    out = tmp_path / "a.jsonl"
    marks = ["--mask-box", f"{x},{y},{w},{h}", "--mask-polygon", corners, "--detector", f"file:{detections}"]
    assert track(davis / "JPEGImages/480p/right", "--rate", "10", *marks, "--jsonl", out) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()[1:]]
    ids = [sorted(box["id"] for box in line["boxes"]) for line in lines]
    assert ids[0] == [1, 3]
    assert 2 in ids[3]
    assert all(("mask" in box) == (box["id"] < 3) for line in lines for box in line["boxes"])


def test_segmentation_run_is_scored_from_mask_box_and_composed_prompts(
    davis: Path, tmp_path: Path, capsys: Any
) -> None:
    needs_weights()
    base = ["eval", "segmentation", str(davis), "--quiet", "--mask-cells", "32", "--json", str(tmp_path / "s.json")]
    base.append("--overwrite")
    results = {}
    for name, words in {"mask": [], "box": ["--start", "box"], "two": ["--compose", "2"]}.items():
        assert main([*base, *words, "--save", str(tmp_path / name)]) == 0
        results[name] = json.loads((tmp_path / "s.json").read_text())[0]
    assert results["mask"]["overall"]["j"] > 0.6
    assert results["box"]["overall"]["j"] > 0.3
    assert results["mask"]["frames_per_second"] > 0
    assert set(results["two"]["sequences"]) == {"left+right", "right+left"}
    assert "frames/s" in capsys.readouterr().out
    # what was saved scores the same when it comes back as anybody's results
    assert main(["eval", "segmentation", str(davis), str(tmp_path / "mask"), *base[3:4], *base[6:]]) == 0
    again = json.loads((tmp_path / "s.json").read_text())[0]
    assert again["overall"] == pytest.approx(results["mask"]["overall"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mask", "empty.png"], "empty.png: the mask is empty"),
        (["--mask", "small.png"], "the mask is 9 x 9 pixels where the video is 320 x 180"),
        (["--mask", "none.png"], "none.png: no mask can be read"),
        (["--mask", "a.mp4"], "no mask can be read from it"),
        (["--mask-box", "400,10,20,20"], "lies outside the picture of 320 x 180"),
        (["--mask-box", "10,10,0,20"], "with a width and a height above 0"),
        (["--mask-box", "10,10,20"], "give x,y,w,h in pixels"),
        (["--mask-box", "a,b,c,d"], "give numbers parted by commas"),
        (["--mask-box", "10,10,20,20@-1"], "seconds from 0 on"),
        (["--mask-polygon", "1,1,5,5"], "three corners or more"),
        (["--mask-polygon", "900,1,950,5,940,50"], "covers no part"),
        (["--mask", "empty.png", "--masks", "empty.png"], "empty.png is the mask of --mask itself"),
    ],
)
def test_invalid_mask_prompt_is_one_sentence(
    words: list[str], said: str, davis: Path, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    needs_weights()
    monkeypatch.chdir(tmp_path)
    write_indexed(Path("empty.png"), np.zeros((180, 320), np.uint8))
    write_indexed(Path("small.png"), np.ones((9, 9), np.uint8))
    Path("a.mp4").write_text("text")
    assert track(davis / "JPEGImages/480p/right", "--rate", "10", *words, "--jsonl", "o.jsonl") == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_mask_prompt_after_the_end_is_reported(davis: Path, tmp_path: Path, capsys: Any) -> None:
    needs_weights()
    words = ["track", str(davis / "JPEGImages/480p/right"), "--rate", "10", "--mask-box", "9,9,40,40@7"]
    assert main([*words, "--jsonl", str(tmp_path / "o.jsonl")]) == 0
    assert "nothing was followed from 7 s on" in capsys.readouterr().out


def many(ids: list[int]) -> Tracks:
    """Tracks with masks of one pixel each."""
    n, mask = len(ids), np.zeros((len(ids), 20, 30), bool)
    mask.reshape(n, -1)[np.arange(n), np.arange(n)] = True
    zero, boxes = np.zeros(n), np.tile([5, 5, 9, 9], (n, 1)).astype(np.float32)
    return Tracks(np.array(ids), boxes, zero, zero, np.full(n, State.ACTIVE), zero, zero - 1, mask)  # type: ignore[arg-type]


def test_mask_images_hold_254_tracks_at_a_time_and_a_list_tells_which(tmp_path: Path) -> None:
    frames = [Frame(np.zeros((20, 30, 3), np.uint8), k, float(k)) for k in range(3)]
    sink = MaskFolder(tmp_path / "m")
    sink.open(SourceInfo("a/b: c", 30, 20), ())
    sink.write(frames[0], many([1, 2, 253]))
    assert not (tmp_path / "m/a_b__c.numbers.csv").exists()  # all numbers are ids
    sink.write(frames[1], many([2, *range(300, 552)]))
    sink.write(frames[2], many([2, 551, 552, 1]))
    first, second, third = (read_indexed(tmp_path / f"m/a_b__c/{k:05d}.png").ravel() for k in range(3))
    assert first[:3].tolist() == [1, 2, 253]
    assert len(set(second[:253].tolist()) - {0}) == 253
    head, *rows = (tmp_path / "m/a_b__c.numbers.csv").read_text().split()
    assert head == "frame,number,id"
    meaning: list[dict[int, int]] = []
    for k in range(3):
        meaning.append({number: number for number in range(1, 255)})
        for frame, number, id in (map(int, row.split(",")) for row in rows):
            if frame <= k:
                meaning[k][number] = id
    assert [meaning[1][v] for v in second[:253].tolist()] == [2, *range(300, 552)]
    assert [meaning[2][v] for v in third[:4].tolist()] == [2, 551, 552, 1]
    with pytest.raises(DataError, match="255 tracks have masks in frame 0, and pictures hold 254"):
        sink.write(frames[0], many(list(range(1, 256))))
    sink.close()
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["a_b__c", "a_b__c.numbers.csv"]
    (tmp_path / "f").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        MaskFolder(tmp_path / "f").open(SourceInfo("s", 30, 20), ())


def test_mask_prompts_are_validated_before_the_run() -> None:
    assert not MarkConfig()
    assert MarkConfig(mask_box=("1,2,3,4@0.5",))
    with pytest.raises(ConfigError, match="mask-polygon"):
        MarkConfig(mask_polygon=("1,2,3,4,5",))
