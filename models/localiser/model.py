"""The localiser in torch: definition for training and export.

Every cell of the search region is compared with every cell of the template, as in pixel-wise correlation (Yan et al.,
"Alpha-Refine", CVPR 2021) and cross-attention (Chen et al., "Transformer Tracking", CVPR 2021). What a cell attends to
also says where in the object it lies, so that cells vote for the box. A cell's score is the IoU of its box, as in
generalised focal loss (Li et al., NeurIPS 2020).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.localiser.config import LocaliserConfig
from models.localiser.shapes import CHANNELS, PLACE, TEMPLATE


class _Block(nn.Module):
    """A residual block: a depth-wise convolution, then two 1 x 1 convolutions."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(width, width, side, padding=side // 2, groups=width, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.up = nn.Conv2d(width, width, 1)
        self.down = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.down(torch.relu(self.up(self.norm(self.spread(x)))))
        return out


DROPPED = 0.1  # share of channels left out at random in training: without it, crops are learnt by heart


class Neck(nn.Module):
    """Frozen maps of strides 8 and 16 -> one map of stride 16."""

    def __init__(self, config: LocaliserConfig) -> None:
        super().__init__()
        w = config.width
        self.norm = nn.BatchNorm2d(4 * CHANNELS[0] + CHANNELS[1])
        self.mix = nn.Conv2d(4 * CHANNELS[0] + CHANNELS[1], w, 1)
        self.block = _Block(w, 3)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(B, 40, 2N, 2N), (B, 112, N, N) -> (B, width, N, N)."""
        x = torch.cat([F.pixel_unshuffle(fine, 2), coarse], dim=1)
        out: Tensor = self.block(self.mix(F.dropout2d(self.norm(x), DROPPED, self.training)))
        return out


class Matcher(nn.Module):
    """Template and search map -> scores and boxes of all cells."""

    def __init__(self, config: LocaliserConfig) -> None:
        super().__init__()
        w, k = config.width, config.key
        self.query = nn.Conv2d(w, k, 1)
        self.keys = nn.Linear(w + PLACE, k)
        self.value = nn.Linear(w + PLACE, w)
        self.whole = nn.Linear(w, w)
        self.sharp = nn.Parameter(torch.tensor(2.3))
        cells = TEMPLATE * TEMPLATE
        self.join = nn.Conv2d(3 * w + cells + PLACE + 1, w, 1)
        self.blocks = nn.Sequential(*[_Block(w, 5) for _ in range(config.depth)])
        self.norm = nn.BatchNorm2d(w)
        self.score = nn.Conv2d(w, 1, 1)
        self.box = nn.Conv2d(w, 4, 1)
        nn.init.constant_(self.score.bias, -4.0)  # type: ignore[arg-type]
        nn.init.constant_(self.box.bias, 0.6)  # type: ignore[arg-type]

    def forward(self, template: Tensor, place: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        """The answer of every cell.

        Args:
            template: (B, width, T, T) map around the object, at the object's scale.
            place: (B, PLACE, T, T) where in the object's box each cell of it lies.
            search: (B, width, N, N).

        Returns:
            (B, N, N) logits of the IoU, and (B, 4, N, N) log distances to left, top, right and bottom, in cells.
        """
        b, w, n, _ = search.shape
        z = torch.cat([template, place], dim=1).flatten(2).transpose(1, 2)  # (B, T T, width + PLACE)
        q = F.normalize(self.query(search).flatten(2), dim=1)  # (B, key, N N)
        likeness = torch.bmm(F.normalize(self.keys(z), dim=2), q)  # (B, T T, N N)
        attention = torch.softmax(self.sharp.exp() * likeness, dim=1)
        found = torch.bmm(self.value(z).transpose(1, 2), attention)
        where = torch.bmm(place.flatten(2), attention)
        inside = place[:, :1].flatten(2)
        mean = (template.flatten(2) * inside).sum(dim=2) / inside.sum(dim=2).clamp(min=1e-3)
        x = torch.cat(
            [
                search,
                search * self.whole(mean)[:, :, None, None],
                found.view(b, w, n, n),
                likeness.view(b, -1, n, n),
                where.view(b, -1, n, n),
                likeness.amax(dim=1).view(b, 1, n, n),
            ],
            dim=1,
        )
        x = torch.relu(self.norm(self.blocks(self.join(F.dropout2d(x, DROPPED, self.training)))))
        return self.score(x)[:, 0], self.box(x)


class Localiser(nn.Module):
    """Neck and matcher."""

    def __init__(self, config: LocaliserConfig | None = None) -> None:
        super().__init__()
        self.config = config or LocaliserConfig()
        self.neck = Neck(self.config)
        self.match = Matcher(self.config)


def sample(maps: Tensor, points: Tensor) -> Tensor:
    """(B, C, N, N) maps and (B, T, T, 2) points in cells, (0, 0) at the centre of the first -> (B, C, T, T)."""
    n = maps.shape[-1]
    return F.grid_sample(maps, (points + 0.5) * (2 / n) - 1, padding_mode="border", align_corners=False)
