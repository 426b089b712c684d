"""A real S3 server (moto's, Apache-2.0) in a process of its own, that notes its requests and can break answers off.

    python -m tests.support.s3_server

writes its port, and ends with its standard input. `GET /-/requests` answers with the requests since the last such
question, as JSON; `/-/cut?at=N&times=K` lets the next K answers to ranges end after N bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

ROOT = Path(__file__).parents[2]
KEYS = {
    "AWS_ACCESS_KEY_ID": "storage-tests",
    "AWS_SECRET_ACCESS_KEY": "storage-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Watched:
    """A WSGI application that notes what another one is asked."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._requests: list[dict[str, Any]] = []
        self._cut_at, self._cuts = 0, 0

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/-/requests":
            with self._lock:
                said, self._requests = json.dumps(self._requests).encode(), []
            start("200 OK", [("Content-Length", str(len(said)))])
            return [said]
        if path == "/-/cut":
            given = parse_qs(environ["QUERY_STRING"])
            self._cut_at, self._cuts = int(given["at"][0]), int(given["times"][0])
            start("200 OK", [("Content-Length", "0")])
            return []
        asked = environ.get("HTTP_RANGE", "")
        body = b"".join(self._app(environ, start))
        with self._lock:
            row = {"method": environ["REQUEST_METHOD"], "path": path, "range": asked, "bytes": len(body)}
            self._requests.append(row)
            cut = bool(asked) and self._cuts > 0
            self._cuts -= cut
        return [body[: self._cut_at] if cut else body]


def main() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *args: Any) -> None:
            pass

    server = make_server(
        "127.0.0.1",
        0,
        Watched(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=Quiet,
    )
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


class S3Server:
    """The server's process, seen from the tests.

    Attributes:
        url: its address, for AWS_ENDPOINT_URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use it."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true"}

    def requests(self) -> list[dict[str, Any]]:
        """The requests since this was last asked."""
        rows: list[dict[str, Any]] = json.loads(self._get("/-/requests"))
        return rows

    def cut(self, at: int, times: int) -> None:
        """Lets the next `times` answers to ranges end after `at` bytes."""
        self._get(f"/-/cut?at={at}&times={times}")

    @contextlib.contextmanager
    def restricted(self) -> Iterator[dict[str, str]]:
        """Asks for keys for as long as the block; those that it gives may read and not write."""
        import boto3

        iam = boto3.client("iam", endpoint_url=self.url)
        rights = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
        iam.create_user(UserName="reader")
        policy = json.dumps({"Version": "2012-10-17", "Statement": [rights]})
        iam.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=policy)
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        self._free_requests(b"0")
        try:
            yield {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        finally:
            self._free_requests(b"inf")

    def _free_requests(self, number: bytes) -> None:
        kind = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", number, kind, method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return bytes(answer.read())


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    words = [sys.executable, "-W", "ignore", "-m", "tests.support.s3_server"]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)} | KEYS
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=surroundings, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield S3Server(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.stdin.close()
            process.wait(20)


@contextlib.contextmanager
def s3_bucket(name: str) -> Iterator[S3Server]:
    """A server with an empty bucket, which the environment of this process points at."""
    import pytest
    import s3fs

    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for variable, value in server.environment.items():
            patch.setenv(variable, value)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
        yield server


if __name__ == "__main__":
    main()
