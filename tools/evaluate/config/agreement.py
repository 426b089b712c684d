"""Settings of `liquidtrack eval agreement`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs


@dataclass(frozen=True, slots=True)
class EvalAgreementConfig:
    """Compare two annotators, or two versions of the tracks of one recording: HOTA, IDF1, and where they differ.

    Both may be in any format that `convert` reads, or projects of corrected tracks.

    Attributes:
        first: the tracks A.
        second: the tracks B.
        show: number of differences that are listed, the longest ones in order of time. 0 lists none.
        rate: frames a second of labels without times.
        size: image size as WIDTHxHEIGHT, for labels that count in fractions of it and do not hold it.
        skip_bad_rows: drop malformed rows, up to a fifth of a file. Without it the first one is an error.
        json: write the figures and all differences to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    first: Positional[Path]
    second: Positional[Path]
    show: int = 20
    rate: float | None = None
    size: str | None = None
    skip_bad_rows: bool = False
    json: Path | None = None
    overwrite: bool = False

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
