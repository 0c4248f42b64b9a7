"""The vectors that words begin with, from an embedder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from seqpipe.errors import ClassifierError, EmbedderError
from seqpipe.parts.classifiers.fasttext import _job as job
from seqpipe.parts.classifiers.fasttext._corpus import Corpus
from seqpipe.parts.classifiers.fasttext._forms import PREFIX, word_of
from seqpipe.parts.classifiers.fasttext._settings import Settings
from seqpipe.parts.embedders import Embedder

_AT_ONCE: Final = 1000


def write_first_vectors(
    embedder: Embedder, folder: Path, corpus: Corpus, settings: Settings, *, seed: int
) -> None:
    """Fit an embedder on the texts to train on, and write the vectors of their frequent words.

    Words that it has zeros for are left out, so that they begin at random.

    Raises:
        ClassifierError: The embedder can't be fitted, or has no vector for any of the words.
    """
    try:
        embedder.fit(_Sequences(folder / job.CORPUS), seed=seed)
    except EmbedderError as error:
        raise ClassifierError(f"the classifier's embedder can't be fitted: {error}") from error
    known = [form for form, count in corpus.words.items() if count >= settings.min_count]
    lines = list(_lines(embedder, known))
    if not lines:
        raise ClassifierError(
            "the classifier's embedder has no vector for any word of the texts: is it of another language?"
        )
    with (folder / job.VECTORS).open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(lines)} {embedder.width}\n")
        file.writelines(lines)


class _Sequences:
    """The words of each text, from the file that the library reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[list[str]]:
        with self._path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                forms = line.rstrip("\n").split(" ")
                yield [word_of(form) for form in forms if not form.startswith(PREFIX)]


def _lines(embedder: Embedder, forms: list[str]) -> Iterator[str]:
    for start in range(0, len(forms), _AT_ONCE):
        some = forms[start : start + _AT_ONCE]
        vectors = embedder.embed([word_of(form) for form in some])
        for form, vector in zip(some, vectors, strict=True):
            if np.any(vector):
                yield f"{form} {' '.join(f'{value:.9g}' for value in vector)}\n"
