"""The class pool in torch: the one definition, for training. `inference` runs the same weights without torch.

A track's belief is a number L for each class, log-odds up to a constant, accumulated over views (a Bayes filter with
learned weights): L' = r L + n(t) w e, where e is the evidence of a view. A classifier's probabilities p give two kinds
of evidence, each with its own weight w: log p, by which one wrong view can exclude the right class, and
log(1 + p / floor), which is robust to single views but slow to become certain.

A small liquid state (its flow over time in closed form) gives w, the weight of the view, and r, the share of the
earlier belief that is kept. Its inputs are the view's quality, its agreement with the belief, and the true seconds t
since the last view. It also gives the inverse temperature a: the probabilities are softmax(a L). n(t) = 1 - (1 - n0)
exp(-t / tau) is the share of new evidence in a view: views of the same moment share their errors, like noise with
correlation time tau. The few parameters are shared by all classes, so that a pool serves any number of classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.class_pool.config import ClassPoolConfig
from models.liquid.cfc import CfC

FIRST_VIEW_S = 5.0  # seconds that count as elapsed before a first view
INITIAL_KEEP_LOGIT = 4.0  # log-odds of the share of its belief that an untrained pool keeps


class ClassPool(nn.Module):
    """The network of this module. Shapes: N tracks, K classes, Q quality features, S state size."""

    def __init__(self, config: ClassPoolConfig) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self._make(config)

    def _make(self, config: ClassPoolConfig) -> None:
        self.cell = CfC(config.inputs, config.units, backbone=0, time_unit=config.time_unit)
        self.read = nn.Linear(config.units + config.inputs, 1 + config.kinds)
        self.trust = nn.Linear(config.units, 1)
        if config.soft:
            self.floor = nn.Parameter(torch.tensor(-4.0))  # log of a probability
        self.pace = nn.Parameter(torch.tensor([-1.0, -2.0]))  # log tau (seconds), log-odds of n0
        with torch.no_grad():
            for layer in (self.read, self.trust):
                layer.weight.zero_()
                layer.bias.zero_()

    def step(self, e: Tensor, quality: Tensor, dt: Tensor, belief: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The belief (N, K) and the state (N, S) after one view.

        Args:
            e: (N, K) the view's log-probabilities, or 1 for its class and 0 for all others.
            quality: (N, Q).
            dt: (N,) seconds since the last view; not finite where there was none.
            belief: (N, K) belief before the view; 0 where there was no view yet.
            h: (N, S).
        """
        x = self.features(e, quality, dt, self.probability(belief, h))
        h = self.cell.step(x, h, dt.nan_to_num(FIRST_VIEW_S, FIRST_VIEW_S).clamp(max=FIRST_VIEW_S))
        read = self.read(torch.cat((h, x), 1))
        kept = torch.sigmoid(read[:, :1] + INITIAL_KEEP_LOGIT) * belief
        weight = self.news(dt)[:, None] * functional.softplus(read[:, 1:])
        return kept + (weight[:, :, None] * self.evidence(e)).sum(1), h

    def news(self, dt: Tensor) -> Tensor:
        """(N,) the share of new evidence in a view `dt` (N,) seconds after the last one; 1 for a first view."""
        old = torch.exp(-dt.nan_to_num(0, FIRST_VIEW_S).clamp(max=FIRST_VIEW_S) / self.pace[0].exp())
        return torch.where(torch.isfinite(dt), 1 - (1 - torch.sigmoid(self.pace[1])) * old, 1.0)

    def probability(self, belief: Tensor, h: Tensor) -> Tensor:
        """(N, K) class probabilities."""
        return torch.softmax(torch.exp(self.trust(h)) * belief, 1)

    def evidence(self, e: Tensor) -> Tensor:
        """(N, kinds, K) the evidence of a view, each kind with mean 0 over the classes."""
        kinds = (e, torch.log1p(torch.exp(e - self.floor))) if self.config.soft else (e,)
        told = torch.stack(kinds, 1)
        return told - told.mean(2, keepdim=True)

    def features(self, e: Tensor, quality: Tensor, dt: Tensor, before: Tensor) -> Tensor:
        """(N, inputs) inputs of the cell; `before` (N, K) are the probabilities before the view."""
        first = ~torch.isfinite(dt)
        best = e.argmax(1, keepdim=True)
        waited = torch.where(first, FIRST_VIEW_S, dt).clamp(max=FIRST_VIEW_S)
        told = [quality, torch.log(waited + 0.02)[:, None] / 2, first[:, None].to(e.dtype)]
        if self.config.agreement:
            agree = (before.argmax(1, keepdim=True) == best).to(e.dtype) * ~first[:, None]
            told += [before.gather(1, best), before.max(1, keepdim=True).values, agree]
        if self.config.soft:
            p = torch.softmax(e, 1)
            top = p.topk(2, 1).values
            doubt = -(p * torch.log(p + 1e-12)).sum(1, keepdim=True)
            told += [top[:, :1], torch.log(top[:, :1] / (top[:, 1:] + 1e-6)) / 5, doubt / 3]
        return torch.cat(told, 1)
