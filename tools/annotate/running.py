"""One run of the server: opens the recording, serves, and closes everything."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from tools.annotate.catalogue import Named
from tools.annotate.config import AnnotateConfig
from tools.annotate.live import Hub
from tools.annotate.memory import return_freed_memory
from tools.annotate.opening import open_recording
from tools.annotate.recording import OpenRecording
from tools.annotate.security import Door
from tools.annotate.server import build_app, serve
from tools.annotate.shelf import Shelf
from tools.annotate.threads import in_thread
from tools.annotate.tracking import start_tracking


async def run(
    config: AnnotateConfig,
    named: tuple[Named, ...],
    folder: bool,
    listening: socket.socket,
    door: Door,
    started: Callable[[], None],
) -> int:
    """Serves until Ctrl-C; returns 0.

    Args:
        config: the settings.
        named: the recordings.
        folder: whether they are those of a folder.
        listening: the socket.
        door: the address.
        started: called when the server answers.

    Raises:
        LiquidTrackError: the only recording cannot be opened.
    """
    return_freed_memory()
    loop = asyncio.get_running_loop()

    def open_one(one: Named) -> OpenRecording:
        opened = open_recording(one, config, Hub(loop))
        if opened.untracked:
            start_tracking(opened.recording, opened.spec, config)
        return opened.recording

    shelf = Shelf(named, folder, open_one)
    if not folder:
        shelf.put(0, await in_thread(open_one, named[0]))
    try:
        await serve(build_app(shelf, door), listening, started, shelf.hang_up)
    finally:
        await in_thread(shelf.close)
    return 0
