"""`track --detector file:TRACKS --keep-ids`: pass on given tracks with their ids."""

from __future__ import annotations

import numpy as np

from datasets.formats import DetectionFile
from models.errors import ConfigError
from tools.track.config.video import TrackConfig
from tools.track.render import GivenTracker, GivenTracks, GivenTracksDetector
from tracker.detectors.class_names import class_mask
from tracker.protocols import Detector


def kept_ids(config: TrackConfig, detector: Detector) -> tuple[GivenTracksDetector, GivenTracker]:
    """Replacement of detector and tracker: there is no matching, and boxes without an id are left out.

    Raises:
        ConfigError: the detector is not a file, the file has no ids, or another setting assigns ids.
    """
    file = getattr(detector, "detections", None)
    if not isinstance(file, DetectionFile):
        raise ConfigError("--keep-ids keeps those of a file of tracks; give one with --detector file:TRACKS.")
    if config.returning.reid or config.pointing.active or config.marking:
        raise ConfigError("--keep-ids leaves no id to give; leave --reid, --box, --select and masks out.")
    name = config.detection.kind_and_argument()[1]
    found = file.annotations
    kept = found.id >= 0
    if len(found) and not kept.any():
        raise ConfigError(f"{name} has no ids to keep, it holds detections; leave --keep-ids out to track them.")
    wanted = class_mask(config.detection.classes, found.names, config.detection.resolved)
    if wanted is not None:
        kept &= np.asarray(wanted)[found.label]
    if config.detection.score is not None:
        kept &= found.score >= config.detection.score
    given = GivenTracks(found.take(kept), "frame", name)
    return GivenTracksDetector(given), GivenTracker(given)
