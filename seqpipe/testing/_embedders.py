"""The contract of embedders."""

import functools
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import Embedder, FitProgress
from seqpipe.testing._check import BrokenError, Check, Factory, make_check, told
from seqpipe.testing._damage import try_damaged
from seqpipe.testing._settings import can_be_made, is_documented

Vectors = NDArray[np.float32]

#: The first occurs in all of them, the second in all but a few, and so on.
_WORDS: Final = ("the", "cat", "dog", "sat", "ran", "on", "mat", "road", "red", "blue")
_SEQUENCES: Final = tuple(
    tuple(word for place, word in enumerate(_WORDS) if (number * 7 + place) % 60 >= 3 * place)
    for number in range(60)
)
_OTHER_SEQUENCES: Final = (("one", "two", "three", "two"),) * 40
_UNKNOWN: Final = ("zebra", "", "THE", "catdog")
_ODD: Final = (
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


def embedder_checks() -> list[Check]:
    """Return the checks of an embedder."""
    made = make_check(can_be_made, "embedders", Embedder, _make)
    shape = make_check(vectors_have_their_shape, needs=(made,))
    unknown = make_check(unknown_words_have_vectors, needs=(shape,))
    saved = make_check(reads_what_it_wrote, needs=(unknown,))
    seeded = make_check(same_seed_same_vectors, needs=(shape,))
    return [
        made,
        make_check(is_documented, needs=(made,)),
        make_check(asks_to_be_fitted, needs=(made,)),
        make_check(refuses_to_fit_on_nothing, needs=(made,)),
        shape,
        make_check(vectors_are_finite, needs=(shape,)),
        make_check(rows_are_their_words_own, needs=(shape,)),
        unknown,
        make_check(no_words_have_no_vectors, needs=(shape,)),
        make_check(vocabulary_is_by_frequency, needs=(shape,)),
        make_check(reads_its_input_once, needs=(shape,)),
        make_check(reports_its_progress, needs=(shape,)),
        saved,
        make_check(odd_words_are_words, needs=(saved,)),
        make_check(refuses_damaged_files, needs=(saved,)),
        seeded,
        make_check(fits_anew, needs=(seeded,)),
    ]


def _make(factory: Factory) -> Embedder:
    embedder: Embedder = factory()
    if isinstance(embedder, Embedder) and not (
        isinstance(embedder.width, int) and embedder.width > 0
    ):
        raise BrokenError(f"`width` is {embedder.width!r} before it's fitted")
    return embedder


@functools.lru_cache(maxsize=8)
def _fitted(factory: Factory) -> Embedder:
    """Return a fitted embedder, for checks that don't change it."""
    embedder: Embedder = factory()
    embedder.fit(_SEQUENCES)
    return embedder


def _expect_error(embedder: Embedder, call: str, *arguments: Any) -> None:
    try:
        getattr(embedder, call)(*arguments)
    except EmbedderError:
        return
    except Exception as error:
        raise BrokenError(f"{call} raised {type(error).__name__}: {error}") from error
    raise BrokenError(f"{call} raised nothing")


def asks_to_be_fitted(factory: Factory) -> None:
    """Before it's fitted the vocabulary is empty, and `embed` and `to_disk` raise an `EmbedderError`."""
    embedder = factory()
    if len(embedder.vocabulary):
        raise BrokenError(f"the vocabulary is {list(embedder.vocabulary)[:5]} before fitting")
    _expect_error(embedder, "embed", ["the"])
    with tempfile.TemporaryDirectory() as folder:
        _expect_error(embedder, "to_disk", Path(folder))


def refuses_to_fit_on_nothing(factory: Factory) -> None:
    """Without any word to fit on, `fit` raises an `EmbedderError`."""
    nothing: list[list[list[str]]] = [[], [[]]]
    for sequences in nothing:
        try:
            _expect_error(factory(), "fit", sequences)
        except BrokenError as error:
            raise BrokenError(f"input that shows it: {sequences}\n{error}") from error.__cause__


def vectors_have_their_shape(factory: Factory) -> None:
    """`embed` returns a float32 array with a row of the embedder's width for each word."""
    embedder = _fitted(factory)
    for words in (["the"], ["cat", "the", "cat"]):
        vectors = embedder.embed(words)
        _expect_shape(vectors, (len(words), embedder.width), words)


def _expect_shape(vectors: Any, shape: tuple[int, int], words: Sequence[str]) -> None:
    form = (getattr(vectors, "dtype", None), getattr(vectors, "shape", None))
    if form != (np.float32, shape):
        raise BrokenError(
            f"input that shows it: {list(words)}\nthe result is {form[0]} {form[1]}, and should be "
            f"float32 {shape}"
        )


def vectors_are_finite(factory: Factory) -> None:
    """The vectors of all words of the vocabulary are finite."""
    embedder = _fitted(factory)
    for word in embedder.vocabulary:
        if not np.isfinite(embedder.embed([word])).all():
            raise BrokenError(f"the vector of {word!r} isn't")


def rows_are_their_words_own(factory: Factory) -> None:
    """A word has the same vector wherever it stands, and whichever words are asked for with it."""
    embedder = _fitted(factory)
    words = ["mat", "the", "cat", "the"]
    together = embedder.embed(words)
    for row, word in zip(together, words, strict=True):
        if not np.array_equal(row, embedder.embed([word])[0], equal_nan=True):
            raise BrokenError(
                f"input that shows it: {words}\nthe row of {word!r} isn't what it gets alone"
            )


def unknown_words_have_vectors(factory: Factory) -> None:
    """A word that wasn't fitted on has a finite vector, the same one each time."""
    embedder = _fitted(factory)
    for word in _UNKNOWN:
        try:
            first, again = embedder.embed([word]), embedder.embed([word])
            _expect_shape(first, (1, embedder.width), [word])
        except BrokenError:
            raise
        except Exception as error:
            raise BrokenError(
                f"input that shows it: [{word!r}]\nit raised {type(error).__name__}: {error}"
            ) from error
        if not (np.isfinite(first).all() and np.array_equal(first, again)):
            raise BrokenError(f"input that shows it: [{word!r}]\nits vectors are {first}, {again}")


def no_words_have_no_vectors(factory: Factory) -> None:
    """For no words, `embed` returns a float32 array of no rows."""
    embedder = _fitted(factory)
    _expect_shape(embedder.embed([]), (0, embedder.width), [])


def vocabulary_is_by_frequency(factory: Factory) -> None:
    """The vocabulary holds words that were fitted on, the most frequent first, each once."""
    counts = Counter(word for sequence in _SEQUENCES for word in sequence)
    words = list(_fitted(factory).vocabulary)
    if not words:
        raise BrokenError("it's empty")
    if strange := [word for word in words if word not in counts]:
        raise BrokenError(f"it holds {strange}, which weren't fitted on")
    if len(set(words)) < len(words):
        raise BrokenError(f"it holds a word twice: {words}")
    if sorted(words, key=lambda word: -counts[word]) != words:
        raise BrokenError(
            f"it's {[(word, counts[word]) for word in words]}, with the words' counts"
        )


def reads_its_input_once(factory: Factory) -> None:
    """`fit` reads its sequences once, so that they can come from a stream."""
    embedder = factory()
    embedder.fit(sequence for sequence in _SEQUENCES)
    if list(embedder.vocabulary) != list(_fitted(factory).vocabulary):
        raise BrokenError(
            f"from a stream the vocabulary is {list(embedder.vocabulary)}, "
            f"from a list {list(_fitted(factory).vocabulary)}"
        )


def reports_its_progress(factory: Factory) -> None:
    """`fit` tells how far it is: fractions from 0 to 1 that don't fall, the last one 1."""
    told: list[FitProgress] = []
    factory().fit(_SEQUENCES, on_progress=told.append)
    fractions = [progress.fraction for progress in told]
    if not fractions:
        raise BrokenError("on_progress is never called")
    rising = all(a <= b for a, b in itertools.pairwise(fractions))
    if not (rising and fractions[0] >= 0 and fractions[-1] == 1):
        raise BrokenError(f"it tells {fractions[-10:]}")


def reads_what_it_wrote(factory: Factory) -> None:
    """Another embedder of the same settings reads what `to_disk` wrote, and gives the same vectors."""
    embedder = _fitted(factory)
    again = _read_again(factory, embedder)
    words = [*embedder.vocabulary, "zebra"]
    if list(again.vocabulary) != list(embedder.vocabulary):
        raise BrokenError(f"the vocabulary became {list(again.vocabulary)[:10]}")
    _expect_same(embedder, again, words, "read again")


def _read_again(factory: Factory, embedder: Embedder) -> Embedder:
    again: Embedder = factory()
    with tempfile.TemporaryDirectory() as folder:
        embedder.to_disk(Path(folder))
        again.from_disk(Path(folder))
    return again


def _expect_same(left: Embedder, right: Embedder, words: Iterable[str], when: str) -> None:
    for word in words:
        if not np.array_equal(left.embed([word]), right.embed([word]), equal_nan=True):
            raise BrokenError(f"input that shows it: {word!r}\n{when}, its vector is another one")


def odd_words_are_words(factory: Factory) -> None:
    """Emoji, marks, NUL, surrogates, white space, very long words: all can be fitted on, embedded and saved."""
    try:
        _try_words(factory, _ODD)
    except Exception:
        for word in _ODD:
            _try_words(factory, [word])
        raise


def _try_words(factory: Factory, words: Sequence[str]) -> None:
    try:
        embedder = factory()
        embedder.fit([[*sequence, *words] for sequence in _SEQUENCES])
        vectors = embedder.embed(words)
        _expect_shape(vectors, (len(words), embedder.width), words)
        if not np.isfinite(vectors).all():
            raise BrokenError("a vector isn't finite")
        _expect_same(embedder, _read_again(factory, embedder), words, "read again")
    except Exception as error:
        said = str(error) if isinstance(error, BrokenError) else told(error)
        shown = ", ".join(ascii(word)[:60] for word in words)
        raise BrokenError(f"input that shows it: the words {shown}\n{said}") from error


def refuses_damaged_files(factory: Factory) -> None:
    """Of files that are missing, empty, cut short or something else, any that matters raises a `SavedModelError`."""
    with tempfile.TemporaryDirectory() as folder:
        _fitted(factory).to_disk(Path(folder))
        try_damaged(factory, Path(folder))


def same_seed_same_vectors(factory: Factory) -> None:
    """The same sequences and seed give the same vectors, to the bit."""
    again = factory()
    again.fit(_SEQUENCES)
    _expect_same(_fitted(factory), again, _fitted(factory).vocabulary, "fitted again")


def fits_anew(factory: Factory) -> None:
    """What was fitted on before leaves no trace."""
    embedder = factory()
    embedder.fit(_OTHER_SEQUENCES)
    embedder.fit(_SEQUENCES)
    fresh = _fitted(factory)
    if list(embedder.vocabulary) != list(fresh.vocabulary):
        raise BrokenError(f"the vocabulary is {list(embedder.vocabulary)[:10]}")
    _expect_same(fresh, embedder, fresh.vocabulary, "after other sequences")
