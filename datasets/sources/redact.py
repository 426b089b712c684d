"""Addresses without their secrets, and FFmpeg's own log messages likewise."""

from __future__ import annotations

import logging
import re
from urllib.parse import unquote, urlsplit, urlunsplit

# Loggers that PyAV names after FFmpeg's classes; it is silent unless somebody calls `av.logging.set_level`.
LIBRARY = (
    "rtsp",
    "rtmp",
    "http",
    "https",
    "tcp",
    "tls",
    "tls_openssl",
    "udp",
    "srt",
    "hls",
    "rtp",
    "sdp",
    "ftp",
    "sftp",
)


def redact(address: str) -> str:
    """The address without user name, password, query and fragment: what may stand in names, messages and logs."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def secrets(address: str) -> frozenset[str]:
    """The pieces of an address that nobody may read, as written and as decoded, longest first where they overlap."""
    parts = urlsplit(address)
    user = parts.netloc.rpartition("@")[0]
    pieces = {user, *user.split(":", 1)[1:], parts.query, *(pair.partition("=")[2] for pair in parts.query.split("&"))}
    return frozenset(text for piece in pieces for text in (piece, unquote(piece)) if len(text) > 2)


class Scrub(logging.Filter):
    """Strikes given words out of log messages, and what an Authorization header carries."""

    def __init__(self, words: frozenset[str]) -> None:
        super().__init__()
        self._words = sorted(words, key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for word in self._words:
            text = text.replace(word, "***")
        record.msg = re.sub(r"(?i)(authorization:\s*)[^\r\n]+", r"\1***", text)
        record.args = None
        return True


def guard_library_logs(address: str) -> None:
    """From now on the library's loggers do not tell the secrets of `address`, should anybody turn them on."""
    words = secrets(address)
    if words:
        for name in (*LIBRARY, "generic"):
            logging.getLogger(f"libav.{name}").addFilter(Scrub(words))
