"""What a text classifier is to the benchmark of accuracy, and which there are."""

import importlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import spacy
from text_sets import Parts

from seqpipe.parts.readers import Row


@dataclass(frozen=True)
class Job:
    """One training: which system learns what, and how.

    Args:
        system: Its name in :data:`SYSTEMS`, or ``seqpipe:FILE``.
        data: The folder of ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl``.
        lang: The language of the texts, as spaCy's code.
        exclusive: Whether a text has exactly one label.
        seed: Of the training; the rows don't depend on it.
        threads: How many threads it may compute with.
    """

    system: str
    data: Path
    lang: str = "en"
    exclusive: bool = True
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Trained:
    """A trained classifier.

    Args:
        predict: Returns the label with the highest score for each text.
        save: Writes all that's needed to predict into a folder, which is there.
        notes: The settings that were picked on dev, and whatever else is worth knowing.
        other_seconds: How much of the time until now was for something else than training.
    """

    predict: Callable[[Sequence[str]], list[str]]
    save: Callable[[Path], None]
    notes: dict[str, Any] = field(default_factory=dict)
    other_seconds: float = 0.0


Fit = Callable[[Job, Parts], Trained]

#: Where each system's function is, in a module that's imported for it only: memory is its own, then.
SYSTEMS: Final = {
    "seqpipe": "accuracy_seqpipe:fit_default",
    "tfidf-lr": "accuracy_linear:fit_tfidf",
    "nb-svm": "accuracy_linear:fit_nb_svm",
    "fasttext": "accuracy_fasttext:fit_grid",
    "fasttext-autotune": "accuracy_fasttext:fit_autotune",
    "spacy-ensemble": "spacy_textcat:fit_ensemble",
    "spacy-bow": "spacy_textcat:fit_bow",
    "bilstm": "accuracy_bilstm:fit_bilstm",
}
#: What begins the name of a system that's a pipeline file.
RECIPE: Final = "seqpipe:"


def load_system(name: str) -> Fit:
    """Import the function that trains a system."""
    place = "accuracy_seqpipe:fit_recipe" if name.startswith(RECIPE) else SYSTEMS[name]
    module, _, function = place.partition(":")
    found: Fit = getattr(importlib.import_module(module), function)
    return found


class Words:
    """The words that all peers get: spaCy's tokens without any that's white space, lower-cased.

    For Chinese they're single characters, as spaCy does it unless told otherwise.
    """

    def __init__(self, lang: str) -> None:
        self._nlp = spacy.blank(lang)

    def __call__(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the words of each text."""
        for text in texts:
            yield [token.lower_ for token in self._nlp.make_doc(text) if not token.is_space]


def texts_of(rows: Iterable[Row]) -> list[str]:
    """Return the texts alone."""
    return [row.text for row in rows]


def label_names(rows: Iterable[Row]) -> list[str]:
    """Return all labels of the rows, sorted."""
    return sorted({label for row in rows for label in row.labels})


def share_right(predicted: Sequence[str], rows: Sequence[Row]) -> float:
    """Return the share of texts whose predicted label is one of theirs.

    With one label per text that's the accuracy, with several the precision at one (P@1).
    """
    right = sum(label in row.labels for label, row in zip(predicted, rows, strict=True))
    return right / len(rows)


def size_on_disk(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def copy_into(source: Path, folder: Path) -> None:
    """Copy what's in a folder into another that's there."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
