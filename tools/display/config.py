"""Settings of drawing and of video encoding. It imports neither NumPy nor OpenCV, since the command line reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ViewConfig:
    """How tracks are drawn, in the window and in the video.

    Attributes:
        trails: seconds of each track's path that are drawn. 0 draws none.
        labels: write id, class and score at each box.
        clock: write the time into the top left corner.
        line_scale: factor on the size of lines and letters. They follow the size of the image.
        speed: playback speed of files in the window. 1 is real time; 0 shows frames as fast as they are tracked.
        stay: keep the window open at the last frame. q closes it.
        show_lost: draw tentative and lost tracks too, dashed. Lost tracks are drawn where they are predicted.
        video_codec: codec of the video. auto takes what suits the suffix of the file.
        video_crf: quality of the video, 0 (best) to 51 (worst).
        video_preset: effort of the H.264 encoder. A slower one gives a smaller file.
        sound: copy the sound of the source into the video.
    """

    trails: Seconds = 2.0
    labels: bool = True
    clock: bool = True
    line_scale: float = 1.0
    speed: float = 1.0
    stay: bool = True
    show_lost: bool = False
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
