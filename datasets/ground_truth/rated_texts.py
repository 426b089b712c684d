"""Short English texts with mean ratings of their sentiment by people, as sequences of words with times.

The texts are those of Hutto & Gilbert, "VADER", ICWSM 2014: film reviews, tweets, product reviews and editorials, each
rated by 14 people or more from -4 to 4. The package vaderSentiment (MIT) carries them in its source archive.

Shapes: N texts, L words (padded at the end).
"""

from __future__ import annotations

import io
import re
import tarfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datasets.ground_truth.time_series import Series
from models.errors import DataError

Clock = Literal["speech", "steps"]
FILES = {
    "films": "movieReviewSnippets_GroundTruth.txt",
    "tweets": "tweets_GroundTruth.txt",
    "products": "amazonReviewSnippets_GroundTruth.txt",
    "editorials": "nytEditorialSnippets_GroundTruth.txt",
}
MIN_RATING = 0.5  # of 4; texts between -0.5 and 0.5 are neutral and left out
SHARES = {"test": 0.15, "valid": 0.15}  # the rest is for training
SPLIT_SEED = 0
PADDING, UNKNOWN, FIRST_WORD = 0, 1, 2  # word numbers
MIN_COUNT = 2  # of a word in the training texts; rarer words are unknown
MAX_ARCHIVE_BYTES = 64 << 20
TOKEN = re.compile(r"[:;=8][\-o*']?[)\](\[dp/\\]|[a-z]+(?:'[a-z]+)*|\d+(?:[.,]\d+)*|\.{2,}|!+|\?+|[^\sa-z0-9]")
# Time of a text that is read aloud. Four to five syllables a second are 15 letters; pauses are those of read speech.
LETTER_S = 1 / 15
PAUSES_S = {",": 0.25, ";": 0.4, ":": 0.4, "-": 0.4, "(": 0.25, ")": 0.25, ".": 0.6, "!": 0.6, "?": 0.6, "..": 0.8}
STEP_S = 0.3  # of every token with the clock `steps`: the mean of the other clock


@dataclass(frozen=True, eq=False, slots=True)
class RatedTexts:
    """Texts and their labels.

    Attributes:
        texts: N texts, as they were rated.
        labels: (N,) int64, 1 where the mean rating is positive and 0 where it is negative.
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, chosen: NDArray[np.int64]) -> RatedTexts:
        """The texts of these row numbers."""
        return RatedTexts(tuple(self.texts[row] for row in chosen), self.labels[chosen])


def read_rated_texts(path: Path, kind: str = "films") -> RatedTexts:
    """The texts of one kind of `FILES` with a clear rating, each once.

    Args:
        path: the source archive of vaderSentiment, the archive inside it, or a folder with the unpacked files.
        kind: films, tweets, products or editorials.

    Raises:
        DataError: the path holds no such file, or it is damaged.
    """
    name = FILES[kind]
    try:
        content = _from_folder(path, name) if path.is_dir() else _from_archive(read_archive(path), name)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DataError(f"{path} cannot be read as an archive of vaderSentiment ({error}); fetch it again.") from None
    if content is None:
        raise DataError(f"{path} holds no {name}; give the source archive of vaderSentiment or its unpacked folder.")
    texts: dict[str, int] = {}
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        try:
            _, rating, text = line.split("\t", 2)
            value = float(rating)
        except ValueError:
            raise DataError(f"{path}: {name} line {number} is no id, rating and text; fetch it again.") from None
        if abs(value) >= MIN_RATING:
            texts.setdefault(text.strip(), int(value > 0))
    labels = np.array(list(texts.values()), np.int64)
    if min(np.bincount(labels, minlength=2)) < 10:
        raise DataError(f"{path}: {name} has fewer than ten texts of a label; fetch it again.")
    return RatedTexts(tuple(texts), labels)


def split_texts(texts: RatedTexts) -> dict[str, RatedTexts]:
    """The sets train, valid and test, always the same, with the same share of positive texts in each."""
    rng = np.random.default_rng(SPLIT_SEED)
    parts: dict[str, list[NDArray[np.int64]]] = {"test": [], "valid": [], "train": []}
    for label in (0, 1):
        rows = rng.permutation(np.flatnonzero(texts.labels == label))
        ends = np.cumsum([round(share * len(rows)) for share in SHARES.values()])
        for name, part in zip(parts, np.split(rows, ends), strict=True):
            parts[name].append(part)
    return {name: texts.rows(np.sort(np.concatenate(found))) for name, found in parts.items()}


def tokens(text: str) -> list[str]:
    """Words in lower case, numbers, emoticons and punctuation, in their order."""
    return TOKEN.findall(text.lower())


def vocabulary(texts: Sequence[str]) -> dict[str, int]:
    """The numbers of the words that occur `MIN_COUNT` times or more, from `FIRST_WORD` on, frequent words first."""
    counts = Counter(word for text in texts for word in tokens(text))
    words = sorted((word for word, count in counts.items() if count >= MIN_COUNT), key=lambda w: (-counts[w], w))
    return {word: number for number, word in enumerate(words, FIRST_WORD)}


def word_times(words: Sequence[str], clock: Clock) -> NDArray[np.float64]:
    """(L,) seconds at which each word ends.

    Args:
        words: from `tokens`.
        clock: speech, where a word lasts as long as it is read aloud and punctuation is a pause; or steps, where all
            tokens last equally long.
    """
    if clock == "steps":
        return STEP_S * np.arange(1, len(words) + 1, dtype=np.float64)
    return np.cumsum([PAUSES_S.get(word[:2], PAUSES_S.get(word[:1], LETTER_S * len(word))) for word in words])


def word_series(texts: RatedTexts, words: dict[str, int], clock: Clock) -> Series:
    """The texts as word numbers with times; x is (N, L) int64 with `PADDING` behind each text."""
    found = [tokens(text) or ["."] for text in texts.texts]
    shape = len(found), max(map(len, found))
    x, times, mask = np.full(shape, PADDING, np.int64), np.zeros(shape), np.zeros(shape, bool)
    for row, text in enumerate(found):
        count = len(text)
        x[row, :count] = [words.get(word, UNKNOWN) for word in text]
        ends = word_times(text, clock)
        times[row], times[row, :count], mask[row, :count] = ends[-1], ends, True
    return Series(x, times, mask, texts.labels)


def read_archive(path: Path) -> bytes:
    """The content of a file of a plausible size.

    Raises:
        OSError: it is no file, too large, or cannot be read.
    """
    if not path.is_file():
        raise OSError("there is no such file or folder")
    if path.stat().st_size > MAX_ARCHIVE_BYTES:
        raise OSError(f"it is larger than {MAX_ARCHIVE_BYTES >> 20} MiB")
    return path.read_bytes()


def _from_folder(folder: Path, name: str) -> bytes | None:
    found = next((path for path in (folder / name, *sorted(folder.glob(f"*/{name}"))) if path.is_file()), None)
    return None if found is None else found.read_bytes()


def _from_archive(content: bytes, name: str, depth: int = 1) -> bytes | None:
    """The file of this name in an archive, or in an archive inside it."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            if not member.isfile() or member.size > MAX_ARCHIVE_BYTES:
                continue
            last = member.name.rpartition("/")[2]
            inner = depth > 0 and last.endswith((".tar.gz", ".tgz"))
            if last != name and not inner:
                continue
            file = archive.extractfile(member)
            assert file is not None  # guaranteed by isfile
            found = file.read() if last == name else _from_archive(file.read(), name, depth - 1)
            if found is not None:
                return found
    return None
