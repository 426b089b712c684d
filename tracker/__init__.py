"""The engine: types, motion, association, life cycle, detectors, pipeline. NumPy in, NumPy out, no torch at import."""
