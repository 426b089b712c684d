"""The one error tree. It stands on the lowest floor so that every floor can raise from it."""

from __future__ import annotations


class LiquidTrackError(Exception):
    """A mistake that the user can mend. The message is one sentence: what, where, and what to do. Exit code 2."""


class SourceError(LiquidTrackError):
    """A video, camera, stream or folder of pictures that cannot be opened or read."""


class ConfigError(LiquidTrackError):
    """A setting that is unknown, contradictory or out of range."""


class DataError(LiquidTrackError):
    """A file of labels, detections or times whose content is wrong, or arrays that break a type's contract."""


class WeightsError(LiquidTrackError):
    """Network weights that are missing, damaged or of the wrong family."""
