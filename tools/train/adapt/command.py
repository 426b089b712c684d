"""`liquidtrack adapt`: label recordings by their own sure tracks, train, judge, and write what is better."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from datasets.output_guard.guard import begin
from models.association_head.built_in import head_path
from models.association_head.inference import HeadNumpy, save_head
from models.errors import DataError
from models.extras import require
from models.runtime.cache import sha256
from models.runtime.compute import usable_cores
from tools.cli.messages import say
from tools.reporting.files import write_report
from tools.track.findings import SIZES
from tools.track.workers import each
from tools.train.adapt.agreement import BlockScores, judge
from tools.train.adapt.folds import FoldRecords, Weights, rehearsal_losses, train_fold
from tools.train.adapt.guard import SHARES, GuardResult, decide
from tools.train.adapt.pseudo_labels import FOLDS, PseudoLabels, check_labels, in_blocks, label
from tools.train.adapt.recordings import CameraRecording, read_camera
from tools.train.adapt.students import FoldRecord, rehearsal_scenes, roll_rehearsal, roll_student
from tools.train.checkpoints import digest, make_out, revision, settings_of
from tools.train.config.adapt import STAGES, AdaptConfig
from tools.train.rollouts import Record
from tracker.config import TrackerConfig
from tracker.learned.liquid_motion import WEIGHTS, LiquidMotion
from tracker.types import Float64

HELD_BACK = 20  # clips of each kind of rehearsal that only judge
MIN_BLOCKS = 6  # blocks of time in which heads are compared
MIN_CLIPS = 4  # clips with labels that a fold needs


@dataclass(frozen=True, eq=False, slots=True)
class Adaptation:
    """What was found.

    Attributes:
        weights: the adapted head; None where none is better than the head before.
        results: the verdicts, in order.
        report: the whole report.
    """

    weights: Weights | None
    results: tuple[GuardResult, ...]
    report: dict[str, Any]


def adapt(config: AdaptConfig) -> None:
    """Adapt, write the head and the report, and print one sentence.

    Raises:
        ConfigError: a file cannot be written, or a checkpoint is of other settings or data.
        DataError: a recording cannot be read, or there is too little to learn from.
        WeightsError: the head to adapt is missing, damaged or of another version.
    """
    require("adapt", "torch")
    start = time.perf_counter()
    head = _start(config)
    recordings = read_camera(config)
    labels = label_camera(config, head, recordings)
    make_out(config.out.parent, (config.out.name, config.report.name))
    found = run(config, head, labels)
    begin()
    report = found.report | {"seconds": round(time.perf_counter() - start, 1)}
    config.out.unlink(missing_ok=True)  # that of an earlier run on other recordings
    if found.weights is not None:
        save_head(config.out, found.weights, head.config, _card(config, report))
    write_report(config.report, json.dumps(report, indent=1))
    for stage in STAGES:
        for fold in range(FOLDS):
            config.checkpoint(stage, fold).unlink(missing_ok=True)
    if config.quiet:
        return
    if found.weights is None:
        say(f"no head was written: no change was better than chance on held-back parts; {config.report} says more.")
    else:
        gain = report["gain"]
        say(
            f"{config.out} holds the head, {gain:+.1f} points of association accuracy on held-back parts; track with "
            f"it: --association-head {config.out}"
        )


def _start(config: AdaptConfig) -> HeadNumpy:
    return LiquidMotion.build(TrackerConfig(association_head=_path(config))).head


def _path(config: AdaptConfig) -> str:
    return "" if config.init_weights is None else str(config.init_weights)


def label_camera(config: AdaptConfig, head: HeadNumpy, recordings: list[CameraRecording]) -> list[PseudoLabels]:
    """The recordings with their sure pieces of tracks, in blocks of time.

    Raises:
        DataError: there is too little to learn from.
    """
    recordings = [one for one in recordings if len(one.video.times) > 1]
    work = partial(label, head=head, path=_path(config), margin=config.margin)
    labels = in_blocks(list(_each(config, work, recordings, "tracking")))
    check_labels(labels, str(config.sources[0]))
    return labels


def run(config: AdaptConfig, head: HeadNumpy, labels: list[PseudoLabels]) -> Adaptation:
    """Train and judge the stages, and keep what is better.

    Raises:
        ConfigError: a checkpoint is of other settings or data.
        DataError: there are too few labels.
    """
    torch.set_num_threads(max(1, config.workers or usable_cores()))
    own, again = roll(config, head, labels)
    count = [sum(one.fold == fold for one in own) for fold in range(FOLDS)]
    if min(count) < MIN_CLIPS:
        raise DataError("half of the recordings shows no object that is known for long; give longer recordings.")
    settings, data = settings_of(config, data=("sources",)), digest([labels, head.weights()])
    first: Weights = head.weights()
    current = [first] * FOLDS  # each fold goes its own way, so that held-back blocks stay held back
    before = _judge(config, head, labels, current)
    base, now, results = before, first, []
    for stage in STAGES:
        ends = []
        for fold in range(FOLDS):
            learned = [record for part in again for record in part[:-HELD_BACK]]
            records = FoldRecords([one.record for one in own if one.fold == fold], learned)
            ends.append(train_fold(config, stage, fold, current[fold], head.config, records, settings, data))
        for share in SHARES[stage]:
            tried = [_moved(a, b, share) for a, b in zip(current, ends, strict=True)]
            whole = {name: (tried[0][name] + tried[1][name]) / 2 for name in first}
            scores = _judge(config, head, labels, tried)
            held = [part[-HELD_BACK:] for part in again]
            loss = [rehearsal_losses(whole, head.config, h) - rehearsal_losses(first, head.config, h) for h in held]
            result = decide(stage, share, _gains(before, scores), loss)
            results.append(result)
            if result.accepted:
                current, before, now = tried, scores, whole
                break
    gains = _gains(base, before)
    report = {
        "adapted": now is not first,
        "gain": float(gains.mean()),
        "agreement": float(base.score.mean()),
        "blocks": len(base.block),
        "verdicts": [result.to_json() for result in results],
        **_about(config, labels),
    }
    return Adaptation(None if now is first else now, tuple(results), report)


def roll(
    config: AdaptConfig, head: HeadNumpy, labels: list[PseudoLabels]
) -> tuple[list[FoldRecord], list[list[Record]]]:
    """The rolled-out clips of the camera, and of each kind of rehearsal; each depends only on its number."""
    sequences, folds = [one.sequence() for one in labels], [one.fold for one in labels]
    work = partial(roll_student, sequences, folds, head)
    parts = _each(config, work, [(config.seed, 1, k) for k in range(config.clips)], "rolling out")
    own = [record for part in parts for record in part]
    if not config.rehearsal:
        return own, []
    count = max(2, round(config.clips * config.rehearsal / len(config.scenes))) + HELD_BACK
    again = []
    for kind in config.scenes:
        simulated = partial(roll_rehearsal, rehearsal_scenes(kind, config.seed), head)
        again.append(list(_each(config, simulated, [(config.seed, 2, k) for k in range(count)], kind)))
    return own, again


def _judge(config: AdaptConfig, head: HeadNumpy, labels: list[PseudoLabels], weights: Sequence[Weights]) -> BlockScores:
    """The agreement of every block with the weights of the fold that was not trained on it."""
    heads = [HeadNumpy(one, head.config) for one in weights]
    scores: dict[int, float] = {}
    for fold in range(FOLDS) if weights[0] is not weights[1] else (None,):
        judged = heads[0 if fold is None else fold]
        parts = list(_each(config, partial(judge, head=judged), labels, "judging"))
        for part in parts:
            for block, score in zip(part.block.tolist(), part.score.tolist(), strict=True):
                if fold is None or block % FOLDS != fold:
                    scores[block] = score
    if len(scores) < MIN_BLOCKS:
        raise DataError(
            f"objects are known for long enough in only {len(scores)} blocks of time, where {MIN_BLOCKS} are needed; "
            "give longer recordings, or more of them."
        )
    order = sorted(scores)
    return BlockScores(np.array(order, np.int64), np.array([scores[k] for k in order], np.float64))


def _gains(before: BlockScores, after: BlockScores) -> Float64:
    return after.score - before.score


def _moved(start: Weights, end: Weights, share: float) -> Weights:
    return {name: (start[name] + share * (end[name] - start[name])).astype(np.float32) for name in start}


def _each(config: AdaptConfig, work: Any, jobs: Sequence[Any], name: str) -> Any:
    """The results of `work` on every job, in order, in as many processes as are asked for."""
    workers = min(config.workers or usable_cores(), len(jobs))
    found = each(work, jobs, workers, chunk=max(1, len(jobs) // 40))
    yield from tqdm(found, total=len(jobs), desc=name, disable=config.quiet or None, leave=False)


def _about(config: AdaptConfig, labels: list[PseudoLabels]) -> dict[str, Any]:
    """What was learned from."""
    sizes = [one.recording.video.size for one in labels]
    rows = sum(len(one.piece) for one in labels)
    return {
        "recordings": [one.recording.name for one in labels],
        "image_sizes": ", ".join(sorted({f"{w}x{h}" for w, h in sizes if w and h})),
        "recorded_seconds": round(sum(one.recording.seconds for one in labels), 1),
        "detections": rows,
        "sure_share": round(sum(int((one.piece >= 0).sum()) for one in labels) / max(rows, 1), 4),
        "pieces": sum(len(one.spans) for one in labels),
        "adapted_from": sha256(head_path(config.init_weights)),
        "version": metadata.version("liquidtrack"),
    }


def _card(config: AdaptConfig, report: dict[str, Any]) -> dict[str, str]:
    """Metadata of the weights file."""
    return {
        SIZES: report["image_sizes"],
        "camera": ", ".join(path.name or Path(path).absolute().name for path in config.sources),
        "adapted_from": report["adapted_from"],
        "package_head": sha256(WEIGHTS),
        "version": report["version"],
        "guard": json.dumps({name: report[name] for name in ("gain", "agreement", "blocks", "verdicts")}),
        "data": ", ".join(report["recordings"])[:2000],
        "revision": revision(),
        "date": time.strftime("%Y-%m-%d"),
    }
