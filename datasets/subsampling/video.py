"""Temporal subsampling of a video file: the kept frames keep their times, which gives a variable-rate clip.

The result is lossless: a program reads the same pixels from it as from the source. It is H.264 in RGB with quantiser 0.
FFmpeg and OpenCV read it, browsers do not; it is meant for measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import ArrayLike

from datasets.sources.config import SourceConfig
from datasets.sources.video_files import open_video
from datasets.video.output_file import OutputFile, reason
from models.errors import ConfigError, DataError
from tracker.types import Float64, Int64

TICK = Fraction(1, 90_000)  # s; times are exact to half a tick


def retime(source: Path | str, out: Path | str, keep: Sequence[int] | Int64, times: ArrayLike | None = None) -> Float64:
    """Writes the frames `keep` of a video file, each at its own presentation time.

    Args:
        source: a video file.
        out: the file to write, .mp4 or .mov.
        keep: frame numbers of the source, from 0, strictly increasing.
        times: times of *all* frames of the source in seconds, if its own times are known to be wrong, or None.

    Returns:
        The times of the kept frames, in seconds since the source's first frame. The times in `out` count from its own
        first frame, so they are smaller by the first returned time.

    Raises:
        ConfigError: `keep` is empty or does not increase, or `out` cannot be written.
        DataError: the source ends before the last frame to keep, or `times` are too few or do not increase.
        SourceError: the source is not a video.
    """
    wanted = np.asarray(keep, np.int64)
    if wanted.ndim != 1 or not len(wanted) or wanted[0] < 0 or (np.diff(wanted) <= 0).any():
        raise ConfigError("keep must be frame numbers from 0 that increase, and at least one.")
    path, target = Path(source), Path(out)
    if target.suffix.lower() not in (".mp4", ".mov"):
        raise ConfigError(f"{target}: re-timed clips are written as .mp4 or .mov; end the name with one of these.")
    if path.exists() and target.exists() and target.samefile(path):
        raise ConfigError(f"{target} is the video that is being read; give another file to write to.")
    clock = None if times is None else np.asarray(times, np.float64)
    if clock is not None and (len(clock) <= wanted[-1] or not (np.diff(clock[wanted]) > 0).all()):
        raise DataError(f"{len(clock)} times for frames up to {wanted[-1]}; give one for each frame, increasing.")
    kept: list[float] = []
    with open_video(path, SourceConfig()) as video:
        file = OutputFile(target)
        try:
            size = (video.info.width, video.info.height)
            with av.open(file, "w", format=target.suffix[1:].lower()) as container:
                stream = container.add_stream("libx264rgb", rate=1000)
                stream.width, stream.height = size
                stream.pix_fmt = "bgr24"
                stream.codec_context.time_base = TICK
                stream.options = {"qp": "0", "preset": "ultrafast", "bf": "0"}
                for frame in video:
                    if frame.index != wanted[len(kept)]:
                        continue
                    kept.append(frame.time if clock is None else float(clock[frame.index]))
                    picture = av.VideoFrame.from_ndarray(frame.bgr, format="bgr24")
                    picture.pts, picture.time_base = round((kept[-1] - kept[0]) / TICK), TICK
                    container.mux(stream.encode(picture))
                    if len(kept) == len(wanted):
                        break
                container.mux(stream.encode())
        except (OSError, av.error.FFmpegError) as error:
            raise ConfigError(f"{target}: writing failed ({reason(error)}); make room and run again.") from error
        finally:
            file.close()
    if len(kept) < len(wanted):
        target.unlink()
        raise DataError(f"{path}: ends before frame {wanted[len(kept)]}, which is to be kept.")
    return np.array(kept)
