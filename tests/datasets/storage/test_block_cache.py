"""Blocks come back as they were put, also where little room is left."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.storage.block_cache import BLOCK, MEMORY_BYTES, BlockCache


def content(block: int) -> bytes:
    return block.to_bytes(2, "big") * (BLOCK // 2 if block % 3 else 7)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=40), st.integers(4, 6))
def test_cache_gives_what_was_put_and_keeps_the_last_used(steps: list[tuple[bool, int]], most: int) -> None:
    cache = BlockCache(most * BLOCK)
    used: list[int] = []
    for put, block in steps:
        if put:
            cache.put(block, content(block))
            used = [b for b in used if b != block] + [block] if block not in used[-most:] else used
        found = cache.get(block)
        assert (found is not None) == (block in used[-most:])
        if found is not None:
            assert found == content(block)
            used = [b for b in used if b != block] + [block]
        assert len(cache) == min(most, len(set(used)))
    cache.close()


def test_cache_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cache = BlockCache()
    cache.put(0, content(0))
    assert list(tmp_path.iterdir()) == []
    assert cache.get(0) == content(0)
    cache.close()


def test_cache_without_a_place_for_its_file_uses_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    cache = BlockCache()
    for block in range(MEMORY_BYTES // BLOCK + 10):
        cache.put(block, content(block))
    assert cache.get(0) is None
    assert cache.get(MEMORY_BYTES // BLOCK) == content(MEMORY_BYTES // BLOCK)


def test_cache_goes_on_in_memory_when_the_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **kind: full.open("rb+", buffering=0))
    cache = BlockCache(8 * BLOCK)
    for block in range(12):
        cache.put(block, content(block))
        assert cache.get(block) == content(block)
