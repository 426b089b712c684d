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


def distinct(values: Int64, n: int) -> Int64:
    """The distinct values below `n`, sorted; without sorting where there are many."""
    if 8 * len(values) < n:
        return np.unique(values)
    there = np.zeros(n, bool)
    there[values] = True
    return there.nonzero()[0]


class Grouped:
    """K items by an integer key in 0..n-1: the items of some keys without a pass over all.

    Attributes:
        order: (K,) the items sorted by key; items of one key keep their order.
        begin: (n + 1,) where each key begins in `order`.
    """

    __slots__ = ("begin", "order")

    def __init__(self, order: Int64, begin: Int64) -> None:
        self.order, self.begin = order, begin

    @classmethod
    def of(cls, key: Int64, n: int) -> Grouped:
        """From the key of each item."""
        begin = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(key, minlength=n), out=begin[1:])
        return cls(np.argsort(key, kind="stable"), begin)

    def with_items(self, key: Int64) -> Grouped:
        """With more items, numbered on from K, without sorting again."""
        by_key = np.argsort(key, kind="stable")
        order = np.insert(self.order, self.begin.take(key.take(by_key) + 1), len(self.order) + by_key)
        added = np.bincount(key, minlength=len(self.begin) - 1)
        return Grouped(order, self.begin + np.concatenate([[0], np.cumsum(added)]))

    def with_key(self, old: int = -1) -> Grouped:
        """With one key more, that takes all items of an old one (none for -1)."""
        begin, end = (0, 0) if old < 0 else (int(self.begin[old]), int(self.begin[old + 1]))
        order = np.concatenate([self.order[:begin], self.order[end:], self.order[begin:end]])
        begins = self.begin.copy()
        if old >= 0:
            begins[old + 1 :] -= end - begin
        return Grouped(order, np.append(begins, len(order)))

    def items(self, keys: Int64) -> tuple[Int64, Int64]:
        """The items of `keys`, and for each the index into `keys` that it belongs to."""
        begin = self.begin.take(keys)
        count = self.begin.take(keys + 1) - begin
        owner = np.repeat(np.arange(len(keys)), count)
        within = np.arange(len(owner)) - (np.cumsum(count) - count).take(owner)
        return self.order.take(begin.take(owner) + within), owner
