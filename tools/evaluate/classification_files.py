"""Classes over time as files: results of any program, and the ground truth of each sequence."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.text import read_text
from models.errors import DataError
from tools.metrics.classification import Answers
from tracker.types import Float64

SAME_TIME_S = 1e-3  # tolerance of equal times, in seconds
HOW = '{"sequences": {"NAME": [{"seconds": 0.0, "classes": {"car": 0.9, "truck": 0.1}}, ...]}}'


def read_truth(path: Path) -> dict[str, tuple[str, ...]]:
    """Sequence -> its correct class names.

    A .json file of {"sequence": "class" or ["class", ...]}, or lines of a sequence, a tab, and classes separated by |.

    Raises:
        DataError: the file cannot be read or is not in this format.
    """
    text = read_text(path)
    found: dict[str, tuple[str, ...]] = {}
    if path.suffix.lower() == ".json":
        value = _load(path, text)
        if not isinstance(value, dict):
            raise DataError(f'{path}: is no table of sequences; write {{"sequence": ["class", ...], ...}}.')
        for name, classes in value.items():
            words = [classes] if isinstance(classes, str) else classes
            if not isinstance(words, list) or not words or not all(isinstance(w, str) and w.strip() for w in words):
                raise DataError(f"{path}: {name!r} has no class; name one, or a list of those that are right.")
            found[name] = tuple(w.strip() for w in words)
    else:
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            name, tab, rest = line.strip().partition("\t")
            words = [w.strip() for w in rest.split("|") if w.strip()]
            if not tab or not words:
                raise DataError(f"{path} line {number}: needs a sequence, a tab, and its classes parted by |.")
            found[name.strip()] = tuple(words)
    if not found:
        raise DataError(f"{path}: names no sequence; write a sequence, a tab, and its class a line.")
    return found


def read_results(path: Path, times: Mapping[str, Float64]) -> dict[str, Answers]:
    """Read a results file as answers at the requested times; from other programs the five best classes are read.

    An answer holds only for its own time. A time without an answer counts as not answered.

    Args:
        path: JSON, as `write_results` writes it.
        times: the times of each sequence; a sequence that is not in the file has no answers.

    Raises:
        DataError: the file cannot be read or is not in this format, or none of its sequences or times is known.
    """
    value = _load(path, read_text(path))
    sequences = value.get("sequences") if isinstance(value, dict) else None
    if not isinstance(sequences, dict):
        raise DataError(f"{path}: holds no results; they look so: {HOW}.")
    out, used = {}, 0
    for name, time in times.items():
        given = sequences.get(name, [])
        if not isinstance(given, list):
            raise DataError(f"{path}: {name!r} is no list of answers; results look so: {HOW}.")
        said: list[Mapping[str, float]] = [{}] * len(time)
        for number, answer in enumerate(given):
            seconds, classes = _answer(path, name, number, answer)
            at = int(np.argmin(np.abs(time - seconds))) if len(time) else 0
            if not len(time) or abs(time[at] - seconds) > SAME_TIME_S or not classes:
                continue
            said[at] = dict(sorted(classes.items(), key=lambda item: -item[1])[:5])
            used += 1
        out[name] = Answers(time, tuple(said))
    if not used:
        raise DataError(
            f"{path}: none of its answers is of a sequence and a time that is scored; sequences are called "
            f"{', '.join(list(times)[:3])}, times are seconds of their frames."
        )
    return out


def _answer(path: Path, name: str, number: int, answer: Any) -> tuple[float, dict[str, float]]:
    seconds = answer.get("seconds") if isinstance(answer, dict) else None
    classes = answer.get("classes") if isinstance(answer, dict) else None
    if seconds is None or not _is_number(seconds) or not isinstance(classes, dict):
        raise DataError(f"{path}: answer {number} of {name!r} has no seconds or no classes; results look so: {HOW}.")
    for word, p in classes.items():
        if not _is_number(p) or not 0 <= p <= 1:
            raise DataError(
                f"{path}: answer {number} of {name!r} gives {word!r} {str(p)[:20]}; give a probability, 0 to 1."
            )
    return float(seconds), {word: float(p) for word, p in classes.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _load(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no valid JSON ({str(error)[:80]}).") from None


def results_text(answers: Mapping[str, Answers]) -> str:
    """The text of a results file; an unknown probability is written as 1."""
    out = {
        name: [
            {
                "seconds": round(t, 6),
                "classes": {c: 1.0 if math.isnan(p) else round(p, 6) for c, p in classes.items()},
            }
            for t, classes in zip(one.time.tolist(), one.classes, strict=True)
            if classes
        ]
        for name, one in answers.items()
    }
    return json.dumps({"sequences": out})
