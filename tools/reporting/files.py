"""Reports as files."""

from __future__ import annotations

from pathlib import Path

from datasets.output_guard.guard import begin
from datasets.video.output_file import is_stdout
from models.errors import ConfigError


def write_report(path: Path, text: str) -> None:
    """Write `text` and a line break to a file.

    Raises:
        ConfigError: it cannot be written.
    """
    if is_stdout(path):
        print(text)
        return
    begin()
    try:
        path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); name another file.") from None
