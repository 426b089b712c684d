"""What the detection head learns from."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the loss is written in torch; it needs the extra `torch`")
pytest.importorskip("torchvision", reason="the boxes' loss is torchvision's; it needs the extra `torch`")

from torchvision.ops import box_iou  # noqa: E402

from models.detection.lite_head import cells, expected  # noqa: E402
from models.detection.loss import MAX_CELLS, TargetObjects, assign, loss, pairwise_iou  # noqa: E402

SIZE = (96, 160)  # height, width
POINTS, STRIDES = cells(*SIZE)
BINS = 12


def objects(*rows: tuple[int, int, float, float, float, float], trust: float = 1.0) -> TargetObjects:
    """Rows of image, label, left, top, right, bottom."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    return TargetObjects(table[:, 0].long(), table[:, 1].long(), table[:, 2:], torch.full((len(table),), trust))


def answer(truth: TargetObjects, pictures: int, classes: int, sure: float = 9.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a correct network: every cell inside an object predicts its class and box."""
    kind = torch.full((pictures, len(POINTS), classes), -sure)
    place = torch.full((pictures, len(POINTS), 4, BINS), -30.0)
    place[..., 0] = 0
    for picture, label, box in zip(truth.picture, truth.label, truth.xyxy, strict=True):
        reach = torch.cat([POINTS - box[:2], box[2:] - POINTS], 1) / STRIDES[:, None]
        inside = ((reach > 0.05) & (reach < BINS - 1.05)).all(1).nonzero()[:, 0]
        kind[picture, inside, label] = sure
        low = reach[inside].floor().long()
        part = reach[inside] - low
        bins = torch.full((len(inside), 4, BINS), -30.0)
        bins.scatter_(2, low[..., None], torch.log(1 - part + 1e-9)[..., None])
        bins.scatter_(2, low[..., None] + 1, torch.log(part + 1e-9)[..., None])
        place[picture, inside] = bins
    return kind, place.flatten(2)


NOTHING = objects()
KNOWN = torch.ones(2, 3, dtype=torch.bool)
TRUTH = objects((0, 1, 10, 10, 70, 80), (1, 0, 100, 20, 140, 60), (1, 2, 4, 4, 30, 90))


def test_iou_equals_torchvision() -> None:
    torch.manual_seed(0)
    a, b = (torch.rand(50, 4).cumsum(1) for _ in range(2))
    torch.testing.assert_close(pairwise_iou(a, b), box_iou(a, b).diagonal())


def test_cells_inside_an_object_are_assigned_to_one_object_each() -> None:
    torch.manual_seed(0)
    near = objects((0, 0, 20, 20, 60, 60), (0, 1, 30, 20, 70, 60))  # they share cells
    boxes = torch.rand(2, len(POINTS), 4) * 10 + torch.cat([POINTS - 20, POINTS + 15], 1)
    right = assign(torch.rand(2, len(POINTS), 3), boxes, POINTS, near)
    assert len(right.cell) == len(right.cell.unique())
    count = torch.bincount(right.owner, minlength=2)
    assert (count > 0).all()
    assert (count <= MAX_CELLS).all()
    at = POINTS[right.cell % len(POINTS)]
    box = near.xyxy[right.owner]
    assert ((at > box[:, :2]) & (at < box[:, 2:])).all()
    assert right.score[1].sum() == 0  # the second image is empty
    assert right.score[0].flatten().count_nonzero() == len(right.cell)


def test_object_smaller_than_a_cell_is_assigned_a_cell() -> None:
    tiny = objects((0, 0, 49, 49, 51, 51), (0, 0, 80, 16, 82, 18))
    boxes = torch.cat([POINTS - 4, POINTS + 4], 1)[None]
    right = assign(torch.full((1, len(POINTS), 1), 0.1), boxes, POINTS, tiny)
    assert set(right.owner.tolist()) == {0, 1}


def test_correct_prediction_has_low_loss_and_wrong_one_high() -> None:
    kind, place = answer(TRUTH, 2, 3)
    distance = expected(place, BINS) * STRIDES[:, None]
    boxes = torch.cat([POINTS - distance[..., :2], POINTS + distance[..., 2:]], -1)
    kind = assign(kind.sigmoid(), boxes, POINTS, TRUTH).score.clamp(1e-4, 1 - 1e-4).logit()
    right = loss(kind, place, POINTS, STRIDES, TRUTH, NOTHING, KNOWN)
    wrong = loss(kind.roll(1, 2), place.roll(40, 1), POINTS, STRIDES, TRUTH, NOTHING, KNOWN)
    assert right["class"] < 0.01 * wrong["class"]
    assert right["box"] < 0.02  # the boxes are exact
    assert all(right[name] < 0.5 * wrong[name] for name in right)  # finite too, though boxes collapse


def test_empty_batch_lowers_all_scores() -> None:
    kind = torch.zeros(2, len(POINTS), 3, requires_grad=True)
    place = torch.zeros(2, len(POINTS), 4 * BINS, requires_grad=True)
    sum(loss(kind, place, POINTS, STRIDES, NOTHING, NOTHING, KNOWN).values()).backward()
    assert (kind.grad > 0).all()
    assert (place.grad == 0).all()


def test_unlabelled_regions_and_classes_have_no_gradient() -> None:
    """Neither inside regions to leave out nor, of classes that are not labelled everywhere, outside objects."""
    kind = torch.zeros(2, len(POINTS), 3, requires_grad=True)
    place = torch.zeros(2, len(POINTS), 4 * BINS)
    unknown = objects((0, -1, 80, 0, 160, 96), (1, 1, 0, 0, 40, 96), trust=0)
    known = KNOWN.clone()
    known[1, 2] = False
    sum(loss(kind, place, POINTS, STRIDES, TRUTH, unknown, known).values()).backward()
    assert (kind.grad[0][POINTS[:, 0] > 80] == 0).all()
    assert (kind.grad[1][POINTS[:, 0] < 40][:, 1] == 0).all()
    assert (kind.grad[1][POINTS[:, 0] < 40][:, 0] != 0).all()
    outside = POINTS[:, 0] > 60  # the only object of class 2 lies left of it
    assert (kind.grad[1][outside][:, 2] == 0).all()
    assert (kind.grad[1][~outside][:, 2] != 0).any()  # but an object that is labelled counts


def test_lower_label_weight_lowers_the_target_score() -> None:
    doubtful = objects((0, 1, 10, 10, 70, 80), trust=0.5)
    boxes = torch.tensor([10.0, 10, 70, 80]).expand(1, len(POINTS), 4)
    score = torch.full((1, len(POINTS), 3), 0.3)
    assert assign(score, boxes, POINTS, doubtful).score.max() == pytest.approx(0.5)
    assert assign(score, boxes, POINTS, objects((0, 1, 10, 10, 70, 80))).score.max() == pytest.approx(1.0)
