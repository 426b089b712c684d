"""The addresses of pictures. Their names hold the video's key, so that browsers may keep them for ever."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from datasets.sources.frame_access import FrameReader
from datasets.sources.frame_cursors import HeldFrame
from tools.annotate.asking import NotFound, recording_at_work, recording_of, whole
from tools.annotate.pictures import KINDS, THUMB_WIDTH, chip, encode, scaled, width_for
from tools.annotate.recording import OpenRecording
from tools.annotate.threads import in_encoder, in_thread
from tracker.types import Float32, UInt8

FOR_EVER = "private, max-age=31536000, immutable"


class Gone(Exception):
    """The browser does not wait for the answer any more."""


async def frame(request: Request) -> Response:
    """A frame, at a width."""
    recording, position, kind = await _asked(request)
    asked = request.query_params.get("w", "full")
    own = recording.project.size[0]
    width = own if asked == "full" else width_for(max(1, whole(asked, "w")), own)
    name = ("frame", position, width, kind)
    return await _answer(request, recording, recording.reader, name, lambda bgr: scaled(bgr, width))


async def thumb(request: Request) -> Response:
    """A small picture of the key frame at or before a frame: there decoding is fast."""
    recording, position, kind = await _asked(request)
    at = await in_thread(lambda: recording.chips.start_of(position))
    return await _answer(request, recording, recording.chips, ("thumb", at, kind), lambda bgr: scaled(bgr, THUMB_WIDTH))


async def chip_of(request: Request) -> Response:
    """A track's box in a frame, cut out."""
    recording = await recording_of(request)
    seq, id = whole(request.path_params["seq"], "seq"), whole(request.path_params["track"], "track")
    position, kind = _picture(request, len(recording.reader))
    if not recording.project.exists(id):
        raise NotFound(f"there is no track {id}.")
    changed = recording.changed_at(id)
    path = await in_thread(lambda: recording.project.slots(id).between(position, position))
    if not len(path):
        raise NotFound(f"track {id} has no box in frame {position}.")
    box: Float32 = path.xyxy[0]
    name = ("chip", position, *np.round(box.astype(np.float64), 1).tolist(), kind)
    answer = await _answer(request, recording, recording.chips, name, lambda bgr: chip(bgr, box))
    if not changed <= seq <= recording.project.seq:
        answer.headers["Cache-Control"] = "no-store"
    return answer


async def _asked(request: Request) -> tuple[OpenRecording, int, str]:
    recording = await recording_at_work(request)
    if request.path_params["key"] != recording.key:
        raise NotFound("this picture is of another state of the video; load the page again.")
    return recording, *_picture(request, len(recording.reader))


def _picture(request: Request, count: int) -> tuple[int, str]:
    match = re.fullmatch(r"([0-9]{1,12})\.(jpg|webp)", request.path_params["file"])
    if match is None or int(match[1]) >= count:
        raise NotFound("there is no such picture.")
    return int(match[1]), match[2]


async def _answer(
    request: Request,
    recording: OpenRecording,
    reader: FrameReader,
    name: tuple[object, ...],
    draw: Callable[[UInt8], UInt8],
) -> Response:
    """The picture `name`, whose second word is its position."""
    etag = f'"{recording.key}-{"-".join(map(str, name))}"'
    headers = {"Cache-Control": FOR_EVER, "ETag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    kind = str(name[-1])
    data = recording.pictures.peek(name)
    if data is None:
        position = name[1]
        assert isinstance(position, int)
        held = await _waited(request, reader.submit(position))

        def make() -> bytes:
            return recording.pictures.get(name, lambda: encode(draw(held.image()), kind))

        data = await in_encoder(make)
    return Response(data, media_type=KINDS[kind], headers=headers)


async def _waited(request: Request, future: Future[HeldFrame]) -> HeldFrame:
    """The frame, or `Gone` as soon as the browser gives up, so that nothing is decoded for nobody."""
    if future.done():
        return future.result()
    wanted = asyncio.wrap_future(future)
    leaving = asyncio.ensure_future(_left(request))
    both: set[asyncio.Future[Any]] = {wanted, leaving}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        raise Gone
    finally:
        leaving.cancel()
        if not wanted.done():
            wanted.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


ROUTES = [
    Route("/frame/{key}/{file}", frame),
    Route("/thumb/{key}/{file}", thumb),
    Route("/chip/{seq}/{track}/{file}", chip_of),
]
