"""Suggestions for misspelt words."""

from __future__ import annotations

import difflib


def suggest(word: str, known: tuple[str, ...]) -> str:
    """A hint for an unknown word: the closest known words, or some of all known words."""
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in known], n=3, cutoff=0.6)
    if near:
        return f"perhaps {' or '.join(near)} was meant."
    return f"it knows {', '.join(known[:12])}{', ...' if len(known) > 12 else '.'}"
