"""`liquidtrack identify`: match each track of a video to a gallery of images, or to no entry of it."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from datasets import open_source
from datasets.formats.annotations import Annotations
from datasets.ground_truth.reid import read_identities
from datasets.label_source import read_labels
from datasets.sources.images import read_image
from models.checks.printable import one_line
from models.errors import DataError
from models.runtime.compute import Compute
from tools.cli.messages import say
from tools.reporting.files import write_report
from tools.track.config.identify import IdentifyConfig
from tracker.reid.descriptor import IdentityFeatures, load_metric, plain
from tracker.reid.open_set import WEIGHTS, evidence, probabilities
from tracker.types import Float32, Float64

MIN_SIDE_PX = 4  # least side of a usable box, in pixels
NOBODY = "nobody"

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class Identified:
    """One track.

    Attributes:
        id: track id.
        views: number of its boxes that were embedded.
        chance: (P + 1,) probability of each name of the gallery, and in the last place of none of them.
    """

    id: int
    views: int
    chance: Float64

    @property
    def best(self) -> int:
        """The most likely name."""
        return int(self.chance[:-1].argmax())

    @property
    def margin(self) -> float:
        """Its margin over the second best name, and over no match."""
        rest = np.delete(self.chance, self.best)
        return float(self.chance[self.best] - rest.max())


def chosen_views(tracks: Annotations, count: int) -> dict[int, list[tuple[int, int]]]:
    """Frame -> (track, row) pairs to embed: `count` per track, one from each of `count` parts of its duration.

    Each part gives the box of greatest area times score: large boxes with high scores hold the most information.
    """
    wanted = defaultdict(list)
    area = np.prod(tracks.xyxy[:, 2:] - tracks.xyxy[:, :2], axis=1) * tracks.score
    for id in np.unique(tracks.id[tracks.id >= 0]).tolist():
        rows = np.flatnonzero((tracks.id == id) & ~tracks.ignore)
        for part in np.array_split(rows, min(count, len(rows))) if len(rows) else ():
            row = int(part[np.argmax(area[part])])
            wanted[int(tracks.frames[tracks.row[row]])].append((id, row))
    return dict(wanted)


def identify(config: IdentifyConfig) -> tuple[tuple[str, ...], list[Identified]]:
    """The names of the gallery, and the probabilities of every track.

    Raises:
        ConfigError: the gallery is missing or empty, or the file of tracks is not a track file.
        DataError: there are no tracks in the file, or the video ends before them.
        SourceError: the video or an image cannot be read.
        WeightsError: the network or the metric is not available.
    """
    people = read_identities(config.gallery)
    tracks = read_labels(config.tracks)
    views = chosen_views(tracks, config.crops)
    if not views:
        raise DataError(f"{config.tracks}: holds no boxes with track numbers; track the video first.")
    network = IdentityFeatures(Compute.shared(threads=config.threads).threads, config.device)
    metric = load_metric(config.metric, network.dim) if config.metric is not None else None
    embed = plain if metric is None else metric
    gallery = embed(np.stack([network(read_image(path)) for path in people.pictures]))
    seen: dict[int, list[Float32]] = defaultdict(list)
    last = max(views)
    with (
        open_source(config.source, config.reading) as source,
        tqdm(total=len(views), unit="frame", disable=None if not config.quiet else True, leave=False) as bar,
    ):
        for frame in source:
            for id, row in views.pop(frame.index, ()):
                box = np.clip(np.rint(tracks.xyxy[row]), 0, [*frame.size, *frame.size]).astype(int)
                if (box[2:] - box[:2]).min() >= MIN_SIDE_PX:
                    seen[id].append(network(np.ascontiguousarray(frame.bgr[box[1] : box[3], box[0] : box[2]])))
                bar.update()
            if frame.index >= last:
                break
    if not seen:
        raise DataError(f"{config.tracks}: none of its boxes lies in {source.info.name}; do they belong together?")
    if metric is not None and metric.weights is None:
        log.warning(
            "%s holds no weights for probabilities; those of the bare features promise too much.", config.metric
        )
    ids = sorted(seen)
    told = evidence(
        [gallery[people.identity == k] for k in range(len(people.names))], [embed(np.stack(seen[id])) for id in ids]
    )
    weights = WEIGHTS if metric is None or metric.weights is None else metric.weights
    chance = probabilities(told, weights)
    return people.names, [Identified(id, len(seen[id]), row) for id, row in zip(ids, chance, strict=True)]


def run(config: IdentifyConfig) -> None:
    """Identify, print the table, and write the JSON file if requested."""
    names, found = identify(config)
    shown = [one_line(name) for name in names]
    width = max(6, *(len(name) for name in shown))
    print(f"{'track':>6}{'views':>7}  {'who':{width}}{'probability':>13}{'margin':>8}  likeliest")
    for one in found:
        who = shown[one.best] if one.chance[one.best] >= config.probability else NOBODY
        order = np.argsort(-one.chance, kind="stable")[: config.top]
        likeliest = ", ".join(f"{[*shown, NOBODY][k]} {one.chance[k]:.2f}" for k in order.tolist())
        sure = one.chance[-1 if who is NOBODY else one.best]
        say(f"{one.id:6d}{one.views:7d}  {who:{width}}{sure:13.2f}{one.margin:8.2f}  {likeliest}")
    if config.json is not None:
        content = [
            {
                "id": one.id,
                "views": one.views,
                "name": names[one.best] if one.chance[one.best] >= config.probability else None,
                "probability": round(float(one.chance[one.best]), 6),
                "margin": round(one.margin, 6),
                "nobody": round(float(one.chance[-1]), 6),
                "probabilities": {name: round(float(v), 6) for name, v in zip(names, one.chance, strict=False)},
            }
            for one in found
        ]
        write_report(config.json, json.dumps(content, indent=1))
