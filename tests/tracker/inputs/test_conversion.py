"""`Detections.of`, `Frame.of` and `Tracker.update` accept common inputs, and refuse others in one sentence."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.errors import DataError
from tracker.detectors.registry import build_detector
from tracker.engine import Tracker
from tracker.types import Detections, Frame

ROWS = [[10.0, 20.0, 30.0, 60.0, 0.5, 2.0], [0.0, 0.0, 5.0, 5.0, 0.9, 0.0]]
TABLE = np.array(ROWS)
BOXES, SCORES, LABELS = TABLE[:, :4], TABLE[:, 4], TABLE[:, 5]


class Tensor:
    """A tensor as torch's: on a device, with a gradient, and only its copy on the host is readable."""

    def __init__(self, values: Any, host: bool = False) -> None:
        self._values, self._host = np.asarray(values), host
        self.shape = self._values.shape

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return Tensor(self._values, host=True)

    def numpy(self) -> np.ndarray:
        assert self._host
        return self._values

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("it is on the device")


def results(boxes: Any) -> Any:
    """One image's results as Ultralytics gives them: `path`, `names` and more beside the boxes."""
    return SimpleNamespace(boxes=boxes, obb=None, masks=None, probs=None, names={0: "a", 1: "b", 2: "c"}, path="x.jpg")


def boxes(kind: Any) -> Any:
    return SimpleNamespace(xyxy=kind(BOXES), conf=kind(SCORES), cls=kind(LABELS), id=None, data=kind(TABLE))


FORMS = {
    "rows": lambda: TABLE,
    "lists": lambda: ROWS,
    "tuple of rows": lambda: tuple(map(tuple, ROWS)),
    "half precision": lambda: TABLE.astype(np.float16),
    "whole numbers with scores apart": lambda: (BOXES.astype(np.int16), SCORES, LABELS.astype(np.uint8)),
    "columns": lambda: (BOXES, SCORES, LABELS),
    "list of columns": lambda: [BOXES.tolist(), SCORES.tolist(), LABELS.tolist()],
    "tensor": lambda: Tensor(TABLE),
    "columns of tensors": lambda: (Tensor(BOXES), Tensor(SCORES), Tensor(LABELS)),
    "Ultralytics": lambda: results(boxes(Tensor)),
    "Ultralytics, a list of one": lambda: [results(boxes(Tensor))],
    "Ultralytics, boxes alone": lambda: boxes(Tensor),
    "Ultralytics, turned boxes": lambda: SimpleNamespace(boxes=None, obb=boxes(Tensor)),
    "torchvision": lambda: [{"boxes": Tensor(BOXES), "labels": Tensor(LABELS), "scores": Tensor(SCORES)}],
    "Transformers": lambda: {"scores": SCORES, "labels": LABELS, "boxes": BOXES},
    "objects": lambda: np.array([[Fraction(one) for one in row] for row in ROWS], object),
    "not contiguous": lambda: np.asfortranarray(np.repeat(TABLE, 2, axis=0)[::2]),
}


@pytest.mark.parametrize("form", FORMS)
def test_common_inputs_are_converted_to_detections(form: str) -> None:
    found = Detections.of(FORMS[form]())
    np.testing.assert_allclose(found.xyxy, BOXES)
    np.testing.assert_allclose(found.score, SCORES, atol=1e-3)
    assert found.label.tolist() == [2, 0]
    assert (found.xyxy.dtype, found.score.dtype, found.label.dtype) == (np.float32, np.float32, np.int64)
    tracks = Tracker().update(FORMS[form](), 0.0)
    assert tracks.detection.tolist() == [1]


def test_detections_instance_is_returned_unchanged() -> None:
    found = Detections.of(TABLE)
    assert Detections.of(found) is found


def test_missing_columns_get_defaults() -> None:
    assert Detections.of(TABLE[:, :5]).label.tolist() == [0, 0]
    assert Detections.of(BOXES).score.tolist() == [1, 1]
    assert Detections.of((BOXES, SCORES)).label.tolist() == [0, 0]


@pytest.mark.parametrize("nothing", [[], (), np.zeros((0, 6)), ([], [], []), {"boxes": []}, results(boxes(np.array))])
def test_empty_results_give_no_detections(nothing: Any) -> None:
    if not isinstance(nothing, SimpleNamespace):
        assert len(Detections.of(nothing)) == 0
    empty = SimpleNamespace(xyxy=np.zeros((0, 4)), conf=np.zeros(0), cls=np.zeros(0))
    assert len(Detections.of(results(empty))) == 0


def test_tensors_with_and_without_gradients_are_read() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(ROWS, requires_grad=True)
    for kind in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        np.testing.assert_allclose(Detections.of(tensor.to(kind)).xyxy, BOXES)
    answer = {"boxes": tensor[:, :4], "scores": tensor[:, 4], "labels": tensor[:, 5].long()}
    assert Detections.of([answer]).label.tolist() == [2, 0]


def test_supervision_detections_are_read_with_embeddings_and_masks() -> None:
    sv = pytest.importorskip("supervision")
    mask = np.zeros((2, 8, 8), bool)
    mask[1, 2, 3] = True
    there = sv.Detections(
        xyxy=BOXES, confidence=SCORES, class_id=LABELS.astype(int), mask=mask, data={"embedding": 3 * np.eye(2, 4)}
    )
    found = Detections.of(there)
    assert found.label.tolist() == [2, 0]
    assert found.mask is not None
    assert found.mask.sum() == 1
    assert found.embedding is not None
    np.testing.assert_allclose(found.embedding, np.eye(2, 4))  # of unit length now


def test_torchvision_soft_masks_are_read_as_probabilities() -> None:
    mask = np.zeros((2, 1, 8, 8), np.float32)
    mask[0, 0, 2, 3] = 0.7
    mask[0, 0, 2, 4] = 0.3
    found = Detections.of({"boxes": BOXES, "scores": SCORES, "labels": LABELS, "masks": mask})
    assert found.mask is not None
    assert found.mask.shape == (2, 8, 8)
    assert found.mask.sum() == 1


def test_labels_may_be_names_if_names_are_known() -> None:
    found = (BOXES, SCORES, ["Car", "person"])
    assert Detections.of(found, ("person", "bus", "car")).label.tolist() == [2, 0]
    with pytest.raises(DataError, match=r"a label is 'Car', which is none of the names \(person\)"):
        Detections.of(found, ("person",))
    with pytest.raises(DataError, match="there are no names"):
        Detections.of(found)


def test_scores_beyond_one_by_rounding_are_clipped() -> None:
    assert Detections.of((BOXES, [1.0005, -0.0002])).score.tolist() == [1, 0]


def test_empty_clipped_boxes_are_dropped_from_detector_output_only() -> None:
    flat = [*ROWS, [5, 5, 5, 9, 0.5, 0]]
    assert len(Detections.of(flat, flat=True)) == 2
    with pytest.raises(DataError, match=r"box 2 is \[5.0, 5.0, 5.0, 9.0\]"):
        Detections.of(flat)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "detections are None; give an empty list"),
        ("10 20 30 40", "detections are text"),
        (7, r"detections have shape \(\)"),
        (ROWS[0], r"detections have shape \(6,\); one row stands in a list of its own"),
        (TABLE[:, :3], r"detections have shape \(2, 3\); give rows \(N, 6\)"),
        (np.zeros((2, 7)), r"shape \(2, 7\)"),
        (TABLE[None], r"shape \(1, 2, 6\)"),
        ([[1, 2, 3, 4], [1, 2, 3]], "rows of different lengths"),
        ([["a", "b", "c", "d"]], "holds <U1; give numbers"),
        (np.array([[None] * 6]), "holds NoneType; give numbers"),
        (TABLE.astype(complex), "holds complex128"),
        (TABLE > 3, "holds bool"),
        (np.ma.masked_greater(TABLE, 50), "is masked"),
        ({"scores": SCORES}, "a dict without boxes"),
        (object(), "which is no array|holds object"),
        (results(None), "without boxes"),
        (TABLE * [1, 1, 1, 1, 100, 1], "score 0 is 50.0; scores are probabilities"),
        (TABLE * [1, 1, 1, 1, -1, 1], "score 0 is -0.5"),
        (TABLE * [1, 1, 1, 1, 1, -1], "label -2 is no class"),
        (np.add(TABLE, [0, 0, 0, 0, 0, 0.5]), "label holds 2.5; give whole numbers"),
        (np.add(TABLE, [0, 0, 0, 0, 0, 1e9]), "label 1000000002 is no class"),
        (np.add(TABLE, [0, 0, 0, 0, 0, 1e30]), "give whole numbers"),
        (np.add(TABLE, [0, 0, 0, 0, 0, np.nan]), "label holds nan"),
        (TABLE * [1, 1, np.nan, 1, 1, 1], "box 0 is .*finite numbers"),
        (TABLE * [1, 1, 1e300, 1, 1, 1], "box 0 is .*finite numbers"),
        (TABLE * [1, 1, 1e9, 1, 1, 1], "box 0 is .*finite numbers"),
        (TABLE[:, [2, 1, 0, 3, 4, 5]], r"box 0 is \[30.0, 20.0, 10.0, 60.0\]"),
        ([[100, 100, 20, 40, 0.5, 0]], "is it x, y, width, height"),
        (TABLE / [60, 60, 60, 60, 1, 1], "give pixels of the frame, not shares"),
        ((BOXES, SCORES[:1]), r"score has shape \(1,\); it needs one value for each of the 2 boxes"),
        ((BOXES, SCORES, ["a", None]), "label holds"),
    ],
)
def test_invalid_detections_are_refused_in_one_sentence(found: Any, said: str) -> None:
    for take in (Detections.of, lambda found: Tracker().update(found, 0.0)):
        with pytest.raises(DataError, match=said) as raised:
            take(found)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "time", ["0:01", None, True, [0.0], np.zeros(2), float("nan"), float("inf"), 1e300, 1.7e18, 1j]
)
def test_invalid_time_is_refused_in_one_sentence(time: Any) -> None:
    with pytest.raises(DataError, match=r"give .*seconds"):
        Tracker().update(ROWS, time)
    with pytest.raises(DataError, match=r"give .*seconds"):
        Frame(np.zeros((4, 6, 3), np.uint8), 0, time)


@pytest.mark.parametrize("time", [np.float32(0.5), np.int64(1), np.array(0.5), Fraction(1, 2), 1, 1.7e9])
def test_any_numeric_type_is_a_valid_time(time: Any) -> None:
    assert len(Tracker().update(ROWS, time)) == 1


@pytest.mark.parametrize(
    "warp", ["no", [[1, 0], [0, 1]], np.zeros((2, 3)), np.full((2, 3), np.nan), [[1, 0, None]] * 2]
)
def test_invalid_camera_motion_is_refused_and_leaves_the_tracker_unchanged(warp: Any) -> None:
    tracker = Tracker()
    with pytest.raises(DataError, match="the camera motion"):
        tracker.update(ROWS, 0.0, warp)
    assert tracker.update(ROWS, 0.0).confirmed.id.tolist() == [1]


def test_refused_detections_leave_the_tracker_unchanged() -> None:
    tracker = Tracker()
    tracker.update(ROWS, 0.0)
    with pytest.raises(DataError):
        tracker.update([[5, 5, 1, 1, 0.5, 0]], 0.1)
    assert tracker.update(ROWS, 0.1).confirmed.id.tolist() == [1]


def test_embeddings_of_another_length_are_refused() -> None:
    tracker = Tracker()
    tracker.update(SimpleNamespace(xyxy=BOXES, conf=SCORES, embedding=np.eye(2, 8)), 0.0)
    with pytest.raises(DataError, match="an embedding has 4 numbers where earlier ones had 8"):
        tracker.update(SimpleNamespace(xyxy=BOXES, conf=SCORES, embedding=np.eye(2, 4)), 0.1)
    for wrong in ([[1, 2], [3]], np.eye(3), np.full((2, 4), np.nan), np.zeros((2, 0)), ["a", "b"]):
        with pytest.raises(DataError, match="embedding"):
            Detections(BOXES, SCORES, LABELS, embedding=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("detector", ["python", "lite0"])
def test_detectors_accept_a_plain_image(detector: str) -> None:
    from tracker.detectors.python_callable import PythonDetector

    picture = np.zeros((48, 64, 3), np.uint8)
    found = build_detector() if detector == "lite0" else PythonDetector(lambda frame: [[0, 0, *frame.size]])
    for form in (picture, picture[:, :, 0], np.dstack([picture, picture[:, :, :1]]), Frame(picture, 0, 0.0)):
        assert len(found(form)) == len(found(Frame(picture, 7, 0.3)))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"a picture is float64 \(48, 64, 3\); give \(H, W, 3\) uint8, BGR"):
        found(picture / 255)  # type: ignore[arg-type]


def test_pil_image_is_converted_to_bgr() -> None:
    image = pytest.importorskip("PIL.Image")
    assert Frame.of(image.new("RGB", (6, 4), (1, 2, 3))).bgr[0, 0].tolist() == [3, 2, 1]
    assert Frame.of(image.new("L", (6, 4), 7)).size == (6, 4)


@pytest.mark.parametrize("detector", ["background", "none"])
def test_detectors_that_need_the_time_require_it(detector: str) -> None:
    with pytest.raises(DataError, match=r"give Frame\(bgr, index, seconds\)"):
        build_detector(detector)(np.zeros((48, 64, 3), np.uint8))  # type: ignore[arg-type]


@pytest.mark.parametrize("names", [{0: "a", 1: "b"}, ["a", "b"], ("a", "b")])
def test_names_are_a_list_or_a_mapping(names: Any) -> None:
    from tracker.detectors.class_names import names_of

    assert names_of(SimpleNamespace(names=names)) == ("a", "b")
