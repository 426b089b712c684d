"""Writes scenes: a MOTChallenge folder with simulated detections, or a video file with frame times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.mot import MOT_NAMES, box_text
from datasets.scenes.config import Scene
from datasets.scenes.renderer import FrameTruth, frame_times, render
from datasets.scenes.source import collect
from datasets.video.writer import VideoWriter
from models.errors import ConfigError
from tracker.types import Detections, UInt8

MOT_CLASS = 1 + np.array([MOT_NAMES.index("pedestrian"), MOT_NAMES.index("car")])


@dataclass(frozen=True, slots=True)
class DetectorNoise:
    """Errors of a simulated detector; the defaults are roughly those of YOLOX on MOT17.

    Attributes:
        jitter: standard deviation of each edge of a fully visible object, in shares of the box's size.
        hidden_jitter: increase of `jitter` at full occlusion.
        miss: probability that a fully visible object is missed.
        visibility: visible share at which half of the objects are missed.
        false_alarms: false detections per frame, on average.
    """

    jitter: float = 0.02
    hidden_jitter: float = 0.08
    miss: float = 0.02
    visibility: float = 0.25
    false_alarms: float = 0.15


def detect(scene: Scene, truth: FrameTruth, index: int, noise: DetectorNoise) -> Detections:
    """Simulated detections of frame `index`: misses, false alarms, box jitter, scores that rise with visibility."""
    rng = np.random.default_rng([scene.seed, 6, index])
    n = len(truth.id)
    seen = truth.visibility.astype(float)
    found = rng.random(n) < (1 - noise.miss) / (1 + np.exp((noise.visibility - seen) / 0.07))
    sides = np.tile(truth.xyxy[:, 2:] - truth.xyxy[:, :2], 2)
    spread = (noise.jitter + noise.hidden_jitter * (1 - seen))[:, None] * sides
    boxes = truth.xyxy + rng.normal(0, 1, (n, 4)) * spread
    score = np.clip(0.3 + 0.6 * seen + rng.normal(0, 0.06, n), 0.05, 0.99)
    found &= (boxes[:, 2] > boxes[:, 0] + 1) & (boxes[:, 3] > boxes[:, 1] + 1)
    extra = rng.poisson(noise.false_alarms)
    high = rng.uniform(0.06, 0.3, extra) * scene.height
    left, top = rng.uniform(0, scene.width, extra), rng.uniform(0.3, 0.95, extra) * scene.height - high / 2
    false = np.column_stack([left, top, left + 0.4 * high, top + high])
    return Detections(
        np.vstack([boxes[found], false]),
        np.concatenate([score[found], rng.uniform(0.1, 0.6, extra)]),
        np.concatenate([truth.label[found], np.zeros(extra, np.int64)]),
    )


def write_motchallenge(
    scene: Scene, root: Path, noise: DetectorNoise | None = None, pictures: bool = True, suffix: str = ".jpg"
) -> Annotations:
    """Writes `<root>/<name>/{img1, gt/gt.txt, det/det.txt, seqinfo.ini, times.csv, gmc.txt}`; returns the ground truth.

    gmc.txt has a row for each frame (from 1): a11, a12, tx, a21, a22, ty, the affine from the previous frame's pixels
    to those of this frame. Cars have MOTChallenge's class 3.

    Raises:
        ConfigError: the image suffix is unknown, or the folder cannot be written.
    """
    folder = root / scene.name
    noise = noise or DetectorNoise()
    truths, marks, detections, motions = [], [], [], []
    try:
        for name in ("gt", "det", "img1") if pictures else ("gt", "det"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for frame, truth in render(scene):
            number = frame.index + 1
            if pictures:
                (folder / f"img1/{number:06d}{suffix}").write_bytes(_encode(frame.bgr, suffix))
            kinds = MOT_CLASS[truth.label].tolist()
            for id, box, kind, seen in zip(
                truth.id.tolist(), truth.xyxy.tolist(), kinds, truth.visibility.tolist(), strict=True
            ):
                marks.append(f"{number},{id},{box_text(box)},1,{kind},{seen:.5g}\n")
            found = detect(scene, truth, frame.index, noise)
            for box, score in zip(found.xyxy.tolist(), found.score.tolist(), strict=True):
                detections.append(f"{number},-1,{box_text(box)},{score:.3f}\n")
            motions.append(f"{number}," + ",".join(f"{v:.9g}" for v in truth.motion.ravel()) + "\n")
            truths.append(replace(truth, mask=truth.mask[:0]))  # masks of a long scene need too much memory
        (folder / "gt/gt.txt").write_text("".join(marks))
        (folder / "det/det.txt").write_text("".join(detections))
        (folder / "gmc.txt").write_text("".join(motions))
        info = {
            "name": scene.name, "imDir": "img1", "frameRate": f"{scene.rate:g}", "seqLength": len(truths),
            "imWidth": scene.width, "imHeight": scene.height, "imExt": suffix,
        }  # fmt: skip
        (folder / "seqinfo.ini").write_text("[Sequence]\n" + "".join(f"{k}={v}\n" for k, v in info.items()))
        source = np.round(frame_times(scene) * scene.rate).astype(int)
        table = [f"{k + 1},{s + 1},{s / scene.rate:.9f}\n" for k, s in enumerate(source.tolist())]
        (folder / "times.csv").write_text("frame,source_frame,time\n" + "".join(table))
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}); name another place.") from None
    return collect(scene, truths)


def write_video(scene: Scene, path: Path) -> Annotations:
    """Writes the scene as a video whose frames have their true times; returns the ground truth.

    Raises:
        ConfigError: the suffix is unknown or the path cannot be written.
    """
    truths = []
    with VideoWriter(path, rate=scene.rate, crf=18) as writer:
        for frame, truth in render(scene):
            writer.write(frame.bgr, frame.time)
            truths.append(replace(truth, mask=truth.mask[:0]))
    return collect(scene, truths)


def _encode(bgr: UInt8, suffix: str) -> bytes:
    try:
        done, data = cv2.imencode(suffix, bgr, [cv2.IMWRITE_JPEG_QUALITY, 94] if suffix == ".jpg" else [])
    except cv2.error:
        done = False
    if not done:
        raise ConfigError(f"pictures cannot be written as {suffix!r}; give .jpg or .png.")
    return data.tobytes()
