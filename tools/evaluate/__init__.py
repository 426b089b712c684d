"""Scores: `liquidtrack eval`."""
