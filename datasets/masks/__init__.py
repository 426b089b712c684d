"""Masks as run lengths, polygons and indexed images."""
