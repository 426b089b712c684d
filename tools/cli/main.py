"""`liquidtrack`: run one command of `tools.cli.commands`, a configuration dataclass and a function that takes it.

Nothing heavy is imported before the command is known, so that `liquidtrack --help` is fast.

Exit codes: 0 done; 1 stopped early (Ctrl-C on a file) or an internal error; 2 an error that the user can correct.
Every error ends here in one sentence. An internal error also leaves a report in the cache folder.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from models.errors import LiquidTrackError
from tools.cli.command_words import split, usage
from tools.cli.commands import COMMANDS

OK, FAILED, MISTAKE = 0, 1, 2


def load(place: str) -> Any:
    """The object at `module:name`."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code.

    Args:
        arguments: the words; None takes those of the process, and sets up its signals, closed standard files and errors
            of threads.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words[:1] in (["-h"], ["--help"]):
        words = ["--help"]
    from tools.cli.messages import complain, guarded_streams, open_closed_files

    if arguments is None:
        open_closed_files()
    with guarded_streams():
        code, said = _answer(words, process=arguments is None)
        if said:
            complain(said)
    if arguments is None:
        from tools.cli.interrupt import leave

        leave(code)
    return code


def _answer(words: list[str], process: bool) -> tuple[int, str]:
    """(exit code, error message) of one command line, for any error."""
    try:
        try:
            if process:
                _prepare(words)
            try:
                return _run(words), ""
            finally:  # --help ends by SystemExit
                sys.stdout.flush()
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
    except LiquidTrackError as error:
        return error.exit_code, str(error)
    except ImportError as error:
        if said := _missing(error, words):
            return MISTAKE, said
        return FAILED, _fault(error, words)
    except KeyboardInterrupt:
        return FAILED, "ended by Ctrl-C."
    except BrokenPipeError:  # `liquidtrack ... | head`: the reader closed the pipe
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK, ""
    except MemoryError:
        return MISTAKE, "there is not enough memory for this; give it less at once (a smaller picture, fewer frames)."
    except OSError as error:
        if error.errno not in NOT_OURS:
            return FAILED, _fault(error, words)
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return MISTAKE, f"{where}{error.strerror}; mend that and try again."
    except Exception as error:
        return FAILED, _fault(error, words)


# Errors of the system that the user can correct.
_NOT_OURS = """
EACCES EBUSY EDQUOT EEXIST EFBIG EIO EISDIR ELOOP EMFILE ENAMETOOLONG ENFILE ENODEV ENOENT ENOSPC ENOTDIR ENOTEMPTY
ENXIO EPERM EROFS ESTALE ETXTBSY
"""
NOT_OURS = {getattr(errno, name, None) for name in _NOT_OURS.split()} - {None}


def _prepare(words: list[str]) -> None:
    from tools.cli.faults import catch_threads
    from tools.cli.interrupt import listen

    listen()
    catch_threads(words)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # warnings of libraries, for developers


def _run(words: list[str]) -> int:
    if not words or words == ["--help"]:
        print(usage())
        return OK if words else MISTAKE
    if words[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"liquidtrack {version('liquidtrack')}")
        return OK
    from tools.cli.messages import complain
    from tools.cli.renames import with_new_command

    words, notices = with_new_command(words)
    for notice in notices:
        complain(notice)
    name, rest = split(words)
    from tools.cli.help import asked, help_text

    if which := asked(rest):
        from tools.cli.messages import unguarded

        # All of this text is our own, and headings may be bold.
        print(help_text(load(COMMANDS[name].config), name, which == "--help-all"), file=unguarded(sys.stdout))
        return OK
    from tools.cli.number_ranges import check_numbers
    from tools.cli.settings import parse

    config = parse(load(COMMANDS[name].config), f"liquidtrack {name}", rest)
    check_numbers(config)
    from tools.cli.output_guard import guarded

    with guarded(name, config):
        result = load(COMMANDS[name].run)(config)
    return OK if result is None else int(result)


def _missing(error: ImportError, words: list[str]) -> str:
    """What to install where a library is missing; "" for any other error."""
    from tools.cli.renames import with_new_command

    words, _ = with_new_command(words)
    command = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS), words[0])
    from models.extras import how_to_get, missing, stale

    if package := missing(error):
        return f"{command} needs {package}; {how_to_get(package)}."
    if said := stale(error):
        return said
    if "cannot open shared object file" in str(error):
        return f"{error}; on Debian and Ubuntu: apt install libgl1 libglib2.0-0."
    return ""


def _fault(error: BaseException, words: list[str]) -> str:
    from tools.cli.faults import sentence

    return sentence(error, words)


if __name__ == "__main__":
    sys.exit(main())
