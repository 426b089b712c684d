"""A real SSH server with SFTP (paramiko's) over a folder, in a process of its own.

    python -m tests.support.sftp_server FOLDER USER:PASSWORD

writes its port and its host key as known_hosts has it, and ends with its standard input. A line `cut` on its standard
input ends all connections. What begins with `readonly` cannot be written.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import paramiko

ROOT = Path(__file__).parents[2]


class Login(paramiko.ServerInterface):  # type: ignore[misc]
    """Lets one user in, by password."""

    def __init__(self, login: str) -> None:
        self.login = login

    def check_auth_password(self, username: str, password: str) -> int:
        good = f"{username}:{password}" == self.login
        return int(paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def get_allowed_auths(self, username: str) -> str:
        return "password"


class Handle(paramiko.SFTPHandle):  # type: ignore[misc]
    """An open file."""

    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class Folder(paramiko.SFTPServerInterface):  # type: ignore[misc]
    """The files of one folder."""

    root = ""

    def _path(self, path: str) -> str:
        return f"{self.root}{self.canonicalize(path)}"

    def _done(self, call: Any, *paths: str) -> int:
        if any("readonly" in path for path in paths):
            return int(paramiko.SFTP_PERMISSION_DENIED)
        try:
            call(*paths)
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno))
        return int(paramiko.SFTP_OK)

    def list_folder(self, path: str) -> Any:
        try:
            rows = []
            for name in os.listdir(self._path(path)):
                row = paramiko.SFTPAttributes.from_stat(os.lstat(os.path.join(self._path(path), name)))
                row.filename = name
                rows.append(row)
            return rows
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(os.stat(self._path(path)))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def lstat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(os.lstat(self._path(path)))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def open(self, path: str, flags: int, attr: Any) -> Any:
        if flags & (os.O_WRONLY | os.O_RDWR) and "readonly" in path:
            return paramiko.SFTP_PERMISSION_DENIED
        try:
            handle = os.open(self._path(path), flags, 0o666)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        mode = "r+b" if flags & os.O_RDWR else "wb" if flags & os.O_WRONLY else "rb"
        found = Handle(flags)
        found.readfile = found.writefile = os.fdopen(handle, mode)
        return found

    def remove(self, path: str) -> int:
        return self._done(os.remove, self._path(path))

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return self._done(os.replace, self._path(oldpath), self._path(newpath))

    def mkdir(self, path: str, attr: Any) -> int:
        return self._done(os.mkdir, self._path(path))


def main() -> None:
    Folder.root, login = sys.argv[1:]
    key = paramiko.ECDSAKey.generate()
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    print(port, f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}", flush=True)
    transports: list[paramiko.Transport] = []

    def accept() -> None:
        while True:
            connection, _ = listening.accept()
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Folder)
            transports.append(transport)
            with contextlib.suppress(paramiko.SSHException, EOFError):
                transport.start_server(server=Login(login))

    threading.Thread(target=accept, daemon=True).start()
    for line in sys.stdin:
        if line.strip() == "cut":
            for transport in transports:
                transport.close()
            transports.clear()
            print("done", flush=True)
    os._exit(0)


class SftpServer:
    """The server's process, seen from the tests.

    Attributes:
        folder: what it serves as `/`.
        port: its port on the loopback address.
        known: its line for known_hosts.
    """

    user, password = "bob", "s3cret/p@ss:word"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        words = [sys.executable, "-W", "ignore", "-m", "tests.support.sftp_server", str(folder)]
        self._process = subprocess.Popen(
            [*words, f"{self.user}:{self.password}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        port, self.known = self._process.stdout.readline().strip().split(" ", 1)
        self.port = int(port)

    def url(self, path: str = "", login: str | None = None) -> str:
        login = "bob:s3cret%2Fp%40ss%3Aword" if login is None else login
        return f"sftp://{login}@127.0.0.1:{self.port}/{path}"

    def cut(self) -> None:
        """Ends all connections."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("cut\n")
        self._process.stdin.flush()
        self._process.stdout.readline()

    def close(self) -> None:
        self._process.communicate(timeout=20)


if __name__ == "__main__":
    main()
