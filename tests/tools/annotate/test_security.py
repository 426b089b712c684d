"""The page's server answers the page that its user opened, and nobody else."""

from __future__ import annotations

import http.client
import socket
import stat
from collections.abc import Iterator

import httpx
import pytest
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus

from tests.support.annotation_client import Client
from tests.support.annotation_page import Server
from tools.annotate.security import MAX_BODY_BYTES, Door

OP = {"kind": "lock", "parameters": {"track": 1}}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    client = Client(server.address)
    yield client
    client.close()


def seq(client: Client) -> int:
    return int(client.json("project")["seq"])


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.:{port}", ""]
)
def test_foreign_host_is_refused(client: Client, host: str) -> None:
    port = client.host.rpartition(":")[2]
    headers = {"Host": host.format(port=port), "Cookie": client.cookie()}
    for path in ("/", "/r/0/", "/r/0/api/project", f"/?token={client.token}"):
        answer = httpx.get(client.base + path, headers=headers)
        assert answer.status_code in (400, 403), path
        assert "set-cookie" not in answer.headers


def test_localhost_is_the_same_host(client: Client) -> None:
    port = client.host.rpartition(":")[2]
    answer = client.get("api/project", headers={"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1", "http://127.0.0.1:1", "null", "file://"]
)
def test_foreign_origin_is_refused(client: Client, origin: str) -> None:
    before = seq(client)
    for ask in (
        lambda: client.get("api/project", headers={"Origin": origin}),
        lambda: client.http.post("/r/0/api/op", json=OP, headers={"Origin": origin}),
    ):
        assert ask().status_code == 403
    assert seq(client) == before
    with pytest.raises(InvalidStatus), client.line(origin=origin):
        pass


def test_another_port_of_this_machine_is_a_foreign_page(client: Client) -> None:
    for site in ("cross-site", "same-site"):
        assert client.get("api/project", headers={"Sec-Fetch-Site": site}).status_code == 403


def test_without_the_cookie_nothing_is_answered(client: Client) -> None:
    strange = [{}, {"Cookie": "a=b"}, {"Cookie": client.cookie()[:-1]}, {"Cookie": client.cookie() + "0"}]
    key = client.json("project")["sourceKey"]
    for headers in strange:
        for path in ("/r/0/", "/r/0/api/project", f"/r/0/frame/{key}/3.jpg", "/api/recordings", "/static/x/main.js"):
            answer = httpx.get(client.base + path, headers=headers)
            assert answer.status_code == 401
            assert "open the address that liquidtrack printed" in answer.json()["error"]
        assert httpx.post(f"{client.base}/r/0/api/op", json=OP, headers=headers).status_code == 401
        with pytest.raises(InvalidStatus), client.line(additional_headers=headers):
            pass
    with pytest.raises(InvalidStatus), client.line(origin=None):
        pass


def test_wrong_token_gives_no_cookie(client: Client) -> None:
    for token in ("wrong", client.token[:-1], client.token + "x", "%00", "ü"):
        answer = httpx.get(client.base, params={"token": token})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    right = httpx.get(client.base, params={"token": client.token}).headers["set-cookie"]
    assert "HttpOnly" in right
    assert "SameSite=strict" in right
    assert client.token not in right


def raw(client: Client, path: str) -> tuple[int, bytes]:
    """The answer for a path that is sent as it is."""
    connection = http.client.HTTPConnection(client.host, timeout=30)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", client.host)
    connection.putheader("Cookie", client.cookie())
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize("up", ["..", "%2e%2e", "..%2f", "%2e%2e%2f", "..%5c", "%252e%252e", "....//"])
def test_no_path_reaches_the_file_system(client: Client, up: str) -> None:
    for start in ("/static/x/", "/static/", "/r/0/static/", "/r/0/frame/", "/"):
        for end in ("etc/passwd", "server.py", "config.py", "__init__.py"):
            status, body = raw(client, f"{start}{up}/{up}/{end}")
            assert status in (400, 404), (start, end)
            assert b"root:" not in body
            assert b"import" not in body
    assert raw(client, "/static/x/%00main.js")[0] == 404
    assert raw(client, "/static/x//etc/passwd")[0] == 404


def test_oversized_and_broken_bodies_are_refused(client: Client) -> None:
    before = seq(client)
    large = b'{"kind": "' + b"x" * MAX_BODY_BYTES + b'"}'
    kind = {"Content-Type": "application/json"}
    assert client.http.post("/r/0/api/op", content=large, headers=kind).status_code == 413

    def slowly() -> Iterator[bytes]:  # without a length
        for _ in range(2 * MAX_BODY_BYTES // 65536):
            yield b" " * 65536

    assert client.http.post("/r/0/api/op", content=slowly(), headers=kind).status_code == 413
    for wrong in (
        b"{",
        b"[]",
        b"\xff",
        b"null",
        b'{"kind": NaN}',
        b"[" * 100_000,
        b'{"kind": "a", "parameters": {}, "b": 1}',
    ):
        answer = client.http.post("/r/0/api/op", content=wrong, headers=kind)
        assert answer.status_code == 400, wrong[:20]
        assert answer.json()["error"].endswith(".")
    assert seq(client) == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_forms_of_other_sites_are_refused_by_their_content_type(client: Client, kind: str) -> None:
    before = seq(client)
    answer = client.http.post("/r/0/api/op", content=b'{"kind":"undo"}', headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert client.http.post("/r/0/api/compare", json={}).status_code == 415
    assert seq(client) == before


def test_other_methods_are_refused(client: Client) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.http.request(method, "/r/0/api/project").status_code == 405
    assert client.get("api/op").status_code == 405
    assert client.http.post("/r/0/api/project", json={}).status_code == 405


def test_every_answer_has_the_headers(client: Client) -> None:
    key = client.json("project")["sourceKey"]
    for path in ("", "api/project", "api/nothing", f"frame/{key}/1.jpg", "frame/other/1.jpg"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
        kept = path.startswith(f"frame/{key}")
        assert headers["cache-control"] == ("private, max-age=31536000, immutable" if kept else "no-store")
    assert httpx.get(client.base + "/r/0/").headers["x-content-type-options"] == "nosniff"


def test_it_listens_on_the_loopback_alone(server: Server) -> None:
    own = [entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    for address in {address for address in own if not address.startswith("127.")}:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, server.port), timeout=5)


def test_the_kept_token_is_for_its_user_alone(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    (kept,) = tmp_path_factory.getbasetemp().glob(f"**/port-{server.port}.token")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) & 0o077 == 0


def test_hosts_that_a_server_for_others_knows() -> None:
    door = Door.new("0.0.0.0", 8000)
    name = socket.gethostname()
    for host in ("127.0.0.1:8000", "localhost:8000", "192.168.1.7:8000", "[fe80::1]:8000", f"{name}:8000"):
        assert door.knows_host(host), host
    for host in ("evil.example:8000", "192.168.1.7:80", "192.168.1.7", ":8000", "1.2.3.4.evil.example:8000"):
        assert not door.knows_host(host), host
    assert Door.new("127.0.0.1", 1).token != Door.new("127.0.0.1", 1).token
    assert not door.knows_cookie(Headers({"cookie": f"{door.cookie_name}="}))
