"""Removes credentials from addresses, other text and FFmpeg's log messages."""

from __future__ import annotations

import logging
import re
from urllib.parse import unquote, urlsplit

# Loggers that PyAV names after FFmpeg's classes; PyAV is silent unless `av.logging.set_level` is called.
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
HIDDEN = "***"

# Names of secret values: `user=bob_password=x_channel=1`, `;token=x`, `?api-key=x`.
_NAMES = (
    r"(?:[a-z0-9]{1,30}[-_.]?)?(?:pass(?:word|wd|phrase|code)?|pwd|psw|secret|token|auth(?:orization)?|credentials?|signature"
    r"|sig|jwt|user(?:name)?|usr|login|(?:api|access|stream|private|shared|secret|account)[-_]?key|streamid|session(?:id)?)"
)
_BY_NAME = re.compile(
    rf"(?i)(?<![a-z0-9])({_NAMES}|(?<=[?&;])(?:key|pw|pass|u|p|k|t|sid|sas))(\s?=\s?|%3d)(?!=)"
    r"(\"[^\"\n]*\"|'[^'\n]*'|.+?(?=_[a-z0-9-]+(?:=|%3d)|[&;\s'\",)]|%26|$)(?:(?<=,)|))"
)
_IN_JSON = re.compile(rf"(?i)([\"'](?:{_NAMES}|pw|key)[\"']\s*:\s*)(\"(?:[^\"\\]|\\.)*\"|'[^']*')")
_IN_PATH = re.compile(r"(?i)(/(?:pass(?:word|wd)?|pwd|secret|token|auth|(?:api|stream)[-_]?key|key)/)([^/\s'\",?]+)")
_HEADER = re.compile(r"(?i)(authorization\s*:\s*)[^\r\n]+")
# `scheme:` with one or more slashes, since addresses may be mistyped; then characters up to the next blank.
_ADDRESS = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,30}:/{1,3}|[a-z][a-z0-9+.-]{1,30}//)([^\s\"<>]+)")
_BARE = re.compile(r"[^\W\d][^\s/@'\"=:,(]{0,100}:(?!/)[^\s@'\"]{0,200}@(?=[\w.\[-])")
# Such an address ends with the key of the stream, which permits sending to it.
_KEYED = re.compile(r"(?i)(rtmp[a-z]*:/{1,3}[^/\s]+/[^/\s]+/)[^\s'\"?]+")


def strip_credentials(address: str) -> str:
    """The address without user name, password, query and fragment, for names, messages and logs.

    Raises:
        ValueError: it is not an address.
    """
    urlsplit(address)
    head, found, rest = address.partition("://")
    if not found:
        return strip_credentials_from_text(address)
    host = re.split(r"[?#]", _without_user(rest), maxsplit=1)[0]
    return strip_credentials_from_text(f"{head}://{host}")


def _without_user(rest: str) -> str:
    """The part after `scheme://`, from the host on; a password may contain any character, also `/`, `?` and `@`."""
    before, at, after = rest.rpartition("@")
    if at:
        plain = re.match(r"[\w.-]+(:\d+)?/", before)  # the host comes first, so the @ is in its path
        return rest if plain and ":" not in before[plain.end() :] and "?" not in before else after
    return rest


def strip_credentials_from_text(text: str) -> str:
    """`text` without the secrets of addresses in it, and without values that are named like a secret."""
    if not any(sign in text for sign in "@=:/%"):  # the usual case
        return text
    text = _ADDRESS.sub(_address, text)
    text = _BARE.sub(f"{HIDDEN}@", text)
    text = _KEYED.sub(rf"\1{HIDDEN}", text)
    text = _IN_JSON.sub(rf'\1"{HIDDEN}"', text)
    text = _BY_NAME.sub(rf"\1\2{HIDDEN}", text)
    text = _IN_PATH.sub(rf"\1{HIDDEN}", text)
    return _HEADER.sub(rf"\1{HIDDEN}", text)


def _address(match: re.Match[str]) -> str:
    rest = match[2]
    kept = _without_user(rest)
    place, mark, query = kept.partition("?")
    if mark:
        query = re.sub(r"=[^&;'\")]+", f"={HIDDEN}", query)
    return f"{match[1]}{f'{HIDDEN}@' if kept is not rest else ''}{place}{mark}{query}"


def secrets(address: str) -> frozenset[str]:
    """The secret parts of an address, as written and as decoded, longest first where they overlap."""
    parts = urlsplit(address)
    user = parts.netloc.rpartition("@")[0]
    pieces = {user, *user.split(":", 1)[1:], parts.query, *(pair.partition("=")[2] for pair in parts.query.split("&"))}
    pieces |= {found[3] for found in _BY_NAME.finditer(address)} | {found[2] for found in _IN_PATH.finditer(address)}
    return frozenset(text for piece in pieces for text in (piece, unquote(piece)) if len(text) > 2)


class Scrub(logging.Filter):
    """Removes given words from log messages, and what `strip_credentials_from_text` recognises as a secret."""

    def __init__(self, words: frozenset[str]) -> None:
        super().__init__()
        self._words = sorted(words, key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for word in self._words:
            text = text.replace(word, HIDDEN)
        record.msg = strip_credentials_from_text(text)
        record.args = None
        return True


def guard_library_logs(address: str) -> None:
    """Removes the secrets of `address` from the library's log messages, in case its loggers are enabled."""
    words = secrets(address)
    if words:
        for name in (*LIBRARY, "generic"):
            logging.getLogger(f"libav.{name}").addFilter(Scrub(words))
