"""`--doubt`: the doubtful decisions of a recording, the same from rolling windows as from the whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from tools.track.doubt import DoubtFile
from tracker.offline.config import OfflineConfig
from tracker.offline.track import refine_tracks
from tracker.offline.types import Decisions, Kind, VideoDetections, WholeTracks
from tracker.offline.windows import TimedDetections, finished, track_windows
from tracker.types import Detections

PLAIN = OfflineConfig(link=False, smooth=False, fill="none", max_absence=1)
N = 60


def pair(k: int) -> Detections:
    """Two people in frame k; the second is absent from 20 to 24."""
    boxes = [[100 + 2 * k, 100, 130 + 2 * k, 180], [400 - 2 * k, 100, 430 - 2 * k, 180]]
    kept = boxes[:1] if 20 <= k < 25 else boxes
    return Detections(np.array(kept, np.float32), np.full(len(kept), 0.9, np.float32), np.zeros(len(kept), np.int64))


def decide(video: VideoDetections) -> WholeTracks:
    """One track for each person, a decision for each link, doubtful across the absence and in one crossing."""
    who = np.concatenate([np.arange(np.sum(video.frame == f)) for f in range(len(video.times))]).astype(np.int64)
    tracks = refine_tracks(video, who + 1, PLAIN)
    before = np.full(len(video), -1)
    for one in (0, 1):
        rows = (who == one).nonzero()[0]
        before[rows[1:]] = rows[:-1]
    later = (before >= 0).nonzero()[0]
    absent = video.times[video.frame[later]] - video.times[video.frame[before[later]]] > 0.3
    crossing = (np.abs(video.times[video.frame[later]] - 4.0) < 1e-6) & (who[later] == 0)
    probability = np.where(absent, 0.7, np.where(crossing, 0.6, 0.999))
    rival = np.where(crossing, later + 1, -1)  # the other person in the same frame
    starts = (before < 0).nonzero()[0]
    ends = np.setdiff1d(np.arange(len(video)), before)
    none = np.full(len(starts), -1)
    kind = np.concatenate([np.full(len(later), Kind.LINK), np.full(len(starts), Kind.START), np.full(len(ends), 2)])
    decisions = Decisions(
        kind,
        np.concatenate([before[later], none, ends]),
        np.concatenate([later, starts, np.full(len(ends), -1)]),
        np.concatenate([probability, np.full(len(starts) + len(ends), 0.95)]),
        np.concatenate([rival, none, np.full(len(ends), -1)]),
    )
    return replace(tracks, decisions=decisions)


def test_doubtful_decisions_are_listed_with_frames_seconds_and_ids(tmp_path: Path) -> None:
    frames = [(k / 10, pair(k)) for k in range(N)]
    video = VideoDetections.of(frames)
    file = DoubtFile(tmp_path / "d.jsonl")
    file.put(finished(video, decide(video)), np.arange(N) * 2 + 1, video.times)
    file.close()
    lines = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text().splitlines()]
    assert file.count == len(lines) == 6
    links = [line for line in lines if line["kind"] == "link"]
    assert links == [
        {"kind": "link", "frames": [39, 51], "seconds": [1.9, 2.5], "id": 2, "rival": None, "probability": 0.7},
        {"kind": "link", "frames": [79, 81], "seconds": [3.9, 4.0], "id": 1, "rival": 2, "probability": 0.6},
    ]
    assert {(line["kind"], str(line["frames"])) for line in lines if line["kind"] != "link"} == {
        ("start", "[None, 1]"),
        ("end", "[119, None]"),
    }


def test_rolling_windows_report_each_link_once(tmp_path: Path) -> None:
    frames: list[TimedDetections] = [(k / 10, pair(k), None) for k in range(N)]
    file = DoubtFile(tmp_path / "d.jsonl")
    index = np.arange(N) * 2 + 1
    for piece in track_windows(frames, offline=PLAIN, horizon=0.4, track=decide):
        end = piece.first + len(piece.times)
        file.put(piece, index[piece.oldest : end], np.arange(N)[piece.oldest : end] / 10)
    file.close()
    lines = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text().splitlines()]
    links = [
        (line["frames"], line["id"], line["rival"], line["probability"]) for line in lines if line["kind"] == "link"
    ]
    assert links == [([39, 51], 2, None, 0.7), ([79, 81], 1, 2, 0.6)]
