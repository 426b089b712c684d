from __future__ import annotations

import pytest

from models.errors import ConfigError
from tools.batch.engines import placement
from tools.batch.engines.config import EngineConfig, TaskPlace, bytes_of
from tools.batch.engines.opening import needs_of
from tools.batch.engines.placement import place_tasks
from tools.batch.engines.types import TaskNeeds

GB = 10**9


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("local", TaskPlace("local")),
        ("local:3", TaskPlace("local", 3)),
        ("dask", TaskPlace("dask")),
        ("dask:12", TaskPlace("dask", 12)),
        ("tcp://10.0.0.1:8786", TaskPlace("scheduler", 0, "tcp://10.0.0.1:8786")),
        ("tls://host.example:8786", TaskPlace("scheduler", 0, "tls://host.example:8786")),
        ("python:my.module:pool", TaskPlace("python", 0, "my.module:pool")),
        ("python:/srv/pool.py:make", TaskPlace("python", 0, "/srv/pool.py:make")),
    ],
)
def test_places(text: str, place: TaskPlace) -> None:
    assert TaskPlace.of(text) == place


@pytest.mark.parametrize(
    "text", ["", "locl", "local:", "local:0", "local:-1", "local:99999", "tcp://host", "http://a:1", "python:x"]
)
def test_other_places_are_refused_with_the_choices(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--on .*give "):
        EngineConfig(on=text)


@pytest.mark.parametrize(
    ("text", "number"), [("2GB", 2 * GB), ("1.5 GiB", 3 << 29), ("500m", 500 * 10**6), ("2e9", 2 * GB)]
)
def test_amounts_of_memory(text: str, number: int) -> None:
    assert bytes_of(text) == number
    assert needs_of(EngineConfig(task_memory=text, task_threads=3, task_gpus=0.5)) == TaskNeeds(3, number, 0.5)


@pytest.mark.parametrize("text", ["much", "-1GB", "0", "1XB", "1e999"])
def test_other_amounts_of_memory_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="task_memory is "):
        EngineConfig(task_memory=text)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 cores, 10 GB free, 2 GPUs."""
    monkeypatch.setattr(placement, "available_cores", lambda: 8)
    monkeypatch.setattr(placement, "available_memory", lambda: 10 * GB)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0, 5")


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("workers", "needs", "found"),
    [
        (0, TaskNeeds(), (8, 1)),
        (2, TaskNeeds(), (2, 4)),
        (3, TaskNeeds(), (3, 2)),
        (16, TaskNeeds(), (16, 1)),
        (0, TaskNeeds(threads=3), (2, 3)),
        (0, TaskNeeds(memory=3 * GB), (3, 2)),
        (0, TaskNeeds(gpus=1), (2, 4)),
        (0, TaskNeeds(gpus=0.5), (4, 2)),
        (0, TaskNeeds(gpus=2), (1, 8)),
    ],
)
def test_processes_and_threads_of_a_machine(workers: int, needs: TaskNeeds, found: tuple[int, int]) -> None:
    placed = place_tasks(workers, needs)
    assert (placed.workers, placed.threads) == found


@pytest.mark.usefixtures("machine")
def test_gpus_are_shared_evenly() -> None:
    assert place_tasks(0, TaskNeeds(gpus=0.5)).gpus == ("0", "5", "0", "5")
    assert place_tasks(0, TaskNeeds(gpus=2)).gpus == ("0,5",)
    assert place_tasks(3, TaskNeeds(gpus=0.5)).gpus == ("0", "5", "0")
    assert place_tasks(0, TaskNeeds()).gpus == ()


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("workers", "needs", "said"),
    [
        (0, TaskNeeds(memory=11 * GB), "one recording needs 11 GB and 10 GB are free"),
        (0, TaskNeeds(gpus=3), "one recording needs 3 GPUs and there are 2"),
        (4, TaskNeeds(memory=3 * GB), "--on asks for 4 processes and 3 fit"),
    ],
)
def test_needs_that_do_not_fit_are_refused(workers: int, needs: TaskNeeds, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        place_tasks(workers, needs)


def test_a_container_s_limits_count(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    monkeypatch.setattr(placement, "CGROUP", tmp_path)
    assert placement.available_cores() == 1
    assert placement.available_memory() == 2_000_000
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert placement.available_memory() > 2_000_000
