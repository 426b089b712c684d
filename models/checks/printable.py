"""Text that is safe to show in a terminal, a log or a title, from any names and metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable

# C0 and C1 controls, bidirectional controls, line separators, and lone surrogates, which stand for bytes of names that
# are not UTF-8.
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = re.compile("[\t\n]")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def _escaped(match: re.Match[str]) -> str:
    sign = match.group()
    # In this form also inside a string of JSON.
    return _SHORT.get(sign) or f"\\u{ord(sign):04x}"


def printable(text: str) -> str:
    """`text` with every control character except line ends and tabs escaped, as in `\\u001b[31m`."""
    return _RAW.sub(_escaped, text)


def one_line(text: str) -> str:
    """`printable` with line ends and tabs escaped too, for names, titles and parts of a sentence."""
    return _BREAKS.sub(_escaped, printable(text))


def as_lines(lines: Iterable[str]) -> str:
    """The lines as one text; control characters inside a line are escaped."""
    return "\n".join(map(one_line, lines))
