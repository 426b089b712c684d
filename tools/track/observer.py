"""What a caller of a run learns of it besides its outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datasets.formats.writer import Writer
from tracker.types import Frame


def _nothing(frame: Frame) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Observer:
    """A caller that runs `track` for others: its messages, frames and tracks go to these functions.

    Attributes:
        say: takes each line of the report at the end; None prints them, unless the run is quiet.
        seen: called after each frame.
        writers: get every frame's boxes, beside the outputs of the settings. They need no images.
    """

    say: Callable[[str], None] | None = None
    seen: Callable[[Frame], None] = _nothing
    writers: tuple[Writer, ...] = ()


NOBODY = Observer()
