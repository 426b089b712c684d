"""Truth of six people who walk to and fro, to train and benchmark motion on."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def folder(root: Path) -> Path:
    """A sequence of six people who walk to and fro."""
    lines = []
    for k in range(90):
        for i in range(6):
            x, y = 60 * i + 40 * np.sin(k / 12 + i), 50 + 8 * i
            lines.append(f"{k + 1},{i + 1},{x:.1f},{y:.1f},40,100,1,1,1")
    (root / "walk" / "gt").mkdir(parents=True)
    (root / "walk" / "gt" / "gt.txt").write_text("\n".join(lines))
    (root / "walk" / "seqinfo.ini").write_text(
        "[Sequence]\nname=walk\nframeRate=25\nseqLength=90\nimWidth=640\nimHeight=360\n"
    )
    return root
