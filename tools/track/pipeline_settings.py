"""The settings of detection and tracking of `track`, in the form that `build_pipeline` takes."""

from __future__ import annotations

from tools.track.config.video import TrackConfig
from tools.track.mask_prompts import build_marks
from tracker.pipeline.config import PipelineConfig


def pipeline_config(config: TrackConfig) -> PipelineConfig:
    """The settings of detection and tracking, in the form that `build_pipeline` takes.

    Raises:
        DataError: a mask image cannot be read or holds no object.
    """
    return PipelineConfig(
        camera_motion=config.camera_motion,
        skip_bad_rows=config.skip_bad_rows,
        detection=config.detection,
        appearance_features=config.appearance_features,
        tracking=config.tracking,
        boxes=config.pointing.boxes(),
        select=config.pointing.select,
        marks=build_marks(config),
        outlining=config.outlining,
        propagation=config.propagation,
        returning=config.returning,
        recognition=config.recognition,
        schedule=config.schedule,
    )
