"""A server that is killed at any moment loses at most the operation in hand."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import httpx
import pytest

from datasets.projects import Project
from tests.support.annotation_client import Client
from tests.support.annotation_page import Server

KILLS = 4


def work(client: Client, seed: int, acknowledged: list[int]) -> None:
    """Operations one after the other, until the server is gone; notes what it said was done."""
    rng = random.Random(seed)
    try:
        while True:
            kind, parameters = rng.choice(
                [
                    ("move", {"track": 1, "frame": rng.randrange(240), "xyxy": [rng.randrange(99), 9, 200, 90]}),
                    ("attribute", {"track": 2, "name": "n", "value": str(rng.random())}),
                    ("swap", {"track": 1, "other": 2, "frame": rng.randrange(1, 240)}),
                    ("occluded", {"track": 3, "first": 10, "last": rng.randrange(11, 240), "value": True}),
                ]
            )
            path, values = ("undo", {}) if rng.random() < 0.2 else ("op", {"kind": kind, "parameters": parameters})
            answer = client.post(path, **values)
            if answer.status_code == 200:
                acknowledged.append(int(answer.json()["seq"]))
    except httpx.HTTPError:
        pass


def kill_often(film: Path, folder: Path, kills: int) -> None:
    project = folder / "film.liquidtrack"
    server = Server(film, film.with_suffix(".txt"), "--project", project, cache=folder / "cache")
    rng = random.Random(7)
    last = 0
    for k in range(kills):
        server.start()
        client = Client(server.address)
        acknowledged: list[int] = [last]
        thread = threading.Thread(target=work, args=(client, k, acknowledged))
        thread.start()
        time.sleep(rng.uniform(0.02, 0.6))
        server.kill()
        thread.join()
        client.close()
        with Project.open(project, write=False) as found:
            journal = [entry.seq for entry in found.journal()]
            assert journal == list(range(1, found.seq + 1))
            assert acknowledged[-1] <= found.seq <= acknowledged[-1] + 1
            for track in found.tracks():
                found.track(track.id)
            last = found.seq
    assert last > kills  # it came to work in between
    server.start()
    client = Client(server.address)
    assert client.json("project")["seq"] == last
    while client.post("undo").json()["kind"] is not None:
        pass
    assert [track["count"] for track in client.json("tracks")] == [240, 240, 240]
    assert client.json("statistics")["seen"] == 720
    client.close()
    server.stop()


def test_kills_lose_at_most_the_operation_in_hand(film: Path, tmp_path: Path) -> None:
    kill_often(film, tmp_path, KILLS)


@pytest.mark.slow
def test_fifty_kills_lose_at_most_the_operation_in_hand(film: Path, tmp_path: Path) -> None:
    kill_often(film, tmp_path, 50)
