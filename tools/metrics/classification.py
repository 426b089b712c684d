"""Metrics of classes over time: accuracy, calibration, flicker. Pure functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tracker.types import Bool, Float32, Float64, Int64

BINS = 15  # bins of confidence, as Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 3


@dataclass(frozen=True, eq=False, slots=True)
class Reliability:
    """Reliability diagram: accuracy by confidence.

    Attributes:
        count: (B,) number of answers in each of B bins of equal width over 0..1.
        confidence: (B,) their mean confidence, 0 for an empty bin.
        accuracy: (B,) share of correct answers, 0 for an empty bin.
    """

    count: Int64
    confidence: Float64
    accuracy: Float64

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over all answers, 0..1."""
        return float((self.count * abs(self.confidence - self.accuracy)).sum() / max(self.count.sum(), 1))


def reliability(confidence: Float64 | Float32, right: Bool, bins: int = BINS) -> Reliability:
    """From (N,) confidences, 0..1, and correctness of each answer; bins include their upper end, the first also 0."""
    at = np.clip(np.ceil(np.asarray(confidence, np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(at, minlength=bins)
    safe = np.maximum(count, 1)
    return Reliability(
        count, np.bincount(at, confidence, bins) / safe, np.bincount(at, right.astype(float), bins) / safe
    )


def changes(label: Int64) -> int:
    """How often (T,) labels differ from the previous label; -1 is no label and no change."""
    said = label[label >= 0]
    return int((said[1:] != said[:-1]).sum())


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """Answers about one object over time.

    Attributes:
        time: (T,) increasing times in seconds at which an answer was due.
        classes: for each time the most likely classes and their probabilities (NaN where unknown), best first; empty
            where there was no answer.
        ids: number of tracks that the object was split into; 0 where it is not counted.
    """

    time: Float64
    classes: tuple[Mapping[str, float], ...]
    ids: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class RecognitionScores:
    """Scores of the classes of a program over S objects.

    Attributes:
        objects: S.
        top1: share of objects with a correct last answer.
        top5: share of objects with the true class among the first five of the last answer; None where every answer has
            one class only.
        over_time: share of correct answers.
        flicker: changes of class per second between the first and the last answer of an object.
        coverage: share of times with an answer.
        ids: mean number of tracks that an object was split into; None where it is not counted.
        reliability: calibration over all answers; None where there are no confidences.
    """

    objects: int
    top1: float
    top5: float | None
    over_time: float
    flicker: float
    coverage: float
    ids: float | None
    reliability: Reliability | None

    def as_json(self) -> dict[str, object]:
        """Every figure, for a report."""
        out: dict[str, object] = {
            name: getattr(self, name) for name in ("objects", "top1", "top5", "over_time", "flicker", "coverage", "ids")
        }
        r = self.reliability
        out["calibration_error"] = None if r is None else r.error
        if r is not None:
            out["reliability"] = [
                {"count": int(n), "confidence": float(c), "accuracy": float(a)}
                for n, c, a in zip(r.count, r.confidence, r.accuracy, strict=True)
            ]
        return out


def score(answers: Mapping[str, Answers], truth: Mapping[str, tuple[str, ...]]) -> RecognitionScores:
    """Score the answers about each object against its correct names."""
    last1 = last5 = right = said = changed = moments = several = ids = 0
    span = 0.0
    confidence: list[float] = []
    hits: list[bool] = []
    for name, one in answers.items():
        good = truth[name]
        given = [
            (t, tuple(c), next(iter(c.values()))) for t, c in zip(one.time.tolist(), one.classes, strict=True) if c
        ]
        moments += len(one.time)
        said += len(given)
        ids += one.ids
        if not given:
            continue
        last1 += given[-1][1][0] in good
        last5 += any(c in good for c in given[-1][1][:5])
        several += any(len(names) > 1 for _, names, _ in given)
        span += given[-1][0] - given[0][0]
        changed += sum(a[1][0] != b[1][0] for a, b in pairwise(given))
        right += sum(names[0] in good for _, names, _ in given)
        for _, names, sure in given:
            if not math.isnan(sure):
                confidence.append(sure)
                hits.append(names[0] in good)
    n = max(len(answers), 1)
    return RecognitionScores(
        objects=len(answers),
        top1=last1 / n,
        top5=last5 / n if several else None,
        over_time=right / max(said, 1),
        flicker=changed / span if span > 0 else 0.0,
        coverage=said / max(moments, 1),
        ids=ids / n if ids else None,
        reliability=reliability(np.array(confidence), np.array(hits, bool)) if confidence else None,
    )


COLUMNS = (
    f"{'objects':>9}{'top-1':>8}{'top-5':>8}{'over time':>11}{'flicker/s':>11}{'ECE':>8}{'coverage':>10}{'ids':>7}"
)


def row(s: RecognitionScores) -> str:
    """The figures under `COLUMNS`."""
    top5, ids = ("-" if v is None else f"{v:.3f}" for v in (s.top5, s.ids))
    error = "-" if s.reliability is None else f"{s.reliability.error:.3f}"
    return (
        f"{s.objects:9d}{s.top1:8.3f}{top5:>8}{s.over_time:11.3f}{s.flicker:11.2f}{error:>8}{s.coverage:10.3f}{ids:>7}"
    )
