"""Which settings of `track` go together with --whole, and which outputs hold outlines."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

from datasets.sources.byte_reader import is_pipe
from datasets.video.output_file import is_stream
from models.errors import ConfigError
from tools.track.build import outputs
from tools.track.config.video import TrackConfig
from tracker.offline.config import OfflineConfig
from tracker.protocols import SourceInfo

MASKED = ("jsonl", "coco", "masks", "video")  # outputs that hold or show masks
PIXELS = ("video", "images", "yolo_images", "show")  # outputs that need the images


def check_not_whole(config: TrackConfig) -> None:
    """Checks a run of `track` without --whole.

    Raises:
        ConfigError: a setting is given that only --whole uses.
    """
    given = [name for name in ("cache", "doubt") if getattr(config.output, name) is not None]
    check_unused(config.offline, *given, *(["horizon"] if config.horizon is not None else []))


def check_unused(offline: OfflineConfig, *given: str) -> None:
    """Checks the settings of tracking with the whole video where it is not asked for.

    Args:
        offline: the settings.
        given: names of further settings that are given and belong to it.

    Raises:
        ConfigError: one of them is given.
    """
    usual = OfflineConfig()
    given += tuple(f.name for f in fields(usual) if getattr(offline, f.name) != getattr(usual, f.name))
    if given:
        raise ConfigError(f"--{given[0].replace('_', '-')} belongs to --whole; add --whole, or leave it out.")


def frame_by_frame(config: TrackConfig) -> list[str]:
    """What is asked for that needs every frame, in order, while it is tracked."""
    asked = {
        "--box, --select and mask prompts": config.pointing.active or bool(config.marking),
        "--masks": config.output.masks is not None,
        "--outlines": config.outlining.outlines,
        "--reid": config.returning.reid,
        "--classify": config.recognition.classify != "none",
        "--adapt-live": config.adaptation.adapt_live is not None,
    }
    return [flags for flags, used in asked.items() if used]


def check_whole(config: TrackConfig) -> None:
    """Checks the settings of a run with --whole, before anything is opened.

    Raises:
        ConfigError: a setting contradicts it.
    """
    if used := frame_by_frame(config):
        raise ConfigError(f"{used[0]} works frame by frame, not with --whole; leave one of the two out.")
    cache = config.output.cache
    if cache is not None:
        if is_stream(cache):
            raise ConfigError(f"--cache needs an ordinary file, and {cache} is none; name one.")
        for flag, path in (*outputs(config.output).items(), ("doubt", config.output.doubt)):
            if path is not None and os.path.realpath(path) == os.path.realpath(cache):
                raise ConfigError(f"--{flag} and --cache would both write {cache}; give each a file of its own.")
    if config.keep_ids:
        raise ConfigError("--keep-ids keeps tracks as they are; liquidtrack refine decides them again.")
    if config.horizon is not None and not config.horizon > 0:
        raise ConfigError(f"horizon is {config.horizon}; give seconds above 0.")


def check_source(config: TrackConfig, info: SourceInfo) -> None:
    """Checks that the source fits, once it is open and the outputs are known.

    A live source has no end that a decision could wait for, and its detections would fill the memory.

    Raises:
        ConfigError: it does not.
    """
    pixels = [name for name in PIXELS if getattr(config.output, name)]
    if info.live and config.horizon is None:
        raise ConfigError(
            f"{info.name} has no end that --whole could wait for; add --horizon SECONDS, and results come with that"
            " delay."
        )
    if config.output.live_boxes == "predicted":
        raise ConfigError(
            "--live-boxes predicts frames that --whole decides with what comes later; leave one of them out."
        )
    if info.live and config.output.cache is not None:
        raise ConfigError(f"--cache is for videos that can be tracked again, and {info.name} is live; leave it out.")
    if (info.live or config.horizon is not None) and config.output.show:
        raise ConfigError("--show cannot show frames that --horizon delays; write a --video, or leave it out.")
    if pixels and config.horizon is None and once(config, info):
        raise ConfigError(
            f"--{pixels[0].replace('_', '-')} reads the video a second time, and a pipe can be read once; name a file,"
            " add --horizon SECONDS, or choose labels alone, such as --jsonl."
        )
    if config.output.cache is not None and once(config, info):
        raise ConfigError("--cache is for videos that can be tracked again, and a pipe can be read once; leave it out.")


def check_outlines(config: TrackConfig) -> None:
    """Checks, once the outputs are known, that one of them holds the masks that are asked for.

    Raises:
        ConfigError: none does.
    """
    output = config.output
    if config.outlining.outlines and not (output.show or any(getattr(output, name) for name in MASKED)):
        raise ConfigError(
            "--outlines makes masks, and none of these outputs holds any; add --jsonl, --coco, --masks, --video or"
            " --show."
        )


def once(config: TrackConfig, info: SourceInfo) -> bool:
    """Whether the source can be read only once."""
    return info.live or ("://" not in config.source and is_pipe(Path(config.source)))
