"""The server of the page."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Router, WebSocketRoute
from starlette.types import ASGIApp

from models.errors import ConfigError, LiquidTrackError
from tools.annotate import picture_routes, routes, work_routes
from tools.annotate.asking import NotFound
from tools.annotate.pages import Pages, live
from tools.annotate.picture_routes import Gone
from tools.annotate.recording import Conflict
from tools.annotate.security import Door, Guard, TooLarge
from tools.annotate.sentences import sentence_case
from tools.annotate.shelf import Shelf
from tools.annotate.threads import in_thread
from tools.cli.faults import sentence
from tools.cli.interrupt import heard

SWITCH_S = 0.001  # a count of doubts lets the thread that answers go on after so long; Python's own is 0.005


def build_app(shelf: Shelf, door: Door) -> ASGIApp:
    """The application, behind its guard."""
    pages = Pages()
    below = [*routes.ROUTES, *work_routes.ROUTES, *picture_routes.ROUTES, WebSocketRoute("/live", live)]
    app = Starlette(
        routes=[*pages.routes(), Mount("/r/{k}", Router(below, redirect_slashes=False))],
        exception_handlers={
            LiquidTrackError: _refused,
            HTTPException: _http_error,
            Gone: _gone,
            Exception: _fault,
        },
    )
    app.router.redirect_slashes = False
    app.state.shelf = shelf
    return Guard(app, door)


async def _refused(request: Request, error: Exception) -> Response:
    known: dict[type[LiquidTrackError], int] = {NotFound: 404, Conflict: 409, TooLarge: 413}
    status = next((code for kind, code in known.items() if isinstance(error, kind)), 400)
    return JSONResponse({"error": sentence_case(str(error))}, status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": "there is nothing at this address."}, error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


async def _fault(request: Request, error: Exception) -> Response:
    said = await in_thread(sentence, error, ["annotate", request.method, request.url.path])
    return JSONResponse({"error": said}, 500)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        ConfigError: the port is in use, or there is no such address on this machine.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"port is {port}; give 0 for a free one, or one up to 65535.")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise ConfigError(f"host is {host!r}, which is no address; leave it out to listen on this machine.") from None
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
        found.listen(128)
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} is in use; give another one with --port, or leave it out.") from None
        if error.errno == errno.EACCES:
            raise ConfigError(f"port {port} is for the system alone; give one from 1024 on.") from None
        raise ConfigError(f"{host} port {port} cannot be listened on ({error.strerror}); leave --host out.") from None
    return found


class _Server(uvicorn.Server):
    """Ends at Ctrl-C without raising it again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        heard()
        super().handle_exit(sig, frame)


async def serve(
    app: ASGIApp, listening: socket.socket, started: Callable[[], None], closing: Callable[[], None]
) -> None:
    """Serves until Ctrl-C.

    Args:
        app: the application.
        listening: the socket.
        started: called when it answers.
        closing: called when it ends, before windows' lines are closed.
    """
    config = uvicorn.Config(
        app, log_config=None, log_level="critical", access_log=False, server_header=False, lifespan="off",
        ws="websockets-sansio", http="h11", ws_max_size=1 << 16, timeout_graceful_shutdown=2, timeout_keep_alive=60,
    )  # fmt: skip
    sys.setswitchinterval(SWITCH_S)
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        started()
    while not server.should_exit and not serving.done():
        await asyncio.sleep(0.05)
    closing()
    await serving
