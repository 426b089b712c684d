"""What a person said of tracks, kept by `liquidtrack refine`: absences, boxes drawn or confirmed, tracks accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.provenance import Provenance
from datasets.formats.track_info import TrackInfo
from tracker.offline.types import WholeTracks
from tracker.types import Bool, Int64, UInt8

PERSONS = (Provenance.DRAWN, Provenance.CONFIRMED)


@dataclass(frozen=True, eq=False, slots=True)
class KeptTracks:
    """Refined tracks in which what a person said holds.

    Attributes:
        tracks: the tracks, R boxes.
        row: (R,) row in the file of each box, -1 for a new one.
        provenance: (R,) how the boxes came about; None where the file does not know.
        said: what is said of tracks.
    """

    tracks: WholeTracks
    row: Int64
    provenance: UInt8 | None
    said: list[TrackInfo]


def keep_said(tracks: Annotations, frames: Int64, row: Int64, refined: WholeTracks) -> KeptTracks:
    """Refined tracks in which what a person said still holds.

    A person's box stays as it is. A track that a person has accepted, and that refining left whole, gets no new box;
    nor does any track within an absence. An absence in which another track's boxes now lie is cut to what is free.

    Args:
        tracks: the tracks before.
        frames: (F,) frame numbers that `refined.frame` points into.
        row: (R,) row in `tracks` of each refined box, -1 for a new one.
        refined: the refined tracks, with the ids of the file.
    """
    whole = _accepted(tracks, row, refined)
    infos = {info.id: info for info in tracks.tracks}
    new = row < 0
    dropped = new & np.isin(refined.id, np.array(sorted(whole), np.int64))
    for id, info in infos.items():
        mine = refined.id == id
        for first, last in info.absences:
            number = frames[refined.frame]
            dropped |= mine & new & (number >= first) & (number <= last)
    kept = (~dropped).nonzero()[0]
    refined, row = _taken(refined, kept), row[kept]
    provenance = None
    if tracks.provenance is not None and len(tracks):
        filled = np.where(refined.detection < 0, np.uint8(Provenance.FILLED), np.uint8(Provenance.SEEN))
        provenance = np.where(row >= 0, tracks.provenance.take(row), filled).astype(np.uint8)
        person: Bool = (row >= 0) & np.isin(provenance, PERSONS)
        xyxy = refined.xyxy.copy()
        xyxy[person] = tracks.xyxy[row[person]]
        refined = replace(refined, xyxy=xyxy)
    said = []
    for id in np.unique(refined.id).tolist():
        if (known := infos.get(id)) is not None:
            there = np.unique(frames[refined.frame[refined.id == id]])
            absences = tuple(span for absence in known.absences for span in _free(absence, frames, there))
            said.append(replace(known, absences=absences, accepted=id in whole))
    return KeptTracks(refined, row, provenance, said)


def _accepted(tracks: Annotations, row: Int64, refined: WholeTracks) -> set[int]:
    """The accepted tracks whose boxes from the file are still all of one track, and no other's."""
    kept = ~tracks.ignore if tracks.filled is None else ~(tracks.ignore | tracks.filled)
    found = set()
    for info in tracks.tracks:
        if info.accepted:
            now = row[(refined.id == info.id) & (row >= 0)]
            if np.array_equal(np.sort(now), (kept & (tracks.id == info.id)).nonzero()[0]):
                found.add(info.id)
    return found


def _taken(refined: WholeTracks, rows: Int64) -> WholeTracks:
    names = ("frame", "id", "xyxy", "score", "label", "detection", "link", "std")
    return replace(refined, **{name: getattr(refined, name)[rows] for name in names})


def _free(absence: tuple[int, int], frames: Int64, there: Int64) -> list[tuple[int, int]]:
    """The parts of an absence whose frames hold no box."""
    inside = frames[(frames >= absence[0]) & (frames <= absence[1])]
    taken = np.isin(inside, there)
    if not taken.any():
        return [absence]
    edges = np.diff(np.concatenate([[True], taken, [True]]).astype(np.int8))
    first, last = (edges == -1).nonzero()[0], (edges == 1).nonzero()[0] - 1
    return list(zip(inside[first].tolist(), inside[last].tolist(), strict=True))
