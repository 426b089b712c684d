"""The package's error classes, in the lowest layer so that every layer can raise them."""

from __future__ import annotations

from typing import ClassVar


class LiquidTrackError(Exception):
    """An error that the user can correct. The message is one sentence: what, where, and what to do.

    Attributes:
        exit_code: exit code of a command that ends with it: 2, an error in the request; 1, the request failed.
    """

    exit_code: ClassVar[int] = 2


class SourceError(LiquidTrackError):
    """A video, camera, stream or folder of images that cannot be opened or read."""


class ChangedError(SourceError):
    """A file that was cut, overwritten or replaced while it was read; the results before that are kept."""

    exit_code = 1


class ConfigError(LiquidTrackError):
    """A setting that is unknown, contradictory or out of range."""


class DataError(LiquidTrackError):
    """A file of labels, detections or times whose content is wrong, or arrays that break a type's contract."""


class WeightsError(LiquidTrackError):
    """Network weights that are missing, damaged or of the wrong family."""
