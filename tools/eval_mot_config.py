"""Settings of `liquidtrack eval mot`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional


@dataclass(frozen=True, slots=True)
class EvalMotConfig:
    """Score tracks against the truth: HOTA, DetA, AssA, IDF1, MOTA and identity switches, as TrackEval does.

    Attributes:
        truth: MOTChallenge folder of <sequence>/{gt/gt.txt, seqinfo.ini}, one such <sequence>, or one gt.txt.
        predictions: folders of <sequence>.txt, or single files: frame,id,left,top,width,height,... a line.
        classes: class numbers of the truth that count (MOT17: 1 pedestrian, 3 car); rows without a class are class 1.
        distractors: class numbers on which a track is neither right nor wrong (MOT16/17's four; MOT20 adds 6).
        skip_bad_rows: drop rows that break the format instead of stopping at the first.
        per_sequence: show every sequence, not the combined row alone.
        json: write all figures to this file as well.
        workers: processes; 0 means one for each core.
        quiet: no progress bar.
    """

    truth: Positional[Path]
    predictions: Positional[tuple[Path, ...]]
    classes: tuple[int, ...] = (1,)
    distractors: tuple[int, ...] = (2, 7, 8, 12)
    skip_bad_rows: bool = False
    per_sequence: bool = False
    json: Path | None = None
    workers: int = 0
    quiet: bool = False
