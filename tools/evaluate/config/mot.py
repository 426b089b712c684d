"""Settings of `liquidtrack eval mot`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs


@dataclass(frozen=True, slots=True)
class EvalMotConfig:
    """Score tracks against the truth, as TrackEval does: HOTA, IDF1, MOTA and what they are made of.

    Truth and predictions may be in any format that `convert` reads.

    Attributes:
        truth: MOTChallenge folder of <sequence>/{gt/gt.txt, seqinfo.ini}, one such <sequence>, a folder of label files,
            or one label file.
        predictions: folders of <sequence>.txt (.jsonl, .json, .xml or YOLO folders), or single files.
        classes: classes of the truth that count, by name or number (from 1); by default class 1 of MOTChallenge text
            (pedestrians; 3 is cars) and all of any other format; rows without a class are class 1.
        distractors: class numbers of MOTChallenge text on which a track is neither right nor wrong (MOT16/17's four;
            MOT20 adds 6).
        skip_bad_rows: drop rows that break the format instead of stopping at the first, up to a fifth of a file.
        per_sequence: show every sequence, not the combined row alone.
        per_class: score each class by itself as well.
        json: write all figures to this file as well.
        csv: the same as a table for spreadsheets.
        latex: the combined figures as a LaTeX table.
        plot: draw HOTA, DetA and AssA over the localisation thresholds (.png, .svg or .pdf).
        workers: processes; 0 means one for each core.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    truth: Positional[Path]
    predictions: Positional[tuple[Path, ...]]
    classes: tuple[str, ...] = ()
    distractors: tuple[int, ...] = (2, 7, 8, 12)
    skip_bad_rows: bool = False
    per_sequence: bool = False
    per_class: bool = False
    json: Path | None = None
    csv: Path | None = None
    latex: Path | None = None
    plot: Path | None = None
    workers: int = 0
    overwrite: bool = False
    quiet: bool = False

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
