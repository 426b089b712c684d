"""Settings of `liquidtrack bench sentiment`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import RATE, SEEDS, WORKERS, check_ranges
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchSentimentConfig:
    """Train recurrent cells of one size to tell positive from negative texts, beside a bag of words.

    Texts, training, validation and test sets are always the same. Every cell tries every pair of a learning rate and
    a dropout with the first seed; the best on the validation set is trained with all seeds. What is trained already,
    or in part, is taken from the output folder: a stopped run resumes.

    Attributes:
        path: source archive of the package vaderSentiment (MIT), or its unpacked folder. By default pip fetches the
            archive once into the cache folder.
        texts: films, tweets, products or editorials, rated by people.
        cells: recurrent cells, by name, in this order.
        seeds: seeds of the weights and of the order of the batches.
        size: numbers in each cell; its units are chosen so that it comes nearest. The embedding is the same for all.
        embedding: numbers of each word.
        epochs: passes through the training set.
        learning_rates: learning rates to choose from, on the validation set.
        dropouts: probabilities that a word is left out in training, to choose from, on the validation set.
        clock: speech: a word lasts as long as it is read aloud, and punctuation is a pause. steps: all tokens last
            equally long.
        threads: CPU threads.
        out: folder of logs, checkpoints and results.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    path: Positional[Path | None] = None
    texts: Literal["films", "tweets", "products", "editorials"] = "films"
    cells: tuple[str, ...] = ("cfc-leaky", "mixed-cfc", "cfc", "lstm", "gru")
    seeds: tuple[int, ...] = (0, 1, 2)
    size: int = 8448  # an LSTM of 32 units
    embedding: int = 32
    epochs: int = 6
    learning_rates: tuple[float, ...] = (0.002, 0.005)
    dropouts: tuple[float, ...] = (0.3, 0.5)
    clock: Literal["speech", "steps"] = "speech"
    threads: int = 1
    out: Path = Path("out/sentiment")
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        ranges = {"size": (100, 10_000_000), "embedding": (1, 4096), "epochs": (1, 10_000), "threads": (1, WORKERS)}
        check_ranges(self, ranges)
        if not self.cells:
            raise ConfigError("cells is empty; give the name of a cell, such as cfc-leaky.")
        if not self.seeds or not all(SEEDS[0] <= seed <= SEEDS[1] for seed in self.seeds):
            raise ConfigError(f"seeds are {' '.join(map(str, self.seeds)) or 'none'}; give whole numbers from 0.")
        if not self.learning_rates or not all(0 < rate <= RATE for rate in self.learning_rates):
            listed = " ".join(map(str, self.learning_rates)) or "none"
            raise ConfigError(f"learning_rates are {listed}; give numbers above 0, {RATE:g} at most.")
        if not self.dropouts or not all(0 <= share < 1 for share in self.dropouts):
            listed = " ".join(map(str, self.dropouts)) or "none"
            raise ConfigError(f"dropouts are {listed}; give probabilities from 0 to below 1.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written besides the folder, whose trainings look after themselves."""
        return file_outputs(self, "json")
