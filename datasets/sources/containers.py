"""Opening what FFmpeg can read, and choosing the video in it. Errors come as one sentence, without credentials."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from datasets.sources.config import SourceConfig
from datasets.sources.wholeness import torn
from models.errors import SourceError

NOT_VIDEO = frozenset(("tty", "bin", "xbin", "adf", "idf"))  # demuxers that draw any text as a picture
CONNECT_S = 10.0  # how long a server may take to answer at all


def open_container(
    location: Path | str, name: str, options: dict[str, str] | None = None, stall: float | None = None
) -> InputContainer:
    """Opens a file or an address.

    Args:
        location: a path, or an address; FFmpeg takes whatever a path holds as a file, never as an address.
        name: what to call it in messages.
        options: FFmpeg's options of protocol and demuxer.
        stall: seconds after which reading an address gives up.

    Raises:
        SourceError: it is missing, empty, unreadable or no video.
    """
    if isinstance(location, Path):
        check_file(location, name)
        target, timeout = f"file:{location}", None
    else:
        target, timeout = location, (CONNECT_S, stall)
    try:
        container = av.open(target, "r", options=options or {}, metadata_errors="replace", timeout=timeout)
    except av.error.InvalidDataError:
        missing = torn(location) if isinstance(location, Path) else None
        raise SourceError(
            f"{name}: {missing}." if missing else f"{name}: not a video; its content is damaged or of another kind."
        ) from None
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"{name}: it cannot be opened ({reason(error)}).") from None
    if container.format.name in NOT_VIDEO:
        container.close()
        raise SourceError(f"{name}: not a video, but a text.")
    return container


def http_options(config: SourceConfig) -> dict[str, str]:
    """A recording behind an address goes on where a broken connection left it."""
    return {"reconnect": "1", "reconnect_delay_max": str(int(config.reconnect))} if config.reconnect >= 1 else {}


def check_file(path: Path, name: str) -> None:
    """Raises SourceError where there is no file to read."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SourceError(f"{path}: it cannot be opened ({error.strerror}); check the name.") from None
    if path.is_dir():
        raise SourceError(f"{path}: a folder where a video file is expected.")
    if size == 0 and path.is_file():
        raise SourceError(f"{name}: the file is empty.")


def reason(error: BaseException) -> str:
    """What went wrong, in the library's words, without the address that its message would carry."""
    if isinstance(error, av.error.ExitError):
        return "no answer in time"
    return getattr(error, "strerror", None) or type(error).__name__


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The first real video stream; cover pictures of sound files do not count."""
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue
        if stream.codec_context is None:
            raise SourceError(f"{name}: this PyAV build has no decoder for its video; convert it to H.264.")
        return stream
    kinds = sorted({stream.type for stream in container.streams})
    raise SourceError(f"{name}: there is no video in it, only {' and '.join(kinds) or 'nothing'}.")


def declared_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds from the first frame to the end of the last as the file's header says it, or None."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is None:
        return None
    length = container.duration / av.time_base
    if "matroska" in container.format.name and stream.start_time is not None and stream.time_base is not None:
        length -= float(stream.start_time * stream.time_base)  # Matroska's counts from 0, not from the first frame
    return max(0.0, length)
