"""SFTP as fsspec's own, but as `ssh` connects: by ~/.ssh/config, with keys, and only to hosts in known_hosts."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from datasets.storage.failures import StoreError

CONNECT_S = 5.0
READ_S = 15.0  # without a byte
KEEP_ALIVE_S = 30


class UnknownHost(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Refuses a server whose key is not known."""

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        where = hostname.lstrip("[").replace("]:", " -p ")  # as known_hosts has it: host, or [host]:port
        plain = hostname.replace("[", "").replace("]", "")
        raise StoreError(
            f"sftp://{plain}: the key of this server is not known; connect once with `ssh {where}` and confirm it."
        )


class SshFiles(SFTPFileSystem):  # type: ignore[misc]
    """The files of one host, for one thread at a time."""

    cachable = False

    def _connect(self) -> None:
        asked = dict(self.ssh_kwargs)
        settings = _settings_of(self.host)
        proxy = settings.get("proxycommand")
        jump = settings.get("proxyjump")
        host = settings.get("hostname", self.host)
        port = asked.get("port") or int(settings.get("port", 22))
        if jump and jump.lower() != "none":
            proxy = f"ssh -W {host}:{port} {jump}"
        self.client = paramiko.SSHClient()
        with contextlib.suppress(OSError):
            self.client.load_system_host_keys()
        self.client.set_missing_host_key_policy(UnknownHost())
        self.client.connect(
            host,
            port=port,
            username=asked.get("username") or settings.get("user"),
            password=asked.get("password"),
            key_filename=settings.get("identityfile"),
            sock=paramiko.ProxyCommand(proxy) if proxy and proxy.lower() != "none" else None,
            timeout=CONNECT_S,
            banner_timeout=CONNECT_S,
            auth_timeout=CONNECT_S,
            channel_timeout=CONNECT_S,
        )
        transport = self.client.get_transport()
        assert transport is not None
        transport.set_keepalive(KEEP_ALIVE_S)
        self.ftp = self.client.open_sftp()
        channel = self.ftp.get_channel()
        assert channel is not None
        channel.settimeout(READ_S)

    def _open(self, *given: Any, **settings: Any) -> Any:
        file = super()._open(*given, **settings)
        ask = file._prefetch_thread  # paramiko's own thread, which asks for the pieces of `readv`

        def quietly(*pieces: Any) -> None:
            with contextlib.suppress(Exception):  # a lost connection: who reads gets the error too
                ask(*pieces)

        file._prefetch_thread = quietly
        return file

    def close(self) -> None:
        """Ends the connection; calling it again does nothing."""
        self.client.close()

    @property
    def alive(self) -> bool:
        """Whether the connection still stands, as far as is known."""
        transport = self.client.get_transport()
        return transport is not None and transport.is_active()


def _settings_of(host: str) -> dict[str, Any]:
    """What ~/.ssh/config says about a host; empty where it cannot be read."""
    try:
        return dict(paramiko.SSHConfig.from_path(str(Path.home() / ".ssh/config")).lookup(host))
    except (OSError, RuntimeError, ValueError, paramiko.SSHException):
        return {}


logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # its threads write what the caller says in one sentence
_POOL = threading.local()  # paramiko's client of SFTP is for one thread


def connected(host: str, port: int | None, user: str | None, password: str | None, own: bool) -> SshFiles:
    """The files of a host, by a connection that stands: one for each login and thread, or a new one.

    Args:
        host: name of the host, also one of ~/.ssh/config.
        port: its port; None: that of ~/.ssh/config, or 22.
        user: name of the user; None: that of ~/.ssh/config, or this one's.
        password: None logs in by key.
        own: whether to make a connection for the caller alone, who closes it.
    """
    given = {"port": port, "username": user, "password": password}
    words: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if own:
        return SshFiles(host, **words)
    open_ones: dict[object, SshFiles] = _POOL.__dict__.setdefault("open", {})
    key = os.getpid(), host, port, user, password
    if (files := open_ones.get(key)) is None or not files.alive:
        files = open_ones[key] = SshFiles(host, **words)
    return files
