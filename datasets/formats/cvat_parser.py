"""XML parser for CVAT files: the file's content, before it is converted to boxes per frame.

expat reads the file as a stream, so a truncated file yields everything before the break. Entities are refused:
annotations need none, and a few lines of XML with entities can expand to gigabytes or fetch other files. (defusedxml
uses the same hook; it would be a dependency for three lines, and it hides the parser's line numbers.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import numpy as np

from datasets.formats.provenance import WORDS
from datasets.formats.shapes import Shape
from datasets.formats.text import BadRows, log, parse, parse_all, start_of
from datasets.formats.timeline import MAX_FRAMES, MAX_INDEX
from models.errors import DataError
from tracker.types import Int64

BREAKS_OFF = {expat.errors.codes[text] for text in (
    expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN,
    expat.errors.XML_ERROR_PARTIAL_CHAR, expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
)}  # fmt: skip
SHAPES = ("box", "polygon")
OTHER_SHAPES = ("polyline", "points", "mask", "cuboid", "ellipse", "skeleton")
OWN_ID = "liquidtrack_id"  # attribute with the id of a track, since CVAT numbers tracks anew
OURS = ("score", "ignore", "filled", "provenance", "between", OWN_ID, "name")  # attributes with a meaning here
USERS = "attribute:"  # before the name of a user's attribute that is called as one of ours
MAX_DEPTH = 50  # nested elements; CVAT's own files have eight
MAX_TEXT = 1 << 16  # characters of one text, such as an attribute's value
MAX_NOTE = 200  # characters in one of our processing instructions
META_TEXTS = ("size", "start_frame", "stop_frame", "frame_filter", "width", "height")


@dataclass
class CvatFile:
    """Content of a file. `tracks`: (id, label) -> its boxes; `frames` and `times`: from our processing instructions.

    `sources`, `own_ids`, `track_names`: source of each track, the id it had before CVAT numbered it, the user's name.
    """

    names: tuple[str, ...] = ()
    tracks: dict[tuple[float, int], list[Shape]] = field(default_factory=dict)
    frames: list[float] = field(default_factory=list)
    times: list[float | None] = field(default_factory=list)
    task_frames: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    size: tuple[int, int] | None = None
    still: bool = False
    start: float = 0.0
    sources: dict[tuple[float, int], str] = field(default_factory=dict)
    own_ids: dict[tuple[float, int], int] = field(default_factory=dict)
    track_names: dict[tuple[float, int], str] = field(default_factory=dict)


class CvatParser:
    """Reads one file; `parse` may be called once."""

    def __init__(self, path: Path, bad: BadRows) -> None:
        self._path = path
        self._bad = bad
        self._out = CvatFile()
        self._open: list[str] = []
        self._text = ""
        self._names: dict[str, int] = {}
        self._meta: dict[str, str] = {}
        self._track: tuple[float, int] | None = None
        self._image: float | None = None
        self._images: list[float] = []
        self._shape: Shape | None = None
        self._shape_key: tuple[float, int] | None = None
        self._attribute = ""
        self._meta_done = False
        self._passed_over = 0
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters
        self._expat.ProcessingInstructionHandler = self._note
        self._expat.EntityDeclHandler = self._refuse_entity

    def parse(self, text: str) -> CvatFile:
        """The file's content; `DataError` if it is not CVAT XML."""
        name = self._path.name
        if not text.strip():
            raise DataError(f"{name} is empty; CVAT XML has a root element <annotations>.")
        try:
            self._expat.Parse(re.sub(r"^(\s*)<\?xml[^>]*\?>", r"\1", text), True)
        except expat.ExpatError as error:
            if error.code not in BREAKS_OFF or not self._out.frames:
                where = f"{name} line {error.lineno}"
                raise DataError(
                    f"{where}: it is no whole XML file ({expat.ErrorString(error.code)}); export it again."
                ) from error
            log.warning("%s breaks off at line %d; all frames up to there were read", name, error.lineno)
        except (ValueError, OverflowError) as error:  # characters that expat cannot read
            raise DataError(f"{name} is no XML file ({error}); check that it is the right file.") from error
        if self._passed_over:
            log.warning("%s: %d shapes that are neither boxes nor polygons were passed over", name, self._passed_over)
        self._out.names = tuple(self._names) or ("object",)
        self._read_meta()
        return self._out

    def _line(self) -> str:
        return f"line {self._expat.CurrentLineNumber}"

    def _refuse_entity(self, *_: object) -> None:
        raise DataError(
            f"{self._path.name} {self._line()}: it declares an XML entity, which annotations need none of; remove it."
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open and tag != "annotations":
            raise DataError(f"{self._path.name} has the root element <{tag[:40]}>; CVAT XML has <annotations>.")
        if tag == "project":
            raise DataError(
                f"{self._path.name} is a project of several tasks; export one task or job as CVAT for video 1.1."
            )
        self._open.append(tag)
        if len(self._open) > MAX_DEPTH:
            raise DataError(
                f"{self._path.name} {self._line()}: its elements lie more than {MAX_DEPTH} deep in one another;"
                " check that it is CVAT XML."
            )
        self._text = ""
        if tag == "track":
            self._track = self._key(attributes)
            if self._track is not None and "source" in attributes:
                self._out.sources.setdefault(self._track, attributes["source"])
        elif tag == "image":
            self._out.still = True
            frame = parse(attributes.get("id", ""))
            self._image = float("nan") if frame is None else frame
            self._images.append(self._image)
        elif tag in SHAPES and len(self._open) == 3:
            self._begin_shape(tag, attributes)
        elif tag in OTHER_SHAPES and len(self._open) == 3:
            self._passed_over += 1
        elif tag == "attribute":
            self._attribute = attributes.get("name", "")

    def _end(self, tag: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        text = self._text.strip()
        self._text = ""
        if parent == "label" and tag == "name" and text:
            self._names.setdefault(text, len(self._names))
        elif "meta" in self._open and tag in META_TEXTS:
            self._meta.setdefault(tag, text)
        elif tag == "meta":
            self._meta_done = bool(self._names)
        elif tag == "attribute" and self._shape is not None:
            self._set_attribute(text)
        elif tag in SHAPES and self._shape is not None and self._shape_key is not None:
            self._out.tracks.setdefault(self._shape_key, []).append(self._shape)
            self._shape = None
        elif tag == "track":
            self._track = None
        elif tag == "image":
            self._image = None

    def _characters(self, text: str) -> None:
        self._text += text if len(self._text) < MAX_TEXT else ""

    def _note(self, target: str, data: str) -> None:
        if target != "liquidtrack" or len(data) > MAX_NOTE:
            return
        values = dict(re.findall(r'(\w+)="([^"]*)"', data))
        if "start" in values:
            self._out.start = start_of(parse(values["start"]))
            return
        frame, time = parse(values.get("frame", "")), parse(values.get("seconds", "nan"))
        self._out.frames.append(float("nan") if frame is None else frame)
        self._out.times.append(None if "seconds" not in values else float("nan") if time is None else time)

    def _key(self, attributes: dict[str, str]) -> tuple[float, int] | None:
        """(id, label) of a track or of a box in an image."""
        label = attributes.get("label", "")
        if label not in self._names:
            if self._meta_done:
                self._bad(self._line(), f"label {label[:40]!r} is not among the labels of <meta>")
                return None
            self._names[label] = len(self._names)
        number = parse(attributes.get("id", "")) if self._image is None else -1.0
        if number is None:
            self._bad(self._line(), f"a track's id is {attributes.get('id', 'missing')[:40]!r}; ids are whole numbers")
            return None
        return number, self._names[label]

    def _begin_shape(self, tag: str, attributes: dict[str, str]) -> None:
        self._shape_key = self._track if self._image is None else self._key(attributes)
        self._shape = None
        if self._shape_key is None:
            return
        frame = parse(attributes.get("frame", "")) if self._image is None else self._image
        ltrb = _box(attributes) if tag == "box" else _around(attributes.get("points", ""))
        if frame is None or ltrb is None:
            self._bad(
                self._line(),
                f"a <{tag}> needs frame and {'xtl, ytl, xbr, ybr' if tag == 'box' else 'points'} as numbers",
            )
            return
        outside, occluded, key = (attributes.get(k) == "1" for k in ("outside", "occluded", "keyframe"))
        key |= "keyframe" not in attributes
        self._shape = Shape(self._line(), frame, ltrb, outside, occluded, key)

    def _set_attribute(self, text: str) -> None:
        assert self._shape is not None
        assert self._shape_key is not None
        name = self._attribute
        if name == "provenance" and text in WORDS:
            self._shape.provenance = WORDS[text]
        elif name == "between" and text in (*WORDS, ""):
            self._shape.between = WORDS.get(text)
        elif name == OWN_ID:
            number = parse(text)
            if number is not None and 0 <= number < MAX_INDEX and number == int(number):
                self._out.own_ids.setdefault(self._shape_key, int(number))
        elif name == "name":
            if text:
                self._out.track_names.setdefault(self._shape_key, text)
        elif name not in OURS:
            self._shape.attributes[name.removeprefix(USERS)] = text
        if self._attribute == "score" and text:
            score = parse(text)
            self._shape.score = float("nan") if score is None else score
        elif self._attribute == "ignore":
            self._shape.ignore = text.lower() == "true"
        elif self._attribute == "filled":
            self._shape.filled = text.lower() == "true"

    def _read_meta(self) -> None:
        """Image size, and the frames of the task or of the images."""
        width, height = (parse(self._meta.get(key, "")) or 0 for key in ("width", "height"))
        if 0 < width < 2**31 and 0 < height < 2**31:
            self._out.size = int(width), int(height)
        if self._out.still:
            whole = [frame for frame in self._images if 0 <= frame < MAX_FRAMES and frame == int(frame)]
            self._out.task_frames = np.unique(np.array(whole, np.int64))
            return
        size, start = parse(self._meta.get("size", "")), parse(self._meta.get("start_frame", "")) or 0.0
        stop = parse(self._meta.get("stop_frame", ""))
        step = re.search(r"step\s*=\s*([1-9]\d{0,6})", self._meta.get("frame_filter", ""))
        stride = int(step[1]) if step else 1
        if stop is None:
            stop = start + (size - 1) * stride if size is not None else -1.0
        if not (0 <= start < MAX_FRAMES and -1 <= stop < MAX_FRAMES):
            raise DataError(
                f"{self._path.name}: its <meta> says frames {start:g} to {stop:g}; give whole numbers from 0."
            )
        self._out.task_frames = np.arange(int(start), int(stop) + 1, stride)


def _box(attributes: dict[str, str]) -> list[float] | None:
    edges = parse_all([attributes.get(key, "") for key in ("xtl", "ytl", "xbr", "ybr")])
    if None in edges:
        return None
    left, top, right, bottom = (v or 0.0 for v in edges)
    turn = parse(attributes["rotation"]) if "rotation" in attributes else None
    if turn and np.isfinite(turn):
        c, s = abs(np.cos(np.radians(turn))), abs(np.sin(np.radians(turn)))
        x, y, w, h = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
        half = (w * c + h * s) / 2, (w * s + h * c) / 2
        return [float(x - half[0]), float(y - half[1]), float(x + half[0]), float(y + half[1])]
    return [left, top, right, bottom]


def _around(points: str) -> list[float] | None:
    pairs = [[parse(v) for v in pair.split(",")] for pair in points.split(";")]
    if any(len(pair) != 2 or None in pair for pair in pairs):
        return None
    xy = np.array(pairs, float)
    return [*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist()]
