"""Input and output: video, cameras and images with their frame times, label files, synthetic scenes.

The public names are listed here and loaded at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from datasets.formats.annotations import Annotations as Annotations
    from datasets.formats.config import LabelConfig as LabelConfig
    from datasets.formats.davis_masks import MaskFolder as MaskFolder
    from datasets.formats.detection_file import DetectionFile as DetectionFile
    from datasets.formats.image_folder import ImageFolder as ImageFolder
    from datasets.formats.registry import FORMATS as FORMATS
    from datasets.formats.registry import label_writer as label_writer
    from datasets.formats.registry import read as read
    from datasets.formats.registry import write as write
    from datasets.source_factory import open_source as open_source
    from datasets.sources.config import SourceConfig as SourceConfig
    from datasets.video.writer import VideoWriter as VideoWriter
    from models.errors import ConfigError as ConfigError
    from models.errors import DataError as DataError
    from models.errors import LiquidTrackError as LiquidTrackError
    from models.errors import SourceError as SourceError
    from models.errors import WeightsError as WeightsError

_PLACES = {
    "datasets.formats.annotations": ("Annotations",),
    "datasets.formats.config": ("LabelConfig",),
    "datasets.formats.davis_masks": ("MaskFolder",),
    "datasets.formats.detection_file": ("DetectionFile",),
    "datasets.formats.image_folder": ("ImageFolder",),
    "datasets.formats.registry": (
        "FORMATS",
        "label_writer",
        "read",
        "write",
    ),
    "datasets.source_factory": ("open_source",),
    "datasets.sources.config": ("SourceConfig",),
    "datasets.video.writer": ("VideoWriter",),
    "models.errors": (
        "ConfigError",
        "DataError",
        "LiquidTrackError",
        "SourceError",
        "WeightsError",
    ),
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _PLACES)
