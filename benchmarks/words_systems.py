"""What a system for words is to the benchmark, and which there are."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from accuracy_systems import RECIPE
from text_sets import Parts
from word_sets import WORD_SETS, WordSet
from words_scores import Predicted

from seqpipe.parts.readers import Row


@dataclass(frozen=True)
class WordsJob:
    """One training: which system learns what, and how.

    Args:
        system: Its name in :data:`WORD_SYSTEMS`, or ``seqpipe:FILE``.
        name: The set's name in :data:`~word_sets.WORD_SETS`.
        data: The folder of ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl``.
        seed: Of the training; the rows don't depend on it.
        threads: How many threads it may compute with.
    """

    system: str
    name: str
    data: Path
    seed: int = 0
    threads: int = 1

    @property
    def known(self) -> WordSet:
        """What's known of the set."""
        return WORD_SETS[self.name]


@dataclass(frozen=True)
class TrainedWords:
    """A trained system.

    Args:
        predict: Returns what it says of rows; it reads their words, or texts that come in pairs, and nothing else.
        save: Writes all that's needed to predict into a folder, which is there.
        notes: What was picked on dev, and whatever else is worth knowing.
        other_seconds: How much of the time until now was for something else than training.
    """

    predict: Callable[[Sequence[Row]], list[Predicted]]
    save: Callable[[Path], None]
    notes: dict[str, Any] = field(default_factory=dict)
    other_seconds: float = 0.0


FitWords = Callable[[WordsJob, Parts], TrainedWords]

#: Where each system's function is, in a module that's imported for it only: memory is its own, then.
WORD_SYSTEMS: Final = {
    "seqpipe": "words_seqpipe:fit_default",
    "spacy": "words_spacy:fit_spacy",
    "bilstm-crf": "words_bilstm:fit_bilstm_crf",
}
#: Those that learn of words only.
_NO_PAIRS: Final = ("spacy", "bilstm-crf")


def learns(system: str, known: WordSet) -> bool:
    """Return whether a system can learn a set."""
    return not (known.pairs and system in _NO_PAIRS)


def load_words_system(name: str) -> FitWords:
    """Import the function that trains a system."""
    place = "words_seqpipe:fit_recipe" if name.startswith(RECIPE) else WORD_SYSTEMS[name]
    module, _, function = place.partition(":")
    found: FitWords = getattr(importlib.import_module(module), function)
    return found


def words_of(row: Row) -> tuple[str, ...]:
    """Return the words of a row that comes in words."""
    assert row.words is not None
    return row.words


def count_words(rows: Sequence[Row]) -> int:
    """Return how many words the rows have; texts in pairs are cut at blanks for that."""
    return sum(len(row.words or f"{row.text} {row.pair}".split()) for row in rows)
