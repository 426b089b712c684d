"""Metrics: detection, tracking, classification, re-identification, masks."""
