"""The settings of a whole pipeline, for the command line and for Python. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from models.errors import ConfigError
from tracker.appearance.config import AppearanceConfig
from tracker.classification.config import RecogniseConfig
from tracker.config import TrackerConfig
from tracker.detectors.config import EMBEDDED_BY, DetectorConfig
from tracker.masks.config import MaskConfig, OutlineConfig
from tracker.reid.config import ReidConfig
from tracker.schedule.config import LooksConfig
from tracker.single_object.box_prompt import BoxPrompt

if TYPE_CHECKING:
    from tracker.masks.stage import MaskPrompt

CameraMotionName = Literal["auto", "flow", "none"]
AUTO, OWN = "auto", "detector"  # embeddings from the detector's pass: where it has them, always


@dataclass(frozen=True)
class PipelineConfig:
    """What finds, tracks and names the objects of one source.

    Attributes:
        camera_motion: how the camera's own motion is taken out: auto (from the pixels, while the background moves),
            flow (from the pixels of every frame), or none.
        skip_bad_rows: of a file of ready detections drop the rows that break the format, instead of refusing it.
        detection: the detector.
        appearance_features: appearance embeddings.
        tracking: the tracker.
        boxes: objects that are followed from these boxes.
        select: more boxes may come while it runs, from a window.
        marks: objects that are followed by their masks.
        outlining: masks of all tracks.
        propagation: how masks are followed.
        returning: re-identification.
        recognition: fine-grained classes.
        schedule: which frames the detector works on. It decides frame by frame; in others, objects are predicted.
    """

    camera_motion: CameraMotionName = "auto"
    skip_bad_rows: bool = False
    detection: DetectorConfig = field(default_factory=DetectorConfig)
    appearance_features: AppearanceConfig = field(default_factory=AppearanceConfig)
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    boxes: tuple[BoxPrompt, ...] = ()
    select: bool = False
    marks: tuple[MaskPrompt, ...] = ()
    outlining: OutlineConfig = field(default_factory=OutlineConfig)
    propagation: MaskConfig = field(default_factory=MaskConfig)
    returning: ReidConfig = field(default_factory=ReidConfig)
    recognition: RecogniseConfig = field(default_factory=RecogniseConfig)
    schedule: LooksConfig = field(default_factory=LooksConfig)

    @property
    def pointing(self) -> bool:
        """Whether objects are or may be followed from boxes."""
        return self.select or bool(self.boxes)

    def check_schedule(self) -> None:
        """Checks that what is asked for does not need every frame, where a schedule leaves frames out.

        Raises:
            ConfigError: it does.
        """
        asked = {
            "boxes, select and marks need": self.pointing or bool(self.marks),
            "outlines need": self.outlining.outlines,
            "reid needs": self.returning.reid,
            "classify needs": self.recognition.classify != "none",
            "the detector background needs": self.detection.kind_and_argument()[0] == "background",
        }
        used = [what for what, given in asked.items() if given]
        if used and not self.schedule.every:
            raise ConfigError(f"{used[0]} every frame, and looks={self.schedule.looks!r} leaves frames out; drop one.")

    def resolved_detection(self) -> DetectorConfig:
        """The detector's settings with auto resolved: none where objects are given by boxes or masks, else fused."""
        given = self.pointing or bool(self.marks)
        if given and self.detection.detector == "auto":
            return replace(self.detection, detector="none")
        return self.detection

    def resolved_appearance(self) -> AppearanceConfig:
        """The settings of the embeddings with auto resolved: a pass of a frozen CNN beside nanodet."""
        kind = self.resolved_detection().kind_and_argument()[0]
        if self.appearance_features.appearance != AUTO or kind not in EMBEDDED_BY:
            return self.appearance_features
        return replace(self.appearance_features, appearance=EMBEDDED_BY[kind])

    def with_settings(self, **settings: Any) -> PipelineConfig:
        """A copy with single settings of any group changed; their names are those of the command's flags.

        >>> changed = PipelineConfig().with_settings(reid=True, score=0.3, camera_motion="flow")
        >>> changed.returning.reid, changed.detection.score, changed.camera_motion
        (True, 0.3, 'flow')

        Raises:
            ConfigError: there is no such setting, or its value is out of range.
        """
        groups = {f.name: getattr(self, f.name) for f in fields(self)}
        of = {f.name: name for name, group in groups.items() if is_dataclass(group) for f in fields(group)}
        changed: dict[str, dict[str, Any]] = {}
        for name, value in settings.items():
            if name in of:
                changed.setdefault(of[name], {})[name] = value
            elif name in groups:
                groups[name] = value
            else:
                from models.checks.suggestion import suggest

                raise ConfigError(f"a pipeline has no setting {name!r}; {suggest(name, (*of, *groups))}")
        for name, values in changed.items():
            if "classes" in values and isinstance(values["classes"], str):
                values["classes"] = (values["classes"],)
            groups[name] = replace(groups[name], **values)
        return PipelineConfig(**groups)
