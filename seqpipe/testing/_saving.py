"""The contract of embedders: what they write and read."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from seqpipe.parts.embedders import Embedder
from seqpipe.testing._check import BrokenError, Factory
from seqpipe.testing._corpus import SEQUENCES, UNKNOWN, expect_same, fitted
from seqpipe.testing._damage import reading, try_damaged
from seqpipe.testing._smallest import at, show
from seqpipe.testing._vectors import expect_shape

#: Words that others stumble over.
ODD_WORDS: Final = (
    "👩‍👩‍👧",
    "e\u0301",
    "שלום",
    "\0",
    "\ud800",
    "two words",
    "line\nbreak",
    "</s>",
    "x" * 5000,
    "\u3000",
)


def reads_what_it_wrote(factory: Factory) -> None:
    """Another embedder of the same settings reads what `to_disk` wrote, and gives the same vectors."""
    embedder = fitted(factory)
    again = _read_again(factory, embedder)
    words = [*embedder.vocabulary, "zebra"]
    if list(again.vocabulary) != list(embedder.vocabulary):
        raise BrokenError(f"the vocabulary became {list(again.vocabulary)[:10]}")
    expect_same(embedder, again, words, "read again")


def _read_again(factory: Factory, embedder: Embedder) -> Embedder:
    again: Embedder = factory()
    with _written(embedder) as folder:
        again.from_disk(folder)
    return again


@contextlib.contextmanager
def _written(embedder: Embedder) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        embedder.to_disk(Path(folder))
        yield Path(folder)


def results_are_the_callers(factory: Factory) -> None:
    """What's done to a result doesn't reach the embedder."""
    # One that's no other check's.
    embedder = _read_again(factory, fitted(factory))
    for words in (["the"], ["zebra"], list(embedder.vocabulary)):
        vectors = embedder.embed(words)
        before = vectors.copy()
        if vectors.flags.writeable:
            vectors += 1
        if not np.array_equal(before, embedder.embed(words), equal_nan=True):
            raise BrokenError(f"input that shows it: {show(words)}\na change in the result stays")


def same_vectors_in_another_process(factory: Factory) -> None:
    """Another process that reads what was written gives the same vectors, to unknown words too."""
    embedder = fitted(factory)
    words = [*embedder.vocabulary, *UNKNOWN]
    with _written(embedder) as folder, reading(factory, folder) as reader:
        theirs = reader.give(words)
    for word, mine, other in zip(words, embedder.embed(words), theirs, strict=True):
        if not np.array_equal(mine, other, equal_nan=True):
            raise BrokenError(f"input that shows it: {word!r}\nits vector there is another one")


def odd_words_are_words(factory: Factory) -> None:
    """Emoji, marks, NUL, surrogates, white space, very long words: all can be fitted on, embedded and saved."""
    fitted(factory)

    def verify(words: Sequence[str]) -> None:
        embedder = factory()
        embedder.fit([[*sequence, *words] for sequence in SEQUENCES])
        vectors = embedder.embed(words)
        expect_shape(vectors, (len(words), embedder.width))
        if not np.isfinite(vectors).all():
            raise BrokenError("a vector isn't finite")
        expect_same(embedder, _read_again(factory, embedder), words, "read again")

    try:
        verify(ODD_WORDS)
    except Exception:
        for word in ODD_WORDS:
            at(verify, [word])
        raise


def refuses_damaged_files(factory: Factory) -> None:
    """Of files that are missing, empty, cut short or something else, any that matters raises a `SavedModelError`."""
    with _written(fitted(factory)) as folder:
        try_damaged(factory, folder)
