"""Benchmarks: `liquidtrack bench`."""
