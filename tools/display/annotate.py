"""Draw tracks into images: boxes, labels, trails, masks and a clock, with sizes that follow the image size."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from tools.display.config import ViewConfig
from tracker.types import Bool, Float64, Frame, State, Tracks, UInt8

Colour = tuple[int, int, int]  # BGR
Rect = tuple[int, int, int, int]  # left, top, right, bottom

GOLDEN = (math.sqrt(5) - 1) / 2  # turn of hue from one id to the next: hues of successive ids are never close
LIGHTNESS = (0.72, 0.84, 0.62)  # in rotation, since hues approach each other again after 8, 13, 21, ... ids
FONT = cv2.FONT_HERSHEY_SIMPLEX
DARK: Colour = (24, 24, 24)
WHITE: Colour = (255, 255, 255)
MASK_OPACITY = 0.45
TRAIL_PIECES = 4  # pieces of a trail, thinner towards its old end
MAX_LABELS = 300  # per image, the frontmost: more are not readable, and placement takes time
CLASS_IN_DOUBT = 0.9  # a label shows the class probability of a track below this value
REANCHOR = 4.0, 1e6  # zoom factor, and pixels, after which stored trails are warped to the current image


@lru_cache(maxsize=4096)
def colour(id: int) -> Colour:
    """The colour of a track: the same in every run, with contrast on dark and on light backgrounds.

    Equal steps of hue are perceptually equal in OKLCH (Ottosson 2020), but not in HSV.
    """
    lightness, hue, chroma = LIGHTNESS[id % len(LIGHTNESS)], 2 * math.pi * ((id * GOLDEN) % 1.0), 0.21
    while True:
        a, b = chroma * math.cos(hue), chroma * math.sin(hue)
        long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        linear = (
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        )
        if all(0 <= v <= 1 for v in linear) or chroma < 0.01:  # less chroma until the colour is in the sRGB gamut
            blue, green, red = (round(255 * _gamma(min(max(v, 0.0), 1.0))) for v in linear)
            return blue, green, red
        chroma -= 0.01


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def lighter(ink: Colour) -> Colour:
    """The colour halfway to white: of boxes that are predicted."""
    blue, green, red = ((v + 255) // 2 for v in ink)
    return blue, green, red


def text_colour(ground: Colour) -> Colour:
    """Dark or white, the one with the higher contrast (WCAG 2) on `ground`."""
    blue, green, red = ((v / 255) ** 2.2 for v in ground)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return DARK if (luminance + 0.05) ** 2 > 1.05 * 0.06 else WHITE


def clock_text(time: float) -> str:
    """Seconds as m:ss.mmm or h:mm:ss.mmm."""
    milliseconds = round(abs(time) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if time < 0 else ""
    seconds = f"{milliseconds / 1000:06.3f}"
    return f"{sign}{hours}:{minutes:02d}:{seconds}" if hours else f"{sign}{minutes}:{seconds}"


class Painter:
    """Draws the frames of one video in order. Its state is the last `trails` seconds of the path of each track.

    Args:
        names: class names.
        config: the elements to draw; may be replaced between frames.
    """

    def __init__(self, names: Sequence[str] = (), config: ViewConfig | None = None) -> None:
        self.names = tuple(names)
        self.config = config or ViewConfig()
        self.show_trails = True  # hides trails but keeps them
        self._ways: dict[int, deque[tuple[float, float, float]]] = {}  # id -> (time, x, y), oldest first
        self._camera = np.eye(2, 3)  # from the pixels of `_ways` to those of the latest image

    def camera(self, warp: Float64 | None) -> None:
        """Move the trails with the camera. Call it before the frame after the camera motion is drawn.

        Args:
            warp: (2, 3) affine from the pixels of the previous frame to those of this frame, or None where unknown.
        """
        if warp is None or not np.isfinite(warp).all():
            return
        moved = _compose(np.asarray(warp, np.float64), self._camera)
        zoom, far = REANCHOR
        size = abs(np.linalg.det(moved[:, :2]))
        if size < 1e-6:  # a camera motion is never singular
            return
        self._camera = moved
        if not zoom**-2 < size < zoom**2 or np.abs(moved[:, 2]).max() > far:
            for id, way in self._ways.items():
                points = np.array(way)
                points[:, 1:] = points[:, 1:] @ moved[:, :2].T + moved[:, 2]
                self._ways[id] = deque(tuple(point) for point in points.tolist())
            self._camera = np.eye(2, 3)

    def __call__(self, frame: Frame, tracks: Tracks, out: UInt8 | None = None) -> UInt8:
        """An image of the size of `frame` with `tracks` drawn: `out`, or a new one. `frame` is not changed."""
        config = self.config
        drawn = tracks if config.show_lost else tracks.confirmed
        drawn = drawn.take(np.argsort(drawn.xyxy[:, 3], kind="stable"))  # lower boxes are in front
        self._remember(frame.time, tracks)
        picture = np.empty_like(frame.bgr) if out is None else out
        np.copyto(picture, frame.bgr)
        sizes = _Sizes.of(picture, config.line_scale)
        # boxes without an id are coloured by class
        inks = [colour(k) for k in np.where(drawn.id >= 0, drawn.id, drawn.label + 1).tolist()]
        if drawn.mask is not None:
            for ink, mask in zip(inks, drawn.mask, strict=True):
                if mask is not None:
                    _draw_mask(picture, mask, ink)
        if config.trails > 0 and self.show_trails:
            ahead = drawn.take(drawn.state == State.PREDICTED)
            feet = np.column_stack([(ahead.xyxy[:, 0] + ahead.xyxy[:, 2]) / 2, ahead.xyxy[:, 3]])
            tips = dict(zip(ahead.id.tolist(), feet.tolist(), strict=True))
            for id in drawn.id.tolist():
                self._draw_way(picture, id, sizes.line, tips.get(id))
        rectangles = np.rint(drawn.xyxy).astype(int).clip(-32768, 32767).tolist()
        certain = ((drawn.state == State.ACTIVE) & (drawn.time_since_update == 0)).tolist()
        predicted = drawn.state == State.PREDICTED
        inks = [lighter(ink) if ahead else ink for ink, ahead in zip(inks, predicted.tolist(), strict=True)]
        for ink, (x1, y1, x2, y2), solid in zip(inks, rectangles, certain, strict=True):
            draw_box(picture, (x1, y1, x2, y2), ink, sizes.line, solid)
        taken: list[Rect] = []
        if config.clock:
            taken.append(self._draw_clock(picture, frame.time, sizes))
        if config.labels:
            self._draw_labels(picture, drawn, rectangles, inks, sizes, taken)
        return picture

    def seen(self, time: float, tracks: Tracks) -> None:
        """Continue the trails with the tracks at the time of an earlier frame, known only now."""
        self._remember(time, tracks)

    def _remember(self, time: float, tracks: Tracks) -> None:
        seen = (tracks.time_since_update == 0) & (tracks.state != State.PREDICTED)
        seen &= tracks.id >= 0  # a detection without an id has no trail
        feet = np.column_stack([(tracks.xyxy[seen, 0] + tracks.xyxy[seen, 2]) / 2, tracks.xyxy[seen, 3]])
        kept = np.linalg.solve(self._camera[:, :2], (feet - self._camera[:, 2]).T).T
        for id, (x, y) in zip(tracks.id[seen].tolist(), kept.tolist(), strict=True):
            way = self._ways.setdefault(id, deque())
            if not way or way[-1][0] < time:  # a frame may be drawn again with different options
                way.append((time, x, y))
        oldest = time - self.config.trails
        for id in list(self._ways):
            way = self._ways[id]
            while way and way[0][0] < oldest:
                way.popleft()
            if not way:
                del self._ways[id]

    def _draw_way(self, picture: UInt8, id: int, line: int, tip: list[float] | None) -> None:
        """Draw the path of a track, up to the point `tip` where it is predicted to be."""
        way = self._ways.get(id, ())
        if len(way) + (tip is not None) < 2 or not way:
            return
        points = np.array(way)
        points[:, 1:] = points[:, 1:] @ self._camera[:, :2].T + self._camera[:, 2]
        if tip is not None:
            points = np.vstack([points, [points[-1, 0], *tip]])
        fixed = np.rint(points[:, 1:] * 8).clip(-(2**28), 2**28).astype(np.int32)  # 3 bits of subpixel precision
        # Cut by age, not by number of points: a trail covers a fixed time.
        ages = np.arange(TRAIL_PIECES, -1, -1) / TRAIL_PIECES * self.config.trails
        cuts = np.searchsorted(points[:, 0], points[-1, 0] - ages, side="right").tolist()
        ink = colour(id)
        for piece, (start, end) in enumerate(pairwise(cuts), 1):
            part = fixed[max(start - 1, 0) : end]
            if end > start and len(part) > 1:
                thick = max(1, round(line * piece / TRAIL_PIECES))
                cv2.polylines(picture, [part], False, ink, thick, cv2.LINE_AA, 3)

    def _draw_clock(self, picture: UInt8, time: float, sizes: _Sizes) -> Rect:
        text = clock_text(time)
        # Sized for the widest digits, so that the background keeps its size.
        width, height = sizes.measure("".join("0" if c.isdigit() else c for c in text))
        rect = (0, 0, width, height)
        _draw_label(picture, rect, text, DARK, sizes)
        return rect

    def _texts(self, tracks: Tracks) -> list[tuple[str, str]]:
        """(full, short) label of each track: id, class, detection score; a class in doubt has its probability.

        >>> one = Tracks([3], [[0, 0, 9, 9]], [0.62], [0], [State.ACTIVE], [0.0], [0], class_score=[0.71])
        >>> Painter(("car",))._texts(one)
        [('#3 car? (71%) 0.62', '#3')]
        """
        texts = []
        columns = (tracks.id, tracks.label, tracks.score, tracks.state, tracks.time_since_update, tracks.class_scores())
        for id, label, score, state, unseen, share in zip(*(column.tolist() for column in columns), strict=True):
            number = f"#{id}" if id >= 0 else ""  # detections without an id have negative numbers in their place
            name = self.names[label] if 0 <= label < len(self.names) else ""
            seen = state == State.PREDICTED or (state not in (State.LOST, State.FILLED) and unseen == 0)
            rest = f"{score:.2f}" if seen else "filled" if state == State.FILLED else f"lost {unseen:.1f} s"
            if name and seen and share < CLASS_IN_DOUBT:  # false for NaN
                name = f"{name}? ({100 * share:.0f}%)"
            texts.append((" ".join(filter(None, (number, name, rest))), number or name or rest))
        return texts

    def _draw_labels(
        self,
        picture: UInt8,
        tracks: Tracks,
        rectangles: list[list[int]],
        inks: list[Colour],
        sizes: _Sizes,
        taken: list[Rect],
    ) -> None:
        height, width = picture.shape[:2]
        placed = np.empty((len(tracks) + len(taken), 4), np.int64)
        placed[: len(taken)] = np.reshape(taken, (-1, 4))
        count = len(taken)
        found = []
        texts = self._texts(tracks)
        for row in range(len(tracks) - 1, max(len(tracks) - 1 - MAX_LABELS, -1), -1):  # frontmost first
            box = rectangles[row]
            if box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height:
                continue
            rect, text = _place(box, texts[row], sizes, (width, height), placed[:count])
            placed[count] = rect
            count += 1
            found.append((rect, text, inks[row]))
        for rect, text, ground in reversed(found):
            _draw_label(picture, rect, text, ground, sizes)


def _compose(after: Float64, before: Float64) -> Float64:
    """The (2, 3) affine of `before` followed by `after`."""
    return np.column_stack([after[:, :2] @ before[:, :2], after[:, :2] @ before[:, 2] + after[:, 2]])


class _Sizes:
    """Sizes of lines and letters in pixels for one image size."""

    def __init__(self, width: int, height: int, factor: float) -> None:
        side = math.sqrt(width * height * 9 / 16)  # the height of a 16:9 image of the same area
        self.line = max(1, round((1 + side / 400) * factor))
        self.font = max(0.4, side / 1200) * factor
        self.weight = max(1, round(self.font * 1.2))
        (_, ascent), descent = cv2.getTextSize("#0g", FONT, self.font, self.weight)
        self.descent = descent
        self.pad = max(2, round(ascent * 0.3))
        self.ascent = ascent

    @staticmethod
    @lru_cache(maxsize=16)
    def _cached(width: int, height: int, factor: float) -> _Sizes:
        return _Sizes(width, height, factor)

    @classmethod
    def of(cls, picture: UInt8, factor: float) -> _Sizes:
        return cls._cached(picture.shape[1], picture.shape[0], factor)

    def measure(self, text: str) -> tuple[int, int]:
        """(width, height) of a label with its margins."""
        width = _width(text, self.font, self.weight)
        return width + 2 * self.pad, self.ascent + self.descent + self.pad


@lru_cache(maxsize=8192)
def _width(text: str, font: float, weight: int) -> int:
    return cv2.getTextSize(text, FONT, font, weight)[0][0]


def draw_box(picture: UInt8, box: Rect, ink: Colour, line: int, solid: bool) -> None:
    """Draw a box with a dark outline, visible on any background; dashed unless `solid`."""
    left, top, right, bottom = box[0], box[1], box[2] - 1, box[3] - 1
    if solid:
        out, rim = line // 2 + 1, max(1, line // 4)
        cv2.rectangle(picture, (left - out, top - out), (right + out, bottom + out), DARK, rim)
        cv2.rectangle(picture, (left, top), (right, bottom), ink, line)
        return
    height, width = picture.shape[:2]
    for x1, y1, x2, y2 in ((left, top, right, top), (left, bottom, right, bottom)):
        _dashes(picture, (max(x1, -9), y1), (min(x2, width + 9), y2), ink, line)
    for x1, y1, x2, y2 in ((left, top, left, bottom), (right, top, right, bottom)):
        _dashes(picture, (x1, max(y1, -9)), (x2, min(y2, height + 9)), ink, line)


def _dashes(picture: UInt8, start: tuple[int, int], end: tuple[int, int], ink: Colour, line: int) -> None:
    length = max(end[0] - start[0], end[1] - start[1])
    dash = 4 * line + 3
    dx, dy = int(end[0] > start[0]), int(end[1] > start[1])
    for at in range(0, length, 2 * dash):
        stop = min(at + dash, length)
        a, b = (start[0] + dx * at, start[1] + dy * at), (start[0] + dx * stop, start[1] + dy * stop)
        cv2.line(picture, a, b, ink, line)


def _draw_mask(picture: UInt8, mask: Bool, ink: Colour) -> None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inside = mask[part]
    ground = picture[part]
    tinted = cv2.addWeighted(ground, 1 - MASK_OPACITY, np.full_like(ground, ink), MASK_OPACITY, 0)
    cv2.copyTo(tinted, inside.astype(np.uint8), ground)
    outline, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, outline, -1, ink, 1, cv2.LINE_AA, offset=(int(columns[0]), int(rows[0])))


def _place(
    box: Sequence[int], texts: tuple[str, str], sizes: _Sizes, size: tuple[int, int], placed: np.ndarray
) -> tuple[Rect, str]:
    """Position and wording of a label: a free position, else the one that covers the least of other labels."""
    best: tuple[int, Rect, str] | None = None
    for text in texts:
        width, height = sizes.measure(text)
        rim = sizes.line // 2 + 1
        left, right = box[0] - rim, box[2] + rim - width
        inside, above, below = box[1] + rim, box[1] - rim - height, box[3] + rim
        corners = [(x, y) for x in (left, right) for y in (above, below, inside)]
        piled = [(left, above - height), (left, below + height), (left, above - 2 * height), (left, below + 2 * height)]
        most = max(size[0] - width, 0), max(size[1] - height, 0)
        places = [
            (min(max(x, 0), most[0]), min(max(y, 0), most[1]))
            for x, y in corners + piled
            if y == inside or 0 <= y <= size[1] - height
        ]
        starts = np.array(places)[:, None]
        overlap = np.minimum(placed[:, 2:], starts + np.array((width, height))) - np.maximum(placed[:, :2], starts)
        hidden = np.maximum(overlap, 0).prod(axis=2).sum(axis=1)
        at = int(hidden.argmin())  # the first of equal ones
        x, y = places[at]
        if best is None or hidden[at] < best[0]:
            best = int(hidden[at]), (x, y, x + width, y + height), text
        if best[0] == 0:
            break
    assert best is not None
    return best[1], best[2]


def _draw_label(picture: UInt8, rect: Rect, text: str, ground: Colour, sizes: _Sizes) -> None:
    left, top, right, bottom = rect
    cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), ground, cv2.FILLED)
    base = (left + sizes.pad, bottom - sizes.descent - sizes.pad // 2)
    cv2.putText(picture, text, base, FONT, sizes.font, text_colour(ground), sizes.weight, cv2.LINE_AA)
