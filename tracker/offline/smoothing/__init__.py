"""Boxes estimated from the sights before and after, also where an object was not detected."""
