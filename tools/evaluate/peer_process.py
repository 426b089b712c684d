"""One of OpenCV's trackers in a Python of its own, for builds that must not lie beside the installed one.

Run as a file: `python peer_process.py CLASS`. It needs cv2 and NumPy alone, and imports nothing of this package. It
answers "ready" or "missing", and then each message on its standard input: a line of JSON, {"shape": [H, W, 3], "box":
[left, top, width, height] or null}, and the bytes of the image. A box begins anew. The answers are lines of JSON:
{"box": [left, top, width, height] or null, "seconds": of the update alone}.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main() -> int:
    """Answers until its input ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    try:
        import cv2
        import numpy as np
    except ImportError:
        print("missing", file=answers, flush=True)
        return 0
    kind: Any = getattr(cv2, sys.argv[1], None) or getattr(getattr(cv2, "legacy", None), sys.argv[1], None)
    print("missing" if kind is None else f"ready {cv2.__version__}", file=answers, flush=True)
    tracker: Any = None
    while kind is not None and (line := sys.stdin.buffer.readline()):
        message = json.loads(line)
        height, width, channels = message["shape"]
        data = sys.stdin.buffer.read(height * width * channels)
        image = np.frombuffer(data, np.uint8).reshape(height, width, channels)
        box, seconds = message["box"], 0.0
        if box is not None:
            tracker = kind.create() if hasattr(kind, "create") else kind()
            tracker.init(image, tuple(box))
        else:
            begin = time.perf_counter()
            found, new = tracker.update(image)
            seconds = time.perf_counter() - begin
            box = [float(v) for v in new] if found else None
        print(json.dumps({"box": box, "seconds": seconds}), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
