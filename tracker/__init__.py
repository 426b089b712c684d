"""The engine: types, motion, association, life cycle, detectors, pipeline. NumPy in, NumPy out; never imports torch at import."""
