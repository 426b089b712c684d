"""The word that a person most likely meant."""

from __future__ import annotations

import difflib


def suggest(word: str, known: tuple[str, ...]) -> str:
    """A hint for a word that is not known: the near ones, or some of all."""
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in known], n=3, cutoff=0.6)
    if near:
        return f"perhaps {' or '.join(near)} was meant."
    return f"it knows {', '.join(known[:12])}{', ...' if len(known) > 12 else '.'}"
