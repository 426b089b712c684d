"""`liquidtrack identify`: tracks of a video against a gallery of pictures."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from datasets import open_source, read
from datasets.annotations import Annotations
from datasets.identities import read_identities
from datasets.sources.pictures import read_picture
from models.errors import ConfigError, DataError
from models.pooling import unit
from tools.identify_config import IdentifyConfig
from tools.plugins import share
from tools.report_file import write_report
from tracker.identity import IdentityFeatures, load_metric, plain
from tracker.types import Float32

LEAST_SIDE = 4  # pixels; a smaller box shows nobody


@dataclass(frozen=True, eq=False, slots=True)
class Identified:
    """One track.

    Attributes:
        id: its number.
        views: how many of its boxes were looked at.
        likeness: (P,) cosine with each name of the gallery: the mean of the two best pictures of each.
    """

    id: int
    views: int
    likeness: Float32


def chosen_views(tracks: Annotations, count: int) -> dict[int, list[tuple[int, int]]]:
    """Frame -> (track, row) pairs to look at: `count` of each track, one from each of as many parts of its life.

    Of each part the box of most area times score is taken: large and sure boxes show most.
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
    """The gallery's names, and every track's likeness with each.

    Raises:
        ConfigError: the gallery is missing or holds one identity alone, or the tracks' file is none.
        DataError: there are no tracks in the file, or the video ends before them.
        SourceError: the video or a picture cannot be read.
        WeightsError: the network or the metric is not to be had.
    """
    people = read_identities(config.gallery)
    if len(people.names) < 2:
        raise ConfigError(
            f"{config.gallery}: holds {people.names[0]!r} alone, whom every track would be likest to; add others."
        )
    tracks = read(config.tracks)
    views = chosen_views(tracks, config.views)
    if not views:
        raise DataError(f"{config.tracks}: holds no boxes with track numbers; track the video first.")
    network = IdentityFeatures(share(config.threads, 1), config.device)
    embed = load_metric(config.metric, network.dim) if config.metric is not None else plain
    gallery = embed(np.stack([network(read_picture(path)) for path in people.pictures]))
    seen: dict[int, list[Float32]] = defaultdict(list)
    last = max(views)
    with (
        open_source(config.source, config.reading) as source,
        tqdm(total=len(views), unit="frame", disable=None if not config.quiet else True, leave=False) as bar,
    ):
        for frame in source:
            for id, row in views.pop(frame.index, ()):
                box = np.clip(np.rint(tracks.xyxy[row]), 0, [*frame.size, *frame.size]).astype(int)
                if (box[2:] - box[:2]).min() >= LEAST_SIDE:
                    seen[id].append(network(np.ascontiguousarray(frame.bgr[box[1] : box[3], box[0] : box[2]])))
                bar.update()
            if frame.index >= last:
                break
    if not seen:
        raise DataError(f"{config.tracks}: none of its boxes lies in {config.source}; do they belong together?")
    found = []
    for id in sorted(seen):
        own = unit(embed(np.stack(seen[id])).mean(axis=0, keepdims=True))[0]
        likeness = gallery @ own
        each = [np.sort(likeness[people.identity == k])[-2:].mean() for k in range(len(people.names))]
        found.append(Identified(id, len(seen[id]), np.array(each, np.float32)))
    return people.names, found


def run(config: IdentifyConfig) -> None:
    """Identify, print the table, and write the JSON file where one is asked for."""
    names, found = identify(config)
    print(f"{'track':>6}{'views':>7}  likeness")
    for one in found:
        order = np.argsort(-one.likeness, kind="stable")[: config.best]
        said = ", ".join(f"{names[k]} {one.likeness[k]:.3f}" for k in order.tolist() if one.likeness[k] >= config.least)
        print(f"{one.id:6d}{one.views:7d}  {said or 'nobody'}")
    if config.json is not None:
        content = [
            {
                "id": one.id,
                "views": one.views,
                "likeness": {name: round(float(v), 6) for name, v in zip(names, one.likeness, strict=True)},
            }
            for one in found
        ]
        write_report(config.json, json.dumps(content, indent=1))
