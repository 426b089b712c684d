"""What an address is, and what it looks like in messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasets.storage.addresses import address_in, base_name, is_store, is_web, join, suffix_of
from datasets.storage.failures import shown


@pytest.mark.parametrize(
    ("text", "store", "web"),
    [
        ("s3://bucket/a.mp4", True, False),
        ("SFTP://me@host/a", True, False),
        ("https://host/a.mp4", False, True),
        ("rtsp://host/a", False, False),
        ("a.mp4", False, False),
        ("C://a.mp4", False, False),
        ("scene:3", False, False),
        ("s3:bucket", False, False),
    ],
)
def test_addresses_are_told_from_paths_and_streams(text: str, store: bool, web: bool) -> None:
    assert is_store(text) is store
    assert is_web(text) is web


@pytest.mark.parametrize("text", ["s3://bucket/a/b.jsonl", "sftp://me:p%2Fw@host:22/a b/c", "gs://x/y"])
def test_address_that_became_a_path_is_found_again(text: str) -> None:
    assert address_in(Path(text)) == text
    assert address_in(Path(text).with_suffix(".toml")) == text.replace(".jsonl", "").rstrip("/") + ".toml"


@pytest.mark.parametrize("text", ["a/s3:/b", "/s3:/b", "rtsp://host/x", "s3", "out.jsonl", "."])
def test_other_paths_are_no_addresses(text: str) -> None:
    assert address_in(Path(text)) is None


def test_parts_of_addresses() -> None:
    assert join("s3://b/in/", "c/d.mp4") == "s3://b/in/c/d.mp4"
    assert join("s3://b/in", "") == "s3://b/in"
    assert base_name("https://host/x/a.mp4?sig=1#t") == "a.mp4"
    assert suffix_of("https://host/x/a.MP4?name=b.txt") == ".mp4"
    assert suffix_of("https://host/.mp4") == ""


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("s3://bucket/a #1?.mp4", "s3://bucket/a #1?.mp4"),
        ("sftp://bob:s3cret@host:22/a#b", "sftp://host:22/a#b"),
        ("sftp://bob:s3cret/p@ss?w@host/a", "sftp://host/a"),
        ("https://bob:s3cret@host/a.mp4?sig=s3cret", "https://host/a.mp4"),
    ],
)
def test_shown_addresses_hold_no_secrets(address: str, name: str) -> None:
    assert shown(address) == name
