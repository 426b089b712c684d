"""Dask's messages go to a file: neither its log nor its warnings belong on the user's terminal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from models.runtime.cache import cache_folder

LOGGERS = ("distributed", "distributed.client", "distributed.gc", "bokeh", "tornado", "tornado.application", "asyncio")
MAX_BYTES = 1 << 20


def log_file() -> Path:
    """Where the messages go."""
    return cache_folder() / "dask.log"


class _QuietFile(RotatingFileHandler):
    """A log file that cannot be written is no reason to say anything."""

    def handleError(self, record: logging.LogRecord) -> None:  # the name is the library's
        return

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:
            return


def silence() -> None:
    """Sends the messages of an imported `distributed` to the file, in this process."""
    handler: logging.Handler
    try:
        log_file().parent.mkdir(parents=True, exist_ok=True)
        handler = _QuietFile(log_file(), maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8", delay=True)
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        for old in list(logger.handlers):
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.propagate = False


@contextmanager
def quiet_warnings() -> Iterator[None]:
    """Without the warnings of Dask, such as that about a port that is taken."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
