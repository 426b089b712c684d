"""CVAT for video 1.1 XML: one `<track>` an object, with a `<box>` for each frame and `outside="1"` where it is gone.

CVAT has no seat for times. They stand in processing instructions, which XML keeps for exactly such private notes and
which CVAT passes over: `<?liquidtrack frame="12" seconds="0.48"?>`, one a frame, also for frames without boxes. A file
that went through CVAT has lost them: put its times.csv beside it (`clock`). Score and ignore are attributes of the box,
declared in the labels.

Reading: boxes that CVAT did not write out between two key frames are interpolated, as CVAT does, and a track without an
end lasts to the last frame. `occluded` is a visibility of 0, else 1. Rotated boxes and polygons become the box around
them.
"""

from __future__ import annotations

import mmap
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from datasets.annotations import Annotations
from datasets.formats._cvat_parser import CvatParser, Shape
from datasets.formats._rows import RowList, assemble, union
from datasets.formats._text import BadRows, read_text
from datasets.formats._write import Boxes, WholeFile, Writer
from datasets.formats.clock import MAX_FRAMES, Clock, find_clock, make_clock
from models.errors import DataError

MAX_FILLED = 2_000_000  # boxes that interpolation may add: a few lines of XML could ask for any number


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """One task's or job's tracks (also the boxes of CVAT for images 1.1, as detections)."""
    bad = BadRows(path, skip_bad_rows)
    parsed = CvatParser(path, bad).parse(read_text(path))
    if parsed.frames:
        clock: Clock | None = make_clock(
            parsed.frames, parsed.times, lambda i: f"frame note {i + 1}", bad, size=parsed.size
        )
    else:
        clock = find_clock(path, skip_bad_rows)
    if clock is None:
        seen = np.array([s.frame for shapes in parsed.tracks.values() for s in shapes], float)
        fine = seen[(seen >= 0) & (seen == np.floor(seen)) & (seen < MAX_FRAMES)]
        clock = Clock(union(parsed.task_frames, fine.astype(np.int64)), None, path.name, size=parsed.size)
    rows = RowList()
    for (number, label), shapes in parsed.tracks.items():
        for shape in shapes:
            if not shape.outside:
                rows.add(
                    shape.where, shape.frame, number, shape.ltrb, label, shape.score, shape.ignore, shape.visibility
                )
    if not parsed.still:
        _fill(path, parsed.tracks, clock, rows)
    size = parsed.size or clock.size
    return assemble(rows.rows(), lambda i: rows.where[i], bad, parsed.names, clock, size=size)


def _fill(path: Path, tracks: dict[tuple[float, int], list[Shape]], clock: Clock, rows: RowList) -> None:
    """Adds the boxes between a track's written ones, and after its last one."""
    gaps: list[tuple[float, int, Shape, Shape | None, int, int]] = []
    total = 0
    for (number, label), shapes in tracks.items():
        frames = np.array([shape.frame for shape in shapes])
        if number < 0 or not np.isfinite(frames).all():
            continue  # a detection stays alone; what is wrong is refused or dropped soon
        order = np.argsort(frames, kind="stable")
        start = np.searchsorted(clock.frames, frames[order], "right")
        stop = np.append(np.searchsorted(clock.frames, frames[order][1:]), len(clock.frames))
        for k in np.flatnonzero(stop > start).tolist():
            here, after = shapes[order[k]], shapes[order[k + 1]] if k + 1 < len(order) else None
            if not here.outside:
                gaps.append((number, label, here, after, int(start[k]), int(stop[k])))
                total += int(stop[k] - start[k])
    if total > MAX_FILLED:
        raise DataError(
            f"{path.name} asks for {total} interpolated boxes, more than {MAX_FILLED}; export fewer frames."
        )
    for number, label, here, after, first, end in gaps:
        to = here if after is None or after.outside else after
        for frame in clock.frames[first:end].tolist():
            part = (frame - here.frame) / (to.frame - here.frame) if to is not here else 0.0
            ltrb = [a + part * (b - a) for a, b in zip(here.ltrb, to.ltrb, strict=True)]
            rows.add(here.where, frame, number, ltrb, label, here.score, here.ignore, here.visibility)


class CvatWriter(Writer):
    """Writes CVAT for video 1.1.

    CVAT groups boxes by track, a recording comes by frame. So each box is first written as a `<track>` of its own,
    which keeps the file whole after every frame (`read` joins the pieces by their id); at the end the file is put in
    CVAT's order. After a kill, `liquidtrack convert` does that.
    """

    def _open(self) -> None:
        self._shown: dict[tuple[int, int], str] = {}
        self._starts = [f'label={quoteattr(name)} source="auto"' for name in self.names]
        self._first = 0
        self._file = WholeFile(self.path, self._head(""), tail="</annotations>\n")
        self._body = self._file.end

    def _head(self, extent: str) -> str:
        attributes = "".join(
            f"<attribute><name>{name}</name><mutable>True</mutable><input_type>{kind}</input_type>"
            f"<default_value>{default}</default_value><values>{values}</values></attribute>"
            for name, kind, default, values in (("score", "text", "", ""), ("ignore", "checkbox", "false", "false"))
        )
        labels = "".join(
            f"<label><name>{escape(name)}</name><attributes>{attributes}</attributes></label>\n"
            for name in dict.fromkeys(self.names)
        )
        info = self.info
        size = f"<original_size><width>{info.width}</width><height>{info.height}</height></original_size>\n"
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta>\n<task>\n'
            f"<name>{escape(_printable(info.name))}</name>\n{extent}<mode>interpolation</mode>\n"
            f"<labels>\n{labels}</labels>\n{size if info.width > 0 and info.height > 0 else ''}</task>\n</meta>\n"
        )

    def _put(self, index: int, time: float | None, boxes: Boxes) -> None:
        seconds = "" if time is None else f' seconds="{time!r}"'
        lines = [f'<?liquidtrack frame="{index}"{seconds}?>\n']
        shown: dict[tuple[int, int], str] = {}
        columns = boxes.id.tolist(), boxes.label.tolist(), boxes.xyxy.tolist(), boxes.score.tolist()
        for k, (number, label, (left, top, right, bottom), score) in enumerate(zip(*columns, strict=True)):
            right, bottom = max(right, left + 0.002), max(bottom, top + 0.002)  # three decimals must not close the box
            place = f'xtl="{left:.3f}" ytl="{top:.3f}" xbr="{right:.3f}" ybr="{bottom:.3f}" z_order="0"'
            occluded = int(boxes.visibility is not None and bool(boxes.visibility[k] < 0.5))
            ignore = "true" if boxes.ignore is not None and boxes.ignore[k] else "false"
            box = (
                f'<box frame="{index}" outside="0" occluded="{occluded}" keyframe="1" {place}>'
                f'<attribute name="score">{score:.7g}</attribute><attribute name="ignore">{ignore}</attribute></box>'
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
        """The file's parts in CVAT's order: head, notes on frames, then each track's boxes."""
        extent = f"<size>{self._last + 1}</size>\n<start_frame>0</start_frame>\n<stop_frame>{self._last}</stop_frame>\n"
        yield self._head(extent).encode()
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            known: dict[bytes, int] = {}
            track, start = array("q"), array("q")
            at = self._body
            while at < end:
                after = text.find(b"\n", at) + 1
                if text[at : at + 2] == b"<?":
                    yield text[at:after]
                else:
                    key = text[at : text.find(b"><box ", at)]
                    if key.startswith(b'<track id="-1"'):
                        key = b"%d" % at  # a detection is joined with nothing
                    track.append(known.setdefault(key, len(known)))
                    start.append(at)
                at = after
            last = -1
            for k in np.argsort(np.array(track, np.int64), kind="stable").tolist():
                line = text[start[k] : text.find(b"\n", start[k])]
                inner = line.find(b"><box ") + 1
                if track[k] != last:
                    yield (b"</track>\n" if last >= 0 else b"") + line[:inner] + b"\n"
                    last = track[k]
                yield line[inner:].removesuffix(b"</track>") + b"\n"
            if last >= 0:
                yield b"</track>\n"


def _gone(index: int, place: str) -> str:
    return f'<box frame="{index}" outside="1" occluded="0" keyframe="1" {place}></box>'


def _printable(name: str) -> str:
    """XML 1.0 has no way to write most control characters."""
    return re.sub(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", name)
