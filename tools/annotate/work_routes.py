"""The addresses of what takes longer than an operation: questions, jobs, exports, comparison, counts."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from datasets.projects.propagate import mask_from_box
from models.errors import DataError
from tools.annotate import answers, comparison, exporting, following
from tools.annotate.asking import body, done, integer, recording_of, whole
from tools.annotate.recording import OpenRecording
from tools.annotate.threads import in_thread

MAX_NAME = 100  # characters of a class name
MAX_QUESTIONS = 500  # of one request


async def queue(request: Request) -> Response:
    """The most valuable questions, and how many remain."""
    recording = await recording_of(request)
    limit = min(max(whole(request.query_params.get("limit", "50"), "limit"), 1), MAX_QUESTIONS)
    frame = integer(request, "frame") if "frame" in request.query_params else None
    if frame is not None and not 0 <= frame < max(len(recording.reader), 1):
        raise DataError(f"there is no frame {frame}; there are {len(recording.reader)}.")
    return JSONResponse(await in_thread(recording.doubts.queue, limit, frame))


async def crossing(request: Request) -> Response:
    """The question about a track that shows another object from some frame on, between two frames that a person saw."""
    recording = await recording_of(request)
    given = await body(request, {"track": int, "first": int, "last": int}, {})
    where = given["track"], given["first"], given["last"]
    return JSONResponse(await in_thread(recording.doubts.between, *where))


async def answer(request: Request) -> Response:
    """Answers a question."""
    recording = await recording_of(request)
    given = await body(request, {"key": str, "option": str}, {"seq": int, "frame": int})
    entry = await done(recording.answer(given["key"], given["option"], given.get("frame")))
    remaining = await in_thread(recording.doubts.remaining)
    return JSONResponse({**answers.entry(entry, entry.seq), "remaining": remaining})


async def accept_certain(request: Request) -> Response:
    """Accepts all boxes that are certain without a look."""
    recording = await recording_of(request)
    await body(request, {}, {})
    entry = await done(recording.accept_certain())
    remaining = await in_thread(recording.doubts.remaining)
    return JSONResponse({**answers.entry(entry, recording.project.seq), "remaining": remaining})


async def retrack(request: Request) -> Response:
    """Begins to follow a track from one of its boxes."""
    recording = await recording_of(request)
    given = await body(request, {"track": int, "frame": int, "direction": str}, {"seconds": float})
    where = given["track"], given["frame"], given["direction"], given.get("seconds")
    job = await in_thread(following.retrack, recording, *where)
    return JSONResponse({"job": job.number})


async def propagate(request: Request) -> Response:
    """Begins to carry a mask to the frames around it."""
    recording = await recording_of(request)
    given = await body(request, {"track": int, "frame": int}, {"direction": str, "seconds": float})
    where = given["track"], given["frame"], given.get("direction", "both"), given.get("seconds")
    job = await in_thread(following.propagate, recording, *where)
    return JSONResponse({"job": job.number})


async def brush(request: Request) -> Response:
    """The mask that a brush starts from: the object in a box of a frame."""
    recording = await recording_of(request)
    frame = integer(request, "frame")
    words = request.query_params.get("box", "").split(",")
    try:
        box = np.array([float(word) for word in words])
    except ValueError:
        box = np.zeros(0)
    if box.shape != (4,) or not np.isfinite(box).all() or not 0 <= frame < len(recording.reader):
        raise DataError("the box is none; give left,top,right,bottom in pixels, and a frame of the video.")
    mask = await in_thread(mask_from_box, recording.reader, frame, box)
    return JSONResponse(mask.to_json())


async def cancel(request: Request) -> Response:
    """Gives a job up."""
    recording = await recording_of(request)
    given = await body(request, {"job": int}, {})
    recording.jobs.cancel(given["job"])
    return JSONResponse({"job": given["job"]})


async def statistics(request: Request) -> Response:
    """Counts of tracks and boxes."""
    recording = await recording_of(request)
    return JSONResponse(await in_thread(_statistics, recording))


def _statistics(recording: OpenRecording) -> dict[str, Any]:
    ids = [track.id for track in recording.project.tracks()]
    return recording.statistics.of(recording.project, {id: recording.changed_at(id) for id in ids})


async def add_name(request: Request) -> Response:
    """Adds a class name; answers all of them, and the index of this one."""
    recording = await recording_of(request)
    given = await body(request, {"name": str}, {})
    name = given["name"].strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise DataError(f"the name of a class has 1 to {MAX_NAME} printable characters.")
    index = await done(recording.change(lambda: recording.project.add_name(name)))
    recording.hub.tell({"type": "names", "names": list(recording.project.names)})
    return JSONResponse({"index": index, "names": list(recording.project.names)})


async def export(request: Request) -> Response:
    """The tracks as a file of labels."""
    recording = await recording_of(request)
    given = await body(request, {"format": str}, {"options": dict})
    name, kind, data, lost = await in_thread(
        exporting.export, recording.project, recording.name, given["format"], given.get("options", {})
    )
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Left-Out": quote(json.dumps(lost))}
    return Response(data, media_type=kind, headers=headers)


async def compare(request: Request) -> Response:
    """Agreement with an uploaded file of labels, and the differences."""
    recording = await recording_of(request)
    data, name = await request.body(), request.query_params.get("name", "")
    return JSONResponse(await in_thread(comparison.compare, recording.project, name, data))


ROUTES = [
    Route("/api/queue", queue),
    Route("/api/crossing", crossing, methods=["POST"]),
    Route("/api/answer", answer, methods=["POST"]),
    Route("/api/accept-certain", accept_certain, methods=["POST"]),
    Route("/api/retrack", retrack, methods=["POST"]),
    Route("/api/propagate", propagate, methods=["POST"]),
    Route("/api/brush", brush),
    Route("/api/cancel", cancel, methods=["POST"]),
    Route("/api/statistics", statistics),
    Route("/api/names", add_name, methods=["POST"]),
    Route("/api/export", export, methods=["POST"]),
    Route("/api/compare", compare, methods=["POST"]),
]
