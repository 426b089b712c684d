"""Writes CVAT for video 1.1 (described in `cvat`)."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from datasets.formats.cvat_parser import OURS, OWN_ID, USERS
from datasets.formats.keyframes import UNKNOWN, KeyRows, key_rows
from datasets.formats.provenance import WORDS, Provenance
from datasets.formats.track_info import TrackInfo
from datasets.formats.writer import FrameBoxes, WholeFile, Writer, utc
from models.errors import DataError

TOLERANCE = 2.0  # pixels
BOX = re.compile(
    rb'<box frame="(\d+)" outside="([01])" occluded="([01])" keyframe="1" xtl="([-.\d]+)" ytl="([-.\d]+)"'
    rb' xbr="([-.\d]+)" ybr="([-.\d]+)" z_order="0">'
    rb'(?:<attribute name="score">[^<]*</attribute>)?(.*?)(?:<attribute name="provenance">(\w+)</attribute>)?</box>'
)


class CvatWriter(Writer):
    """Writes CVAT for video 1.1.

    CVAT groups boxes by track, but frames arrive in time order. Each box is therefore first written as a separate
    `<track>`, which keeps the file valid after every frame (`read` joins the parts by their id). At the end the file is
    rewritten in CVAT's order, with only key frames and the labels that occur. After a kill, `liquidtrack convert` does
    this.

    Args:
        tolerance: largest error of an edge between key frames after linear interpolation, pixels; 0 makes every frame a
            key frame, infinity only those of a person. Presence and absence of an object are always exact.
    """

    def __init__(self, path: str | Path, tolerance: float = TOLERANCE) -> None:
        super().__init__(path)
        self._tolerance = tolerance

    def _open(self) -> None:
        self._shown: dict[tuple[int, int], str] = {}
        self._fills = self._tells = self._varies = False
        self._starts = [f'label={quoteattr(name)} source="auto"' for name in self.names]
        # The user's attributes, and whether they change in some track.
        self._users: dict[str, bool] = {}
        for track in self.tracks.values():
            changing = {name for _, name, _ in track.changes}
            for name in track.names():
                self._users[name] = self._users.get(name, False) or name in changing
        self._file = WholeFile(self.path, self._head("", self.names), tail="</annotations>\n")
        self._body = self._file.end

    def _head(self, extent: str, names: Iterable[str], end: bool = False) -> str:
        words = "\n".join(WORDS)
        declared = [("score", True, "text", "", ""), ("ignore", True, "checkbox", "false", "false")]
        declared += [("filled", True, "checkbox", "false", "false")] if self._fills else []
        declared += [(_users(name), mutable, "text", "", "") for name, mutable in self._users.items()]
        declared += [("provenance", True, "select", Provenance.SEEN.word, words)] if self._tells else []
        declared += [("between", True, "select", "", f"\n{words}")] if self._varies else []
        declared += [(OWN_ID, False, "text", "", "")] if end else []
        declared += [("name", False, "text", "", "")] if any(track.name for track in self.tracks.values()) else []
        attributes = "".join(
            f"<attribute><name>{escape(name)}</name><mutable>{mutable}</mutable><input_type>{kind}</input_type>"
            f"<default_value>{default}</default_value><values>{values}</values></attribute>"
            for name, mutable, kind, default, values in declared
        )
        labels = "".join(
            f"<label><name>{escape(name)}</name><attributes>{attributes}</attributes></label>\n"
            for name in dict.fromkeys(names)
        )
        info = self.info
        size = f"<original_size><width>{info.width}</width><height>{info.height}</height></original_size>\n"
        if not (info.width > 0 and info.height > 0):
            size = ""
        if info.start or info.started is not None:
            clock = "" if info.started is None else f' start_utc="{utc(info.started)}"'
            size += f'<?liquidtrack start="{info.start!r}"{clock}?>\n'
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta>\n<task>\n'
            f"<name>{escape(_printable(info.name))}</name>\n{extent}<mode>interpolation</mode>\n"
            f"<labels>\n{labels}</labels>\n{size}</task>\n</meta>\n"
        )

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        seconds = "" if time is None else f' seconds="{time!r}"'
        self._fills |= boxes.filled is not None and boxes.provenance is None
        source = "" if self._source_index is None else f' source_frame="{self._source_index}"'
        lines = [f'<?liquidtrack frame="{index}"{seconds}{source}?>\n']
        shown: dict[tuple[int, int], str] = {}
        columns = boxes.id.tolist(), boxes.label.tolist(), boxes.xyxy.tolist()
        for k, (number, label, (left, top, right, bottom)) in enumerate(zip(*columns, strict=True)):
            right, bottom = max(right, left + 0.002), max(bottom, top + 0.002)  # keeps the rounded box non-empty
            place = f'xtl="{left:.3f}" ytl="{top:.3f}" xbr="{right:.3f}" ybr="{bottom:.3f}" z_order="0"'
            occluded = int(boxes.visibility is not None and bool(boxes.visibility[k] < 0.5))
            occluded |= int(boxes.occluded is not None and bool(boxes.occluded[k]))
            box = (
                f'<box frame="{index}" outside="0" occluded="{occluded}" keyframe="1" {place}>'
                f"{self._attributes(index, boxes, k, number)}</box>"
            )
            gone = _gone(index + 1, place) if number < 0 else ""  # a detection is a track of one frame
            lines.append(f'<track id="{number}" {self._starts[label]}>{box}{gone}</track>\n')
            if number >= 0:
                shown[number, label] = place
        for (number, label), place in self._shown.items():
            if (number, label) not in shown:
                lines.append(f'<track id="{number}" {self._starts[label]}>{_gone(index, place)}</track>\n')
        self._shown = shown
        self._file.append("".join(lines))

    def _attributes(self, index: int, boxes: FrameBoxes, k: int, number: int) -> str:
        """Score first and provenance last; what stands between holds until the next key frame."""
        ignore = "true" if boxes.ignore is not None and boxes.ignore[k] else "false"
        out = [("score", f"{boxes.score[k]:.7g}"), ("ignore", ignore)]
        if boxes.filled is not None and boxes.provenance is None:
            out.append(("filled", str(bool(boxes.filled[k])).lower()))
        track = self.tracks.get(number)
        if track is not None:
            held = track.at(index)
            out += [(_users(name), held.get(name, "")) for name in track.names()]
        if boxes.provenance is not None or (track is not None and track.absences):
            self._tells = True
            out.append(("provenance", (boxes.origin(k) or Provenance.SEEN).word))
        return "".join(map(_attribute, out))

    def _close(self) -> None:
        try:
            if self._last >= 0:
                self._file.rewrite(self._by_track(self._file.end))
        except DataError as error:
            raise DataError(
                f"{error} All boxes are in it, each as a track of its own: `liquidtrack convert` puts them in order."
            ) from error
        finally:
            self._file.close()

    def _by_track(self, end: int) -> Iterator[bytes]:
        """The file's parts in CVAT's order: head, notes on frames, and the key frames of each track."""
        known: dict[bytes, int] = {}
        used: set[bytes] = set()
        track, start = array("q"), array("q")
        notes = array("q")
        with self._file.reading() as file:
            file.seek(self._body)
            at = self._body
            while at < end:
                line = file.readline()
                if line.startswith(b"<?"):
                    notes.append(at)
                else:
                    key = line[: line.find(b"><box ")]
                    used.add(key.split(b" ", 2)[-1])
                    if not (line.startswith(b"<track ") and line.endswith(b"</track>\n")):
                        raise DataError(f"{self.path} was changed by another program while it was written.")
                    if key.startswith(b'<track id="-1"'):
                        key = b"%d" % at  # detections are not joined
                    track.append(known.setdefault(key, len(known)))
                    start.append(at)
                at += len(line)
            names = [name for name, text in zip(self.names, self._starts, strict=True) if text.encode() in used]
            last = self._last
            extent = f"<size>{last + 1}</size>\n<start_frame>0</start_frame>\n<stop_frame>{last}</stop_frame>\n"
            self._varies = self._tells
            yield self._head(extent, names or self.names, end=True).encode()
            for at in notes:
                file.seek(at)
                yield file.readline()
            order = np.argsort(np.array(track, np.int64), kind="stable")
            ends = np.flatnonzero(np.diff(np.array(track, np.int64)[order], append=-1))
            for rows in np.split(order, ends[:-1] + 1) if len(order) else ():
                yield from self._track(file, [start[k] for k in rows.tolist()])

    def _track(self, file: BinaryIO, places: list[int]) -> Iterator[bytes]:
        """The key frames of one track, with its boxes at these offsets of the file."""
        values, states, origins = array("d"), array("q"), array("q")
        known: dict[bytes, int] = {}
        for at in places:
            file.seek(at)
            found = BOX.search(file.readline())
            if found is None:
                raise DataError(f"{self.path} was changed by another program while it was written.")
            frame, outside, occluded, *edges, held, word = found.groups()
            values.extend((float(frame), float(outside), *map(float, edges)))
            states.append(known.setdefault(occluded + held, len(known)))
            origins.append(-1 if word is None else WORDS[word.decode()])
        table = np.frombuffer(values).reshape(-1, 6)  # frame, outside, left, top, right, bottom
        rows = KeyRows(
            table[:, 0].astype(np.int64), table[:, 2:], table[:, 1] == 1, np.array(states), np.array(origins)
        )
        first = True
        for row, between in key_rows(rows, self._tolerance, TOLERANCE):
            file.seek(places[row])
            line = file.readline().removesuffix(b"</track>\n").removesuffix(b"</box>")
            inner = line.find(b"><box ") + 1
            if first:
                number = int(line[len('<track id="') : inner].split(b'"', 1)[0])
                source = f' source="{source_of(self.tracks.get(number), rows)}"'
                yield line[:inner].replace(b' source="auto"', source.encode()) + b"\n"
                line += self._about(number)
            # On every key frame: CVAT hands an attribute on to key frames that do not have it.
            after = rows.origin[row] if between is None else between
            if after != UNKNOWN and not rows.gone[row]:
                line += _attribute(("between", Provenance(after).word)).encode()
            yield line[inner:] + b"</box>\n"
            first = False
        yield b"</track>\n"

    def _about(self, number: int) -> bytes:
        """The attributes of the first key frame that CVAT keeps for the whole track."""
        track = self.tracks.get(number)
        out = [] if number < 0 else [(OWN_ID, str(number))]
        out += [("name", track.name)] if track is not None and track.name else []
        return "".join(map(_attribute, out)).encode()


def source_of(track: TrackInfo | None, rows: KeyRows) -> str:
    """CVAT's word for how a track came about: manual, semi-auto or auto."""
    told = set(rows.origin[~rows.gone].tolist()) - {UNKNOWN}
    person = {Provenance.DRAWN, Provenance.CONFIRMED}
    if told & person and told <= {*person, Provenance.FILLED}:
        return "manual"
    if told & {*person, Provenance.TRACKED} or (track is not None and track.absences):
        return "semi-auto"
    return "auto"


def _attribute(of: tuple[str, str]) -> str:
    return f"<attribute name={quoteattr(of[0])}>{escape(of[1])}</attribute>"


def _users(name: str) -> str:
    """The name of a user's attribute in the file."""
    return f"{USERS}{name}" if name in OURS or name.startswith(USERS) else name


def _gone(index: int, place: str) -> str:
    return f'<box frame="{index}" outside="1" occluded="0" keyframe="1" {place}></box>'


def _printable(name: str) -> str:
    """The name without control characters, most of which XML 1.0 cannot represent."""
    return re.sub(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", name)
