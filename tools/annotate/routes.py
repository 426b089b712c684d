"""The addresses below /r/{k}/: what they answer.

Reading runs in threads beside the event loop; changes run in the recording's own thread.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.errors import DataError
from tools.annotate import answers, exporting
from tools.annotate.asking import body, done, integer, recording_at_work, recording_of, whole
from tools.annotate.memory import give_back
from tools.annotate.recording import OpenRecording
from tools.annotate.sentences import sentence_case
from tools.annotate.threads import in_thread

MAX_LANES = 200  # of one request


async def project(request: Request) -> Response:
    """What the page shows first."""
    recording = await recording_of(request)
    return JSONResponse(await in_thread(_project, recording))


def _project(recording: OpenRecording) -> dict[str, Any]:
    project = recording.project
    times = project.times
    job = recording.jobs.running
    attributes: dict[str, list[str]] = {}
    for track in project.tracks():
        for name, value in (*track.attributes, *((name, value) for _, name, value in track.changes)):
            if value not in attributes.setdefault(name, []):
                attributes[name].append(value)
    return {
        "name": recording.name,
        "width": project.size[0],
        "height": project.size[1],
        "frames": len(times),
        "duration": float(times[-1] - times[0]) if len(times) else 0.0,
        "names": list(project.names),
        "attributes": attributes,
        "seq": project.seq,
        "version": 1,
        "sourceKey": recording.key,
        "can": recording.can,
        "state": recording.state,
        "job": None if job is None else job.as_json(),
        "readOnly": None if recording.read_only is None else sentence_case(recording.read_only),
        "who": recording.who,
        "problem": recording.problem,
        "exports": exporting.formats(),
    }


async def times(request: Request) -> Response:
    """Float64, little endian: seconds of every frame."""
    recording = await recording_of(request)
    return _array(recording.project.times.astype("<f8"))


async def numbers(request: Request) -> Response:
    """Int64, little endian: the source's number of every frame."""
    recording = await recording_of(request)
    return _array(recording.project.frames.astype("<i8"))


def _array(values: np.ndarray[Any, Any]) -> Response:
    return Response(values.tobytes(), media_type="application/octet-stream")


async def tracks(request: Request) -> Response:
    """All tracks, without rows."""
    recording = await recording_of(request)
    return JSONResponse(await in_thread(answers.tracks, recording.project))


async def rows(request: Request) -> Response:
    """The rows of some frames."""
    recording = await recording_at_work(request)
    first, last = integer(request, "first"), integer(request, "last")
    return Response(await in_thread(answers.rows, recording.project, first, last), media_type="application/json")


async def lanes(request: Request) -> Response:
    """What the lanes of some tracks show; tracks that are gone are left out."""
    recording = await recording_of(request)
    words = [word for word in request.query_params.get("tracks", "").split(",") if word]
    if len(words) > MAX_LANES:
        raise DataError(f"{len(words)} lanes are asked for; {MAX_LANES} at once are the most.")
    ids = [whole(word, "tracks") for word in words]
    found = []
    for id in ids:
        if recording.project.exists(id):
            changed = recording.changed_at(id)
            found.append(await in_thread(recording.lanes.get, recording.project, id, changed))
    await in_thread(give_back)
    return Response(b"[%s]" % b",".join(found), media_type="application/json")


async def masks(request: Request) -> Response:
    """The masks of one frame."""
    recording = await recording_of(request)
    return JSONResponse(await in_thread(answers.masks, recording.project, integer(request, "frame")))


async def journal(request: Request) -> Response:
    """The journal's entries after a number."""
    recording = await recording_of(request)
    after = whole(request.query_params.get("after", "0"), "after")
    entries = await in_thread(recording.project.journal, after)
    return JSONResponse({"entries": answers.journal(entries)})


async def operate(request: Request) -> Response:
    """Carries out an operation."""
    recording = await recording_at_work(request)
    given = await body(request, {"kind": str, "parameters": dict}, {"seq": int})
    entry = await done(recording.operate(given["kind"], given["parameters"], given.get("seq")))
    return JSONResponse(answers.entry(entry, entry.seq))


async def undo(request: Request) -> Response:
    """Takes back the last operation."""
    return await _turn(request, OpenRecording.undo)


async def redo(request: Request) -> Response:
    """Does again what was taken back."""
    return await _turn(request, OpenRecording.redo)


async def _turn(request: Request, turn: Callable[[OpenRecording], Future[Any]]) -> Response:
    recording = await recording_at_work(request)
    await body(request, {}, {})
    entry = await done(turn(recording))
    return JSONResponse(answers.entry(entry, recording.project.seq))


async def state(request: Request) -> Response:
    """Keeps the state of the recording."""
    recording = await recording_of(request)
    given = await body(request, {"state": str}, {})
    await done(recording.set_state(given["state"]))
    recording.hub.tell({"type": "state", "state": given["state"]})
    return JSONResponse({"state": given["state"]})


ROUTES = [
    Route("/api/project", project),
    Route("/api/times", times),
    Route("/api/numbers", numbers),
    Route("/api/tracks", tracks),
    Route("/api/rows", rows),
    Route("/api/lanes", lanes),
    Route("/api/masks", masks),
    Route("/api/journal", journal),
    Route("/api/op", operate, methods=["POST"]),
    Route("/api/undo", undo, methods=["POST"]),
    Route("/api/redo", redo, methods=["POST"]),
    Route("/api/state", state, methods=["POST"]),
]
