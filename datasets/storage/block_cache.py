"""Blocks of a remote file that were read already: in a temporary file without a name, within a bound in bytes.

The file is deleted as soon as it is open, so that nothing is left of it, however the process ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import OrderedDict
from typing import BinaryIO

BLOCK = 1 << 19  # bytes; a block a request where nothing is read in order
MOST_BYTES = 8 << 30  # of the temporary file, if half of the free room is not less
MEMORY_BYTES = 64 << 20  # what is kept where no temporary file can be written


class BlockCache:
    """The latest used blocks, by number. Not for several threads at once.

    Args:
        most_bytes: bound of the temporary file; None: MOST_BYTES, or half of the free room if that is less.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self._slots: OrderedDict[int, tuple[int, int]] = OrderedDict()  # block: slot, length; the last used at the end
        self._memory: dict[int, bytes] = {}  # by slot, where there is no file
        self._file: BinaryIO | None = None
        with contextlib.suppress(OSError):
            self._file = tempfile.TemporaryFile(prefix="liquidtrack-", buffering=0)  # noqa: SIM115
            if most_bytes is None:
                most_bytes = min(MOST_BYTES, shutil.disk_usage(tempfile.gettempdir()).free // 2)
        self._most = max(4, (MEMORY_BYTES if self._file is None else most_bytes or 0) // BLOCK)

    @property
    def most(self) -> int:
        """The largest number of blocks, at least 4."""
        return self._most

    def __contains__(self, block: int) -> bool:
        return block in self._slots

    def __len__(self) -> int:
        return len(self._slots)

    def get(self, block: int) -> bytes | None:
        """The bytes of a block, or None where it is not kept."""
        if (found := self._slots.get(block)) is None:
            return None
        self._slots.move_to_end(block)
        slot, length = found
        if self._file is None:
            return self._memory[slot]
        return os.pread(self._file.fileno(), length, slot * BLOCK)

    def put(self, block: int, data: bytes) -> None:
        """Keeps a block, in the place of the one that was not used for longest if there is no room."""
        if block in self._slots:
            return
        slot = len(self._slots) if len(self._slots) < self._most else self._slots.popitem(last=False)[1][0]
        if self._file is not None:
            try:
                written = os.pwrite(self._file.fileno(), data, slot * BLOCK)
            except OSError:
                written = -1
            if written != len(data):
                self._give_up_the_file()
                slot = 0
        if self._file is None:
            self._memory[slot] = data
        self._slots[block] = slot, len(data)

    def _give_up_the_file(self) -> None:
        """The disk is full: from here on a few blocks are kept in memory."""
        assert self._file is not None
        self._file.close()
        self._file = None
        self._slots.clear()
        self._most = MEMORY_BYTES // BLOCK

    def close(self) -> None:
        """Forgets everything; calling it again does nothing."""
        self._slots.clear()
        self._memory.clear()
        if self._file is not None:
            self._file.close()
