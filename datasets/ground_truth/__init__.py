"""Readers of research data sets with ground truth."""
