"""Finds the senses of words in a corpus, and trains their vectors."""

import tempfile
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import EmbedderError
from seqpipe.parts.cooccurrence import Corpus, Start, Training, default_threads, read_corpus, train
from seqpipe.parts.embedders import Embedder
from seqpipe.workers import Spool

from seqpipe_senses._clusters import find_senses
from seqpipe_senses._contexts import Contexts, make_features
from seqpipe_senses._settings import Settings

#: Of how many of its occurrences at most a word's senses are found.
_SAMPLED: Final = 500
#: How many occurrences are clustered, and how many numbers are read, at once.
_CLUSTERED_AT_ONCE: Final = 1 << 18
_READ_AT_ONCE: Final = 1 << 18
#: Of how many unknown words it's looked at whether they're known in lower case.
_CASES: Final = 1000
#: The part of the work here that finding senses is.
_SHARE: Final = 0.5


@dataclass(frozen=True, eq=False)
class Senses:
    """The senses of words.

    Attributes:
        words: The words that have several, by their numbers in `vocabulary`, ascending, int64, `[W]`.
        starts: Where the senses of each begin, and the end, `[W + 1]`, int64. Each word's are from the most frequent one on.
        vectors: Of the words, and behind them of the senses, `[V + S, D]`, float32.
        centres: What contexts of each are like, `[S, D]`, float32, of length 1.
        counts: How often each occurred, `[S]`, int64.
        vocabulary: The words that are known in contexts, the most frequent first.
        features: What each counts for there, `[V, D]`, float32.
    """

    words: NDArray[np.int64]
    starts: NDArray[np.int64]
    vectors: NDArray[np.float32]
    centres: NDArray[np.float32]
    counts: NDArray[np.int64]
    vocabulary: tuple[str, ...]
    features: NDArray[np.float32]

    def choose(
        self,
        numbers: NDArray[np.int32],
        ends: NDArray[np.int64],
        places: NDArray[np.int64],
        words: NDArray[np.int64],
        window: int,
    ) -> NDArray[np.int64]:
        """Return which sense fits best, of all senses of all words, for words with several.

        Args:
            numbers: The words of texts by number, and -1 at each end.
            ends: The places behind the ends.
            places: Where the words stand that are asked for.
            words: Which one of `words` each is.
            window: How far a context reaches.
        """
        directions = Contexts(self.features, window).around(numbers, ends, places)
        first, count = self.starts[words], np.diff(self.starts)[words]
        best = np.full(len(places), -np.inf, dtype=np.float32)
        rows = first.copy()
        for sense in range(int(count.max(initial=0))):
            has = np.flatnonzero(count > sense)
            row = first[has] + sense
            cosines = np.einsum("nd,nd->n", directions[has], self.centres[row])
            better = cosines > best[has]
            best[has[better]] = cosines[better]
            rows[has[better]] = row[better]
        return rows


def fit_senses(
    spool: Spool,
    embedder: Embedder,
    settings: Settings,
    *,
    seed: int,
    on_progress: Callable[[float], None],
) -> Senses:
    """Find senses of frequent words, and train a vector for each, and those of all other words.

    Occurrences of a word are clustered by the words around them, and numbered by their clusters. The trainer of
    co-occurrences then trains on these numbers, and begins with the vectors that the embedder has for words. What predicts
    contexts is of numbers too, so that a sense of a word is predicted apart from its other senses (Huang et al. 2012).

    Args:
        spool: The sequences that the embedder was fitted on.
        embedder: Fitted.
        settings: How.
        seed: Of all random numbers.
        on_progress: Called with the fraction that's done.

    Raises:
        EmbedderError: Too few words are known to the embedder, it lower-cases words and the settings don't, or there isn't
            enough memory.
    """
    known = set(embedder.vocabulary)
    unknown: set[str] = set()

    def form(word: str) -> str | None:
        if word in known:
            return word
        unknown.add(word)
        return None

    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as relabelled:
        corpus = read_corpus(spool, file, min_count=lambda _: 1, form=form)
        _check_case(embedder, unknown)
        vectors = _vectors(embedder, corpus.words)
        senses = _find(corpus, vectors, settings, seed, lambda done: on_progress(_SHARE * done))
        if not len(senses.words):
            return senses
        counts = _relabel(corpus, senses, settings.context, relabelled)
        # Whatever senses are called, only how many there are counts.
        names = tuple(f"sense {number}" for number in range(len(senses.centres)))
        labelled = replace(corpus, words=corpus.words + names, counts=counts, file=relabelled)
        trained = _train(labelled, senses, settings, seed, on_progress)
    return replace(
        senses,
        vectors=_with_means(trained, senses, counts[len(corpus.words) :]),
        counts=counts[len(corpus.words) :],
    )


def _vectors(embedder: Embedder, words: Sequence[str]) -> NDArray[np.float32]:
    vectors = np.zeros((len(words), embedder.width), dtype=np.float32)
    for first in range(0, len(words), 1 << 15):
        some = slice(first, first + (1 << 15))
        vectors[some] = embedder.embed(words[some])
    return vectors


def _check_case(embedder: Embedder, unknown: Set[str]) -> None:
    """Refuse an embedder that lower-cases words by itself: here these would be lost.

    Raises:
        EmbedderError: It does.
    """
    capital = [word for word in islice(unknown, _CASES) if word != word.lower()]
    if not capital:
        return
    theirs, lowered = embedder.embed(capital), embedder.embed([word.lower() for word in capital])
    same = [
        w for w, a, b in zip(capital, theirs, lowered, strict=True) if a.any() and (a == b).all()
    ]
    if same:
        raise EmbedderError(
            f"the embedder below takes {same[0]!r} for {same[0].lower()!r}, and this one doesn't: set `lower = true` here too"
        )


def _find(
    corpus: Corpus,
    vectors: NDArray[np.float32],
    settings: Settings,
    seed: int,
    on_progress: Callable[[float], None],
) -> Senses:
    counts = corpus.counts
    asked = np.flatnonzero(
        (counts >= settings.min_count) & (counts <= settings.max_frequency * counts.sum())
    )
    features = make_features(vectors, counts, settings.rarity)
    contexts = Contexts(features, settings.context)
    numbers = _numbers(corpus)
    places, starts = _sample(corpus, asked)
    words, centres = [], []
    first = 0
    while first < len(asked):
        # As many words as have so many occurrences, and one at least.
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + _CLUSTERED_AT_ONCE)) - 1)
        directions = contexts.around(numbers, corpus.ends, places[starts[first] : starts[last]])
        for word in range(first, last):
            own = directions[starts[word] - starts[first] : starts[word + 1] - starts[first]]
            generator = np.random.default_rng([seed % 2**64, int(asked[word])])
            found = find_senses(own, settings.rules, generator)
            if len(found) > 1:
                words.append(int(asked[word]))
                centres.append(found)
        first = last
        on_progress(first / len(asked))
    sizes = [len(each) for each in centres]
    width = vectors.shape[1]
    joined = np.concatenate([np.zeros((0, width), dtype=np.float32), *centres])
    return Senses(
        words=np.array(words, dtype=np.int64),
        starts=np.cumsum([0, *sizes], dtype=np.int64),
        vectors=np.concatenate([vectors, vectors[np.repeat(words, sizes).astype(np.int64)]]),
        centres=joined,
        counts=np.zeros(len(joined), dtype=np.int64),
        vocabulary=corpus.words,
        features=features,
    )


def _numbers(corpus: Corpus) -> NDArray[np.int32]:
    """Return all numbers of a corpus, which stay in the file."""
    corpus.file.flush()
    return np.memmap(corpus.file, dtype=np.int32, mode="r", shape=(corpus.size,))


def _sample(corpus: Corpus, asked: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where some words stand, evenly spread over the corpus, and where each word's places begin, `[len(asked) + 1]`."""
    number_of = np.full(len(corpus.words) + 1, -1, dtype=np.int64)
    number_of[asked] = np.arange(len(asked))
    step = -(-corpus.counts[asked] // _SAMPLED)
    seen = np.zeros(len(asked), dtype=np.int64)
    found = [np.zeros(0, dtype=np.int64)]
    whose = [np.zeros(0, dtype=np.int64)]
    for first in range(0, corpus.size, _READ_AT_ONCE):
        words = number_of[corpus.numbers(first, min(first + _READ_AT_ONCE, corpus.size))]
        places = np.flatnonzero(words >= 0)
        places = places[np.argsort(words[places], kind="stable")]
        of_places = words[places]
        more = np.bincount(of_places, minlength=len(asked))
        rank = np.arange(len(places)) - (np.cumsum(more) - more)[of_places] + seen[of_places]
        kept = rank % step[of_places] == 0
        found.append(places[kept] + first)
        whose.append(of_places[kept])
        seen += more
    order = np.argsort(np.concatenate(whose), kind="stable")
    sizes = np.bincount(np.concatenate(whose), minlength=len(asked))
    return np.concatenate(found)[order], np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _relabel(corpus: Corpus, senses: Senses, window: int, file: IO[bytes]) -> NDArray[np.int64]:
    """Write the corpus with numbers of senses, which follow those of the words; return how often each number occurs."""
    words = len(corpus.words)
    which = np.full(words + 1, -1, dtype=np.int64)
    which[senses.words] = np.arange(len(senses.words))
    numbers = _numbers(corpus)
    counts = np.zeros(words + len(senses.centres), dtype=np.int64)
    for first in range(0, corpus.size, _READ_AT_ONCE):
        block = np.array(numbers[first : first + _READ_AT_ONCE])
        places = np.flatnonzero(which[block] >= 0)
        rows = senses.choose(numbers, corpus.ends, places + first, which[block[places]], window)
        block[places] = words + rows
        file.write(block.tobytes())
        counts += np.bincount(block[block >= 0], minlength=len(counts))
    return counts


def _train(
    labelled: Corpus,
    senses: Senses,
    settings: Settings,
    seed: int,
    on_progress: Callable[[float], None],
) -> NDArray[np.float32]:
    """Train vectors of words and senses, `[V + S, D]`, from those of the words on."""
    training = Training(
        width=senses.vectors.shape[1],
        epochs=settings.epochs,
        window=settings.window,
        negatives=settings.negatives,
        learning_rate=settings.learning_rate,
        subsample=settings.subsample,
    )
    try:
        trained = train(
            labelled,
            training,
            seed=seed,
            threads=settings.threads or default_threads(),
            start=Start(np.arange(len(senses.vectors)), senses.vectors),
            on_progress=lambda done, _: on_progress(_SHARE + (1 - _SHARE) * done),
        )
    except MemoryError as error:
        raise EmbedderError(
            f"there isn't enough memory to train the vectors of {len(senses.centres)} senses: set a larger `min_count`, or a "
            "smaller `width` of the embedder below"
        ) from error
    found = np.array(trained.inputs)
    if not np.isfinite(found).all():
        raise EmbedderError(
            "the training of senses gave vectors that aren't finite: set a smaller `learning_rate`"
        )
    return found


def _with_means(
    trained: NDArray[np.float32], senses: Senses, counts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Give each word with several senses the mean of them, by how often they occur."""
    words = len(senses.vocabulary)
    owners = np.repeat(senses.words, np.diff(senses.starts))
    totals = np.bincount(owners, weights=counts, minlength=words)
    means = np.zeros((words, trained.shape[1]))
    np.add.at(means, owners, trained[words:] * (counts / totals[owners])[:, None])
    trained[senses.words] = means[senses.words]
    return trained
