"""What the server of the page answers: pictures, tracks, operations, exports, and what all windows hear."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest

from datasets.formats import read
from datasets.formats.carries import CARRIES
from datasets.formats.registry import FORMATS
from tests.support.annotation_client import Client, heard
from tests.support.annotation_page import Server, until
from tests.support.numbered_film import COLOURS, FRAMES, HEIGHT, WIDTH, box, milliseconds, number_in
from tools.annotate.answers import MAX_FRAMES


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    client = Client(server.address)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def undone(client: Client) -> Iterator[None]:
    """Each test leaves the tracks as they were."""
    before = client.json("tracks")
    yield
    for _ in range(20):
        if client.json("tracks") == before:
            return
        assert client.post("undo").json()["kind"] == "undo"


def picture(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def number(image: np.ndarray) -> int:
    scale = WIDTH / image.shape[1]
    return number_in(lambda x, y: float(image[int(y / scale), int(x / scale)].mean()))


def test_project_times_and_numbers(client: Client) -> None:
    project = client.json("project")
    assert (project["width"], project["height"], project["frames"]) == (WIDTH, HEIGHT, FRAMES)
    assert project["who"] == "Ada"
    assert project["readOnly"] is project["job"] is project["problem"] is None
    times = np.frombuffer(client.get("api/times").content, "<f8")
    assert times.tolist() == pytest.approx([at / 1000 for at in milliseconds()])
    assert project["duration"] == times[-1]
    assert np.frombuffer(client.get("api/numbers").content, "<i8").tolist() == list(range(FRAMES))


def test_a_picture_is_of_its_frame_in_any_order_and_at_any_width(client: Client) -> None:
    key = client.json("project")["sourceKey"]
    order = np.random.default_rng(1).permutation(FRAMES).tolist()

    def seen(frame: int) -> tuple[int, int]:
        answer = client.get(f"frame/{key}/{frame}.jpg")
        assert answer.headers["content-type"] == "image/jpeg"
        return frame, number(picture(answer.content))

    with ThreadPoolExecutor(6) as pool:
        assert all(frame == shown for frame, shown in pool.map(seen, order))
    for asked, width in ((1, WIDTH), (640, 640), (641, WIDTH), (9999, WIDTH)):
        image = picture(client.get(f"frame/{key}/7.webp?w={asked}").content)
        assert (image.shape[1], number(image)) == (width, 7)
    assert client.get(f"frame/{key}/{FRAMES}.jpg").status_code == 404
    for wrong in ("-1.jpg", "1.png", "1", "x.jpg", "1.jpg.jpg", "9" * 30 + ".jpg"):
        assert client.get(f"frame/{key}/{wrong}").status_code == 404
    assert client.get(f"frame/{key}/1.jpg?w=wide").status_code == 400
    assert client.get("frame/0123456789abcdef/1.jpg").status_code == 404


def test_pictures_are_kept_by_browsers_for_ever(client: Client) -> None:
    key = client.json("project")["sourceKey"]
    first = client.get(f"frame/{key}/11.jpg")
    assert "immutable" in first.headers["cache-control"]
    again = client.get(f"frame/{key}/11.jpg", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"frame/{key}/12.jpg", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_thumbnails_show_the_key_frame_before(client: Client) -> None:
    key = client.json("project")["sourceKey"]
    for frame in (0, 29, 30, 45, 239):
        image = picture(client.get(f"thumb/{key}/{frame}.jpg").content)
        assert image.shape[:2] == (90, 160)
        assert number(image) == frame // 30 * 30


def test_a_chip_is_the_track_in_its_frame(client: Client) -> None:
    seq = client.json("project")["seq"]
    for track, colour in COLOURS.items():
        image = picture(client.get(f"chip/{seq}/{track}/5.jpg").content)
        assert image.shape == (96, 96, 3)
        assert np.abs(image[40:56, 40:56].mean(axis=(0, 1)) - colour[::-1]).max() < 12
    assert client.get(f"chip/{seq}/9/5.jpg").status_code == 404
    client.do("delete", track=1, first=5, last=5)
    assert client.get(f"chip/{seq + 1}/1/5.jpg").status_code == 404
    kept = client.get(f"chip/{seq + 1}/1/6.jpg").headers["cache-control"]
    assert "immutable" in kept
    assert client.get(f"chip/{seq}/1/6.jpg").headers["cache-control"] == "no-store"  # the track is another one now


def test_rows_tracks_and_lanes(client: Client) -> None:
    rows = client.json("rows?first=10&last=12")
    assert rows["frame"] == [10, 10, 10, 11, 11, 11, 12, 12, 12]
    assert rows["id"] == [1, 2, 3] * 3
    assert rows["xyxy"][4] == pytest.approx(box(2, 11))
    tracks = client.json("tracks")
    assert [(t["id"], t["first"], t["last"], t["count"], t["keys"]) for t in tracks] == [
        (id, 0, FRAMES - 1, FRAMES, 0) for id in (1, 2, 3)
    ]
    client.do("absent", track=1, first=50, last=59)
    client.do("move", track=1, frame=100, xyxy=[1, 2, 30, 40])
    (lane,) = client.json("lanes?tracks=1")
    assert lane["spans"] == [[0, 49], [60, FRAMES - 1]]
    assert lane["absences"] == [[50, 59]]
    assert lane["keys"] == [100]
    assert client.json("lanes?tracks=1,77") == [lane]
    assert client.json("lanes?tracks=") == []
    assert client.get(f"api/rows?first=0&last={MAX_FRAMES}").status_code == 400
    for wrong in ("first=5&last=4", "first=0", "first=a&last=b", "first=-3&last=3"):
        assert client.get(f"api/rows?{wrong}").status_code == 400
    counts = client.json("statistics")
    assert (counts["tracks"], counts["boxes"], counts["drawn"]) == (3, 3 * FRAMES - 10, 1)


def test_operations_answer_with_their_entry_and_undo_takes_them_back(client: Client) -> None:
    before = client.json("project")["seq"]
    split = client.do("split", track=1, frame=100)
    assert split["seq"] == before + 1
    new = split["parameters"]["new"]
    assert split["tracks"] == [1, new]
    assert client.post("undo").json()["tracks"] == [1, new]
    assert client.post("redo").json()["kind"] == "redo"
    entries = client.json(f"journal?after={before}")["entries"]
    assert [(entry["kind"], entry["who"]) for entry in entries] == [("split", "Ada"), ("undo", "Ada"), ("redo", "Ada")]
    assert client.post("undo").status_code == 200
    assert client.post("redo").json()["seq"] == client.json("project")["seq"]
    client.post("undo")
    client.do("lock", track=2, locked=True)
    assert client.post("redo").json() == {
        "seq": client.json("project")["seq"], "kind": None, "tracks": [], "parameters": {},
    }  # fmt: skip


def test_refused_operations_change_nothing_and_say_why(client: Client) -> None:
    before = client.json("project")["seq"]
    for values, words in (
        ({"kind": "explode", "parameters": {}}, "there is no operation 'explode'"),
        ({"kind": "split", "parameters": {"track": 99, "frame": 3}}, "there is no track 99"),
        ({"kind": "split", "parameters": {"track": 1}}, "frame is missing"),
        ({"kind": "split", "parameters": {"track": 1, "frame": 10**9}}, "frame"),
        ({"kind": "draw", "parameters": {"frame": 1, "xyxy": [5, 5, 1, 1]}}, "the box is [5, 5, 1, 1]"),
        ({"kind": "split"}, "parameters is missing"),
        ({"kind": 3, "parameters": {}}, "kind is '3'; give text"),
    ):
        said = client.refused("op", **values)
        assert words in said
        assert "error" not in said
    assert client.json("project")["seq"] == before


def test_two_windows_hear_each_other_and_a_stale_one_is_refused(server: Server, client: Client) -> None:
    other = Client(server.address)
    seq = client.json("project")["seq"]
    with client.line() as line, other.line() as second:
        done = client.do("swap", track=1, other=2, frame=120)
        for window in (line, second):
            message = heard(window, "changed")
            assert (message["seq"], message["kind"], message["who"]) == (done["seq"], "swap", "Ada")
            assert message["tracks"] == [1, 2]
        said = other.refused("op", kind="delete", parameters={"track": 2}, seq=seq)
        assert "track 2 was changed in another window" in said
        free = other.post("op", kind="lock", parameters={"track": 3}, seq=seq)  # nobody changed this one
        assert free.status_code == 200
        assert heard(line, "changed")["tracks"] == [3]
        assert other.post("undo").status_code == 200
    other.close()


def test_operations_of_many_windows_at_once_are_done_one_after_the_other(server: Server, client: Client) -> None:
    before = client.json("project")["seq"]

    def lock(k: int) -> int:
        window = Client(server.address)
        seq = int(window.do("attribute", track=1 + k % 3, name="n", value=str(k))["seq"])
        window.close()
        return seq

    with ThreadPoolExecutor(6) as pool:
        seqs = list(pool.map(lock, range(12)))
    assert sorted(seqs) == list(range(before + 1, before + 13))


def test_state_and_names(client: Client) -> None:
    with client.line() as line:
        assert client.post("state", state="done").json() == {"state": "done"}
        assert heard(line, "state")["state"] == "done"
    assert client.json("project")["state"] == "done"
    assert client.http.get("/api/recordings").json()[0]["state"] == "done"
    assert "there is no state" in client.refused("state", state="lost")
    client.post("state", state="work")
    added = client.post("names", name=" zebra ").json()
    assert added["names"][added["index"]] == "zebra"
    for wrong in ("", "   ", "x" * 101, "a\nb"):
        assert "1 to 100 printable characters" in client.refused("names", name=wrong)


@pytest.mark.parametrize("form", FORMATS)
def test_exports_are_read_back(client: Client, tmp_path: Path, form: str) -> None:
    client.do("delete", track=3)
    client.do("rename", track=1, name="Anna")
    answer = client.post("export", format=form, options={})
    assert answer.status_code == 200
    name = answer.headers["content-disposition"].partition('filename="')[2].rstrip('"')
    lost = json.loads(unquote(answer.headers["x-left-out"]))
    assert ("names of tracks" in lost) == ("name" not in CARRIES[form])
    path = tmp_path / name
    path.write_bytes(answer.content)
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            archive.extractall(tmp_path / "out")
        path = tmp_path / "out" / f"{name.removesuffix(f'.{form}.zip')}{FORMATS[form].layout.suffix}"
    found = read(path, form, size=(WIDTH, HEIGHT))
    assert np.unique(found.id).tolist() == [1, 2]
    assert len(found) == 2 * FRAMES


def test_unknown_formats_and_options_are_refused(client: Client) -> None:
    assert "there is no format 'docx'" in client.refused("export", format="docx")
    assert "there is no option" in client.refused("export", format="cvat", options={"path": "/etc/passwd"})
    assert "wrong kind" in client.refused("export", format="yolo", options={"yolo_ids": "yes"})
    assert "wrong kind" in client.refused("export", format="mot", options={"classes": [3]})
    assert "no class is called" in client.refused("export", format="mot", options={"classes": ["unicorn"]})


def test_export_of_some_boxes(client: Client, tmp_path: Path) -> None:
    client.do("move", track=1, frame=100, xyxy=[1, 2, 30, 40])
    path = tmp_path / "some.jsonl"
    path.write_bytes(client.post("export", format="jsonl", options={"keys": True, "rate": None}).content)
    found = read(path)
    assert (found.id.tolist(), found.frames[found.row].tolist()) == ([1], [100])


def test_comparison_with_another_annotator(client: Client) -> None:
    pytest.importorskip("trackeval")
    pytest.importorskip("scipy")
    mine = client.post("export", format="jsonl").content

    def compare(data: bytes, name: str = "other.jsonl") -> dict[str, object]:
        kind = {"Content-Type": "application/octet-stream"}
        answer = client.http.post("/r/0/api/compare", params={"name": name}, content=data, headers=kind)
        found: dict[str, object] = answer.json()
        return found

    same = compare(mine)
    assert (same["hota"], same["idf1"], same["differences"]) == (100, 100, [])
    client.do("swap", track=1, other=2, frame=200)
    client.do("delete", track=3, first=0, last=79)
    other = compare(mine)
    assert isinstance(other["hota"], float)
    assert other["hota"] < 95
    questions = other["differences"]
    assert isinstance(questions, list)
    assert [(one["kind"], one["tracks"], one["frame"]) for one in questions] == [
        ("missing", [3], 0), ("identity", [1, 2], 200), ("identity", [2, 1], 200),
    ]  # fmt: skip
    for one in (questions[0], questions[1]):  # their second options make both the same again
        kind, parameters = one["options"][1]["operation"]
        client.do(kind, **parameters)
    again = compare(mine)
    assert (again["hota"], again["idf1"], again["differences"]) == (100, 100, [])
    for data, name in ((b"\x00\x01garbage", "../../etc/passwd"), (b"", "x.jsonl"), (b"1,2,3\n", "gt.txt")):
        said = str(compare(data, name)["error"])
        assert "liquidtrack-" not in said  # the folder that it lay in for a moment
        assert said.endswith(".")


def test_addresses_that_lead_nowhere(client: Client) -> None:
    for path in ("api/nothing", "nothing", "frame/", "chip/1/1/1.gif", "api/project/"):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "error" in answer.json()
    assert client.http.get("/r/1/api/project").status_code == 404
    assert client.http.get("/r/x/api/project").status_code == 400
    assert client.http.get("/r/7/").status_code == 404


def test_the_list_of_recordings_says_how_many_doubts_remain(client: Client) -> None:
    found = client.json("queue?frame=100")
    assert (found["part"], found["parts"], found["first"], found["last"]) == (0, 1, 0, FRAMES - 1)
    assert found["remaining"] > 0  # nobody has looked at these tracks
    listed = until(
        lambda: (one := client.http.get("/api/recordings").json()[0])["remaining"] is not None and one, "counts"
    )
    assert listed["remaining"] == found["remaining"]


@pytest.mark.parametrize("query", ["frame=-1", f"frame={FRAMES}", "frame=x", "limit=many", "limit=1.5"])
def test_a_queue_of_no_frame_or_number_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"api/queue?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize("path", ["retrack", "propagate"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"track": 77, "frame": 5, "direction": "both"}, "there is no track 77"),
        ({"track": 1, "frame": FRAMES, "direction": "both"}, "frame"),
        ({"track": 1, "frame": -1, "direction": "both"}, "frame"),
        ({"track": 1, "frame": 5, "direction": "sideways"}, "direction is 'sideways'"),
        ({"track": 1, "frame": 5, "direction": "both", "seconds": 0.0}, "seconds is 0"),
        ({"track": 1, "frame": 5, "direction": "both", "seconds": -3}, "seconds is -3"),
        ({"track": "1", "frame": 5, "direction": "both"}, "track is '1'; give a whole number"),
        ({"track": 1, "frame": 5, "direction": "both", "file": "/etc/passwd"}, "there is no value 'file'"),
        ({"track": 1}, "frame is missing"),
    ],
)
def test_following_that_cannot_begin_is_refused(
    client: Client, path: str, values: dict[str, object], words: str
) -> None:
    before = client.json("project")["seq"]
    assert words in client.refused(path, **values)
    found = client.json("project")
    assert (found["seq"], found["job"]) == (before, None)


def test_a_mask_is_needed_to_be_propagated(client: Client) -> None:
    assert "has no mask in frame 5" in client.refused("propagate", track=1, frame=5, direction="both")


def test_answers_to_questions_that_are_not_asked_are_refused(client: Client) -> None:
    question = client.json("queue")["questions"][0]
    assert "is answered already" in client.refused("answer", key="crossing:1-2", option="keep")
    assert "has no option 'explode'" in client.refused("answer", key=question["key"], option="explode")
    assert "frame" in client.refused("answer", key=question["key"], option="keep", frame="soon")
    assert "no track 77" in client.refused("crossing", track=77, first=1, last=9)
    assert "no boxes on both sides" in client.refused("crossing", track=1, first=9, last=1)
    assert "job 99 is not at work" in client.refused("cancel", job=99)


def test_a_brush_needs_a_box_and_a_frame(client: Client) -> None:
    for query in (
        "frame=5",
        "frame=5&box=1,2,3",
        "frame=5&box=a,b,c,d",
        "frame=5&box=1,2,inf,4",
        "frame=-1&box=1,2,9,9",
    ):
        answer = client.get(f"api/brush?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["error"].endswith(".")


def test_tracks_of_a_file_without_probabilities_have_nothing_certain(client: Client) -> None:
    while client.post("undo").json()["kind"] is not None:  # what a person said is certain
        pass
    before = client.json("project")["seq"]
    assert client.json("queue")["certain"] == 0
    done = client.post("accept-certain").json()
    assert (done["seq"], done["kind"]) == (before, None)
    assert client.json("statistics")["confirmed"] == 0
