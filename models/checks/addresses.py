"""Web addresses of networks, as text. Imports little, because the command line imports it at start."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_address(text: str) -> bool:
    """Whether the text is an http or https address."""
    return text.lower().startswith(("https://", "http://"))


def shown(address: str) -> str:
    """The address without user, password and query, for messages."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
