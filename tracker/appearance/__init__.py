"""Appearance embeddings of detections and tracks, and when they are computed."""
