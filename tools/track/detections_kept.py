"""`track --cache`: whether a cache of detections belongs to this video and this detector."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from datasets.formats.detection_cache import DetectionCache
from datasets.formats.writer import PICTURES
from datasets.output_guard.manifest import fingerprint
from datasets.source_factory import path_of
from datasets.sources.credentials import strip_credentials
from models.errors import ConfigError, DataError
from tools.cli.settings import flatten
from tools.track.build import inputs
from tools.track.config.video import TrackConfig
from tracker.protocols import SourceInfo

# Settings of a source and a detector that do not change what is detected.
ALIKE = ("threads", "device", "stall", "reconnect", "camera_width", "camera_height", "camera_rate")


def made_with(config: TrackConfig, info: SourceInfo) -> dict[str, str]:
    """What determines the detections of a run: the source, the settings, the files behind them, and the version.

    A file counts by its content, as for the output guard; an image folder by names, sizes and times of its files.

    Raises:
        DataError: a file cannot be read.
    """
    usual = dict(flatten(TrackConfig("")))
    sections = (config.detection, config.appearance_features, config.reading)
    values = [pair for section in sections for pair in flatten(section)]
    values += [("camera_motion", config.camera_motion), ("skip_bad_rows", config.skip_bad_rows)]
    found = {name: str(value) for name, value in values if name not in ALIKE and value != usual.get(name)}
    found |= {"detector": config.detection.resolved, "camera_motion": config.camera_motion}
    kind, argument = config.detection.one_look().kind_and_argument()
    files = {name: path for name, path in inputs(config).items() if name not in ("source", "file of --cache")}
    if kind == "python" and (code := Path(argument.rpartition(":")[0])).is_file():
        files["code of the detector"] = code
    for name, path in files.items():
        if path.is_file():
            found[name] = _fingerprint([path])
    found["version"] = metadata.version("liquidtrack")
    found["source"] = _source(config.source, info)
    return dict(sorted(found.items()))


def _source(spec: str, info: SourceInfo) -> str:
    """The source's identity: of a file its content, of an address or a scene its name."""
    named = path_of(spec)
    if named is None:
        return strip_credentials(spec) if "://" in spec else spec
    path = Path(info.path or named).expanduser()
    if path.is_file():
        return _fingerprint([path])
    pictures = sorted(map(Path, glob.glob(str(path), recursive=True))) if not path.exists() else _pictures(path)
    whole = hashlib.sha256()
    for picture in pictures:
        try:
            status = picture.stat()
        except OSError as error:
            raise DataError(f"{picture} cannot be read ({error.strerror}); check the path.") from None
        whole.update(f"{picture.name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _pictures(folder: Path) -> list[Path]:
    """The images below a folder, and the files of times beside them."""
    found = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
    return sorted(p for p in found if p.suffix.lower() in PICTURES or p.name in ("times.csv", "seqinfo.ini"))


def _fingerprint(files: Iterable[Path]) -> str:
    try:
        return fingerprint(files)
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror}); check the path.") from None


def open_cache(path: Path, wanted: dict[str, str], overwrite: bool) -> DetectionCache | None:
    """The cache at `path` if there is one to use; None where it is to be made (anew).

    Another video's cache and a damaged one are refused instead of made anew: they may hold hours of work.

    Raises:
        DataError: the file is damaged, or no cache.
        ConfigError: it was made with other settings; the message says which.
    """
    if not path.exists():
        return None
    try:
        cache = DetectionCache(path)
    except DataError:
        if overwrite:
            return None
        raise
    have = cache.made_with
    if have == wanted:
        return cache
    if overwrite:
        return None
    name = next(k for k in sorted({*have, *wanted}, key=lambda k: (k != "source", k)) if have.get(k) != wanted.get(k))
    if name == "source":
        what = "of another video"
    elif " of " in name:
        what = f"made with another {name}"
    else:
        old, new = (repr(values[name]) if name in values else "the default" for values in (have, wanted))
        what = f"made with other settings ({name.replace('_', '-')} was {old} and is {new})"
    raise ConfigError(f"--cache {path} holds detections {what}; name another file, or add --overwrite to replace it.")
