"""Text that a terminal, a log or a title shows as it is, whatever names and metadata it was made of."""

from __future__ import annotations

import re
from collections.abc import Iterable

# C0 and C1 controls, what turns the direction of writing, line separators, and halves of pairs, as which the bytes of
# names that are no UTF-8 come.
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = re.compile("[\t\n]")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def _escaped(match: re.Match[str]) -> str:
    sign = match.group()
    # In this form also inside a string of JSON.
    return _SHORT.get(sign) or f"\\u{ord(sign):04x}"


def printable(text: str) -> str:
    """`text` with every control character but line ends and tabs spelt out, as in `\\u001b[31m`."""
    return _RAW.sub(_escaped, text)


def one_line(text: str) -> str:
    """`printable`, with line ends and tabs spelt out too: for names, titles and the parts of a sentence."""
    return _BREAKS.sub(_escaped, printable(text))


def as_lines(lines: Iterable[str]) -> str:
    """A text of these lines, none of which a name in it breaks."""
    return "\n".join(map(one_line, lines))
