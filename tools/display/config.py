"""How results look and how videos of them are encoded. Without NumPy and OpenCV, for the command line reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ViewConfig:
    """Drawing, the window and the video.

    Attributes:
        trails: how many seconds of each track's way are drawn; 0 draws none.
        labels: write id, class and score at each box.
        clock: write the time into the top left corner.
        line_scale: factor on the size of lines and letters, which follow the picture's size.
        speed: how fast the window plays files, in times of life; 0: as fast as the frames are tracked.
        stay: keep the window open at the last frame until q is pressed; without it, it closes there.
        show_unseen: draw tracks that are not (or not yet) results dashed: tentative ones and lost ones where expected.
        video_codec: h264, vp9, or auto for what suits the file's suffix.
        video_crf: quality of the video, 0 (best) to 51 (worst).
        video_preset: how hard H.264 works for a small file: slower is smaller.
        sound: copy the source's sound into the video.
    """

    trails: Seconds = 2.0
    labels: bool = True
    clock: bool = True
    line_scale: float = 1.0
    speed: float = 1.0
    stay: bool = True
    show_unseen: bool = False
    video_codec: Literal["auto", "h264", "vp9"] = "auto"
    video_crf: int = 23
    video_preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "superfast"
    sound: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.trails < float("inf"):
            raise ConfigError(f"trails is {self.trails}; give 0 or more seconds.")
        if self.speed != 0 and not 0.01 <= self.speed <= 100:
            raise ConfigError(f"speed is {self.speed}; give 0.01 to 100 times, or 0 for as fast as it goes.")
        if not 0.1 <= self.line_scale <= 10:
            raise ConfigError(f"line_scale is {self.line_scale}; give a factor between 0.1 and 10.")
        if not 0 <= self.video_crf <= 51:
            raise ConfigError(f"video_crf is {self.video_crf}; give a quality from 0 (best) to 51 (worst).")
