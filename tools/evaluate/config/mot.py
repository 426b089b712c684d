"""Settings of `liquidtrack eval mot`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs


@dataclass(frozen=True, slots=True)
class EvalMotConfig:
    """Score tracks against ground truth, as TrackEval does: HOTA, IDF1, MOTA and their parts.

    Ground truth and predictions may be in any format that `convert` reads.

    Attributes:
        truth: ground truth. A MOTChallenge folder of <sequence>/{gt/gt.txt, seqinfo.ini}, one such <sequence>, a folder
            of label files, or one label file.
        predictions: tracks to score. Folders of <sequence>.txt (.jsonl, .json, .xml or YOLO folders), or single files.
        classes: classes of the ground truth that count, by name or number. Numbers begin at 1. By default class 1 of
            MOTChallenge text (pedestrians; 3 is cars) and all classes of any other format; rows without a class are
            class 1.
        distractors: class numbers on which a track is neither right nor wrong. Of MOTChallenge text; these four are
            those of MOT16 and MOT17, and MOT20 adds 6.
        skip_bad_rows: drop malformed rows, up to a fifth of a file. Without it the first one is an error.
        per_sequence: show every sequence, not the combined row alone.
        per_class: score each class by itself as well.
        json: write all figures to this JSON file.
        csv: write all figures to this CSV file.
        latex: write the combined figures as a LaTeX table.
        plot: plot HOTA, DetA and AssA over the localisation thresholds. A .png, .svg or .pdf; needs matplotlib.
        workers: number of processes. 0 means one for each core.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
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
