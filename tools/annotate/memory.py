"""Keeps the server small: pictures come and go by the hundred, and the C library would keep what they leave."""

from __future__ import annotations

import ctypes

MMAP_THRESHOLD, TRIM_THRESHOLD, ARENA_MAX = -3, -1, -8  # parameters of mallopt (malloc.h of the GNU C library)
LARGE_BYTES = 1 << 20  # from this size on, memory is the system's again as soon as it is freed
ARENAS = 2  # heaps of their own for threads; by default eight a core, each with its own leftovers


def return_freed_memory() -> None:
    """Sets the C library's allocator so that freed pictures go back to the system; no effect on other systems."""
    try:
        library = ctypes.CDLL(None)
        for parameter, value in ((MMAP_THRESHOLD, LARGE_BYTES), (TRIM_THRESHOLD, LARGE_BYTES), (ARENA_MAX, ARENAS)):
            library.mallopt(parameter, value)
    except (OSError, AttributeError, TypeError):  # another C library
        return


def give_back() -> None:
    """Gives what was freed in small pieces back to the system, after work that read many rows; no effect on others."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):
        return
