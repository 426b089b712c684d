"""Classification of tracks: class evidence pooled over time, label hysteresis, and the optional recogniser."""
