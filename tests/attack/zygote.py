"""A process that has imported the command line and forks once for each attack; `harness` starts and feeds it.

Not a test and not for import: `python zygote.py ROOT SCRIPT [torch]` with a socket as standard input. Each request is
one message with six file descriptors (a socket for request and answer, standard input, output and error, a file for the
stacks of a run that hangs, and the folder to stand in). A warden is forked for it, which forks the attacked process,
watches its seconds and its memory, and ends whatever it leaves behind.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import faulthandler
import gc
import importlib
import io
import json
import os
import resource
import signal
import socket
import sys
import threading
import time
from typing import Any, NoReturn

PR_SET_CHILD_SUBREAPER = 36
POLL = 0.01  # seconds between two checks of the warden
GRACE = 3.0  # seconds that processes left behind may take to end by themselves
PAGE = os.sysconf("SC_PAGE_SIZE")
# Of the libraries those that start no thread.
LIBRARIES = ("cv2", "av", "lap", "safetensors.numpy", "tqdm", "tyro", "scipy.optimize")
PARTS = (
    "datasets",
    "datasets.sources.video_files",
    "datasets.sources.images",
    "datasets.sources.streams",
    "datasets.formats",
    "datasets.video.writer",
    "datasets.scenes.source",
    "tracker.engine",
    "tracker.classification.track_classes",
    "tracker.pipeline.loop",
    "tracker.learned.liquid_motion",
    "tracker.detectors.registry",
    "tools.display.video_sink",
    "tools.cli.settings",
)


def preload(torch: bool) -> None:
    """Imports what a fresh process would import by itself for nearly every command line."""
    from tools.cli.commands import COMMANDS

    places = [*LIBRARIES, *PARTS, *(command.config.partition(":")[0] for command in COMMANDS.values())]
    if torch:
        places += ["torch", "torchvision"]
    places += [command.run.partition(":")[0] for command in COMMANDS.values()]
    for place in places:
        if "torch" in sys.modules and not torch:
            raise RuntimeError("torch was imported by a process that is to do without")
        if not torch and needs_torch(place):
            continue
        with contextlib.suppress(ImportError):  # the attacked process will say it
            importlib.import_module(place)
    from models.errors import ConfigError
    from tools.cli.main import load
    from tools.cli.settings import parse

    for command in COMMANDS.values():  # the parser keeps what it has found out about a command
        with contextlib.suppress(ConfigError):
            parse(load(command.config), "liquidtrack", ["--no-such-flag"])
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:  # a fork would lack them, and hang at its end; onnxruntime makes one, so each fork imports it
        raise RuntimeError(f"the imports started {threads - 1} threads")


def needs_torch(place: str) -> bool:
    """Whether the module `tools.x` imports torch at its top; these are left to the zygote that has it."""
    return place.startswith(
        (
            "tools.benchmark.recurrent_cells",
            "tools.benchmark.gradient_reach",
            "tools.benchmark.labels",
            "tools.benchmark.sentiment",
            "tools.benchmark.adapt",
            "tools.benchmark.clock",
            "tools.benchmark.sizes",
            "tools.train.",
        )
    )


def serve(control: socket.socket, script: str) -> dict[str, Any] | None:
    """Forks a warden for each request; returns in an attacked process alone, with its request. None: no more."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 6)
        if not data:
            return None
        if os.fork() == 0:
            control.close()
            return warden(descriptors, script)
        for descriptor in descriptors:
            os.close(descriptor)


def warden(descriptors: list[int], script: str) -> dict[str, Any]:
    """Forks the attacked process (in which it returns), watches it, reports, and exits."""
    talk = socket.socket(fileno=descriptors[0])
    with talk.makefile("r", encoding="ascii") as lines:
        request: dict[str, Any] = json.loads(lines.readline())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    base = 0 if request["fresh"] else resident(os.getpid())
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.fchdir(descriptors[5])
        if request["hold"]:
            os.read(descriptors[0], 1)
        talk.detach()
        return enter(request, descriptors, script)
    for descriptor in descriptors[1:]:
        os.close(descriptor)
    send(talk, {"pid": child})
    result = watch(child, request, start, base)
    result["left"] = sweep(request.get("grace", GRACE))
    with contextlib.suppress(OSError):  # the parent no longer reads
        send(talk, result)
    os._exit(0)


def send(talk: socket.socket, content: dict[str, Any]) -> None:
    talk.sendall((json.dumps(content) + "\n").encode("ascii"))


def watch(child: int, request: dict[str, Any], start: float, base: int) -> dict[str, Any]:
    """Waits for the attacked process; kills it when its seconds or its bytes are over."""
    limit, ceiling = start + request["seconds"], request["memory"] + base
    peak, why = 0, ""
    while True:
        peak = max(peak, sum(map(resident, family())))
        done = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if done is not None:
            _, status = os.waitpid(child, 0)
            return {
                "code": os.waitstatus_to_exitcode(status),
                "seconds": time.monotonic() - start,
                "peak": max(0, peak - base),
                "why": why,
            }
        if not why and time.monotonic() > limit:
            why = "time"
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGUSR2)  # its stacks, for reading the failure
            time.sleep(0.3)
        elif not why and peak > ceiling:
            why = "memory"
        if why:
            for process in family():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        time.sleep(POLL)


def sweep(grace: float) -> list[str]:
    """The command lines of processes that outlived the attacked one by more than `grace` seconds, all ended now."""
    until = time.monotonic() + grace
    left: dict[int, str] = {}
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        living = family()
        if not living:
            return list(left.values())
        if time.monotonic() > until:
            for process in living:
                with contextlib.suppress(OSError), open(f"/proc/{process}/cmdline", "rb") as file:
                    left.setdefault(process, file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip())
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        time.sleep(POLL)


def family() -> list[int]:
    """This process's children, and theirs."""
    found, new = [], [os.getpid()]
    while new:
        process = new.pop()
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{task}/children") as file:
                    new += [child for child in map(int, file.read().split()) if child not in found]
        found.append(process)
    return found[1:]


def resident(process: int) -> int:
    """Bytes of its own in memory now.

    Pages of mapped files are left out: how many of a large library count as a process's is the kernel's affair (it maps
    what stands around a touched page), hundreds of megabytes more or less from machine to machine.
    """
    with contextlib.suppress(OSError), open(f"/proc/{process}/statm") as file:
        _, everything, of_files, *_ = map(int, file.read().split())
        return (everything - of_files) * PAGE
    return 0


def enter(request: dict[str, Any], descriptors: list[int], script: str) -> dict[str, Any]:
    """Becomes the attacked process: its folder, environment, limits and standard files. Returns unless it is fresh."""
    _, given, out, error, trace, _ = descriptors
    trace = os.dup2(trace, 100, inheritable=False)
    for number, descriptor in enumerate((given, out, error)):
        os.dup2(descriptor, number)
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            if descriptor > 2:
                os.close(descriptor)
    for number in request["closed"]:
        os.close(number)
    for name, value in request["limits"].items():
        resource.setrlimit(int(name), (value, value))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(0o022)
    if request["fresh"]:
        environment = {os.fsencode(name): os.fsencode(value) for name, value in request["environment"].items()}
        os.execve(sys.executable, [sys.executable, *request["options"], script, *request["arguments"]], environment)
    faulthandler.register(signal.SIGUSR2, file=trace, all_threads=True)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), encoding="utf-8")
    sys.stdout = writer(1, "strict", not request["terminal"])
    sys.stderr = writer(2, "backslashreplace", False)
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
    sys.argv = [script, *request["arguments"]]
    return request


def end(code: int) -> NoReturn:
    """Ends as an interpreter does, without the dismantling of its modules: a fork would copy each of their pages.

    That takes 0.1 s and belongs to no command; fresh processes do it.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        code = 120  # as an interpreter that cannot write what is left
    os._exit(code)


def writer(number: int, errors: str, buffered: bool) -> io.TextIOWrapper:
    """What a starting interpreter makes of a standard file."""
    raw = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=not buffered, write_through=False)


if __name__ == "__main__":
    root, script, *more = sys.argv[1:]
    # As the console script stands: the folder of the script, then PYTHONPATH; never the folder that one stands in.
    sys.path[0] = os.path.dirname(script)
    os.chdir(root)
    for signals in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signals, signal.SIG_DFL)
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    preload("torch" in more)
    gc.collect()
    gc.freeze()
    control.sendall(b"!")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # wardens are reaped by the system
    here = serve(control, script)
    if here is None:
        sys.exit(0)
    sys.modules["__main__"].__dict__.update(__file__=script, __spec__=None)  # what a spawned worker would import again
    from tools.cli.main import main

    end(main())
