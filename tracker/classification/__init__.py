"""Classification of tracks: votes of detections, the recogniser, hysteresis."""
