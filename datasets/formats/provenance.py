"""How a box came about: seen by the tracker, computed, predicted, drawn or confirmed by a person, or followed from a
drawn box.
"""

from __future__ import annotations

from enum import IntEnum


class Provenance(IntEnum):
    """How one row of a track came about. The values stand in files and never change.

    >>> Provenance.DRAWN.is_key, Provenance.FILLED.is_key
    (True, False)
    """

    SEEN = 0  # the tracker, from a detection
    FILLED = 1  # computed between two rows of the track
    DRAWN = 2  # a person drew, moved or resized it: a key frame
    CONFIRMED = 3  # a person accepted a machine's box: a key frame
    TRACKED = 4  # followed from a box that a person drew or confirmed
    PREDICTED = 5  # the tracker, for a frame that was not looked at, from what it saw before

    @property
    def is_key(self) -> bool:
        """Whether a person drew or confirmed the row."""
        return self in (Provenance.DRAWN, Provenance.CONFIRMED)

    @property
    def word(self) -> str:
        """Its name in files: `seen`, `filled`, `drawn`, `confirmed`, `tracked` or `predicted`."""
        return self.name.lower()


WORDS: dict[str, Provenance] = {value.word: value for value in Provenance}
