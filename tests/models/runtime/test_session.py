"""Networks that stay loaded between the tasks of a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.runtime.session import Session, keep_sessions
from tests.support.onnx_nets import write_net


@pytest.fixture
def kept() -> Iterator[None]:
    keep_sessions(2)
    yield
    keep_sessions(0)


def net(path: Path, value: float) -> Path:
    return write_net(path, {"x": ((1,), np.float32)}, {"y": np.array([value], np.float32)})


def answer(session: Session) -> float:
    return float(session.run({"x": np.zeros(1, np.float32)})[0][0])


def test_network_is_loaded_once_and_again_when_its_file_changes(tmp_path: Path, kept: None) -> None:
    path = net(tmp_path / "a.onnx", 1.0)
    first = Session(path, threads=1)
    assert Session(path, threads=1)._session is first._session
    assert Session(path, threads=2)._session is not first._session
    net(path, 22.0).touch()
    changed = Session(path, threads=1)
    assert (answer(first), answer(changed)) == (1.0, 22.0)


def test_only_so_many_networks_stay_and_none_by_default(tmp_path: Path, kept: None) -> None:
    paths = [net(tmp_path / f"{k}.onnx", k) for k in range(3)]
    sessions = [Session(path) for path in paths]
    assert Session(paths[2])._session is sessions[2]._session
    assert Session(paths[0])._session is not sessions[0]._session
    keep_sessions(0)
    one = Session(paths[1])
    assert Session(paths[1])._session is not one._session
