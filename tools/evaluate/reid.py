"""`liquidtrack eval reid`: re-identification accuracy of an embedding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from datasets.ground_truth.reid import Identities, read_identities
from datasets.sources.images import read_image
from models.errors import ConfigError, WeightsError
from models.runtime.compute import Compute
from models.runtime.maths import unit
from models.runtime.session import Session
from tools.cli.messages import say
from tools.evaluate.config.reid import EvalReidConfig
from tools.metrics.reid import RANKS, Ranking, rank_gallery
from tools.reporting.files import write_report
from tracker.reid.descriptor import IdentityFeatures, fit_metric, load_metric, plain
from tracker.types import Bool, Float32, UInt8


def embed_identities(data: Identities, wanted: Bool, say: Callable[[UInt8], Float32], quiet: bool) -> Float32:
    """The stacked embeddings of the wanted images."""
    paths = [path for path, take in zip(data.pictures, wanted, strict=True) if take]
    bar = tqdm(paths, unit="picture", disable=None if not quiet else True, leave=False)
    return np.stack([say(read_image(path)) for path in bar])


def _foreign(config: EvalReidConfig) -> Callable[[UInt8], Float32]:
    """A third-party network as a function of one image."""
    assert config.embedder is not None
    session = Session(config.embedder, Compute.shared(threads=config.threads).threads, config.device)
    shape = session.inputs[0].shape
    last = len(shape) == 4 and shape[3] == 3  # channels last, as in TensorFlow
    sides = (shape[1:3] if last else shape[2:4]) if len(shape) == 4 else ()
    if len(sides) != 2 or not all(sides) or 3 not in (shape[1], shape[3]):
        raise WeightsError(
            f"{config.embedder}: takes {session.inputs[0]}; a network of pictures [1, 3, H, W] is needed."
        )
    size = (sides[1] or 0, sides[0] or 0)

    def describe(bgr: UInt8) -> Float32:
        picture = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_LINEAR), np.float32) / config.embedder_scale
        fed = picture[None] if last else picture.transpose(2, 0, 1)[None]
        answer = session.run({session.inputs[0].name: fed})[0]
        return np.asarray(answer, np.float32).ravel()

    return describe


def evaluate(config: EvalReidConfig) -> Ranking:
    """Embed the images, and rank the gallery of every image.

    Raises:
        ConfigError: there is no such folder, or it holds no images of two cameras.
        DataError: no identity has two images to learn from.
        SourceError: an image cannot be read.
        WeightsError: a network or a metric is not available.
    """
    data = read_identities(config.folder)
    if len(data.cameras) < 2:
        raise ConfigError(f"{config.folder}: all pictures are of one camera; name them <camera>_<number>.png.")
    scored = np.full(len(data.identity), True) if config.identities == "all" else data.identity % 2 == 1
    if len(np.unique(data.identity[scored])) < 2:
        raise ConfigError(f"{config.folder}: fewer than two identities are scored; nothing can be mistaken.")
    if config.embedder is not None:
        embeddings = unit(embed_identities(data, scored, _foreign(config), config.quiet))
    else:
        network = IdentityFeatures(Compute.shared(threads=config.threads).threads, config.device)
        features = embed_identities(data, scored, network, config.quiet)
        if config.metric is not None:
            embeddings = load_metric(config.metric, network.dim)(features)
        elif config.fit == "even":
            taught = data.identity % 2 == 0
            seen = embed_identities(data, taught, network, config.quiet)
            embeddings = fit_metric(seen, data.identity[taught], data.camera[taught])(features)
        else:
            embeddings = plain(features)
    return rank_gallery(embeddings, data.identity[scored], data.camera[scored])


def eval_reid(config: EvalReidConfig) -> None:
    """Score, print the table, and write the requested files."""
    if config.plot is not None:
        from tools.reporting.plots import check

        check(config.plot)
    result = evaluate(config)
    name = config.embedder.stem if config.embedder is not None else "liquidtrack"
    width = max(len(name), 12)
    print(f"{'':{width}}{'queries':>9}{'mAP':>8}" + "".join(f"{f'rank-{k}':>9}" for k in RANKS))
    say(f"{name:{width}}{result.queries:9d}{result.mean_ap:8.3f}" + "".join(f"{result.rank(k):9.3f}" for k in RANKS))
    if config.json is not None:
        content = {
            "name": name,
            "folder": str(config.folder),
            "queries": result.queries,
            "mean_ap": result.mean_ap,
            **{f"rank_{k}": result.rank(k) for k in RANKS},
            "cmc": result.cmc.round(6).tolist(),
        }
        write_report(config.json, json.dumps(content, indent=1))
    if config.plot is not None:
        _plot(result, name, config.plot)


def _plot(result: Ranking, name: str, path: Path) -> None:
    from tools.reporting.plots import pyplot, save

    figure, axes = pyplot().subplots(figsize=(6, 4), layout="constrained")
    ranks = np.arange(1, min(len(result.cmc), 50) + 1)
    axes.plot(ranks, 100 * result.cmc[: len(ranks)], label=f"{name}, mAP {100 * result.mean_ap:.1f}")
    axes.set(xlabel="rank", ylabel="identity found by then (%)", ylim=(0, 100))
    axes.legend()
    save(figure, path)
