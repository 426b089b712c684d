"""Temporal subsampling of sequences and videos."""
