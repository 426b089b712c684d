from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets.storage.remote_file import SHELF
from datasets.storage.stores import open_store
from models.errors import ConfigError
from tests.support.batch_clips import DETECTIONS, results, write_clips
from tests.support.engine_driver import end_driver, workers_of
from tests.support.engine_tasks import doubled, fated, long, where
from tests.support.s3_server import s3_bucket
from tools.batch.config import RecordingConfig
from tools.batch.engines.dask_cluster import DaskEngine
from tools.batch.engines.dask_logs import log_file
from tools.batch.engines.driver import run_tasks
from tools.batch.engines.opening import open_engine
from tools.batch.engines.types import EngineError, TaskEngine, TaskNeeds
from tools.batch.finding import SearchRules, search
from tools.batch.results import ResultFolder
from tools.batch.task import RecordingTask, track_recording
from tools.cli.main import main
from tracker.detectors.config import DetectorConfig

ROOT = Path(__file__).parents[4]
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TaskEngine]:
    """A cluster that the command starts by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIQUIDTRACK_CACHE", str(tmp_path_factory.mktemp("cache")))
        with open_engine("dask:2") as engine:
            assert isinstance(engine, DaskEngine)
            yield engine


def test_errors_and_killed_workers_of_an_own_cluster(
    own: TaskEngine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = ["kills-1", "damaged-1", "once-1", "bug-1", *(f"good-{k}" for k in range(8))]
    tasks = [(name, str(tmp_path)) for name in names]
    found = {one.task[0]: one for one in run_tasks(own, tasks, fated, retries=1, pause_s=0.01)}
    assert sorted(found) == sorted(names)
    assert {name for name, one in found.items() if one.error} == {"kills-1", "damaged-1", "bug-1"}
    assert str(found["kills-1"].error).startswith("the worker tls://127.")
    assert found["damaged-1"].error == "damaged-1: is damaged."
    assert "a fault of liquidtrack's own (ZeroDivisionError: a fault)" in str(found["bug-1"].error)
    assert capfd.readouterr() == ("", "")
    assert "distributed" in log_file().read_text()


def test_stop_leaves_the_cluster_and_its_results(own: TaskEngine) -> None:
    seen: list[int] = []
    for outcome in run_tasks(own, range(10**6), doubled, stop=lambda: len(seen) >= 5):
        assert outcome.error is None
        seen.append(outcome.task)
    assert 5 <= len(seen) < 100


def test_killed_workers_change_no_result(own: TaskEngine, tmp_path: Path) -> None:
    wanted, chance, kills = _undisturbed(tmp_path, 15), random.Random(29), 0
    for done, outcome in enumerate(run_tasks(own, _tasks(tmp_path, "out"), track_recording, retries=5, pause_s=0.01)):
        assert outcome.error is None
        if done in (3, 8):
            os.kill(chance.choice(workers_of(os.getpid())), signal.SIGKILL)
            kills += 1
    assert kills == 2
    assert results(tmp_path / "out") == wanted


def _tasks(folder: Path, out: str) -> Iterator[RecordingTask]:
    root = folder / "in"
    ResultFolder(str(folder / out)).create()
    config = RecordingConfig(formats=("jsonl",), detection=DetectorConfig(f"file:{root / DETECTIONS}"))
    for one in search(root, SearchRules()):
        yield RecordingTask(one.source, one.label, one.stem, str(folder / out), config)


def _undisturbed(folder: Path, count: int) -> dict[str, bytes]:
    """The results of clips in folder/in without any engine."""
    write_clips(folder / "in", count)
    for task in _tasks(folder, "wanted"):
        track_recording(task)
    found = results(folder / "wanted")
    assert len(found) == 2 * count
    return found


def test_no_worker_of_an_own_cluster_outlives_its_driver(tmp_path: Path) -> None:
    end_driver(tmp_path, "dask:1", 1, signal.SIGKILL)


class Cluster:
    """A scheduler and workers in processes of their own, as on other machines."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.folder, self.address = folder, f"tcp://127.0.0.1:{port}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", str(port), "--host", "127.0.0.1", "--no-dashboard")
        patience = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            assert time.monotonic() < patience
            time.sleep(0.1)

    def worker(self, name: str, *options: str, path: str = "") -> subprocess.Popen[bytes]:
        folder = self.folder / name
        folder.mkdir()
        options = (self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--name", name, *options)
        return self._start("worker", *options, cwd=folder, path=path)

    def _start(self, *words: str, cwd: Path | None = None, path: str = "") -> subprocess.Popen[bytes]:
        paths = os.pathsep.join([path, str(ROOT)] if path else [str(ROOT)])
        command = [sys.executable, "-m", "dask", *words]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=cwd, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": paths}
            )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with s3_bucket("farm"):
        made = Cluster(tmp_path_factory.mktemp("cluster"))
        try:
            yield made
        finally:
            made.close()
    SHELF.clear()


@pytest.mark.slow
def test_a_running_cluster_from_its_first_worker_to_the_end_of_its_scheduler(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # No worker yet: said, and waited for.
    needs = TaskNeeds(memory=10**9)
    with open_engine(cluster.address, needs=needs) as engine:
        assert "has no workers yet; waiting for them" in capsys.readouterr().err
        cluster.worker("small")
        first = cluster.worker("first", "--resources", "MEMORY=2e9")
        second = cluster.worker("second", "--resources", "MEMORY=2e9")
        # Tasks go where the resources are, to two workers with folders of their own; one is killed.
        found, pids = [], set()
        for outcome in run_tasks(engine, [str(tmp_path)] * 30, where):
            assert outcome.result is not None
            found.append(outcome.result)
            pids.add(outcome.result["pid"])
            if len(pids) == 2 and first.poll() is None:
                first.kill()
                first.wait()
        assert len(found) == 30
        assert pids == {first.pid, second.pid}
        assert {Path(result["folder"]).name for result in found} == {"first", "second"}

    # The command, on the two workers that are left: two hosts with folders of their own that share a store.
    wanted = _undisturbed(tmp_path, 6)
    there = open_store("s3://farm/in")
    for clip in (tmp_path / "in").rglob("*.mp4"):
        there.upload(clip, clip.relative_to(tmp_path / "in").as_posix())
    words = ["batch", "s3://farm/in", "--out", "s3://farm/out", "--formats", "jsonl", "--on", cluster.address]
    assert main([*words, "--detector", f"file:{tmp_path / 'in' / DETECTIONS}"]) == 0
    assert "6 done" in capsys.readouterr().out
    out = open_store("s3://farm/out")
    tracks = {name: content for name, content in wanted.items() if name.endswith(".jsonl")}
    assert {name: out.read(name) for name in tracks} == tracks

    with open_engine(cluster.address, needs=needs) as engine:
        # A worker of another version is noticed although it came late.
        other = tmp_path / "other"
        (other / "liquidtrack-99.1.dist-info").mkdir(parents=True)
        (other / "liquidtrack-99.1.dist-info" / "METADATA").write_text("Name: liquidtrack\nVersion: 99.1\n")
        second.kill()
        old = cluster.worker("old", "--resources", "MEMORY=2e9", path=str(other))
        with pytest.raises(EngineError, match=r"has liquidtrack 99\.1 and this command "):
            list(run_tasks(engine, range(3), doubled))
    with pytest.raises(
        ConfigError, match=r"the worker tcp://127\S* has liquidtrack 99\.1 and this command .*; install"
    ):
        open_engine(cluster.address).__enter__()
    old.kill()
    old.wait()

    # What no worker offers.
    with pytest.raises(ConfigError, match=r'start workers with --resources "GPU=1", or lower'):
        _open(cluster.address, TaskNeeds(gpus=1))

    # The scheduler ends in the middle.
    with (
        open_engine(cluster.address) as engine,
        pytest.raises(EngineError, match=r"is gone; run the same command again"),
    ):
        list(run_tasks(engine, [str(tmp_path)] * 2, long, stop=lambda: _ended(cluster, tmp_path)))
    with pytest.raises(EngineError, match=re.escape(f"no Dask scheduler answers at {cluster.address}; check")):
        _open(cluster.address)


def _open(address: str, needs: TaskNeeds | None = None) -> None:
    with open_engine(address, needs=needs):
        pass


def _ended(cluster: Cluster, folder: Path) -> bool:
    """Kills the scheduler as soon as a task runs; False, so that the loop goes on."""
    if cluster.scheduler.poll() is None and len(list(folder.glob("[0-9]*"))) > 2:
        cluster.scheduler.send_signal(signal.SIGKILL)
        cluster.scheduler.wait()
    return False
