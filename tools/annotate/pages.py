"""The page itself: HTML, modules and style, from this package."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.websockets import WebSocket

from tools.annotate.asking import NotFound, recording_of, whole
from tools.annotate.threads import in_thread

STATIC = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
FOR_EVER = "private, max-age=31536000, immutable"


class Pages:
    """The files of the page, read once, so that no address leads to another file.

    Attributes:
        version: changes with their content.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        self._files = {path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.is_file()}
        digest = hashlib.sha256()
        for name, data in self._files.items():
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
        self.version = digest.hexdigest()[:12]

    def html(self, name: str) -> Response:
        """A page of the browser, with the version in its addresses."""
        if name not in self._files:
            raise NotFound("there is no such page.")
        return HTMLResponse(self._files[name].decode().replace("{version}", self.version))

    async def static(self, request: Request) -> Response:
        """A module, a style or a drawing."""
        name = request.path_params["file"]
        data = self._files.get(name)
        if data is None or name.endswith(".html"):
            raise NotFound("there is no such file.")
        kind = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        current = request.path_params["version"] == self.version
        return Response(data, media_type=kind, headers={"Cache-Control": FOR_EVER if current else "no-store"})

    async def first(self, request: Request) -> Response:
        """The list of recordings, or the only one."""
        if not request.app.state.shelf.folder:
            return RedirectResponse("/r/0/", 303)
        return self.html("list.html")

    async def page(self, request: Request) -> Response:
        """The page of a recording."""
        if not 0 <= whole(request.path_params["k"], "the recording") < len(request.app.state.shelf.named):
            raise NotFound("there is no such recording.")
        return self.html("page.html")

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/", self.first),
            Route("/r/{k}/", self.page),
            Route("/static/{version}/{file}", self.static),
            Route("/api/recordings", recordings),
        ]


async def recordings(request: Request) -> Response:
    """The list of all recordings."""
    return JSONResponse(await in_thread(request.app.state.shelf.describe))


async def live(window: WebSocket) -> None:
    """The line on which a window hears what changes."""
    text = window.path_params["k"]
    if re.fullmatch("[0-9]{1,9}", text) is None:
        await window.close(1008)
        return
    recording = await recording_of(Request({**window.scope, "type": "http", "method": "GET"}))
    failed = recording.jobs.failed
    await recording.hub.serve(window, () if failed is None else ({"type": "job", **failed.as_json()},))
