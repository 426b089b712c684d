"""Settings of `liquidtrack compile`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompileConfig:
    """Build the tracking engine's inner loops with the C compiler of this machine, once. Every later run uses them.

    The tracks stay the same; a frame takes a third of the time with 20 objects, little more than half with 500. Without
    it, NumPy does all. The library lies in the cache folder ($LIQUIDTRACK_CACHE). LIQUIDTRACK_NUMPY=1 in the
    environment leaves it unused.

    Attributes:
        remove: delete the library instead. Also those of other versions.
    """

    remove: bool = False
