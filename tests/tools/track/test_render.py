"""`liquidtrack render`: tracks are drawn in their frames, checked by reading the video back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets import Annotations, write
from datasets.masks.rle import encode
from tests.support import sound_video
from tools.cli.main import main
from tools.display.annotate import colour
from tools.track.render import GivenTracks
from tracker.types import Frame

SIZE = (192, 128)
PLAIN = ["--no-labels", "--no-clock", "--trails", "0", "--video-crf", "5", "--quiet"]


def boxes(frames: list[int], times: list[float] | None, **changes: object) -> Annotations:
    """One object that moves 4 pixels a frame to the right."""
    n = len(frames)
    left = 8.0 + 4 * np.array(frames)
    columns = {
        "id": np.full(n, 3),
        "xyxy": np.stack([left, np.full(n, 40.0), left + 30, np.full(n, 100.0)], axis=1).astype(np.float32),
        "score": np.full(n, 0.5, np.float32),
        "label": np.zeros(n, np.int64),
        "names": ("person",),
        "ignore": np.zeros(n, bool),
        "size": SIZE,
        **changes,
    }
    return Annotations(np.array(frames), None if times is None else np.array(times), np.arange(n), **columns)  # type: ignore[arg-type]


def drawn(path: Path, ink: tuple[int, int, int] = colour(3)) -> list[int | None]:
    """The left edge of the box in each frame of a video, by its colour; None where there is none."""
    found: list[int | None] = []
    for bgr in sound_video.read(path)[1]:
        near = np.abs(bgr.astype(int) - ink).sum(axis=2) < 90
        columns = np.flatnonzero(near.sum(axis=0) > 20)
        found.append(int(columns[0]) if len(columns) else None)
    return found


def expected(k: int) -> pytest.approx:
    return pytest.approx(8 + 4 * k, abs=2)


@pytest.mark.parametrize("name", ["t.jsonl", "t.txt", "t.xml", "t.json", "t"])
def test_every_format_is_drawn_in_place(tmp_path: Path, name: str) -> None:
    times = [0.0, 0.04, 0.3, 0.34, 0.9, 0.94]
    sound_video.write(tmp_path / "v.mp4", times, SIZE)
    write(boxes([0, 1, 2, 4, 5], [0.0, 0.04, 0.3, 0.9, 0.94]), tmp_path / name)
    assert (
        main(["render", str(tmp_path / "v.mp4"), str(tmp_path / name), "--video", str(tmp_path / "o.mp4"), *PLAIN]) == 0
    )
    np.testing.assert_allclose(sound_video.read(tmp_path / "o.mp4")[0], times, atol=1e-4)
    found = drawn(tmp_path / "o.mp4")
    assert [found[k] for k in (0, 1, 2, 4, 5)] == [expected(k) for k in (0, 1, 2, 4, 5)]


def test_matching_by_time_ignores_frame_numbers(tmp_path: Path) -> None:
    """Of a camera every fifth frame was written: the file's numbers go up to 20, the video's to 4."""
    times = [0.0, 0.2, 0.4, 0.6, 0.8]
    sound_video.write(tmp_path / "v.mp4", times, SIZE)
    write(boxes([0, 5, 10, 15, 20], times), tmp_path / "t.jsonl")
    words = ["render", str(tmp_path / "v.mp4"), str(tmp_path / "t.jsonl"), *PLAIN]
    assert main([*words, "--video", str(tmp_path / "o.mp4")]) == 0
    assert drawn(tmp_path / "o.mp4") == [expected(5 * k) for k in range(5)]
    assert main([*words, "--video", str(tmp_path / "n.mp4"), "--match", "frame"]) == 0
    assert drawn(tmp_path / "n.mp4") == [expected(0), None, None, None, None]


def test_boxes_of_every_third_frame_are_held_for_neighbours(tmp_path: Path) -> None:
    given = GivenTracks(boxes([0, 3, 6], [0.0, 0.12, 0.24]), "seconds", "t")
    picture = np.zeros((*SIZE[::-1], 3), np.uint8)
    lefts = [given(Frame(picture, k, 0.04 * k)).xyxy[:, 0].tolist() for k in range(9)]
    assert lefts == [[8], [8], [20], [20], [20], [32], [32], [32], []]
    assert given.drawn.all()


def test_boxes_of_another_size_are_scaled_and_other_aspect_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound_video.write(tmp_path / "v.mp4", [0.0, 0.1], SIZE)
    half = boxes([0, 1], [0.0, 0.1])
    halved = boxes([0, 1], [0.0, 0.1], xyxy=half.xyxy / 2, size=(96, 64))
    write(halved, tmp_path / "half.jsonl")
    words = ["render", str(tmp_path / "v.mp4"), "--video", str(tmp_path / "o.mp4"), *PLAIN]
    assert main([*words, str(tmp_path / "half.jsonl")]) == 0
    assert drawn(tmp_path / "o.mp4") == [expected(0), expected(1)]
    write(boxes([0, 1], [0.0, 0.1], size=(128, 192)), tmp_path / "tall.jsonl")
    assert main([*words, str(tmp_path / "tall.jsonl"), "--overwrite"]) == 2
    assert "128 x 192 pixels where the video has 192 x 128" in capsys.readouterr().err


def test_detections_without_ids_are_drawn_in_their_class_s_colour(tmp_path: Path) -> None:
    sound_video.write(tmp_path / "v.mp4", [0.0, 0.1], SIZE)
    write(boxes([0, 1], [0.0, 0.1], id=np.full(2, -1)), tmp_path / "d.jsonl")
    assert main(["render", str(tmp_path / "v.mp4"), str(tmp_path / "d.jsonl"), *PLAIN]) == 0
    assert drawn(tmp_path / "d.rendered.mp4", colour(1)) == [expected(0), expected(1)]


def test_masks_are_scaled_with_their_boxes() -> None:
    mask = np.zeros((64, 96), bool)
    mask[20:50, 4:19] = True
    one = boxes([0], [0.0], xyxy=np.array([[4.0, 20, 19, 50]], np.float32), size=(96, 64), mask=(encode(mask),))
    got = GivenTracks(one, "frame", "t")(Frame(np.zeros((128, 192, 3), np.uint8), 0, 0.0))
    assert got.mask is not None
    assert got.mask[0, 40:100, 8:38].all()
    assert np.asarray(got.mask).sum() == 4 * mask.sum()


def test_sound_is_kept(tmp_path: Path) -> None:
    sound_video.film(tmp_path / "v.mp4", "aac", seconds=1.0)
    write(boxes([0, 1], [0.0, 0.04], size=sound_video.SIZE), tmp_path / "t.jsonl")
    assert main(["render", str(tmp_path / "v.mp4"), str(tmp_path / "t.jsonl"), "--quiet"]) == 0
    before, after = sound_video.packets(tmp_path / "v.mp4"), sound_video.packets(tmp_path / "t.rendered.mp4")
    assert len(after) > 40
    assert {kind for _, kind in after} <= {kind for _, kind in before}


def test_tracks_of_another_video_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound_video.write(tmp_path / "v.mp4", [0.0, 0.1], SIZE)
    write(boxes([70, 71], [7.0, 7.1]), tmp_path / "t.jsonl")
    assert main(["render", str(tmp_path / "v.mp4"), str(tmp_path / "t.jsonl"), "--quiet"]) == 2
    assert capsys.readouterr().err.endswith("name the video that was tracked, or try --match frame.\n")
    write(boxes([0, 1, 70], [0.0, 0.1, 7.0]), tmp_path / "u.jsonl")
    assert main(["render", str(tmp_path / "v.mp4"), str(tmp_path / "u.jsonl")]) == 0
    out = capsys.readouterr().out
    assert "2 of 3 boxes drawn into 2 frames" in out
    assert "warning: 1 boxes belong to no frame" in out
