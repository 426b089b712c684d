"""From what a person writes to a source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from datasets.sources.config import SourceConfig
from models.errors import ConfigError, SourceError
from models.paths import checked

if TYPE_CHECKING:
    from datasets.sources.live import Live
    from datasets.sources.recorded import Recorded

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: `C://` is a drive
DEFAULT = SourceConfig()


def open_source(spec: str, config: SourceConfig = DEFAULT) -> Recorded | Live:
    """Opens a source and reads as much of it as its size needs.

    Args:
        spec: a video file; a camera's number such as "0"; an address (rtsp://, http://, ...); a folder or a glob of
            pictures, or one picture; a MOTChallenge folder (seqinfo.ini beside img1/); scene:SEED, a rendered scene.
        config: which part of it, by which clock.

    Raises:
        SourceError: there is no such thing, or it is damaged or of another kind.
        ConfigError: the settings contradict each other or are out of range.
        DataError: its file of times or its seqinfo.ini is wrong.
    """
    if not spec.strip():
        raise ConfigError("the source is empty; name a video, a camera's number, an address or a folder of pictures.")
    camera = re.fullmatch(r"(?:/dev/video)?(\d+)", spec)
    if camera:
        from datasets.sources.cameras import CameraSource

        return CameraSource(int(camera[1]), config)
    if spec.startswith("scene:"):
        from datasets.scenes.source import open_scene

        return open_scene(spec, config)
    if re.match(r"file://", spec, re.IGNORECASE):
        spec = unquote(urlsplit(spec).path)
    elif ADDRESS.match(spec):
        from datasets.sources.streams import open_address

        return open_address(spec, config)
    path = checked(spec)
    if path.is_dir():
        if (path / "seqinfo.ini").is_file():
            from datasets.sources.motchallenge import open_motchallenge

            return open_motchallenge(path, config)
        from datasets.sources.pictures import open_pictures

        return open_pictures(str(path), config)
    if path.is_file():
        from datasets.sources.pictures import is_picture, open_pictures

        if is_picture(path):
            return open_pictures(str(path), config)
        from datasets.sources.files import open_video

        return open_video(path, config)
    if any(sign in spec for sign in "*?["):
        from datasets.sources.pictures import open_pictures

        return open_pictures(str(path), config)
    spec = re.sub(r"[^/\s]+@", "***@", spec)  # perhaps an address with a slip of the pen in it
    raise SourceError(f"{spec}: there is no such file or folder, and it is no camera number and no address.")
