"""Fine-grained classes of tracks: which crops are classified and when, the reported class, rows per track."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from models.errors import ConfigError
from models.labels.imagenet import imagenet_names, kinds_of
from tracker.classification.config import RecogniseConfig
from tracker.classification.recogniser import Recogniser
from tracker.protocols import SourceInfo
from tracker.types import Frame, State, Tracks

NAMES = ("person", "dog", "car", "object")
BEAGLE, TABBY, MINIVAN = 162, 281, 656


def tracks(*rows: tuple[int, int], state: int = State.ACTIVE, score: float | None = 0.9) -> Tracks:
    """Boxes side by side, 90 pixels wide; (id, label) of each."""
    n = len(rows)
    left = 100.0 * np.arange(n)
    boxes = np.stack([left, np.full(n, 20.0), left + 90, np.full(n, 110.0)], axis=1).reshape(n, 4)
    return Tracks(
        id=np.array([r[0] for r in rows], np.int64), xyxy=boxes, score=np.full(n, 0.8),
        label=np.array([r[1] for r in rows], np.int64), state=np.full(n, state), time_since_update=np.zeros(n),
        detection=np.arange(n), class_score=None if score is None else np.full(n, score, np.float32),
    )  # fmt: skip


class Sees:
    """Replaces the CNN: the class of each image is the number in its first pixel."""

    def __init__(self, kinds: dict[int, int], logit: float = 9.0) -> None:
        self.kinds, self.logit, self.seen = kinds, logit, []  # type: ignore[var-annotated]

    def __call__(self, squares: list[Any]) -> Any:
        grey = [int(np.median(s)) for s in squares]
        self.seen.append(grey)
        scores = np.zeros((len(squares), 1000), np.float32)
        for row, value in enumerate(grey):
            scores[row, self.kinds[value]] = self.logit
        return scores


def frame(time: float, *greys: int) -> Frame:
    picture = np.full((240, 100 * max(len(greys), 3), 3), 128, np.uint8)
    for k, grey in enumerate(greys):
        picture[:, 100 * k : 100 * k + 95] = grey
    return Frame(picture, int(time * 100), time)


def recogniser(sees: Any, **settings: Any) -> tuple[Recogniser, tuple[str, ...]]:
    made = Recogniser(RecogniseConfig("imagenet", **settings), sees, imagenet_names(), 64)
    return made, made.open(SourceInfo("clip", 160, 120), NAMES)


def test_fine_grained_class_replaces_the_coarse_one_with_a_probability() -> None:
    made, names = recogniser(Sees({10: BEAGLE}))
    assert names[: len(NAMES)] == NAMES
    assert len(set(names)) == len(names)
    for k in range(8):
        told = made.update(frame(0.3 * k, 10), tracks((7, 1)))
    assert [names[k] for k in told.label] == ["beagle"]
    assert told.class_score is not None
    assert 0.5 <= told.class_score[0] <= 1


def test_persons_are_not_classified_and_keep_their_class() -> None:
    sees = Sees({10: BEAGLE})
    made, _ = recogniser(sees)
    told = made.update(frame(0, 10), tracks((1, 0)))
    assert told.label.tolist() == [0]
    assert sees.seen == []
    assert kinds_of("person") == ()


def test_detector_class_counts_as_evidence() -> None:
    """The CNN halts between a tabby and a minivan; what the detector calls it decides."""

    def torn(squares: list[Any]) -> Any:
        scores = np.zeros((len(squares), 1000), np.float32)
        scores[:, [TABBY, MINIVAN]] = 12.0
        return scores

    made, names = recogniser(torn)
    for k in range(6):
        told = made.update(frame(0.3 * k, 10, 10), tracks((1, 2), (2, 3)))
    assert names[told.label[0]] == "minivan"
    assert told.label[1] == 3  # an object of no known class: neither is likely enough


def test_crops_per_frame_are_bounded_and_every_track_is_classified() -> None:
    sees = Sees(dict.fromkeys(range(256), BEAGLE))
    made, _ = recogniser(sees, classify_crops=2, classify_interval=0.5)
    everybody = tracks(*((k, 1) for k in range(1, 7)))
    for k in range(3):
        made.update(frame(0.04 * k, *(20 * j for j in range(1, 7))), everybody)
    assert [len(s) for s in sees.seen] == [2, 2, 2]
    assert sorted(g for s in sees.seen for g in s) == [20, 40, 60, 80, 100, 120]
    made.update(frame(0.2, *(20 * j for j in range(1, 7))), everybody)  # no track is due
    assert made.looks == 6


def test_confident_tracks_are_classified_rarely() -> None:
    made, _ = recogniser(Sees({10: BEAGLE}, logit=20.0), classify_interval=0.1)
    for k in range(101):
        made.update(frame(0.1 * k, 10), tracks((1, 1)))
    assert made.looks <= 40


def test_accumulated_logits_stay_with_their_tracks() -> None:
    made, names = recogniser(Sees({10: BEAGLE, 40: MINIVAN, 128: TABBY}, logit=15.0), classify_crops=5)
    for k in range(8):
        told = made.update(frame(0.3 * k, 10, 40), tracks((1, 1), (2, 2)))
    assert [names[k] for k in told.label] == ["beagle", "minivan"]
    told = made.update(frame(2.35, 128, 40, 10), tracks((9, 0), (2, 2), (1, 1)))  # another order, and a new track
    assert [names[k] for k in told.label] == ["person", "minivan", "beagle"]
    told = made.update(frame(2.4), tracks())
    assert len(told) == 0
    told = made.update(frame(2.45, 128), tracks((1, 1)))  # gone is forgotten
    assert names[told.label[0]] != "beagle"


@pytest.mark.parametrize("state", [State.TENTATIVE, State.LOST])
def test_only_currently_detected_tracks_are_classified(state: State) -> None:
    sees = Sees({10: BEAGLE})
    recogniser(sees)[0].update(frame(0, 10), tracks((1, 1), state=state))
    assert sees.seen == []


def test_tracks_without_class_scores_are_classified() -> None:
    made, names = recogniser(Sees({10: BEAGLE}, logit=15.0))
    for k in range(6):
        told = made.update(frame(0.3 * k, 10), tracks((1, 3), score=None))
    assert names[told.label[0]] == "beagle"
    assert told.class_score is not None


def test_boxes_beyond_the_image_are_clipped() -> None:
    made, _ = recogniser(Sees(dict.fromkeys(range(256), BEAGLE)))
    far = tracks((1, 1))
    for left, top in ((-500.0, -500.0), (5000.0, 10.0), (290.0, 230.0)):
        box = np.array([[left, top, left + 90, top + 90]], np.float32)
        moved = Tracks(far.id, box, far.score, far.label, far.state, far.time_since_update, far.detection)
        assert len(made.update(frame(left + 600, 10), moved)) == 1


def test_fine_grained_class_is_not_reported_below_the_minimum_probability() -> None:
    """Evidence changes slowly: below the limit the detector's class is kept, without flicker."""
    grey = {10: BEAGLE, 60: TABBY}
    made, names = recogniser(Sees(grey, logit=7.5), classify_probability=0.5, classify_interval=0.0)
    told = [made.update(frame(0.3 * k, 10 if k < 5 or k > 12 else 60), tracks((1, 1), score=None)) for k in range(40)]
    said = [(names[t.label[0]], float(t.class_scores()[0])) for t in told]
    assert "beagle" in dict(said)
    assert all(share >= 0.5 for name, share in said if name != "dog")
    changes = sum(a[0] != b[0] for a, b in itertools.pairwise(said))
    assert changes <= 5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"classify_crops": 0}, "classify_crops is 0; give 1 or more"),
        ({"classify_interval": -1}, "classify_interval is -1; give seconds"),
        ({"classify_probability": 1.0}, r"classify_probability is 1.0; give a probability"),
    ],
)
def test_invalid_settings_are_refused(settings: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        RecogniseConfig("imagenet", **settings)


def test_imagenet_names_are_unique_and_map_to_coco_classes() -> None:
    from models.labels import imagenet
    from models.labels.coco import COCO_NAMES

    names = imagenet_names()
    assert len(names) == len(set(names)) == 1000
    assert set(imagenet._KINDS) <= set(COCO_NAMES)
    assert {names[k] for k in kinds_of("cat")} >= {"tabby", "Siamese cat"}
    assert all(0 <= k < 1000 for name in COCO_NAMES for k in kinds_of(name))
