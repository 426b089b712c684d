"""Segments of a long recording that were tracked alone, joined by identity in the frames that two of them share."""
