"""Truth of walkers and results with every kind of mistake, as MOTChallenge text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.evaluate.mot import evaluate

Row = tuple[float, ...]


def write_rows(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(f"{v:.10g}" for v in row) + "\n" for row in rows))


def make_sequence(root: Path, results: Path, name: str, seed: int, frames: int = 60) -> None:
    """Walkers of several classes, and results with jitter, misses, false alarms, switched ids, tracks on others."""
    rng = np.random.default_rng(seed)
    truth: list[Row] = []
    found: list[Row] = []
    alias = {i: i + 100 for i in range(12)}
    for frame in range(1, frames + 1):
        if frame % 17 == 0:  # ids 0 and 1 swap
            alias[0], alias[1] = alias[1], alias[0]
        for i in range(12):
            if frame < 3 * i or frame > frames - i:
                continue
            kind = (1, 1, 1, 1, 1, 1, 7, 8, 2, 3, 1, 12)[i]
            box = np.array([40 + 30 * i + 2.5 * frame, 100 + 5 * i, 40 + i, 90 + 2 * i])
            flag = 0 if i == 5 or kind != 1 else 1
            truth.append((frame, i + 1, *box.round(2), flag, kind, 0.9))
            if rng.random() < 0.85:
                found.append((frame, alias[i], *(box + rng.normal(0, 6, 4)).round(2), 0.8, -1, -1, -1))
        if rng.random() < 0.3:
            found.append((frame, 900 + frame, *rng.uniform(20, 300, 4).round(2), 0.4, -1, -1, -1))
    write_rows(root / name / "gt" / "gt.txt", truth)
    write_rows(results / f"{name}.txt", found)
    ini = f"[Sequence]\nname={name}\nframeRate=25\nseqLength={frames + 2}\nimWidth=640\nimHeight=480\n"
    (root / name / "seqinfo.ini").write_text(ini)


def breaks(folders: tuple[Path, Path], error: type[Exception], *words: str, **options: Any) -> None:
    with pytest.raises(error) as caught:
        evaluate(*folders, **options)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert message.endswith((".", "?"))
    assert "\n" not in message
