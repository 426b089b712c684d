"""The class of one known object in each video: the tracker's class over time, and the detector's class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from datasets.ground_truth.davis import find_sequences
from datasets.ground_truth.single_object import TRUTHS, read_sot_sequences
from datasets.sources.images import read_image
from datasets.subsampling.sequences import thin_indices
from models.checks.suggestion import suggest
from models.errors import ConfigError, DataError
from models.labels.imagenet import imagenet_names
from models.runtime.compute import Compute
from tools.evaluate.classification_files import read_results, read_truth
from tools.evaluate.config.classification import EvalVideoClassesConfig
from tools.evaluate.track_classification import ScoredMethod
from tools.metrics.classification import Answers, score
from tracker.boxes import overlaps
from tracker.classification.config import RecogniseConfig
from tracker.classification.recogniser import build_recogniser
from tracker.classification.track_classes import ClassPooling
from tracker.detectors.class_names import same_name
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.engine import Tracker
from tracker.pipeline.loop import limit_library_threads
from tracker.protocols import SourceInfo
from tracker.types import Detections, Float64, Frame, Tracks

SAME_IOU = 0.5  # least IoU of a box and the object
MIN_SCORE = 0.4  # least score of a detection for the detector's own class
OURS, ALONE = "tracks", "detector, frame by frame"


@dataclass(frozen=True, eq=False, slots=True)
class _Video:
    name: str
    pictures: tuple[Path, ...]
    xyxy: Float64  # (F, 4) pixels, NaN where the object is not visible


def evaluate_video(config: EvalVideoClassesConfig) -> list[ScoredMethod]:
    """Track every sequence, and score the classes of the object's tracks and the results of other programs.

    Raises:
        ConfigError: there are no such sequences, or a class or a profile is unknown.
        DataError: the ground truth or the results are not in their format.
        SourceError: an image cannot be read.
        WeightsError: a network is not available.
    """
    truth = read_truth(config.truth)
    videos = [v for v in _videos(config.folder, config.sequences) if v.name in truth]
    if not videos:
        raise ConfigError(f"{config.truth}: names none of the sequences of {config.folder}; write one a line.")
    rate = config.rate
    kept = {p: {v.name: thin_indices(len(v.pictures), rate, p, v.name, config.seed) for v in videos}
            for p in config.profiles}  # fmt: skip
    there = {p: {v.name: [k for k in kept[p][v.name].tolist() if not np.isnan(v.xyxy[k]).any()] for v in videos}
             for p in config.profiles}  # fmt: skip
    times = {p: {n: np.array(at) / rate for n, at in there[p].items()} for p in config.profiles}
    foreign = {(p, path): read_results(path, times[p]) for p in config.profiles for path in config.results}
    compute = Compute.shared(1 + (config.classify != "none"), config.threads, config.device)
    detector = build_detector(DetectorConfig(config.detector), embeddings=False, compute=compute)
    known = (*detector.names, *(imagenet_names() if config.classify == "imagenet" else ()))
    _check(config.truth, {v.name: truth[v.name] for v in videos}, known)
    found: dict[str, dict[int, Detections]] = {v.name: {} for v in videos}
    done = []
    total = sum(len(at) for by in kept.values() for at in by.values())
    with limit_library_threads(), tqdm(total=total, unit="frame", disable=config.quiet or None, leave=False) as bar:
        for profile in config.profiles:
            ours, alone = {}, {}
            for video in videos:
                tracker = Tracker(classes=ClassPooling(len(detector.names)))
                recogniser = None
                names: tuple[str, ...] = detector.names
                if config.classify != "none":
                    recogniser = build_recogniser(RecogniseConfig(config.classify), compute.threads, compute.device)
                    names = recogniser.open(SourceInfo(video.name, 0, 0), names)
                said: list[dict[str, float]] = []
                word: list[dict[str, float]] = []
                ids: set[int] = set()
                for k in kept[profile][video.name].tolist():
                    frame = Frame(read_image(video.pictures[k]), k, k / rate)
                    if k not in found[video.name]:
                        found[video.name][k] = detector(frame)
                    detections = found[video.name][k]
                    tracks = tracker.update(detections, frame.time)
                    tracks = tracks if recogniser is None else recogniser.update(frame, tracks)
                    bar.update()
                    if np.isnan(video.xyxy[k]).any():
                        continue
                    word.append(_word(detections, video.xyxy[k], detector.names))
                    row = _at(tracks.confirmed, video.xyxy[k])
                    said.append({} if row is None else _said(tracks.confirmed, row, names))
                    if row is not None:
                        ids.add(int(tracks.confirmed.id[row]))
                ours[video.name] = Answers(times[profile][video.name], tuple(said), len(ids))
                alone[video.name] = Answers(times[profile][video.name], tuple(word))
            right = {v.name: _right(truth[v.name], known) for v in videos}
            done += [ScoredMethod(n, profile, score(a, right), a) for n, a in ((ALONE, alone), (OURS, ours))]
            for path in config.results:
                answers = foreign[profile, path]
                done.append(ScoredMethod(path.name, profile, score(answers, truth), answers))
    return done


def _videos(root: Path, only: tuple[str, ...]) -> list[_Video]:
    """The sequences of boxes or of masks in the folder."""
    if not root.is_dir():
        raise ConfigError(f"{root}: there is no such folder; name a folder of sequences.")
    boxes = any((p / name).is_file() for p in (root, *(p for p in root.iterdir() if p.is_dir())) for name in TRUTHS)
    if boxes:
        return [_Video(s.name, s.pictures, s.xyxy) for s in read_sot_sequences(root, only)]
    return [
        _Video(s.name, s.pictures, np.array([_around(p) for p in s.masks])) for s in find_sequences(root, only, True)
    ]


def _around(path: Path) -> Float64:
    """(4,) the bounding box of a mask, NaN for an empty mask."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise DataError(f"{path}: not a picture that can be read.")
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.full(4, np.nan)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)


def _check(path: Path, truth: Mapping[str, tuple[str, ...]], known: tuple[str, ...]) -> None:
    """Check that one correct name of a sequence is known; others may be fine-grained classes of ImageNet alone."""
    for name, words in truth.items():
        if not any(same_name(word, one) for word in words for one in known):
            raise ConfigError(f"{path}: nobody can call {name} a {words[0]!r} here; {suggest(words[0], known)}")


def _right(words: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """The names in the spelling of the tracker."""
    return tuple(one for one in known if any(same_name(word, one) for word in words))


def _at(tracks: Tracks, xyxy: Float64) -> int | None:
    """The track on the object."""
    if not len(tracks):
        return None
    iou = overlaps(tracks.xyxy.astype(np.float64), xyxy[None])[:, 0]
    return int(iou.argmax()) if iou.max() >= SAME_IOU else None


def _said(tracks: Tracks, row: int, names: tuple[str, ...]) -> dict[str, float]:
    return {names[int(tracks.label[row])]: float(tracks.class_scores()[row])}


def _word(detections: Detections, xyxy: Float64, names: tuple[str, ...]) -> dict[str, float]:
    """The detector's class of the object in this frame: that of its best-scoring box there."""
    sure = detections.take(detections.score >= MIN_SCORE)
    if not len(sure):
        return {}
    there = np.flatnonzero(overlaps(sure.xyxy.astype(np.float64), xyxy[None])[:, 0] >= SAME_IOU)
    if not len(there):
        return {}
    row = int(there[sure.score[there].argmax()])
    return {names[int(sure.label[row])]: float(sure.score[row])}
