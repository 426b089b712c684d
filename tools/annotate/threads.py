"""Threads beside the event loop, in which requests are answered; few, since each keeps memory of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from models.runtime.compute import usable_cores

P = ParamSpec("P")
T = TypeVar("T")

READING = ThreadPoolExecutor(6, thread_name_prefix="liquidtrack-read")  # rows, lanes, questions, exports
ENCODING = ThreadPoolExecutor(max(2, usable_cores()), thread_name_prefix="liquidtrack-encode")  # pictures


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a call that may take a while."""
    return await asyncio.get_running_loop().run_in_executor(READING, lambda: work(*args, **kwargs))


async def in_encoder(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a call that makes a picture."""
    return await asyncio.get_running_loop().run_in_executor(ENCODING, lambda: work(*args, **kwargs))
