"""Tracking of a whole recording: decisions that use the future, a probability for each, smoothed and filled boxes."""
