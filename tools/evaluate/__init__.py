"""Evaluation: `liquidtrack eval`."""
