"""`liquidtrack compile`: builds, checks, removes; one sentence where it cannot."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tools.cli.main import main
from tracker.learned.compiled.library import load_library


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIQUIDTRACK_NUMPY", raising=False)
    load_library.cache_clear()
    return tmp_path / "cache"


def compiler(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a shell script the compiler; `$out` is the file that it is asked for."""
    path = folder / "compiler"
    path.write_text(f'#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nout="$2"\n{script}\n')
    path.chmod(0o755)
    monkeypatch.setenv("CC", str(path))


def test_engine_is_built_checked_and_removed(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on this machine")
    assert main(["compile"]) == 0
    said = capsys.readouterr().out
    (built,) = (cache / "compiled").iterdir()
    assert str(built) in said
    assert "with the same tracks" in said
    assert load_library() is not None
    assert main(["compile", "--remove"]) == 0
    assert "removed 1 compiled" in capsys.readouterr().out
    assert list((cache / "compiled").iterdir()) == []
    assert load_library() is None


@pytest.mark.skipif(os.name != "posix", reason="the compilers here are shell scripts")
@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo 'error: no space' >&2; exit 1", "cannot compile the engine (error: no space)"),
        ("exit 3", "cannot compile the engine (exit code 3)"),
        ("echo nonsense > $out", "cannot be loaded here"),
    ],
)
def test_compiler_that_fails_is_one_sentence(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: str, sentence: str
) -> None:
    compiler(cache.parent, script, monkeypatch)
    assert main(["compile"]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert list((cache / "compiled").iterdir()) == []


def test_missing_compiler_is_one_sentence(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(cache))
    assert main(["compile"]) == 2
    assert "there is no C compiler here" in capsys.readouterr().err


def test_library_that_tracks_otherwise_is_removed(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = shutil.which("cc")
    if real is None:
        pytest.skip("no C compiler on this machine")
    wrapper = cache.parent / "cc"
    wrapper.write_text(f'#!/bin/sh\nexec {real} -O0 -Dsqrt=fabs "$@"\n')  # a broken build
    wrapper.chmod(0o755)
    monkeypatch.setenv("CC", str(wrapper))
    assert main(["compile"]) == 2
    assert "does not track as NumPy does here, and was removed" in capsys.readouterr().err
    assert list((cache / "compiled").iterdir()) == []
