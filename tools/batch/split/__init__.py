"""Long recordings in segments: planned at key frames, tracked as tasks of their own, joined into one result."""
