"""Applications: the command line, windows, drawing, the demo, evaluation and benchmarks.

The names that scripts may import are listed here. They are loaded at first use and need no terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from tools.display.annotate import Painter as Painter
    from tools.display.config import ViewConfig as ViewConfig
    from tools.display.video_sink import VideoSink as VideoSink
    from tools.display.window import WindowSink as WindowSink

_PLACES = {
    "tools.display.annotate": ("Painter",),
    "tools.display.config": ("ViewConfig",),
    "tools.display.video_sink": ("VideoSink",),
    "tools.display.window": ("WindowSink",),
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _PLACES)
