"""Runs of the baselines of `bench mot` over one sequence: their tracks, and those that offline helpers make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from datasets.formats import DetectionFile
from datasets.formats.timeline import read_seqinfo
from datasets.ground_truth.camera_motion import read_camera_motion
from tools.benchmark import baseline_trackers as peers
from tools.benchmark.peer_offline import HELPERS, PeerTracks
from tracker.types import Float64

RATE = 30.0  # frames per second, where a sequence does not give a rate; the assumption of the baselines
WITH = ", "  # between the name of a run and that of its helper


def names(run: str, offline: bool) -> list[str]:
    """The entrants of one run of a baseline: its tracks and, with `offline`, each helper's."""
    return [run, *(f"{run}{WITH}{helper}" for helper in HELPERS if offline)]


def run_of(name: str) -> str:
    """The run whose tracks an entrant has; the name itself for an entrant without a helper."""
    return name.partition(WITH)[0]


def plain(name: str) -> str:
    """The name of an entrant as the name of a folder."""
    for sign in (WITH, "/", ":", " "):
        name = name.replace(sign, "_")
    return name


def track(run: str, folder: Path, camera_motion: bool, offline: bool, sequence: Path) -> None:
    """Tracks one sequence into `folder`/<entrant>/<sequence>.txt, for each entrant of the run."""
    detections = DetectionFile(sequence / "det/det.txt", "mot")
    frames, times = detections.annotations.frames, detections.annotations.times
    assert times is not None  # `thin` writes them
    found = []
    for frame in frames.tolist():
        got = detections(frame)
        found.append(np.column_stack([got.xyxy, got.score]).astype(np.float64))
    rate = read_seqinfo(sequence / "seqinfo.ini").rate or RATE
    motion = read_camera_motion(sequence) if camera_motion else None
    for name, text in results(run, found, times, rate, motion, offline).items():
        path = folder / plain(name) / f"{sequence.name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def results(
    run: str,
    found: Sequence[Float64],
    times: Float64,
    rate: float,
    motion: Mapping[int, Float64] | None = None,
    offline: bool = False,
) -> dict[str, str]:
    """MOTChallenge text by entrant: the run of a baseline and, with `offline`, what each helper makes of it.

    Args:
        run: name of the run.
        found: (N, 5) boxes and scores of each frame.
        times: (F,) seconds of the frames.
        rate: nominal frames per second.
        motion: camera motion by frame, as `track` of the baselines takes it.
        offline: run the helpers.
    """
    rows = peers.track(run, found, times.tolist(), rate, motion)
    texts = {run: peers.to_mot(rows)}
    if offline:
        boxes = np.array([row for _, row in rows]).reshape(-1, 5)
        frame = np.array([number - 1 for number, _ in rows], np.int64)
        tracks = PeerTracks(frame, boxes[:, 4].astype(np.int64), boxes[:, :4])
        texts |= {f"{run}{WITH}{name}": _text(make(tracks, times, rate)) for name, make in HELPERS.items()}
    return texts


def _text(tracks: PeerTracks) -> str:
    order = np.argsort(tracks.frame, kind="stable")
    boxes = np.column_stack([tracks.xyxy, tracks.id])[order]
    return peers.to_mot(zip((tracks.frame[order] + 1).tolist(), boxes, strict=True))
