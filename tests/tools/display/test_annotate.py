"""What is drawn, where, and in which colour. Its appearance was judged by eye, at 360p, 768x576 and 4K."""

from __future__ import annotations

import colorsys
import itertools

import cv2
import numpy as np
import pytest

from models.errors import ConfigError
from tools.display.annotate import DARK, WHITE, Painter, _place, _Sizes, clock_text, colour, lighter, text_colour
from tools.display.config import ViewConfig
from tracker.types import Frame, State, Tracks

PLAIN = ViewConfig(trails=0, labels=False, clock=False)


def tracks(boxes, ids=None, *, state=State.ACTIVE, unseen=0.0, mask=None) -> Tracks:
    n = len(boxes)
    return Tracks(
        ids if ids is not None else np.arange(1, n + 1),
        boxes,
        np.full(n, 0.87),
        np.zeros(n),
        np.full(n, state),
        np.full(n, unseen),
        np.arange(n),
        mask,
    )


def frame(width=640, height=360, grey=90, time=1.0) -> Frame:
    return Frame(np.full((height, width, 3), grey, np.uint8), 0, time)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (before != after).any(axis=2)


def test_source_image_is_not_modified() -> None:
    given = frame()
    before = given.bgr.copy()
    picture = Painter(("person",))(given, tracks([[50, 60, 90, 160]]))
    assert (given.bgr == before).all()
    assert picture.shape == before.shape
    assert picture.dtype == np.uint8
    assert changed(before, picture).any()


def test_reused_canvas_keeps_no_drawing() -> None:
    first, second = frame(), Frame(np.full_like(frame().bgr, 30), 1, 0.1)
    painter, buffer = Painter((), PLAIN), np.empty_like(first.bgr)
    assert painter(first, tracks([[50, 60, 90, 160]]), buffer) is buffer
    assert (painter(second, Tracks.empty(), buffer) == second.bgr).all()


def test_box_is_drawn_in_place_in_its_colour() -> None:
    given = frame()
    picture = Painter((), PLAIN)(given, tracks([[50, 60, 90, 160]], [7]))
    ink = (picture == colour(7)).all(axis=2)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert abs(rows[0] - 60) <= 2
    assert abs(rows[-1] - 159) <= 2
    assert abs(columns[0] - 50) <= 2
    assert abs(columns[-1] - 89) <= 2
    assert not changed(given.bgr, picture)[70:150, 60:80].any()  # its inside is left free


def test_a_track_keeps_its_colour() -> None:
    assert colour(12) == colour(12)
    assert colour(1) == (254, 219, 112)  # in every run and on every machine
    assert all(isinstance(v, int) and 0 <= v <= 255 for id in (1, 10**12) for v in colour(id))


def test_adjacent_ids_have_distinct_colours() -> None:
    """By CIE Lab distance; people distinguish adjacent colours from about 2 on, reliably from 10."""

    def lab(ids: range) -> np.ndarray:
        bgr = np.array([colour(i) for i in ids], np.float32)[None] / 255
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB)[0]

    for first in (1, 100, 1040):
        for a, b in itertools.combinations(lab(range(first, first + 8)), 2):
            assert np.linalg.norm(a - b) > 18
    for id in range(1, 200):
        hue, lightness, saturation = colorsys.rgb_to_hls(*(v / 255 for v in reversed(colour(id))))
        assert 0 <= hue <= 1
        assert 0.25 < lightness < 0.95
        assert saturation > 0.25


def test_letters_contrast_with_every_colour() -> None:
    def luminance(bgr) -> float:
        linear = [v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in bgr]
        return 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]

    for id in range(1, 300):
        a, b = sorted((luminance(colour(id)), luminance(text_colour(colour(id)))))
        assert (b + 0.05) / (a + 0.05) > 4.2  # WCAG asks 4.5 for small and 3 for large text
    assert text_colour((0, 0, 0)) == WHITE
    assert text_colour((255, 255, 255)) == DARK


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0.0, "0:00.000"),
        (59.9994, "0:59.999"),
        (59.9996, "1:00.000"),
        (754.25, "12:34.250"),
        (3600.0, "1:00:00.000"),
        (1e6, "277:46:40.000"),
        (-1.5, "-0:01.500"),
    ],
)
def test_clock_text_is_formatted(time: float, text: str) -> None:
    assert clock_text(time) == text


def test_clock_can_be_hidden() -> None:
    given = frame(time=12.5)
    on = Painter((), ViewConfig(trails=0, labels=False))(given, Tracks.empty())
    assert changed(given.bgr, on)[:12, :30].any()
    off = Painter((), PLAIN)(given, Tracks.empty())
    assert not changed(given.bgr, off).any()


@pytest.mark.parametrize(("width", "height"), [(640, 360), (768, 576), (1080, 1920), (3840, 2160)])
def test_line_and_text_sizes_scale_with_the_image(width: int, height: int) -> None:
    sizes = _Sizes(width, height, 1.0)
    _, label = sizes.measure("#1234 person 0.87")
    side = (width * height * 9 / 16) ** 0.5
    assert sizes.ascent >= 10  # pixels: what a reader needs at least
    assert 0.02 < label / side < 0.06
    assert sizes.line >= 2
    assert 0.002 < sizes.line / side < 0.006


@pytest.mark.parametrize("box", [[-30, -40, 20, 30], [600, -20, 700, 50], [610, 330, 660, 400], [-50, 350, 5, 359]])
@pytest.mark.parametrize("name", ["x", "a very long name of a class indeed"])
def test_labels_stay_inside_the_image(box: list[float], name: str) -> None:
    sizes = _Sizes(640, 360, 1.0)
    texts = (f"#123456 {name} 0.99", "#123456")
    rect, _ = _place([round(v) for v in box], texts, sizes, (640, 360), np.empty((0, 4), np.int64))
    assert rect[0] >= 0
    assert rect[1] >= 0
    assert rect[2] <= 640
    assert rect[3] <= 360


def test_labels_do_not_overlap() -> None:
    sizes = _Sizes(768, 576, 1.0)
    placed = np.empty((0, 4), np.int64)
    for k in range(4):  # four boxes nearly on top of each other
        box = [300 + 3 * k, 200 + 2 * k, 360 + 3 * k, 330 + 2 * k]
        rect, _ = _place(box, (f"#{k} person 0.87", f"#{k}"), sizes, (768, 576), placed)
        if len(placed):
            overlap = np.minimum(placed[:, 2:], rect[2:]) - np.maximum(placed[:, :2], rect[:2])
            assert (overlap.clip(0).prod(axis=1) == 0).all()
        placed = np.vstack([placed, rect])


def test_class_names_out_of_range_and_boxes_outside_the_image_are_handled() -> None:
    boxes = [[-500, -500, -400, -450], [1e7, 5, 2e7, 50], [-1e9, -1e9, 1e9, 1e9], [10, 10, 10.4, 10.4]]
    given = frame()
    picture = Painter(())(given, tracks(boxes, [1, 2, 3, 10**15]))
    assert picture.shape == given.bgr.shape


def test_trail_length_is_in_seconds() -> None:
    """Ten frames or a hundred: the trail shows the same two seconds of way."""
    reach = []
    for steps in (10, 100):
        painter = Painter((), ViewConfig(trails=2.0, labels=False, clock=False))
        for time in np.linspace(0, 5, 5 * steps + 1):
            given = frame(time=float(time))
            x = 100 + 100 * time
            picture = painter(given, tracks([[x - 5, 200, x + 5, 250]]))
        on_the_ground = np.flatnonzero(changed(given.bgr, picture)[250])
        reach.append(x - on_the_ground[0])
    assert reach == pytest.approx([200, 200], abs=14)


def test_trails_end_with_their_time_and_memory_stays_flat() -> None:
    painter = Painter((), ViewConfig(trails=1.0, labels=False, clock=False))
    for k in range(2000):
        painter(frame(64, 36, time=k * 0.1), tracks([[5, 5, 20, 30]], [k // 5 + 1]))
    assert len(painter._ways) <= 4
    assert sum(map(len, painter._ways.values())) <= 11
    given = frame(64, 36, time=1000.0)
    assert not changed(given.bgr, painter(given, Tracks.empty())).any()


def test_a_frame_may_be_drawn_again() -> None:
    painter = Painter((), ViewConfig())
    for k in range(3):
        first = painter(frame(time=k * 0.1), tracks([[100 + 9 * k, 50, 130 + 9 * k, 90]]))
    painter.show_trails = False
    without = painter(frame(time=0.2), tracks([[118, 50, 148, 90]]))
    painter.show_trails = True
    assert (first != without).any()
    assert (painter(frame(time=0.2), tracks([[118, 50, 148, 90]])) == first).all()


def test_trails_move_with_the_camera() -> None:
    """A static object leaves no trail across the image, however the camera moves or zooms."""
    painter = Painter((), ViewConfig(trails=5.0, labels=False, clock=False))
    x, size = 100.0, 10.0
    for k in range(60):
        if k:
            turn = np.array([[1.02, 0.0, 6.0], [0.0, 1.02, -4.0]])  # 1.02**59 is 3.2: re-anchored on the way
            painter.camera(turn)
            x, size = 1.02 * x + 6.0, size
        foot = x, 1.02**k * 200 - 4 * (1.02**k - 1) / 0.02
        given = frame(time=k * 0.04)
        picture = painter(given, tracks([[foot[0] - size, foot[1] - 20, foot[0] + size, foot[1]]]))
    points = np.array(painter._ways[1])[:, 1:] @ painter._camera[:, :2].T + painter._camera[:, 2]
    assert np.abs(points - foot).max() < 1e-2
    assert picture.shape == given.bgr.shape
    painter.camera(None)
    painter.camera(np.full((2, 3), np.nan))  # a fit that failed moves nothing
    assert np.isfinite(painter._camera).all()


def test_detections_without_ids_have_a_label_and_no_trail() -> None:
    painter = Painter(("person",))
    two = tracks([[50, 60, 90, 160], [150, 60, 190, 160]], [-1, -2])
    assert painter._texts(two) == [("person 0.87", "person"), ("person 0.87", "person")]
    painter(frame(), two)
    assert not painter._ways


@pytest.mark.parametrize(("state", "unseen"), [(State.TENTATIVE, 0.0), (State.LOST, 0.4), (State.ACTIVE, 0.4)])
def test_undetected_tracks_are_dashed_or_hidden(state: State, unseen: float) -> None:
    given, track = frame(), tracks([[50, 60, 190, 260]], state=state, unseen=unseen)
    assert not changed(given.bgr, Painter((), PLAIN)(given, track)).any()
    config = ViewConfig(trails=0, labels=False, clock=False, show_lost=True)
    left_side = changed(given.bgr, Painter((), config)(given, track))[70:250, 50]
    assert 0.3 < left_side.mean() < 0.8
    solid = changed(given.bgr, Painter((), config)(given, tracks([[50, 60, 190, 260]])))[70:250, 50]
    assert solid.all()


def test_filled_boxes_are_dashed_and_named_so_and_never_called_lost() -> None:
    given, filled = frame(), tracks([[50, 60, 190, 260]], state=State.FILLED, unseen=0.4)
    left_side = changed(given.bgr, Painter((), PLAIN)(given, filled))[70:250, 50]
    assert 0.3 < left_side.mean() < 0.8
    painter = Painter(("person",))
    assert painter._texts(filled)[0][0] == "#1 person filled"
    assert painter._texts(tracks([[50, 60, 190, 260]], state=State.LOST, unseen=0.4))[0][0] == "#1 person lost 0.4 s"
    painter(given, filled)
    assert not painter._ways  # a trail shows where it was seen


def test_masks_are_blended() -> None:
    given = frame()
    mask = np.zeros((2, 360, 640), bool)
    mask[0, 100:140, 200:240] = True  # the second one is empty
    picture = Painter((), PLAIN)(given, tracks([[190, 90, 250, 150], [400, 90, 450, 150]], mask=mask))
    inside = picture[120, 220].astype(float)
    expected = 0.55 * 90 + 0.45 * np.array(colour(1))
    assert np.abs(inside - expected).max() <= 1
    assert (picture[120, 420] == 90).all()


@pytest.mark.parametrize(
    "options", [{"trails": -1.0}, {"trails": float("nan")}, {"line_scale": 0.0}, {"video_crf": 52}]
)
def test_bad_settings_are_refused(options: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        ViewConfig(**options)


def test_labels_without_a_clock() -> None:
    picture = Painter(("person",), ViewConfig(clock=False))(frame(), tracks([[50, 60, 90, 160]]))
    assert changed(frame().bgr, picture).any()


def test_label_shows_score_and_class_only_if_ambiguous() -> None:
    painter = Painter(("person",))
    plain = tracks([[50, 60, 90, 160]])
    columns = (plain.id, plain.xyxy, plain.score, plain.label, plain.state, plain.time_since_update, plain.detection)
    assert painter._texts(plain) == [("#1 person 0.87", "#1")]
    assert painter._texts(Tracks(*columns, class_score=np.array([0.973]))) == [("#1 person 0.87", "#1")]
    assert painter._texts(Tracks(*columns, class_score=np.array([0.71]))) == [("#1 person? (71%) 0.87", "#1")]
    assert painter._texts(Tracks(*columns, class_score=np.array([np.nan]))) == [("#1 person 0.87", "#1")]


def test_predicted_boxes_are_dashed_lighter_and_lead_their_trail() -> None:
    painter, ground = Painter(("car",), ViewConfig(labels=False, clock=False)), np.zeros((120, 200, 3), np.uint8)
    for k in range(3):
        tracks = Tracks([1], [[10 + 10 * k, 40, 40 + 10 * k, 80]], [0.9], [0], [State.ACTIVE], [0.0], [0])
        painter(Frame(ground, k, 0.1 * k), tracks)
    ahead = Tracks([1], [[90, 40, 120, 80]], [0.9], [0], [State.PREDICTED], [0.2], [-1])
    picture = painter(Frame(ground, 5, 0.4), ahead)
    assert len(ahead.confirmed) == 1
    edge = picture[40:80, 90].max(axis=1)
    assert (edge > 0).any()
    assert (edge == 0).any()
    assert picture[40:80, 90].max(axis=0).tolist() == list(lighter(colour(1)))
    assert picture[70:90, 60:88].any()  # the trail goes on from (45, 80) to the predicted feet at (105, 80)
