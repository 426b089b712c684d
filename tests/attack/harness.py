"""Runs command lines as a user's shell would, isolated and watched, and says whether they were answered well.

    answer = attack(["track", "x.mp4", "--jsonl", "o.jsonl"], cwd=tmp_path)
    assert_answered(answer, code=2)

A preloaded process (`zygote`) forks once for each attack, which takes some hundredths of a second; `fresh=True` starts
the interpreter anew, for what depends on its start: locale, closed standard files, import paths.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

ROOT = Path(__file__).parents[2]
MEGABYTE = 1_000_000
REFUSED = 500 * MEGABYTE  # the most memory that a refused input may take, above that of the imported modules
CEILING = 2_500 * MEGABYTE  # an attacked process is ended here
MOST_TEXT = 4 << 20  # bytes of an output that are checked
CLOSED: Final = "closed"
# What an interpreter reads at its start alone.
AT_START = re.compile(r"PYTHON|LC_|LANG|LD_|OMP_|OPENBLAS")
# Not for a terminal: C0 and C1 controls but line ends and tabs, and what turns the direction of writing.
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

Word = str | bytes | os.PathLike[Any] | int | float


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attack.

    Attributes:
        arguments: the words.
        code: the exit code; -N where signal N ended it.
        stdout, stderr: what it said (empty where the caller gave a file of his own).
        seconds: from start to end.
        peak: bytes of memory at most, its children's too, above that of the imported modules (fresh: everything).
        why: "time" or "memory" where a limit ended it, else "".
        left: command lines of processes that it left behind.
        stacks: of its threads, where the time was over.
    """

    arguments: list[str]
    code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    peak: int
    why: str
    left: list[str]
    stacks: str

    def __str__(self) -> str:
        """All of it, for reading a failure."""
        words = " ".join(word if len(word) < 80 else f"{word[:60]}...({len(word)})" for word in self.arguments[:40])
        return (
            f"liquidtrack {words!r}\ncode {self.code}, {self.seconds:.2f} s, {self.peak / MEGABYTE:.0f} MB,"
            f" ended for {self.why or 'itself'}, left {self.left}\nstdout: {self.stdout[-2000:]!r}\n"
            f"stderr: {self.stderr[-4000:]!r}\n{self.stacks}"
        )


@dataclass(slots=True)
class Running:
    """An attack under way: send it signals, take its files away, then `wait`; or leave the `with` to end it.

    Attributes:
        pid: the attacked process, leader of a session and a group of its own.
    """

    pid: int
    arguments: list[str]
    _talk: socket.socket
    _files: list[IO[bytes] | None]
    _answer: Answer | None = field(default=None)

    def go(self) -> None:
        """Lets one go on that was started with `hold`."""
        self._talk.sendall(b"!")

    def signal(self, number: int) -> None:
        """Sends a signal to the attacked process alone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> Answer:
        """Waits for the end, which comes when the seconds are over at the latest."""
        if self._answer is None:
            with self._talk, self._talk.makefile("r", encoding="ascii") as lines:
                line = lines.readline()
            assert line, "the warden of an attack died"
            said = json.loads(line)
            out, error, trace = (_content(file) for file in self._files)
            stacks = trace.decode("utf-8", "replace")
            self._answer = Answer(self.arguments, stdout=out, stderr=error, stacks=stacks, **said)
        return self._answer

    def stdout(self) -> bytes:
        """What it has said so far."""
        return _content(self._files[0], keep=True)

    def stderr(self) -> bytes:
        """What it has complained of so far."""
        return _content(self._files[1], keep=True)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self._answer is None:
            self.signal(signal.SIGKILL)
            self.wait()


def attack(arguments: Sequence[Word], **options: Any) -> Answer:
    """Runs `liquidtrack` with these words to its end; the options are those of `start`."""
    return start(arguments, **options).wait()


def start(
    arguments: Sequence[Word],
    *,
    cwd: Path | str | bytes,
    seconds: float = 30.0,
    memory: int = CEILING,
    fresh: bool = False,
    torch: bool | None = None,
    env: Mapping[str, str | None] | None = None,
    stdin: bytes | int | None = None,
    stdout: int | str | None = None,
    stderr: int | str | None = None,
    limits: Mapping[int, int] | None = None,
    options: Sequence[str] = (),
    grace: float = 3.0,
    hold: bool = False,
) -> Running:
    """Starts `liquidtrack` with these words.

    Args:
        arguments: the words; numbers and paths are written out, bytes stay as they are.
        cwd: the folder that it stands in.
        seconds: after which it is ended, with all of its children.
        memory: bytes above those of the imported modules, at which it is ended.
        fresh: a new interpreter, by the console script; always so where `env` or the files ask for it.
        torch: fork from a process that has imported torch; by itself for the commands that train or fit.
        env: changes of the environment; None takes a name away.
        stdin: bytes to read, or a file descriptor; nothing where it is None.
        stdout, stderr: a file descriptor, or `CLOSED`; caught where it is None.
        limits: `resource.RLIMIT_*` to a value.
        options: of the interpreter, of a fresh one.
        grace: seconds that children may outlive it.
        hold: it stands in its folder and waits for `Running.go`, so that the world can change first.
    """
    words = [os.fsdecode(word) if isinstance(word, bytes | os.PathLike) else str(word) for word in arguments]
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    for name, value in (env or {}).items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    closed = [number for number, file in ((1, stdout), (2, stderr)) if file == CLOSED]
    fresh = fresh or bool(closed or options) or any(AT_START.match(name) for name in env or {})
    if torch is None:
        torch = words[:1] in (["train"], ["fit"]) or words[:2] in (
            ["bench", "cells"],
            ["bench", "gradients"],
            ["bench", "sentiment"],
            ["bench", "clock"],
            ["bench", "adapt"],
        )
    request = {
        "arguments": words,
        "environment": environment,
        "seconds": seconds,
        "memory": memory,
        "fresh": fresh,
        "closed": closed,
        "terminal": isinstance(stdout, int) and os.isatty(stdout),
        "limits": {str(name): value for name, value in (limits or {}).items()},
        "options": list(options),
        "grace": grace,
        "hold": hold,
    }
    files = [None if file is not None else tempfile.TemporaryFile() for file in (stdout, stderr)]  # noqa: SIM115
    trace = tempfile.TemporaryFile()  # noqa: SIM115
    with contextlib.ExitStack() as stack:
        given = stack.enter_context(tempfile.TemporaryFile())
        if isinstance(stdin, bytes):
            given.write(stdin)
            given.flush()
            given.seek(0)
        folder = os.open(cwd, os.O_RDONLY | os.O_DIRECTORY)
        stack.callback(os.close, folder)
        mine, theirs = socket.socketpair()
        stack.enter_context(theirs)
        null = stack.enter_context(open(os.devnull, "r+b", buffering=0)).fileno()
        ends = [stdin if isinstance(stdin, int) else null if stdin is None else given.fileno()]
        for chosen, file in zip((stdout, stderr), files, strict=True):
            ends.append(file.fileno() if file is not None else chosen if isinstance(chosen, int) else null)
        control = _zygote(torch)
        socket.send_fds(control, [b"!"], [theirs.fileno(), *ends, trace.fileno(), folder])
    mine.sendall((json.dumps(request) + "\n").encode("ascii"))
    line = b""
    while not line.endswith(b"\n"):
        piece = mine.recv(1)
        assert piece, "the warden of an attack died at its start"
        line += piece
    return Running(json.loads(line)["pid"], words, mine, [*files, trace])


def assert_answered(
    answer: Answer,
    code: int | Sequence[int] = 2,
    *,
    says: str | Sequence[str] = (),
    secrets: Sequence[str] = (),
    memory: int = REFUSED,
    more_lines: bool = False,
) -> str:
    """Asserts that an attack was answered as the user deserves; returns the sentence ("" for exit code 0).

    Whatever the code: within its time, no traceback, no control characters, none of the secrets, little memory, no
    process left behind. With code 1 or 2: one sentence on standard error, which is all of it unless `more_lines`.

    Args:
        answer: of `attack`.
        code: the exit code, or those that will do.
        says: what the sentence must hold.
        secrets: what must not be said anywhere.
        memory: bytes at most.
        more_lines: other lines may stand before the sentence (a progress bar's, warnings).
    """
    text = answer.stderr.decode("utf-8")
    for stream in (answer.stdout.decode("utf-8"), text):
        assert "Traceback (most recent" not in stream, f"a traceback\n{answer}"
        found = RAW.search(stream)
        assert found is None, f"the raw control character {found.group()!r}\n{answer}"
        for secret in secrets:
            assert secret not in stream, f"the secret {secret!r}\n{answer}"
    assert not answer.why, f"ended for its {answer.why}\n{answer}"
    assert answer.code in ((code,) if isinstance(code, int) else code), f"exit code {answer.code}\n{answer}"
    assert answer.peak <= memory, f"{answer.peak / MEGABYTE:.0f} MB\n{answer}"
    assert not answer.left, f"processes left behind\n{answer}"
    if answer.code == 0:
        return ""
    lines = text.splitlines()
    sentences = [line for line in lines if line.startswith("liquidtrack: ")]
    assert len(sentences) == 1, f"{len(sentences)} sentences\n{answer}"
    assert more_lines or lines == sentences, f"more than one sentence\n{answer}"
    assert sentences[0].endswith((".", "?")), f"a sentence without an end\n{answer}"
    for piece in (says,) if isinstance(says, str) else says:
        assert piece in sentences[0], f"it does not say {piece!r}\n{answer}"
    return sentences[0]


@contextlib.contextmanager
def kept(*paths: Path) -> Iterator[None]:
    """Asserts that the files, or all files of the folders, hold the same bytes at the end as at the start."""
    before = {path: _hashes(path) for path in paths}
    yield
    for path, hashes in before.items():
        assert _hashes(path) == hashes, f"{path} was changed"


def _hashes(path: Path) -> dict[str, str]:
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.is_file()]
        return {str(file): _hashes(file)[str(file)] for file in files}
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "absent"}


def _content(file: IO[bytes] | None, keep: bool = False) -> bytes:
    if file is None:
        return b""
    size = os.fstat(file.fileno()).st_size
    data = os.pread(file.fileno(), MOST_TEXT, max(0, size - MOST_TEXT))
    if not keep:
        file.close()
    return data


_ZYGOTES: dict[bool, tuple[subprocess.Popen[bytes], socket.socket]] = {}


def _zygote(torch: bool) -> socket.socket:
    """The socket of the process that forks, which starts at the first attack and ends with this one."""
    if torch not in _ZYGOTES:
        if not _ZYGOTES:
            atexit.register(_end)
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        script = Path(tempfile.mkdtemp(prefix="liquidtrack-attack-")) / "liquidtrack"
        atexit.register(_remove, script)
        script.write_text(
            "import sys\nfrom tools.cli.main import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
        )
        words = [sys.executable, str(Path(__file__).with_name("zygote.py")), str(ROOT), str(script)]
        env = dict(os.environ) | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with theirs:
            process = subprocess.Popen(
                [*words, "torch"] if torch else words,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=env,
                start_new_session=True,
            )
        _ZYGOTES[torch] = process, mine
        if not mine.recv(1):
            raise RuntimeError("the process that forks for the attacks did not start; its error stands above")
    return _ZYGOTES[torch][1]


def _end() -> None:
    for process, control in _ZYGOTES.values():
        control.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    _ZYGOTES.clear()


def _remove(script: Path) -> None:
    script.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        script.parent.rmdir()
