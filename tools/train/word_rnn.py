"""A `LiquidRNN` over words: an embedding learned from scratch, the cell, and one read-out a text."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from datasets.ground_truth.rated_texts import UNKNOWN
from models.liquid import LiquidRNN, make_cell

INITIAL_SPREAD = 0.1  # standard deviation of the first embeddings, of small size as there are few texts


class WordRNN(nn.Module):
    """Classes of texts, from word numbers with times.

    Args:
        words: size of the vocabulary, with padding and the unknown word.
        embedding: numbers of each word, the inputs of the cell.
        dropout: probability that a word becomes the unknown one in training; embeddings lose as many of their numbers.
        settings: further arguments of the cell.
    """

    def __init__(
        self, words: int, embedding: int, outputs: int, units: int, *, cell: str, dropout: float, **settings: Any
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embedding)
        nn.init.normal_(self.embedding.weight, std=INITIAL_SPREAD)
        self.rnn = LiquidRNN(embedding, outputs, units, cell=cell, **settings)
        self.dropout = dropout

    def classify(self, words: Tensor, times: Tensor, mask: Tensor) -> Tensor:
        """(B, L) word numbers, seconds and presence -> (B, O) logits after each text's last word."""
        if self.training and self.dropout:
            words = torch.where(torch.rand(words.shape) < self.dropout, UNKNOWN, words)
        x = functional.dropout(self.embedding(words), self.dropout, self.training)
        return self.rnn.classify(x, times, mask)


def units_of_size(cell: str, inputs: int, size: int, **settings: Any) -> int:
    """The number of units with which the cell is nearest to `size` parameters."""

    def parameters(units: int) -> int:
        return sum(p.numel() for p in make_cell(cell, inputs, units, **settings).parameters())

    low, high = 1, 2
    while parameters(high) < size:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if parameters(middle) < size else (low, middle)
    return min(low, high, key=lambda units: abs(parameters(units) - size))
