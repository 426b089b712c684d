"""`liquidtrack models`: the networks of the package and those that are in the cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import models
from models.checks.printable import as_lines
from models.detection.decoders import make_decoder
from models.errors import WeightsError
from models.runtime.cache import cache_folder, sha256
from models.runtime.session import Session
from tools.inspect.config import ModelsConfig
from tracker.detectors.class_names import names_from_metadata
from tracker.detectors.config import DEFAULT

WEIGHTS = Path(models.__file__).parent / "weights"
OURS = "Apache-2.0; trained on research data"
# Of each file: how options name it, its task, its number of classes and its licence. The cards say more.
PACKAGED: dict[str, tuple[str, str, int | None, str]] = {
    "detector.onnx": ("lite0", "detection", 16, OURS),
    "nanodet.onnx": ("nanodet", "detection", 80, "Apache-2.0, MIT"),
    "localiser-neck.onnx": ("localiser, its maps", "pointing", None, OURS),
    "localiser-match.onnx": ("localiser, its match", "pointing", None, OURS),
    "lite0-stride8.onnx": ("efficientnet_lite0, stride 8", "features", None, "Apache-2.0"),
    "lite0-stride16.onnx": ("efficientnet_lite0, stride 16", "features", None, "Apache-2.0"),
    "lite0-stride32.onnx": ("efficientnet_lite0, stride 32", "features", None, "Apache-2.0"),
    "lite0-scores.onnx": ("imagenet", "classification", 1000, "Apache-2.0"),
    "u2netp.onnx": ("u2netp", "saliency", None, "Apache-2.0, MIT"),
    "head.safetensors": ("liquid", "association", None, OURS),
    "head-clean.safetensors": ("clean", "association", None, "Apache-2.0; no research data"),
    "links.safetensors": ("links", "linking", None, OURS),
    "recognition-labels.safetensors": ("class pool of labels", "classes of tracks", None, OURS),
    "recognition-views.safetensors": ("class pool of views", "classes of tracks", None, OURS),
}
DETECTORS = {  # files of the detectors that the package brings
    "lite0": ("detector.onnx",),
    "nanodet": ("nanodet.onnx",),
    "fused": ("detector.onnx", "nanodet.onnx"),
}
CACHED = {"downloads": "detection", "networks": "features"}  # folders of the cache, and the task of their files
UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One network.

    Attributes:
        name: how options name it; of a cached file its file name.
        detectors: the values of --detector that run it; of a cached file none.
        task: what it does.
        classes: number of its classes; None where it has none or they are not known.
        bytes: size of the file.
        licence: SPDX names, or that it is not known.
        sha256: checksum of the file.
        built_in: whether it is part of the package.
        path: the file.
    """

    name: str
    detectors: tuple[str, ...]
    task: str
    classes: int | None
    bytes: int
    licence: str
    sha256: str
    built_in: bool
    path: str


def list_models(config: ModelsConfig) -> None:
    """Print the models as a table, or as JSON."""
    found = [*packaged(), *cached()]
    print(json.dumps([asdict(model) for model in found], indent=1) if config.json else as_lines(_lines(found)))


def packaged() -> Iterator[ModelFile]:
    """The networks of the package."""
    for file, (name, task, classes, licence) in PACKAGED.items():
        path = WEIGHTS / file
        if path.is_file():
            size, used = path.stat().st_size, tuple(name for name, files in DETECTORS.items() if file in files)
            yield ModelFile(name, used, task, classes, size, licence, sha256(path), True, str(path))


def cached() -> Iterator[ModelFile]:
    """The networks in the cache: fetched from an address, or exported here."""
    for folder, task in CACHED.items():
        for path in sorted((cache_folder() / folder).glob("*.onnx")):
            classes = _classes(path) if task == "detection" else None
            try:
                size = path.stat().st_size
                yield ModelFile(path.name, (), task, classes, size, UNKNOWN, sha256(path), False, str(path))
            except OSError:  # removed meanwhile, or not to be read
                continue


def _classes(path: Path) -> int | None:
    """The number of classes of a detector: of its metadata, else of its outputs; None where they do not tell."""
    try:
        session = Session(path, threads=1, device="cpu")
        if (names := names_from_metadata(session.metadata)) is not None:
            return len(names)
        return make_decoder("auto", session.inputs, session.outputs, session.metadata).classes
    except WeightsError:
        return None


def _lines(found: list[ModelFile]) -> Iterator[str]:
    rows = [("name", "task", "classes", "MB", "licence", "sha256", "where")]
    for model in found:
        where = "package" if model.built_in else model.path
        size, classes = f"{model.bytes / 1e6:.1f}", "-" if model.classes is None else str(model.classes)
        rows.append((model.name, model.task, classes, size, model.licence, model.sha256[:12], where))
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    right = (2, 3)  # columns of numbers
    for row in rows:
        cells = (f"{c:>{w}}" if k in right else f"{c:{w}}" for k, (c, w) in enumerate(zip(row, widths, strict=True)))
        yield "  ".join(cells).rstrip()
    yield ""
    for detector, files in DETECTORS.items():
        if len(files) > 1:
            usual = ", the default" if detector == DEFAULT else ""
            yield f"{detector}{usual}: runs {' and '.join(PACKAGED[file][0] for file in files)} on each frame"
    yield f"cache: {cache_folder()}"
