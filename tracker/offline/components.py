"""Connected components and rows of ragged arrays, by NumPy alone."""

from __future__ import annotations

import numpy as np

from tracker.types import Int64


def connected_components(n: int, first: Int64, second: Int64) -> Int64:
    """(N,) the smallest node of each node's component, in a graph whose edges are (first, second), (K,) each.

    Every root takes the smallest root beside it, until nothing changes: some log N passes over the edges.
    """
    root = np.arange(n)
    while True:
        a, b = root.take(first), root.take(second)
        apart = (a != b).nonzero()[0]
        if len(apart) == 0:
            return root
        first, second, a, b = first.take(apart), second.take(apart), a.take(apart), b.take(apart)
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        root = end_of_chain(root)


def end_of_chain(successor: Int64) -> Int64:
    """(N,) where each node arrives that follows `successor` (N,) until a node that is its own successor."""
    while True:
        jump = successor.take(successor)
        if (jump == successor).all():
            return jump
        successor = jump


class Grouped:
    """K items by an integer key in 0..n-1: the items of some keys without a pass over all.

    Attributes:
        order: (K,) the items sorted by key; items of one key keep their order.
        begin: (n + 1,) where each key begins in `order`.
    """

    __slots__ = ("begin", "order")

    def __init__(self, key: Int64, n: int) -> None:
        self.order = np.argsort(key, kind="stable")
        self.begin = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(key, minlength=n), out=self.begin[1:])

    def items(self, keys: Int64) -> tuple[Int64, Int64]:
        """The items of `keys`, and for each the index into `keys` that it belongs to."""
        begin = self.begin.take(keys)
        count = self.begin.take(keys + 1) - begin
        owner = np.repeat(np.arange(len(keys)), count)
        within = np.arange(len(owner)) - (np.cumsum(count) - count).take(owner)
        return self.order.take(begin.take(owner) + within), owner
