"""`liquidtrack annotate`: a page in which a person corrects tracks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import webbrowser
from pathlib import Path

from models.extras import require
from models.runtime.cache import cache_folder
from tools.annotate.catalogue import Named, recordings_of
from tools.annotate.config import AnnotateConfig
from tools.annotate.security import LOOPBACK, Door
from tools.cli.messages import complain, say, unguarded

LEAST_TOKEN = 24  # characters


def annotate(config: AnnotateConfig) -> int:
    """Serves the page until Ctrl-C; returns 0.

    Raises:
        LiquidTrackError: the recording, its project or its tracks cannot be opened, or the port is in use.
    """
    require("annotate", "starlette", "uvicorn", "websockets")
    named, folder = recordings_of(config.source, config.project)
    from tools.annotate.server import listening_socket

    listening = listening_socket(config.serving.host, config.serving.port)
    with listening:
        port = listening.getsockname()[1]
        token = _kept_token(config.serving.port) if config.serving.port else None
        door = Door.new(config.serving.host, port, token)
        if config.serving.host not in LOOPBACK:
            complain(
                f"warning: the page is open to all who reach {config.serving.host} port {port} and know its address;"
                " what they send and see goes through the network unencrypted"
            )
        from tools.annotate.running import run

        return asyncio.run(run(config, named, folder, listening, door, lambda: greet(config, named, door)))


def greet(config: AnnotateConfig, named: tuple[Named, ...], door: Door) -> None:
    """Prints the address, and opens the browser."""
    if not config.quiet:
        what = named[0].name if len(named) == 1 else f"{len(named)} recordings"
        say(f"{what}: corrections are kept in {named[0].project if len(named) == 1 else named[0].project.parent}")
    print(door.address, file=unguarded(sys.stdout), flush=True)  # its token is meant to be seen
    if not config.quiet:
        say("Ctrl-C ends it; all corrections are saved already.", flush=True)
    if config.serving.browser and not _open_browser(door.address):
        complain("no browser was found on this machine; open the address above yourself")


def _open_browser(address: str) -> bool:
    with contextlib.suppress(webbrowser.Error, OSError):
        return webbrowser.open(address)
    return False


def _kept_token(port: int) -> str | None:
    """The token of a port that the user chose: the same from run to run, so that an open page finds the server again.

    None where it cannot be kept.
    """
    folder = cache_folder() / "annotate"
    path = folder / f"port-{port}.token"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _private(path) and len(token := path.read_text("ascii").strip()) >= LEAST_TOKEN:
            return token
        path.unlink(missing_ok=True)
        token = Door.new("", port).token
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
        return token
    return None


def _private(path: Path) -> bool:
    """Whether a file is there that nobody else can read or has written."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return path.is_file() and not path.is_symlink() and own and not status.st_mode & 0o077
