"""Detectors: frame in, detections out. A dict of factories (`DETECTORS`), one contract test over all of them."""
