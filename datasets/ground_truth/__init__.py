"""Readers of research sets with ground truth."""
