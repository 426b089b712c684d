"""A network from an address: fetched once, checked by its checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError, WeightsError
from models.runtime.cache import cache_folder
from tests.support.onnx_nets import write_net, yolox_answer
from tests.support.range_server import RangeServer, range_server
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.types import Frame

FRAME = Frame(np.zeros((64, 96, 3), np.uint8), 0, 0.0)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network that finds one box, in a folder that is served; the cache is empty."""
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "served").mkdir()
    raw = yolox_answer((96, 64), [(8, 2, 3, (40, 30, 20, 24), 0, 0.8)])
    return write_net(tmp_path / "served/net.onnx", {"images": ((1, 3, 64, 96), np.float32)}, {"output": raw})


@pytest.fixture
def server(network: Path) -> Iterator[RangeServer]:
    with range_server(network.parent) as running:
        yield running


def config(server: RangeServer, path: Path, name: str = "net.onnx", **more: str) -> DetectorConfig:
    checksum = more.get("sha256") or hashlib.sha256(path.read_bytes()).hexdigest()
    return DetectorConfig(server.url(name), sha256=checksum, threads=1, device="cpu")


def test_network_is_fetched_once_and_works_offline_afterwards(server: RangeServer, network: Path) -> None:
    wanted = config(server, network)
    for _ in range(2):
        assert build_detector(wanted)(FRAME).xyxy.round().tolist() == [[30, 18, 50, 42]]
    assert len(server.asked) == 1
    server.shutdown()
    assert len(build_detector(wanted)(FRAME)) == 1


def test_damaged_cached_file_is_fetched_again(server: RangeServer, network: Path) -> None:
    wanted = config(server, network)
    build_detector(wanted)
    (kept,) = (cache_folder() / "downloads").iterdir()
    kept.write_bytes(b"damaged")
    assert len(build_detector(wanted)(FRAME)) == 1
    assert len(server.asked) == 2


def test_other_file_than_wanted_is_refused_and_not_kept(server: RangeServer, network: Path) -> None:
    found = hashlib.sha256(network.read_bytes()).hexdigest()
    with pytest.raises(WeightsError, match=f"is not the file that is wanted: its sha256 is {found}; check"):
        build_detector(config(server, network, sha256="0" * 64))
    assert not list((cache_folder() / "downloads").iterdir())


def test_broken_connection_is_reported_and_nothing_is_kept(server: RangeServer, network: Path) -> None:
    server.cuts, server.cut_at = 1, 100
    with pytest.raises(
        WeightsError, match=r"net.onnx cannot be fetched \(.*\); check address and connection"
    ) as raised:
        build_detector(config(server, network))
    assert "\n" not in str(raised.value)
    assert not list((cache_folder() / "downloads").iterdir())


def test_missing_file_and_absent_server_are_one_sentence(server: RangeServer, network: Path) -> None:
    with pytest.raises(WeightsError, match=r"other.onnx cannot be fetched \(the server answers 404"):
        build_detector(config(server, network, "other.onnx"))
    gone = DetectorConfig("http://user:secret@127.0.0.1:9/net.onnx?key=1", sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"^http://127.0.0.1:9/net.onnx cannot be fetched \(Connection refused\)"):
        build_detector(gone)


def test_login_in_the_address_is_sent_and_never_shown(server: RangeServer, network: Path) -> None:
    server.login = "me:secret"
    with pytest.raises(WeightsError, match="the server answers 401") as raised:
        build_detector(config(server, network))
    checksum = hashlib.sha256(network.read_bytes()).hexdigest()
    right = DetectorConfig(server.url("moved/net.onnx", "me:secret"), sha256=checksum, threads=1)
    with pytest.raises(WeightsError, match="the server answers 401") as raised:  # not handed on to where it leads
        build_detector(right)
    assert "secret" not in str(raised.value)
    right = DetectorConfig(server.url("net.onnx", "me:secret"), sha256=checksum, threads=1)
    assert len(build_detector(right)(FRAME)) == 1


def test_model_of_another_family_is_named(server: RangeServer, network: Path) -> None:
    inputs = {"images": ((1, 3, 64, 96), np.float32)}
    other = write_net(network.parent / "other.onnx", inputs, {"output": np.zeros((1, 7), np.float32)})
    with pytest.raises(WeightsError, match=r"other.onnx: a network of no known family"):
        build_detector(config(server, other, "other.onnx"))


def test_checksum_of_a_local_file_is_checked_too(network: Path) -> None:
    right = hashlib.sha256(network.read_bytes()).hexdigest()
    assert len(build_detector(DetectorConfig(str(network), sha256=right.upper(), threads=1))(FRAME)) == 1
    with pytest.raises(WeightsError, match=r"net\.onnx is not the file that is wanted"):
        build_detector(DetectorConfig(str(network), sha256="1" * 64))
    with pytest.raises(ConfigError, match="sha256 is for networks in ONNX files, and lite0 is none; leave it out"):
        build_detector(DetectorConfig("lite0", sha256=right))
