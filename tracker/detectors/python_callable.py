"""Detectors that users write: any Python callable."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from models.errors import ConfigError, LiquidTrackError
from tracker.detectors.class_names import names_from_file, names_of
from tracker.detectors.config import DetectorConfig
from tracker.detectors.postprocess import Select
from tracker.types import Detections, Frame, UInt8


def _module(name: str) -> ModuleType:
    if not name.endswith(".py"):
        # The console command does not import from the current folder; users expect it.
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    if spec is None or spec.loader is None or not Path(name).is_file():
        raise ModuleNotFoundError(f"there is no file {name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _reason(error: BaseException) -> str:
    """The message of an error in the user's code, even where formatting the message fails."""
    try:
        said = str(error)
    except Exception:
        said = ""
    return (said if isinstance(error, LiquidTrackError) else f"{type(error).__name__}: {said}").rstrip(".: ")


def load_object(text: str, what: str) -> Any:
    """The object of "package.module:name" or "folder/file.py:name".

    Args:
        text: its place.
        what: what names it, for errors ("detector").

    Raises:
        ConfigError: it cannot be imported.
    """
    module_name, colon, path = text.rpartition(":")
    if not colon or not module_name or not path:
        raise ConfigError(f"{what} python:{text} is not python:MODULE:CALLABLE, as in python:my.module:detect.")
    try:
        found: Any = _module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except LiquidTrackError:
        raise
    except (Exception, SystemExit, GeneratorExit) as error:  # any failure of the user's module during import
        raise ConfigError(f"{what} python:{text} cannot be loaded: {_reason(error)}.") from error
    return found


def load_callable(text: str) -> Callable[[Frame], Any]:
    """The callable of "package.module:name" or "folder/file.py:name"; a class is called once to make it.

    Raises:
        ConfigError: it cannot be imported, or is not callable.
    """
    found = load_object(text, "detector")
    try:
        found = found() if isinstance(found, type) else found
    except LiquidTrackError:
        raise
    except (Exception, SystemExit, GeneratorExit) as error:  # any failure of the user's class
        raise ConfigError(f"detector python:{text} cannot be loaded: {_reason(error)}.") from error
    if not callable(found):
        raise ConfigError(f"detector python:{text} is a {type(found).__name__}; name something that can be called.")
    return found  # type: ignore[no-any-return]


class PythonDetector:
    """Calls `function(frame)` for each frame.

    It returns anything that `Detections.of` takes, in pixels of the frame. Boxes of zero width or height, as clipping
    to the image produces them, are dropped.
    Class names: --names, else its attribute `names` (a list, or a dict by number), else one class "object".

    Args:
        function: the callable.
        config: class filter, score threshold and IoU; by default all is kept.
        title: its name in errors.

    Raises:
        ConfigError: `names` are not class names.
    """

    def __init__(self, function: Callable[[Frame], Any], config: DetectorConfig | None = None, title: str = "") -> None:
        config = config or DetectorConfig("python")
        self._function = function
        self._title = title or getattr(function, "__qualname__", type(function).__qualname__)
        self.names = names_from_file(config.names) if config.names else names_of(function, self._title)
        self._select = Select(self.names, config, score=0.0, nms=1.0)

    def __call__(self, frame: Frame | UInt8) -> Detections:
        frame = Frame.of(frame)
        try:
            found = Detections.of(self._function(frame), self.names, flat=True)
        except (Exception, SystemExit, GeneratorExit) as error:
            raise ConfigError(f"detector {self._title} failed at frame {frame.index}: {_reason(error)}.") from error
        return self._select.filter(found)
