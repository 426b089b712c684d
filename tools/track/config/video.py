"""The configuration of `track`, `demo` and the small commands. Nothing here imports more than dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.formats.config import LabelConfig
from datasets.sources.config import SourceConfig
from models.checks.seconds import Seconds
from tools.display.config import ViewConfig
from tools.track.config.box_prompts import PointConfig
from tools.track.config.live_adaptation import LiveAdaptationConfig
from tools.track.config.mask_prompts import MarkConfig
from tracker.appearance.config import AppearanceConfig
from tracker.classification.config import RecogniseConfig
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.masks.config import MaskConfig, OutlineConfig
from tracker.offline.config import OfflineConfig
from tracker.pipeline.config import CameraMotionName
from tracker.reid.config import ReidConfig
from tracker.schedule.config import LooksConfig


@dataclass(frozen=True)
class OutputConfig:
    """Where the tracks go; any number of outputs at once. Every file holds the true times.

    Where none is named: the drawn video and JSON lines, beside the source. Labels beside a video are numbered by
    it.

    Attributes:
        show: open a window with the tracks. Keys: space pauses, n and b step, + and - change the speed, s saves an
            image, h shows all keys, q quits.
        video: write the video with tracks: .mp4, .mkv, .webm, .avi. Frame times and sound are kept.
        mot: write MOTChallenge text. Also <stem>.times.csv beside it; - is standard output.
        jsonl: write JSON lines, one a frame. Readable while the file grows; - is standard output.
        coco: write COCO-video JSON.
        cvat: write CVAT video XML 1.1, with key frames.
        yolo: write a folder of YOLO labels. Ids and scores are in tracks.csv beside them.
        kitti: write KITTI tracking text.
        labelstudio: write Label Studio JSON of video object tracking.
        csv: write a CSV table, one row a box. Also <stem>.frames.csv beside it; - is standard output.
        parquet: write a Parquet table, one row a box. Readable at the end of the run; needs the extra parquet.
        masks: write a folder of PNG masks, as in DAVIS. <folder>/<source>/00000.png, with a palette.
        images: write each frame as an image into this folder. Named as --coco names them.
        yolo_images: write each frame into images/ of the --yolo folder.
        live_boxes: which frames of a camera or stream the files hold. seen: those that the detector looked at.
            predicted: every frame that comes; boxes between looks are predicted, and marked where the format can.
        record: record a camera or stream in this video file. All frames that it delivers, tracked or not, without
            drawings.
        cache: keep detections, embeddings and camera motion in this file, for --whole. The next run with --whole reads
            them instead of detecting again, whatever its tracking settings; a file of another video or detector is
            refused.
        doubt: write the doubtful decisions of --whole as JSON lines. In order of time: kind (link, start, end), frames,
            seconds, ids, and the probability that the decision is right.
        out: write <name>.tracked.mp4 and <name>.jsonl there. By default beside the source, where no output is named.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    show: bool = False
    video: Path | None = None
    mot: Path | None = None
    jsonl: Path | None = None
    coco: Path | None = None
    cvat: Path | None = None
    yolo: Path | None = None
    kitti: Path | None = None
    labelstudio: Path | None = None
    csv: Path | None = None
    parquet: Path | None = None
    masks: Path | None = None
    images: Path | None = None
    yolo_images: bool = False
    live_boxes: Literal["seen", "predicted"] = "seen"
    record: Path | None = None
    cache: Path | None = None
    doubt: Path | None = None
    out: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class TrackConfig:
    """Track objects in a video, camera, stream or folder of images.

    Attributes:
        source: a video, camera number, rtsp address or folder. Also a http address, a glob of images, a MOTChallenge
            folder, or scene:SEED for a rendered scene.
        more_sources: further cameras and streams, tracked at the same time. NAME=SOURCE names one of several; their
            outputs are folders, or paths with {name} in them.
        detector_batch: most frames of several cameras in one pass of the detector. 0 is 1 on a CPU, which gains
            nothing by more.
        camera_motion: how camera motion is compensated. auto: estimated from the pixels while the background moves.
            flow: in every frame.
        skip_bad_rows: drop malformed rows of a file of detections. Without it such a row is an error.
        keep_ids: write tracks read by --detector file: with their ids. Nothing is matched; boxes without an id are
            dropped.
        quiet: show no progress bar and no summary.
        whole: decide with the whole video. It is read once for detections, and a second time where an output needs
            images (--video, --show, --images); doubtful identities are decided with what comes after, boxes are
            smoothed, and short absences filled.
        horizon: seconds of future that a decision of --whole uses. Results come in that delay instead of at the end,
            and memory stays bounded; cameras and streams need it. By default all of the video.
    """

    source: Positional[str]
    more_sources: Positional[tuple[str, ...]] = ()
    detector_batch: int = 0
    camera_motion: CameraMotionName = "auto"
    skip_bad_rows: bool = False
    keep_ids: bool = False
    quiet: bool = False
    whole: bool = False
    horizon: Seconds | None = None
    output: OutputConfig = field(default_factory=OutputConfig)
    reading: SourceConfig = field(default_factory=SourceConfig)
    detection: DetectorConfig = field(default_factory=DetectorConfig)
    pointing: PointConfig = field(default_factory=PointConfig)
    appearance_features: AppearanceConfig = field(default_factory=AppearanceConfig)
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    adaptation: LiveAdaptationConfig = field(default_factory=LiveAdaptationConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)
    schedule: LooksConfig = field(default_factory=LooksConfig)
    outlining: OutlineConfig = field(default_factory=OutlineConfig)
    marking: MarkConfig = field(default_factory=MarkConfig)
    propagation: MaskConfig = field(default_factory=MaskConfig)
    returning: ReidConfig = field(default_factory=ReidConfig)
    recognition: RecogniseConfig = field(default_factory=RecogniseConfig)
    view: ViewConfig = field(default_factory=ViewConfig)
    labels: LabelConfig = field(default_factory=LabelConfig)


@dataclass(frozen=True)
class DemoConfig:
    """Track a sample clip that works offline, write the video, and report what was found.

    Attributes:
        out: folder of the results.
        clip: clip that is tracked. auto takes the first that can be had: vtest (people in a street, from Debian's
            opencv-doc or the internet), then scene (rendered).
        show: open a window too.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    out: Path = Path("out")
    clip: Literal["auto", "vtest", "scene"] = "auto"
    show: bool = False
    overwrite: bool = False
    quiet: bool = False
