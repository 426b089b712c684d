"""Frames left out on purpose: of sequences and of videos."""
