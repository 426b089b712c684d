"""What is pointed at, as settings. Nothing here imports more than dataclasses."""

from __future__ import annotations

from dataclasses import dataclass

from tyro.conf import UseAppendAction

from models.errors import ConfigError
from tracker.single_object.box_prompt import BoxPrompt, parse_box

MAX_BOXES = 200  # 2 MB each, and 20 ms a frame


@dataclass(frozen=True, slots=True)
class PointConfig:
    """Objects that are followed from a box that you give, without or beside a detector.

    Attributes:
        box: x,y,w,h@seconds:name of an object to follow. Once for each object, 200 at most; @seconds (also @1:30) and
            :name may be left out. Write --box=-5,10,40,80 where a number is negative.
        select: open a window, paused, to draw boxes with the mouse. Boxes may be drawn at any time; space goes on, Esc
            cancels a box, Del ends the nearest object.
    """

    box: UseAppendAction[tuple[str, ...]] = ()
    select: bool = False

    def __post_init__(self) -> None:
        if len(self.box) > MAX_BOXES:
            raise ConfigError(
                f"{len(self.box)} boxes are given, each with a pass of the network a frame; give {MAX_BOXES} at most."
            )
        self.boxes()

    def boxes(self) -> tuple[BoxPrompt, ...]:
        """The boxes as numbers.

        Raises:
            ConfigError: one of them is no box.
        """
        return tuple(map(parse_box, self.box))

    @property
    def active(self) -> bool:
        """Whether anything is, or may be, pointed at."""
        return self.select or bool(self.box)
