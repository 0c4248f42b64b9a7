"""Fits vectors by seqpipe's own trainer."""

import contextlib
import tempfile
import time
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.formats.fasttext import Subwords, hash_subwords
from seqpipe.kernels import Members, available_threads, has_own_threads, usable_threads
from seqpipe.parts.cooccurrence import (
    Corpus,
    EpochLoss,
    Start,
    Trained,
    Training,
    check_words,
    read_corpus,
    read_known,
    train,
)
from seqpipe.parts.embedders._contract import Embedder, FitProgress, OnProgress
from seqpipe.parts.embedders._cooccurrence import Options
from seqpipe.parts.embedders.fasttext._fit import (
    count_buckets,
    standardized,
    tables_of,
    used_rows,
)
from seqpipe.parts.embedders.fasttext._settings import Settings
from seqpipe.parts.embedders.fasttext._vectors import Shape, Tables, WordVectors
from seqpipe.parts.fasttext import written
from seqpipe.parts.phrases import Phrases

#: From which share of slowed slices on a warning says so.
_MOST_SLOWED: Final = 0.01
#: About a golden ratio of 2^32: numbers multiplied by it are spread evenly (Knuth, The Art of Computer Programming 3, 6.4).
_SPREAD: Final = 2_654_435_769


def fit_cooccurrence(
    settings: Settings,
    options: Options,
    sequences: Iterable[Sequence[str]],
    *,
    seed: int,
    threads: int | None,
    on_progress: OnProgress | None,
) -> tuple[WordVectors, Mapping[str, Any], Sequence[EpochLoss], Phrases]:
    """Train in this process; see `Embedder.fit`. Sequences are kept in a temporary file, and those held out in memory.

    Returns:
        The vectors, what settings became that were "auto", the losses of the epochs, and the phrases.

    Raises:
        EmbedderError: There's nothing to fit on, or not enough memory or space for temporary files.
    """
    try:
        return _fit(settings, options, sequences, seed, threads, on_progress)
    except MemoryError as error:
        raise EmbedderError(
            f"there isn't enough memory to train vectors of the width {settings.width}: set a smaller `width`, a larger "
            "`min_count`, or fewer `buckets`"
        ) from error


def _fit(
    settings: Settings,
    options: Options,
    sequences: Iterable[Sequence[str]],
    seed: int,
    threads: int | None,
    on_progress: OnProgress | None,
) -> tuple[WordVectors, Mapping[str, Any], Sequence[EpochLoss], Phrases]:
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as other:
        aside, form = _Aside(sequences, options.held_out, seed), _form_of(lower=settings.lower)
        before = _known_before(options.start, form)
        with _told_of_disks():
            corpus = read_corpus(
                aside, file, min_count=settings.least_count, form=form, rule=options.phrases
            )
            absorbed = _Absorbed.of(corpus, before)
            corpus = corpus.with_words([*absorbed.words, *before])
            held_out = read_known(aside.held_out, corpus, other, form=form)
        chosen = settings.chosen(corpus.read)
        settings = replace(settings, **chosen)
        parts = _Parts.of(corpus.words, settings, absorbed)
        trained = train(
            corpus,
            _training(settings, options),
            seed=seed,
            threads=threads or _default_threads(),
            members=parts.members,
            start=_start(options, corpus.words, before),
            held_out=held_out if options.held_out else None,
            on_progress=_Report(corpus, int(settings.epochs), on_progress),
        )
    vectors = _vectors(trained, corpus, parts, settings, absorbed)
    _warn(trained, settings)
    if on_progress:
        on_progress(FitProgress(fraction=1.0, loss=trained.losses[-1].train))
    return vectors, chosen, trained.losses, corpus.phrases


def _training(settings: Settings, options: Options) -> Training:
    assert not isinstance(settings.epochs, str)
    assert not isinstance(settings.subsample, str)
    return Training(
        width=settings.width,
        architecture=settings.architecture,
        loss=settings.loss,
        epochs=settings.epochs,
        window=settings.window,
        negatives=settings.negatives,
        learning_rate=settings.learning_rate,
        subsample=settings.subsample,
        position_weights=options.position_weights,
        patience=options.patience,
    )


def _default_threads() -> int:
    """Return how many threads train where nobody says: those of the run, or else all there are."""
    return available_threads() if has_own_threads() else usable_threads()


class _Aside:
    """Sequences, some of which are put aside as they're read.

    Args:
        sequences: All of them.
        share: Of those put aside.
        seed: It picks them.
    """

    def __init__(self, sequences: Iterable[Sequence[str]], share: float, seed: int) -> None:
        self._sequences, self._below = sequences, share * 2**32
        self._seed = seed
        self.held_out: list[Sequence[str]] = []

    def __iter__(self) -> Iterator[Sequence[str]]:
        for number, sequence in enumerate(self._sequences):
            check_words(sequence, number + 1)
            # The second one in any case: of a few, none might be picked.
            if self._below and (
                number == 1 or (number + self._seed) * _SPREAD % 2**32 < self._below
            ):
                self.held_out.append(list(sequence))
            else:
                yield sequence


def _form_of(*, lower: bool) -> Callable[[str], str | None]:
    """Return what says what a word counts as: None for one that no file of vectors could hold."""

    def form(word: str) -> str | None:
        if lower:
            word = word.lower()
        return word if written(word) is not None else None

    return form


@contextlib.contextmanager
def _told_of_disks() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbedderError(
            f"the texts can't be kept in a temporary file in {tempfile.gettempdir()}: {error.strerror or error}; make room "
            "there, or name another folder in the environment variable TMPDIR"
        ) from error


def _known_before(start: Embedder | None, form: Callable[[str], str | None]) -> Mapping[str, str]:
    """Return what the words of the embedder that's begun from count as, each with the first word that does."""
    if start is None:
        return {}
    if not len(start.vocabulary):
        try:
            start.fit([])
        except EmbedderError as error:
            raise EmbedderError(
                f"the embedder to `start` from has no words; fit it first ({error})"
            ) from error
    known: dict[str, str] = {}
    for word in start.vocabulary:
        if (counted := form(word)) is not None:
            known.setdefault(counted, word)
    return known


def _start(options: Options, words: Sequence[str], before: Mapping[str, str]) -> Start | None:
    """Return the vectors that known words have before, and no zeros in the place of unknown ones."""
    if options.start is None:
        return None
    rows = np.array([row for row, word in enumerate(words) if word in before], dtype=np.int64)
    vectors = options.start.embed([before[words[row]] for row in rows.tolist()])
    return Start(rows, vectors.astype(np.float32), options.freeze)


@dataclass(frozen=True, eq=False)
class _Parts:
    """What words consist of.

    Attributes:
        subwords: Their n-grams.
        rows: The row of each n-gram, among those that are used, int32.
        members: The rows of each word; None if words have no parts.
        buckets: How many rows n-grams could have.
    """

    subwords: Subwords
    rows: NDArray[np.int32]
    members: Members | None
    buckets: int

    @classmethod
    def of(cls, words: Sequence[str], settings: Settings, absorbed: "_Absorbed") -> "_Parts":
        # Nothing would train the n-grams that only absorbed words have.
        others = range(absorbed.first, absorbed.first + len(absorbed.words))
        forms = [str(written(word)) for row, word in enumerate(words) if row not in others]
        subwords = hash_subwords(forms, min_n=settings.min_n, max_n=settings.max_n)
        subwords = _with_none(subwords, others)
        if not len(subwords.hashes):
            return cls(subwords, np.zeros(0, dtype=np.int32), None, 0)
        buckets = count_buckets(settings, subwords)
        _, rows = used_rows(subwords.hashes, buckets)
        counts = np.diff(subwords.ends, prepend=0)
        starts = np.concatenate([[0], (1 + counts).cumsum()]).astype(np.int64)
        members = np.empty(starts[-1], dtype=np.int32)
        is_own = np.zeros(len(members), dtype=np.bool_)
        is_own[starts[:-1]] = True
        members[is_own] = np.arange(len(words))
        members[~is_own] = rows + len(words)
        return cls(subwords, rows, Members(members, starts), buckets)


def _with_none(subwords: Subwords, others: range) -> Subwords:
    """Return the n-grams with further words in some places, which have none."""
    if not others:
        return subwords
    before = subwords.ends[others.start - 1]
    return Subwords(subwords.hashes, np.insert(subwords.ends, others.start, [before] * len(others)))


@dataclass(frozen=True, eq=False)
class _Absorbed:
    """Words that became too rare because they're parts of phrases, and phrases that are parts of longer ones.

    Attributes:
        words: The words; in the corpus they come directly behind those that are trained.
        first: The number of the first of them.
        weights: How often each occurs in which known phrases: numbers of phrases and counts.
    """

    words: tuple[str, ...]
    first: int
    weights: tuple[tuple[list[int], list[int]], ...]

    @classmethod
    def of(cls, corpus: Corpus, before: Container[str]) -> "_Absorbed":
        found: dict[str, tuple[list[int], list[int]]] = {
            word: ([], []) for word in corpus.absorbed if word not in before
        }
        counts = corpus.counts.tolist() if found else []
        for number, count in enumerate(counts):
            for part in sorted(corpus.phrases.within(corpus.words[number]) & found.keys()):
                found[part][0].append(number)
                found[part][1].append(count)
        found = {word: given for word, given in found.items() if given[0]}
        return cls(tuple(found), len(corpus.words), tuple(found.values()))

    def filled(self, tables: Tables) -> Tables:
        """Return the tables with the mean of the vectors of its phrases for each of the words."""
        known = tables.known.copy()
        for row, (phrases, counts) in enumerate(self.weights, start=self.first):
            known[row] = np.average(tables.known[phrases], axis=0, weights=counts)
        return replace(tables, known=known)


class _Report:
    def __init__(self, corpus: Corpus, epochs: int, on_progress: OnProgress | None) -> None:
        self._words = corpus.counts.sum() * epochs
        self._on_progress = on_progress
        self._start = time.perf_counter()

    def __call__(self, fraction: float, loss: float | None) -> None:
        if self._on_progress:
            seconds = max(1e-9, time.perf_counter() - self._start)
            speed = float(self._words * fraction / seconds)
            self._on_progress(FitProgress(min(fraction, 0.999), loss, speed))


def _vectors(
    trained: Trained, corpus: Corpus, parts: _Parts, settings: Settings, absorbed: _Absorbed
) -> WordVectors:
    words = len(corpus.words)
    if not np.isfinite(trained.inputs).all():
        raise EmbedderError(
            "the training of the embedder gave vectors that aren't finite: set a smaller `learning_rate`"
        )
    own, rows = np.array(trained.inputs[:words]), np.array(trained.inputs[words:])
    tables = absorbed.filled(tables_of(own, rows, parts.subwords, parts.rows))
    if settings.standardize:
        tables = standardized(tables, corpus.counts)
    shape = Shape(
        width=settings.width,
        min_n=settings.min_n,
        max_n=settings.max_n,
        buckets=parts.buckets,
        lower=settings.lower,
        library=f"seqpipe {version('seqpipe')}",
    )
    return WordVectors(shape, corpus.words, tables)


def _warn(trained: Trained, settings: Settings) -> None:
    """Say so if the learning rate was too high for the vectors to come to rest."""
    untrained = _untrained_loss(settings)
    if trained.slowed > _MOST_SLOWED:
        found = f"vectors grew beyond all bounds in {trained.slowed:.0%} of the steps"
    elif untrained and trained.losses[-1].train > untrained:
        found = (
            f"after the last epoch pairs are predicted worse ({trained.losses[-1].train:.3f}) than by vectors "
            f"of zeros ({untrained:.3f})"
        )
    else:
        return
    warnings.warn(
        f"the embedder's `learning_rate`, {settings.learning_rate}, is too high: {found}; set a smaller one",
        stacklevel=4,
    )


def _untrained_loss(settings: Settings) -> float | None:
    """Return the loss of a pair before anything is learnt; None if it depends on the word."""
    if settings.loss != "negative-sampling":
        return None
    return (1 + settings.negatives) * float(np.log(2))
