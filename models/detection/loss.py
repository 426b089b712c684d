"""The detection head's loss: assignment of cells to objects, and the losses of classes, boxes and distances.

Assignment: Feng et al., "TOOD: Task-aligned One-stage Object Detection", arXiv:2108.07755, section 3.2. Classes: the
quality focal loss of Li et al., "Generalized Focal Loss", arXiv:2006.04388, eq. 5; distances: its eq. 6. Boxes:
complete IoU, Zheng et al., "Distance-IoU Loss", arXiv:1911.08287, by torchvision.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import complete_box_iou_loss

from models.detection.lite_head import expected

ALPHA, BETA = 1.0, 6.0  # exponents of score and IoU in a cell's alignment (TOOD, section 4.1)
MAX_CELLS = 10  # most cells assigned to one object
MIN_REACH_PX = 4.0  # pixels: a cell of the finest stride is assigned to an object that is smaller than the cell
QFL_BETA = 2.0  # QFL's beta
MIN_STRIDES = 1e-3  # strides
BOX, DISTANCE = 2.0, 0.5  # weights beside the class loss


@dataclass(frozen=True, slots=True, eq=False)
class TargetObjects:
    """All objects of a batch, concatenated.

    Attributes:
        picture: (G,) int64, index of each object's image in the batch.
        label: (G,) int64; in an ignored region, -1 stands for all classes.
        xyxy: (G, 4) float32, pixels of the network's input.
        trust: (G,) float32, 0 to 1, label weight: confidence that the object exists.
    """

    picture: Tensor
    label: Tensor
    xyxy: Tensor
    trust: Tensor

    def to(self, device: torch.device | str) -> TargetObjects:
        """The same objects on another device."""
        return TargetObjects(*(getattr(self, name).to(device) for name in ("picture", "label", "xyxy", "trust")))


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """The targets of all cells.

    Attributes:
        score: (B, A, C) quality of the cell's box where it is assigned to an object of that class, else 0.
        cell: (P,) int64, flat index (image * A + cell) of each assigned cell.
        owner: (P,) int64, the object of that cell.
    """

    score: Tensor
    cell: Tensor
    owner: Tensor


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """(N,) IoU of (N, 4) with (N, 4), row by row."""
    width = (torch.minimum(a[:, 2], b[:, 2]) - torch.maximum(a[:, 0], b[:, 0])).clamp(min=0)
    height = (torch.minimum(a[:, 3], b[:, 3]) - torch.maximum(a[:, 1], b[:, 1])).clamp(min=0)
    shared = width * height
    both = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]) + (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return shared / (both - shared).clamp(min=1e-9)


def _within(points: Tensor, xyxy: Tensor, margin: float = 0.0) -> Tensor:
    """(G, A) whether each of the (A, 2) points lies in each box, with boxes at least 2 * margin wide and high."""
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    half = ((xyxy[:, 2:] - xyxy[:, :2]) / 2).clamp(min=margin)
    return ((points[None] - centre[:, None]).abs() < half[:, None]).all(-1)


@torch.no_grad()
def assign(score: Tensor, boxes: Tensor, points: Tensor, objects: TargetObjects) -> Assignment:
    """The cells assigned to each object: the best aligned of those inside it, by score and IoU.

    Args:
        score: (B, A, C) the network's scores, 0 to 1.
        boxes: (B, A, 4) the network's boxes, pixels.
        points: (A, 2) the cells' centres, pixels.
        objects: the ground truth.
    """
    target = torch.zeros_like(score)
    none = torch.zeros(0, dtype=torch.int64, device=score.device)
    if len(objects.label) == 0:
        return Assignment(target, none, none)
    count = score.shape[1]
    owner, cell = _within(points, objects.xyxy, MIN_REACH_PX).nonzero(as_tuple=True)
    picture = objects.picture[owner]
    iou = pairwise_iou(boxes[picture, cell], objects.xyxy[owner])
    aligned = score[picture, cell, objects.label[owner]] ** ALPHA * iou**BETA
    table = score.new_zeros(len(objects.label), count)
    table[owner, cell] = aligned + 1e-12  # cells inside precede cells outside even before any box overlaps
    quality = score.new_zeros(len(objects.label), count)
    quality[owner, cell] = iou
    best, at = table.topk(min(MAX_CELLS, count), dim=1)
    chosen = torch.zeros_like(table).scatter_(1, at, (best > 0).to(table.dtype))
    # a cell is assigned to one object: of several the one with the largest IoU
    flat = score.new_zeros(score.shape[0], count).scatter_reduce_(
        0, objects.picture[:, None].expand_as(table), quality * chosen + 1e-9 * chosen, "amax"
    )
    chosen = chosen * (quality + 1e-9 >= flat[objects.picture])
    owner, cell = chosen.nonzero(as_tuple=True)
    picture = objects.picture[owner]
    aligned, iou = table[owner, cell], quality[owner, cell]
    most = score.new_zeros(len(objects.label)).scatter_reduce_(0, owner, aligned, "amax")
    finest = score.new_zeros(len(objects.label)).scatter_reduce_(0, owner, iou, "amax")
    worth = aligned / most[owner].clamp(min=1e-12) * finest[owner]
    target[picture, cell, objects.label[owner]] = worth * objects.trust[owner]
    return Assignment(target, picture * count + cell, owner)


def loss(
    kind: Tensor,
    place: Tensor,
    points: Tensor,
    strides: Tensor,
    objects: TargetObjects,
    unknown: TargetObjects,
    known: Tensor,
) -> dict[str, Tensor]:
    """The weighted losses of a batch; their sum is minimised.

    Args:
        kind: (B, A, C) class logits.
        place: (B, A, 4 * bins) logits of distances.
        points: (A, 2) the cells' centres, pixels.
        strides: (A,) the cells' strides.
        objects: the ground truth.
        unknown: ignored regions, where objects of that class are not reliably labelled (crowds, uncertain boxes).
        known: (B, C) bool, the classes that are completely labelled in the image.
    """
    bins = place.shape[-1] // 4
    # a box of zero height has no aspect ratio for complete IoU
    distance = expected(place, bins).clamp(min=MIN_STRIDES) * strides[:, None]
    boxes = torch.cat([points - distance[..., :2], points + distance[..., 2:]], -1)
    score = kind.sigmoid()
    right = assign(score.detach(), boxes.detach(), points, objects)
    weight = known[:, None].expand_as(kind) | (right.score > 0)
    if len(unknown.label):
        region, cell = _within(points, unknown.xyxy).nonzero(as_tuple=True)
        weight = weight.clone()
        every = unknown.label[region] < 0
        weight[unknown.picture[region][every], cell[every]] = False
        region, cell = region[~every], cell[~every]
        weight[unknown.picture[region], cell, unknown.label[region]] = False
        weight |= right.score > 0
    focal = (right.score - score).abs() ** QFL_BETA * functional.binary_cross_entropy_with_logits(
        kind, right.score, reduction="none"
    )
    total = right.score.sum().clamp(min=1.0)
    losses = {"class": (focal * weight).sum() / total}
    if len(right.cell) == 0:
        return losses | {"box": place.sum() * 0, "distance": place.sum() * 0}
    worth = right.score.amax(-1).flatten()[right.cell]
    box = complete_box_iou_loss(boxes.flatten(0, 1)[right.cell], objects.xyxy[right.owner], reduction="none")
    cell = right.cell % len(points)
    side = objects.xyxy[right.owner]
    wanted = torch.cat([points[cell] - side[:, :2], side[:, 2:] - points[cell]], 1) / strides[cell, None]
    spread = _between(place.flatten(0, 1)[right.cell].reshape(-1, 4, bins), wanted.clamp(0, bins - 1.01))
    return losses | {
        "box": BOX * (box * worth).sum() / total,
        "distance": DISTANCE * (spread.mean(1) * worth).sum() / total,
    }


def _between(logits: Tensor, wanted: Tensor) -> Tensor:
    """(P, 4) cross-entropy of (P, 4, bins) logits with the two whole strides around each target distance."""
    low = wanted.floor()
    part = wanted - low
    logs = functional.log_softmax(logits, -1)
    left = logs.gather(-1, low.long()[..., None])[..., 0]
    right = logs.gather(-1, low.long()[..., None] + 1)[..., 0]
    return -(left * (1 - part) + right * part)
