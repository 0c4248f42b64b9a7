"""Fits vectors by seqpipe's own trainer."""

import contextlib
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.formats.fasttext import Subwords, hash_subwords
from seqpipe.native import Members
from seqpipe.parts.cooccurrence import (
    Checkpoints,
    Corpus,
    Engine,
    EpochLoss,
    Start,
    Trained,
    Training,
    check_words,
    checkpoints_in,
    fit_tables,
    read_corpus,
    read_known,
    told_of_disks,
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

#: About a golden ratio of 2^32: numbers multiplied by it are spread evenly (Knuth, The Art of Computer Programming 3, 6.4).
_SPREAD: Final = 2_654_435_769


def fit_cooccurrence(
    settings: Settings,
    options: Options,
    sequences: Iterable[Sequence[str]],
    *,
    seed: int,
    threads: int | None,
    engine: Engine | None = None,
    on_progress: OnProgress | None,
) -> tuple[WordVectors, Mapping[str, Any], Sequence[EpochLoss], Phrases]:
    """Train in this process; see `Embedder.fit`. Sequences are kept in a temporary file, and those held out in memory.

    Returns:
        The vectors, what settings became that were "auto", the losses of the epochs, and the phrases.

    Raises:
        EmbedderError: There's nothing to fit on, not enough memory or space for temporary files, or the checkpoint can't be
            used.
    """
    try:
        return _fit(settings, options, sequences, seed, threads, engine, on_progress)
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
    engine: Engine | None,
    on_progress: OnProgress | None,
) -> tuple[WordVectors, Mapping[str, Any], Sequence[EpochLoss], Phrases]:
    # The checkpoints first, as reading texts takes a while.
    with (
        _checkpoints(options) as checkpoints,
        tempfile.TemporaryFile() as file,
        tempfile.TemporaryFile() as other,
    ):
        aside, form = _Aside(sequences, options.held_out, seed), _form_of(lower=settings.lower)
        before = _known_before(options.start, form)
        with told_of_disks():
            corpus = read_corpus(
                aside, file, min_count=settings.least_count, form=form, rule=options.phrases
            )
            absorbed = _Absorbed.of(corpus, before)
            corpus = corpus.with_words([*absorbed.words, *before])
            held_out = read_known(aside.held_out, corpus, other, form=form)
        chosen = settings.chosen(corpus.read)
        settings = replace(settings, **chosen)
        parts = _Parts.of(corpus.words, settings, absorbed)
        trained = fit_tables(
            corpus,
            _training(settings, options),
            seed=seed,
            threads=threads,
            members=parts.members,
            start=_start(options, corpus.words, before),
            held_out=held_out if options.held_out else None,
            checkpoints=checkpoints,
            engine=engine,
            on_progress=on_progress,
        )
    vectors = _vectors(trained, corpus, parts, settings, absorbed)
    if on_progress:
        on_progress(FitProgress(fraction=1.0, loss=trained.losses[-1].train))
    return vectors, chosen, trained.losses, corpus.phrases


def _checkpoints(options: Options) -> AbstractContextManager[Checkpoints | None]:
    folder = options.checkpoint
    return contextlib.nullcontext() if folder is None else checkpoints_in(Path(folder))


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
        if not self.words:
            return tables
        known = tables.known.copy()
        for row, (phrases, counts) in enumerate(self.weights, start=self.first):
            known[row] = np.average(tables.known[phrases], axis=0, weights=counts)
        return replace(tables, known=known)


def _vectors(
    trained: Trained, corpus: Corpus, parts: _Parts, settings: Settings, absorbed: _Absorbed
) -> WordVectors:
    words = len(corpus.words)
    # Each copy of a table counts here: memory is at its peak.
    own, rows = trained.inputs[:words], np.array(trained.inputs[words:])
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
