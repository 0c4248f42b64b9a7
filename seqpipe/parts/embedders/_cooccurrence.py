"""Embedders that seqpipe's own trainer fits: without sub-words, and with them."""

import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

import seqpipe
from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.formats.fasttext import Subwords, hash_subwords
from seqpipe.kernels import Members, available_threads, has_own_threads, usable_threads
from seqpipe.parts.cooccurrence import (
    Corpus,
    EpochLoss,
    Start,
    Trained,
    Training,
    read_corpus,
    read_known,
    train,
)
from seqpipe.parts.embedders._contract import Embedder, FitProgress, OnProgress
from seqpipe.parts.embedders.fasttext._embedders import TrainedEmbedder
from seqpipe.parts.embedders.fasttext._fit import standardized, tables_of, used_rows
from seqpipe.parts.embedders.fasttext._settings import Architecture, Auto, Loss, Settings
from seqpipe.parts.embedders.fasttext._vectors import Shape, WordVectors
from seqpipe.parts.fasttext import written

_BUCKETS_PER_SUBWORD: Final = 2
_MAX_BUCKETS: Final = 2_000_000
#: Beyond it the training is worse than it could be, and a warning says so.
_MOST_SLOWED: Final = 0.01
#: About a golden ratio of 2^32: numbers multiplied by it are spread evenly (Knuth, The Art of Computer Programming 3, 6.4).
_SPREAD: Final = 2_654_435_769


@dataclass(frozen=True)
class _Options:
    """What only this trainer can do."""

    position_weights: bool = False
    held_out: float = 0.0
    patience: int | None = None
    start: Embedder | None = None
    freeze: bool = False

    def check(self, width: int, architecture: str) -> None:
        if self.position_weights and architecture != "cbow":
            raise _refusal("position_weights", True, 'needs the architecture "cbow"')
        if not 0 <= self.held_out < 0.5:
            raise _refusal("held_out", self.held_out, "must be at least 0 and less than 0.5")
        if self.patience is not None and self.patience < 1:
            raise _refusal("patience", self.patience, "must be at least 1")
        if self.patience is not None and not self.held_out:
            raise _refusal(
                "patience", self.patience, "needs a share of `held_out` sequences, such as 0.01"
            )
        if self.freeze and self.start is None:
            raise _refusal("freeze", True, "needs an embedder to `start` from")
        if self.start is not None and self.start.width != width:
            raise _refusal(
                "start",
                f"an embedder of the width {self.start.width}",
                f"must have the `width` {width}",
            )


class CooccurrenceEmbedder(TrainedEmbedder):
    """Trains by seqpipe's own trainer.

    Args:
        settings: Those that the library's trainer has as well.
        options: Those that it hasn't.
        threads: How many threads train; None for all there are.
    """

    #: How well pairs were predicted in each epoch of the last fit; empty before.
    losses: Sequence[EpochLoss] = ()

    def __init__(self, settings: Settings, options: _Options, threads: int | None) -> None:
        super().__init__(settings.width)
        options.check(settings.width, settings.architecture)
        self._settings, self._options, self._threads = settings, options, threads

    def check_sources(self) -> None:
        """Check those of the embedder that it starts from; see `Embedder.check_sources`."""
        if self._options.start is not None:
            self._options.start.check_sources()

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on sequences of words; see `Embedder.fit`. The vectors are the same for any number of threads."""
        settings, options = self._settings, self._options
        with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as other:
            aside, form = _Aside(sequences, options.held_out, seed), _form_of(lower=settings.lower)
            corpus = read_corpus(aside, file, min_count=settings.least_count, form=form)
            corpus = corpus.with_words(filter(form, _known_before(options.start)))
            held_out = read_known(aside.held_out, corpus, other, form=form)
            chosen = settings.chosen(corpus.read)
            settings = replace(settings, **chosen)
            parts = _Parts.of(corpus.words, settings)
            trained = train(
                corpus,
                self._training(settings),
                seed=seed,
                threads=self._threads or default_threads(),
                members=parts.members,
                start=_start(options, corpus.words),
                held_out=held_out if held_out.size else None,
                on_progress=_Report(corpus, int(settings.epochs), on_progress),
            )
        self._vectors = _vectors(trained, corpus, parts, settings)
        self.chosen, self.losses = chosen, trained.losses
        _warn(trained, settings)
        if on_progress:
            on_progress(FitProgress(fraction=1.0, loss=trained.losses[-1].train))

    def _training(self, settings: Settings) -> Training:
        assert not isinstance(settings.epochs, str) and not isinstance(settings.subsample, str)
        return Training(
            width=settings.width,
            architecture=settings.architecture,
            loss=settings.loss,
            epochs=settings.epochs,
            window=settings.window,
            negatives=settings.negatives,
            learning_rate=settings.learning_rate,
            subsample=settings.subsample,
            position_weights=self._options.position_weights,
            patience=self._options.patience,
        )


def default_threads() -> int:
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
            if self._below and ((number + self._seed) * _SPREAD) % 2**32 < self._below:
                self.held_out.append(sequence)
            else:
                yield sequence


def _form_of(*, lower: bool) -> Callable[[str], str | None]:
    """Return what says what a word counts as: None for one that no file of vectors could hold."""

    def form(word: str) -> str | None:
        if lower:
            word = word.lower()
        return word if written(word) is not None else None

    return form


def _known_before(start: Embedder | None) -> Sequence[str]:
    if start is None:
        return ()
    if not len(start.vocabulary):
        start.fit([])
    return start.vocabulary


def _start(options: _Options, words: Sequence[str]) -> Start | None:
    """Return the vectors that known words have before, and no zeros in the place of unknown ones."""
    if options.start is None:
        return None
    known = set(options.start.vocabulary)
    rows = np.array([row for row, word in enumerate(words) if word in known], dtype=np.int64)
    vectors = options.start.embed([words[row] for row in rows.tolist()])
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
    def of(cls, words: Sequence[str], settings: Settings) -> "_Parts":
        forms = [str(written(word)) for word in words]
        subwords = hash_subwords(forms, min_n=settings.min_n, max_n=settings.max_n)
        if not len(subwords.hashes):
            return cls(subwords, np.zeros(0, dtype=np.int32), None, 0)
        buckets = settings.buckets
        if buckets is None:
            distinct = len(np.unique(subwords.hashes))
            buckets = min(_BUCKETS_PER_SUBWORD * distinct, _MAX_BUCKETS)
        _, rows = used_rows(subwords.hashes, buckets)
        counts = np.diff(subwords.ends, prepend=0)
        starts = np.concatenate([[0], (1 + counts).cumsum()]).astype(np.int64)
        members = np.empty(starts[-1], dtype=np.int32)
        is_own = np.zeros(len(members), dtype=np.bool_)
        is_own[starts[:-1]] = True
        members[is_own] = np.arange(len(words))
        members[~is_own] = rows + len(words)
        return cls(subwords, rows, Members(members, starts), buckets)


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


def _vectors(trained: Trained, corpus: Corpus, parts: _Parts, settings: Settings) -> WordVectors:
    words = len(corpus.words)
    if not np.isfinite(trained.inputs).all():
        raise EmbedderError(
            "the training of the embedder gave vectors that aren't finite: set a smaller `learning_rate`"
        )
    own, rows = np.array(trained.inputs[:words]), np.array(trained.inputs[words:])
    tables = tables_of(own, rows, parts.subwords, parts.rows)
    if settings.standardize:
        tables = standardized(tables, corpus.counts)
    shape = Shape(
        width=settings.width,
        min_n=settings.min_n,
        max_n=settings.max_n,
        buckets=parts.buckets,
        lower=settings.lower,
        library=f"seqpipe {seqpipe.__version__}",
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


def _refusal(name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(f"the embedder's `{name}` is {value!r}; it {rule}", setting=name)


@final
class Word2Vec2(CooccurrenceEmbedder):
    """Word vectors by skip-gram or CBOW with negative sampling (Mikolov et al. 2013), by seqpipe's own trainer.

    For words, or for items and nodes, whose names may hold white space. An unknown word has the zero vector. `FastText2`
    says more about the settings and the training.

    Args:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from the mean of those around it.
        loss: Contrast each prediction with random words, or predict the word's place in a Huffman tree
            (Mikolov et al. 2013), which is better for rare words and costs more for large vocabularies.
        epochs: How often the sequences are trained on. "auto": 4 million over the number of words, from 2 to 10.
        window: The most words to either side that are a word's context.
        negatives: How many random words each prediction is contrasted with, by negative sampling.
        min_count: How often a word must occur to be trained and known. "auto": 1 for fewer than 200,000 words, 2 for
            fewer than 10 million, else 5.
        learning_rate: At the beginning; it falls to 0. One that's too high is noticed, and warned of.
        subsample: Words whose share of all words is above this are skipped at random; 1 skips none. "auto": 1 for
            fewer than a million words, 1e-3 for fewer than 10 million, else 1e-4.
        position_weights: Whether CBOW's mean weights words by their positions, with weights that are trained (Mikolov
            et al. 2018).
        held_out: The share of the sequences that the loss is measured on after each epoch, and that aren't trained on.
            With some, the vectors of the epoch with the lowest loss are kept.
        patience: After how many epochs without a lower loss the training ends; None for never.
        start: An embedder of the same width, whose words begin with its vectors, and stay known.
        freeze: Whether these keep them.
        threads: How many threads train; None for all there are. Vectors are the same for any number.
        lower: Whether words are lower-cased, in fitting and later.
        standardize: Whether each dimension is moved and scaled so that it has a mean of 0 and a variance of
            1 over the known words of the sequences, as networks like their input.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    kind = "Word2Vec"

    def __init__(
        self,
        *,
        width: int = 100,
        architecture: Architecture = "skipgram",
        loss: Loss = "negative-sampling",
        epochs: int | Auto = "auto",
        window: int = 5,
        negatives: int = 5,
        min_count: int | Auto = "auto",
        learning_rate: float = 0.05,
        subsample: float | Auto = "auto",
        position_weights: bool = False,
        held_out: float = 0.0,
        patience: int | None = None,
        start: Embedder | None = None,
        freeze: bool = False,
        threads: int | None = None,
        lower: bool = False,
        standardize: bool = False,
    ) -> None:
        super().__init__(
            Settings(
                width=width,
                architecture=architecture,
                loss=loss,
                epochs=epochs,
                window=window,
                negatives=negatives,
                min_count=min_count,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=1 if threads is None else threads,
                lower=lower,
                standardize=standardize,
            ),
            _Options(position_weights, held_out, patience, start, freeze),
            threads,
        )


@final
class FastText2(CooccurrenceEmbedder):
    """Word vectors from a word's own vector and those of its n-grams (Bojanowski et al. 2017), by seqpipe's own trainer.

    A word's vector is the mean of them, not normalised. An unknown word has the mean of the vectors of
    those of its n-grams that known words have too, and the zero vector if there are none.

    The trainer is written in C and compiled on first use, and needs no library; without a compiler it's numpy that trains,
    correct and slow. The same sequences, settings and seed give the same vectors, to the bit, on the same kind of processor:
    for any number of threads, and whether sequences come from memory, a file or a stream. The words of a window share their
    negatives, which makes it several times as fast as drawing them for each pair (Ji et al. 2016), and of the same quality.

    Words that can't be encoded as UTF-8 are left out of the training, as is the empty word.

    Args:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from the mean of those around it.
        loss: Contrast each prediction with random words, or predict the word's place in a Huffman tree
            (Mikolov et al. 2013), which is better for rare words and costs more for large vocabularies.
        epochs: How often the sequences are trained on. "auto": 4 million over the number of words, from 2 to 10.
        window: The most words to either side that are a word's context. A sequence of more than some hundred words is cut, and
            no window reaches across.
        negatives: How many random words each prediction is contrasted with, by negative sampling.
        min_count: How often a word must occur to be trained and known. "auto": 1 for fewer than 200,000 words, 2 for
            fewer than 10 million, else 5.
        min_n: The fewest characters of an n-gram, the marks of the word's ends included.
        max_n: The most. 0 means no n-grams.
        learning_rate: At the beginning; it falls to 0. One that's too high is noticed, and warned of.
        subsample: Frequent words are skipped at random, those whose share of all words is above this the
            more often the larger it is. In a small corpus every word is frequent: 1 skips none. "auto": 1 for
            fewer than a million words, 1e-3 for fewer than 10 million, else 1e-4.
        position_weights: Whether CBOW's mean weights words by their positions, with weights that are trained (Mikolov
            et al. 2018).
        held_out: The share of the sequences that the loss is measured on after each epoch, and that aren't trained on.
            With some, the vectors of the epoch with the lowest loss are kept.
        patience: After how many epochs without a lower loss the training ends; None for never.
        threads: How many threads train; None for all there are. Vectors are the same for any number.
        buckets: The size of the table of n-gram vectors, in which n-grams may share one. None means twice
            the number of distinct n-grams of the known words, 2,000,000 at most: at a load
            of 0.5 an n-gram shares with another in 4 cases of 10. Only rows that are used are kept.
        lower: Whether words are lower-cased, in fitting and later.
        standardize: Whether each dimension is moved and scaled so that it has a mean of 0 and a variance of
            1 over the known words of the sequences, as networks like their input.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    kind = "FastText"

    def __init__(
        self,
        *,
        width: int = 100,
        architecture: Architecture = "skipgram",
        loss: Loss = "negative-sampling",
        epochs: int | Auto = "auto",
        window: int = 5,
        negatives: int = 5,
        min_count: int | Auto = "auto",
        min_n: int = 3,
        max_n: int = 6,
        learning_rate: float = 0.05,
        subsample: float | Auto = "auto",
        position_weights: bool = False,
        held_out: float = 0.0,
        patience: int | None = None,
        threads: int | None = None,
        buckets: int | None = None,
        lower: bool = False,
        standardize: bool = False,
    ) -> None:
        super().__init__(
            Settings(
                width=width,
                architecture=architecture,
                loss=loss,
                epochs=epochs,
                window=window,
                negatives=negatives,
                min_count=min_count,
                min_n=min_n,
                max_n=max_n,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=1 if threads is None else threads,
                buckets=buckets,
                lower=lower,
                standardize=standardize,
            ),
            _Options(position_weights, held_out, patience),
            threads,
        )
