"""Opens the source that a user's specification names."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from datasets.sources.config import SourceConfig
from datasets.storage.addresses import is_store, is_web
from models.checks.paths import checked
from models.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from datasets.sources.live import Live
    from datasets.sources.recorded import Recorded

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: `C://` is a drive
DEFAULT = SourceConfig()


CAMERA = re.compile(r"(?:/dev/video)?([0-9]{1,9})")


def path_of(spec: str) -> str | None:
    """The path or glob that `spec` is; None where it is empty, a camera, a scene or an address."""
    if not spec.strip() or CAMERA.fullmatch(spec) or spec.startswith("scene:"):
        return None
    if re.match(r"file://", spec, re.IGNORECASE):
        return unquote(urlsplit(spec).path)
    return None if ADDRESS.match(spec) else spec


def open_source(spec: str | Path | int, config: SourceConfig = DEFAULT) -> Recorded | Live:
    """Opens a source and reads as much of it as is needed to know its frame size.

    Args:
        spec: a video file or a pipe; a camera's number such as 0 or "0"; an address (rtsp://, http://, ...); a folder
            or a glob of images, or one image; a MOTChallenge folder (seqinfo.ini beside img1/); scene:SEED, a
            rendered scene; a recording in a store (s3://, gs://, sftp://, ...). A Path is always a local path.
        config: which part of it to read, and which frame times to use.

    Raises:
        SourceError: the source does not exist, is damaged, or is of another kind.
        ConfigError: the settings contradict each other or are out of range.
        DataError: its file of times or its seqinfo.ini is wrong.
    """
    if isinstance(spec, Path):
        return _open_path(spec, config)
    if isinstance(spec, int):
        if spec < 0:
            raise ConfigError(f"camera {spec}: cameras are counted from 0.")
        spec = str(spec)
    if not spec.strip():
        raise ConfigError("the source is empty; name a video, a camera's number, an address or a folder of pictures.")
    camera = CAMERA.fullmatch(spec)
    if camera:
        from datasets.sources.cameras import CameraSource

        return CameraSource(int(camera[1]), config)
    if spec.startswith("scene:"):
        from datasets.scenes.source import open_scene

        return open_scene(spec, config)
    if (path := path_of(spec)) is not None:
        return _open_path(path, config)
    if is_store(spec):
        from datasets.storage.recordings import open_recording

        return open_recording(spec, config)
    if is_web(spec):
        from datasets.storage.recordings import open_web_recording

        if (recording := open_web_recording(spec, config)) is not None:
            return recording
    from datasets.sources.streams import open_address

    return open_address(spec, config)


def _open_path(spec: str | Path, config: SourceConfig) -> Recorded:
    from datasets.sources.images import is_image, open_images

    path = checked(spec)
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        if any(sign in str(path) for sign in "*?["):
            return open_images(str(path), config)
        place = re.sub(r"[^/\s]+@", "***@", str(spec))  # may be a mistyped address with credentials
        raise SourceError(
            f"{place}: there is no such file or folder, and it is no camera number and no address."
        ) from None
    except OSError as error:
        raise SourceError(f"{path}: it cannot be opened ({error.strerror}).") from None
    if kind == stat.S_IFDIR:
        if (path / "seqinfo.ini").is_file():
            from datasets.sources.motchallenge import open_motchallenge

            return open_motchallenge(path, config)
        return open_images(str(path), config)
    if kind not in (stat.S_IFREG, stat.S_IFIFO):
        raise SourceError(f"{path}: a device or a socket, not a file; name a video, or a camera by its number.")
    if kind == stat.S_IFREG and is_image(path):
        return open_images(str(path), config)
    from datasets.sources.video_files import open_video

    return open_video(path, config)
