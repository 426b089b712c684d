"""Rated texts: archives, labels, the fixed split, words and their times."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.rated_texts import (
    LETTER_S,
    PADDING,
    UNKNOWN,
    read_rated_texts,
    split_texts,
    tokens,
    vocabulary,
    word_series,
    word_times,
)
from models.errors import DataError
from tests.support.package_archives import ratings, vader_archive

NAME = "movieReviewSnippets_GroundTruth.txt"


def test_archive_and_unpacked_folder_hold_the_same_texts(tmp_path: Path) -> None:
    packed = read_rated_texts(vader_archive(tmp_path / "v.tar.gz"))
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / NAME).write_text(ratings(), newline="")
    (tmp_path / "above" / "hutto").mkdir(parents=True)
    (tmp_path / "above" / "hutto" / NAME).write_text(ratings(), newline="")
    for folder in ("flat", "above"):
        found = read_rated_texts(tmp_path / folder)
        assert found.texts == packed.texts
        assert (found.labels == packed.labels).all()
    assert len(packed) == 200
    assert packed.labels.tolist() == [0, 1] * 100


def test_neutral_and_repeated_texts_are_left_out(tmp_path: Path) -> None:
    more = (
        "900\t0.4\tit is long\n901\t-0.4\tit is short\n902\t3\tgreat stuff\n903\t1\tgreat stuff\n904\t-0.5\tbad stuff\n"
    )
    found = read_rated_texts(vader_archive(tmp_path / "v.tar.gz", content=ratings() + more))
    assert found.texts[200:] == ("great stuff", "bad stuff")
    assert found.labels[200:].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "fewer than ten"),
        ("1\tx\ttext\n", "line 1 is no id, rating and text"),
        ("1\t1.0\n", "line 1"),
        (ratings(10), "fewer than ten"),
    ],
)
def test_damaged_ratings_are_one_sentence(content: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=says):
        read_rated_texts(vader_archive(tmp_path / "v.tar.gz", content=content))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("mine")
    half = tmp_path / "half.tar.gz"
    half.write_bytes(vader_archive(tmp_path / "v.tar.gz").read_bytes()[:-200])
    other = vader_archive(tmp_path / "other.tar.gz", name="else.txt")
    for path in (tmp_path / "text", half, tmp_path / "absent", Path("/dev/zero")):
        with pytest.raises(DataError, match="cannot be read as an archive"):
            read_rated_texts(path)
    for path in (other, tmp_path):
        with pytest.raises(DataError, match="holds no movieReviewSnippets"):
            read_rated_texts(path)


def test_split_is_fixed_disjoint_and_stratified(tmp_path: Path) -> None:
    texts = read_rated_texts(vader_archive(tmp_path / "v.tar.gz"))
    parts = split_texts(texts)
    assert {name: len(part) for name, part in parts.items()} == {"test": 30, "valid": 30, "train": 140}
    assert all(part.labels.mean() == 0.5 for part in parts.values())
    assert sorted(text for part in parts.values() for text in part.texts) == sorted(texts.texts)
    again = split_texts(texts)
    assert all(again[name].texts == part.texts for name, part in parts.items())


def test_words_of_other_sets_are_unknown_and_padding_has_its_own_number(tmp_path: Path) -> None:
    parts = split_texts(read_rated_texts(vader_archive(tmp_path / "v.tar.gz")))
    words = vocabulary(parts["train"].texts)
    assert "film" in words
    assert not any(re.fullmatch(r"\d+", word) for word in words)  # each occurs in one text only
    assert min(words.values()) == 2
    series = word_series(parts["test"], words, "speech")
    assert (series.x[~series.mask] == PADDING).all()
    assert (series.x[series.mask] != PADDING).all()
    for row, text in enumerate(parts["test"].texts):
        count = int(series.mask[row].sum())
        assert [words.get(word, UNKNOWN) for word in tokens(text)] == series.x[row, :count].tolist()
        assert (series.times[row, count:] == series.times[row, count - 1]).all()
        assert (np.diff(series.times[row, :count]) > 0).all()


def test_tokens_keep_contractions_emoticons_and_punctuation() -> None:
    assert tokens("It isn't bad... WOW!!! :) 3.5 of 5; ok?") == [
        "it", "isn't", "bad", "...", "wow", "!!!", ":)", "3.5", "of", "5", ";", "ok", "?",
    ]  # fmt: skip
    assert tokens("Café") == ["caf", "é"]


def test_a_pause_lasts_longer_than_a_word() -> None:
    words = ["good", ",", "not", "great", ".", "..."]
    spoken = np.diff(word_times(words, "speech"), prepend=0)
    assert spoken == pytest.approx([4 * LETTER_S, 0.25, 3 * LETTER_S, 5 * LETTER_S, 0.6, 0.8])
    assert len(set(np.diff(word_times(words, "steps"), prepend=0).round(9))) == 1
