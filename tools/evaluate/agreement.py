"""`liquidtrack eval agreement A B`: how far two annotators or versions agree, and where they differ."""

from __future__ import annotations

import json
from dataclasses import asdict

from datasets.label_source import read_labels
from models.checks.printable import as_lines
from models.errors import ConfigError, DataError
from tools.evaluate.config.agreement import EvalAgreementConfig
from tools.metrics.agreement import KINDS, NOBODY, Agreement, Disagreement, agreement, longest
from tools.reporting.files import write_report
from tools.track.convert import parse_size


def eval_agreement(config: EvalAgreementConfig) -> None:
    """Compare, print, and write the requested file.

    Raises:
        LiquidTrackError: a file is missing or invalid, has no ids, or is about another recording.
    """
    if config.show < 0:
        raise ConfigError(f"--show is {config.show}; give the number of differences to list, from 0.")
    size = None if config.size is None else parse_size(config.size)
    a, b = (
        read_labels(path, skip_bad_rows=config.skip_bad_rows, rate=config.rate, size=size)
        for path in (config.first, config.second)
    )
    if not len(a) and not len(b):
        raise DataError(f"{config.first} and {config.second} hold no boxes; name two files of tracks to compare.")
    found = agreement(a, b)
    print(text(found, config.show))
    if config.json is not None:
        write_report(config.json, to_json(found))


def text(found: Agreement, show: int) -> str:
    """The scores, the number of differences of each kind, and the longest of them."""
    lines = [f"HOTA {found.hota:.1f}  IDF1 {found.idf1:.1f}  {len(found.partners)} tracks in both", ""]
    lines.append(f"{'difference':12} {'stretches':>9} {'boxes':>8}")
    for kind, meaning in KINDS.items():
        of_kind = [one for one in found.differences if one.kind == kind]
        boxes = sum(one.boxes for one in of_kind)
        lines.append(f"{kind:12} {len(of_kind):9} {boxes:8}  {meaning}")
    listed = longest(found, show).differences
    if listed:
        lines.append("")
        lines.append(f"{'frames':>15}  {'seconds':>8}  {'A':>6}  {'B':>6}  difference")
        lines += map(_line, listed)
    if len(listed) < len(found.differences):
        lines.append(f"and {len(found.differences) - len(listed)} shorter ones (--json writes all)")
    return as_lines(lines)


def _line(one: Disagreement) -> str:
    frames = f"{one.first}" if one.first == one.last else f"{one.first}-{one.last}"
    seconds = "" if one.seconds is None else f"{one.seconds:.2f}"
    a, b = ("-" if id == NOBODY else str(id) for id in (one.a, one.b))
    return f"{frames:>15}  {seconds:>8}  {a:>6}  {b:>6}  {one.kind}"


def to_json(found: Agreement) -> str:
    """The scores, the partners and all differences as JSON."""
    content = {
        "hota": found.hota,
        "idf1": found.idf1,
        "partners": [list(pair) for pair in sorted(found.partners.items())],
        "differences": [asdict(one) for one in found.differences],
    }
    return json.dumps(content, indent=1)
