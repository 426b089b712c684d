"""Sentences for the page."""

from __future__ import annotations


def sentence_case(text: str) -> str:
    """The sentence with a capital letter, where it begins with a word; names of files stay as they are.

    >>> sentence_case("the video is being tracked."), sentence_case("film.mp4: it breaks off.")
    ('The video is being tracked.', 'film.mp4: it breaks off.')
    """
    first = text.partition(" ")[0].rstrip(":,")
    return text[:1].upper() + text[1:] if first.isalpha() else text
