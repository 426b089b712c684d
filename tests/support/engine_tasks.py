"""Work for the engines' tests, in a module that worker processes can import."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from models.errors import ChangedError, DataError


def doubled(number: int) -> dict[str, Any]:
    return {"number": 2 * number, "pid": os.getpid()}


def described(_: int) -> dict[str, Any]:
    """What a process knows of its share."""
    from models.runtime.compute import usable_cores

    return {
        "cores": usable_cores(),
        "blas": os.environ.get("OPENBLAS_NUM_THREADS"),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "interrupt": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        "path": "" in __import__("sys").path,
    }


def fated(task: tuple[str, str]) -> dict[str, Any]:
    """`(what, folder)`: ends as `what` says; each try leaves a file in `folder`."""
    what, folder = task
    with (Path(folder) / what).open("a") as file:
        file.write(f"{os.getpid()}\n")
    kind = what.split("-")[0]
    if kind == "kills":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "leaves":
        os._exit(3)
    if kind == "damaged":
        raise DataError(f"{what}: is damaged.")
    if kind == "changed":
        raise ChangedError(f"{what}: was replaced while it was read.")
    if kind == "bug":
        raise ZeroDivisionError("a fault")
    if kind == "exits":
        raise SystemExit(5)
    if kind == "absent":
        (Path(folder) / "no-such-file").read_text()
    if kind == "once" and len((Path(folder) / what).read_text().split()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "sleeps":
        time.sleep(float(what.split("-")[1]))
    return {"what": what}


def long(folder: str) -> dict[str, Any]:
    """Names its process in `folder` and stays."""
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)
    return {}


class InlineExecutor(Executor):
    """Does each call at once, in the calling thread."""

    _max_workers = 2

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def spawned_pool() -> Executor:
    """A pool that breaks as a whole when one of its processes is killed."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def no_pool() -> str:
    return "none"


def broken_factory() -> Executor:
    raise RuntimeError("no allocation left")


def where(folder: str) -> dict[str, Any]:
    """Waits a moment in `folder`, so that all workers get some, and says which process it was."""
    time.sleep(0.1)
    (Path(folder) / str(os.getpid())).touch()
    return {"pid": os.getpid(), "folder": str(Path.cwd())}
