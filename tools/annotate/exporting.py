"""The project's tracks as a file of labels for the browser to save; a ZIP archive where a format is several files."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from datasets.formats.carries import CARRIES, left_out
from datasets.formats.config import LabelConfig
from datasets.formats.registry import FORMATS, write
from datasets.formats.selection import select
from datasets.projects import Project
from models.errors import ConfigError, DataError, LiquidTrackError

TYPES = {".json": "application/json", ".xml": "application/xml", ".zip": "application/zip"}
WRITING = {"cvat_keyframes": str, "yolo_ids": bool}  # options of `LabelConfig`
CHOOSING = {"classes": list, "accepted": bool, "keys": bool, "rate": float}  # of `select`


def formats() -> list[dict[str, Any]]:
    """The formats that can be written: key, text for users, whether they hold how boxes came about."""
    return [
        {"key": key, "text": form.about, "provenance": "provenance" in CARRIES.get(key, {})}
        for key, form in FORMATS.items()
    ]


def export(project: Project, name: str, form: str, options: dict[str, Any]) -> tuple[str, str, bytes, list[str]]:
    """(file name, content type, content, what the format could not hold).

    Args:
        project: the project.
        name: of the recording.
        form: name of the format.
        options: settings of `LabelConfig`, and which boxes are written: those of `select`.

    Raises:
        LiquidTrackError: there is no such format or option, or it cannot hold these tracks.
    """
    if form not in FORMATS:
        raise ConfigError(f"there is no format {form[:40]!r}; there are {', '.join(FORMATS)}.")
    options = _checked(options)
    config = LabelConfig(**{name: value for name, value in options.items() if name in WRITING})
    chosen = {name: value for name, value in options.items() if name in CHOOSING}
    annotations = select(project.to_annotations(), **chosen)
    stem = re.sub(r"[^\w.-]+", "_", Path(name).stem)[:100].strip("._") or "tracks"
    suffix = FORMATS[form].layout.suffix
    with tempfile.TemporaryDirectory(prefix="liquidtrack-") as folder:
        path = Path(folder) / f"{stem}{suffix}"
        try:
            write(annotations, path, form, name=name, config=config)
        except LiquidTrackError as error:
            raise DataError(str(error).replace(f"{folder}/", "")) from None
        files = sorted(one for one in Path(folder).rglob("*") if one.is_file())
        lost = left_out(annotations, form) if form in CARRIES else []
        if len(files) == 1 and suffix:
            return files[0].name, TYPES.get(files[0].suffix, "application/octet-stream"), files[0].read_bytes(), lost
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in files:
                archive.write(one, one.relative_to(folder))
        return f"{stem}.{form}.zip", TYPES[".zip"], data.getvalue(), lost


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options that are set.

    Raises:
        ConfigError: one is unknown, or of the wrong kind.
    """
    known = WRITING | CHOOSING
    for name, value in options.items():
        if name not in known:
            raise ConfigError(f"there is no option {name[:40]!r}; there are {', '.join(known)}.")
        fits = type(value) in (int, float) if known[name] is float else type(value) is known[name]
        if (value is not None and not fits) or (name == "classes" and not all(type(one) is str for one in value or ())):
            raise ConfigError(f"option {name} is {str(value)[:40]!r}, which is of the wrong kind.")
    return {name: value for name, value in options.items() if value is not None}
