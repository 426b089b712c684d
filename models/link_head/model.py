"""The link head in torch: the one definition, for training. `inference` runs the same weights without torch.

A pair network turns the features of a link into log-odds; in rounds of message passing (Gilmer et al., ICML 2017) it
hears of the links that share its end or its start. Its outputs are corrections of the motion prior's log-odds.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.link_head.config import LinkHeadConfig
from models.link_head.shapes import MESSAGE_HIDDEN, NUMBERS

MAX_LOGIT = 15.0  # log-odds at which competing links are clipped
MAX_PRIOR = 20.0  # log-odds at which the prior's are clipped
PRIOR_WEIGHT, PRIOR_BIAS = 0.3, -1.0  # of the prior's log-odds in an untrained head


class LinkHead(nn.Module):
    """The network of this module, with `features` features a link between pieces, `doubts` one of a finished track."""

    def __init__(self, features: int, doubts: int, config: LinkHeadConfig) -> None:
        super().__init__()
        self.config = config
        out, heard = 1 + config.message_size, NUMBERS + 3 * config.message_size
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.weights_seed)
            self.mean = nn.Parameter(torch.zeros(features), requires_grad=False)
            self.scale = nn.Parameter(torch.ones(features), requires_grad=False)
            self.base = nn.Parameter(torch.tensor([PRIOR_WEIGHT, PRIOR_BIAS]))
            self.first = nn.Linear(features, config.hidden)
            self.second = nn.Linear(config.hidden, config.hidden)
            self.judge = nn.Linear(config.hidden, out)
            self.listen = nn.ModuleList(nn.Linear(heard, MESSAGE_HIDDEN) for _ in range(config.message_rounds))
            self.revise = nn.ModuleList(nn.Linear(MESSAGE_HIDDEN, out) for _ in range(config.message_rounds))
            self.doubt = DoubtHead(doubts, config.doubt_hidden)
            with torch.no_grad():
                for layer in (self.judge, *self.revise):
                    layer.weight.zero_()
                    layer.bias.zero_()
                self.judge.weight[1:] = 0.1 * torch.randn(config.message_size, config.hidden)

    def forward(self, features: Tensor, prior: Tensor, earlier: Tensor, later: Tensor, pieces: int) -> Tensor:
        """(K,) log-odds of K links.

        Args:
            features: (K, features).
            prior: (K,) log-odds of the motion prior.
            earlier, later: (K,) the pieces of each link.
            pieces: number of pieces.
        """
        x = torch.relu(self.first((features - self.mean) / self.scale))
        out = self.judge(torch.relu(self.second(x)))
        z: Tensor = self.base[0] * prior.clamp(-MAX_PRIOR, MAX_PRIOR) + self.base[1] + out[:, 0]
        word = torch.tanh(out[:, 1:])
        for listen, revise in zip(self.listen, self.revise, strict=True):
            c = z.clamp(-MAX_LOGIT, MAX_LOGIT)
            end_sum, end_best, end_word = _competing(c, word, earlier, pieces)
            start_sum, start_best, start_word = _competing(c, word, later, pieces)
            numbers = torch.stack((c, end_sum, start_sum, end_best, start_best), 1) / 4
            out = revise(torch.relu(listen(torch.cat((numbers, word, end_word, start_word), 1))))
            z, word = z + out[:, 0], word + out[:, 1:]
        return z


class DoubtHead(nn.Module):
    """Whether two successive detections of a finished track are one object: a small network without competition."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(features), requires_grad=False)
        self.scale = nn.Parameter(torch.ones(features), requires_grad=False)
        self.first = nn.Linear(features, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.judge = nn.Linear(hidden, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(L,) log-odds that a link is right, of its features (L, features)."""
        x = torch.relu(self.first((features - self.mean) / self.scale))
        odds: Tensor = self.judge(torch.relu(self.second(x)))[:, 0]
        return odds


def _competing(z: Tensor, word: Tensor, group: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """(K,) log(1 + sum exp) of each link's group, its best other ("none" counts as 0), (K, M) the group's mean word."""
    weight = z.exp()
    total = z.new_zeros(n).index_add(0, group, weight)
    best = z.new_zeros(n).scatter_reduce(0, group, z.detach(), "amax")[group]
    top = z.detach() >= best
    second = z.new_zeros(n).scatter_reduce(0, group, torch.where(top, 0, z.detach()), "amax")[group]
    mean = z.new_zeros(n, word.shape[1]).index_add(0, group, weight[:, None] * word) / (1 + total)[:, None]
    return torch.log1p(total)[group], torch.where(top, second, best), mean[group]
