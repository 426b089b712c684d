"""Checks of user input, made once: paths, seconds, limits, printable text."""
