"""Output of `liquidtrack eval mot`: text, JSON, CSV, LaTeX, and curves."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from models.checks.printable import as_lines
from tools.metrics.mot import Counts, Scores
from tools.reporting.plots import pyplot, save

THRESHOLDS = np.arange(0.05, 0.99, 0.05)  # localisation thresholds: alpha of HOTA
TITLES = {
    "hota": "HOTA", "deta": "DetA", "assa": "AssA", "assre": "AssRe", "asspr": "AssPr", "idf1": "IDF1",
    "mota": "MOTA", "idsw": "IDSW", "fp": "FP", "fn": "FN", "frag": "Frag", "mt": "MT", "ml": "ML", "ids": "IDs",
    "gt_ids": "of",
}  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class MotEvaluation:
    """One set of predictions against the ground truth.

    Attributes:
        name: name of the folder or file of the predictions.
        sequences: sequence name -> its scores.
        combined: all sequences as one, as TrackEval combines them.
        counts: sequence name -> raw results of TrackEval, from which any selection can be combined.
        notes: sentences on data that were missing or left out.
        classes: class name -> its scores, all sequences as one, where requested.
        curves: HOTA, DetA and AssA in percent at each of `THRESHOLDS`, all sequences as one.
    """

    name: str
    sequences: dict[str, Scores]
    combined: Scores
    counts: dict[str, Counts]
    notes: tuple[str, ...] = ()
    classes: dict[str, Scores] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)


def table(evaluations: Sequence[MotEvaluation], per_sequence: bool = False) -> str:
    """The scores as aligned text, a row each."""
    rows = []
    for e in evaluations:
        if per_sequence:
            rows += [(f"{e.name} {name}", scores) for name, scores in e.sequences.items()]
        rows += [(f"{e.name} class {name}", scores) for name, scores in e.classes.items()]
        rows.append((f"{e.name} COMBINED" if per_sequence or e.classes else e.name, e.combined))
    width = max(len(name) for name, _ in rows)
    lines = [" " * width + "".join(f"{title:>8}" for title in TITLES.values())]
    for name, scores in rows:
        lines.append(f"{name:{width}}" + "".join(f"{text:>8}" for text in _figures(scores)))
    return as_lines(lines)


def to_json(evaluations: Sequence[MotEvaluation]) -> str:
    """The scores as a JSON list, one object per prediction set: name, combined, sequences, classes, curves, notes."""
    content = [
        {
            "name": e.name,
            "combined": asdict(e.combined),
            "sequences": {name: asdict(scores) for name, scores in e.sequences.items()},
            "classes": {name: asdict(scores) for name, scores in e.classes.items()},
            "thresholds": [round(float(v), 2) for v in THRESHOLDS],
            "curves": dict(e.curves),
            "notes": list(e.notes),
        }
        for e in evaluations
    ]
    return json.dumps(content, indent=1)


def to_csv(evaluations: Sequence[MotEvaluation]) -> str:
    """Columns predictions, sequence, class, then the scores; COMBINED and all in rows over all sequences or classes."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["predictions", "sequence", "class", *(f.name for f in fields(Scores))])
    for e in evaluations:
        for sequence, kind, scores in _rows(e):
            figures = [round(v, 6) if isinstance(v, float) else v for v in asdict(scores).values()]
            out.writerow([e.name, sequence, kind, *figures])
    return text.getvalue().rstrip("\n")


def to_latex(evaluations: Sequence[MotEvaluation]) -> str:
    """A tabular of the combined scores, a row per set of predictions."""
    lines = [rf"\begin{{tabular}}{{l{'r' * len(TITLES)}}}", r"\hline"]
    lines += [" & ".join(["", *TITLES.values()]) + r" \\", r"\hline"]
    for e in evaluations:
        rows = [(f"{e.name}, {name}", scores) for name, scores in e.classes.items()]
        for name, scores in [*rows, (e.name, e.combined)]:
            lines.append(" & ".join([_escape(name), *_figures(scores)]) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}"])


def draw(evaluations: Sequence[MotEvaluation], path: Path) -> None:
    """Plot HOTA, DetA and AssA over the localisation thresholds, a line for each set of predictions.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    figure, axes = pyplot().subplots(1, 3, figsize=(12, 4), layout="constrained", sharey=True)
    for axis, name in zip(axes, ("HOTA", "DetA", "AssA"), strict=True):
        for e in evaluations:
            mean = float(np.mean(e.curves[name]))
            axis.plot(THRESHOLDS, e.curves[name], marker="o", markersize=3, label=f"{e.name} ({mean:.1f})")
        axis.set(title=name, xlabel="localisation threshold (IoU)", xlim=(0, 1), ylim=(0, 100))
        axis.grid(alpha=0.3)
        axis.legend(loc="lower left", fontsize="small")
    axes[0].set_ylabel("percent")
    save(figure, path)


def _rows(e: MotEvaluation) -> Iterator[tuple[str, str, Scores]]:
    for name, scores in e.sequences.items():
        yield name, "all", scores
    for name, scores in e.classes.items():
        yield "COMBINED", name, scores
    yield "COMBINED", "all", e.combined


def _figures(scores: Scores) -> list[str]:
    return [f"{v:.2f}" if isinstance(v, float) else str(v) for v in (getattr(scores, name) for name in TITLES)]


def _escape(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return re.sub(r"[\\~^&%$#_{}]", lambda m: special.get(m[0], "\\" + m[0]), text)
