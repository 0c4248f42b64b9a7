"""Trains tables on a corpus, block by block."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.kernels import (
    Block,
    Cooccurrence,
    Documents,
    Members,
    Negatives,
    Rounds,
    aligned_rows,
    available_threads,
    begin_rounds,
    has_own_threads,
    usable_threads,
)
from seqpipe.parts.cooccurrence._corpus import Corpus, told_of_disks
from seqpipe.parts.cooccurrence._draws import huffman_paths, keep_probabilities, negatives

Architecture: TypeAlias = Literal["skipgram", "cbow"]
Loss: TypeAlias = Literal["negative-sampling", "hierarchical"]

#: The least size of a corpus, and how many slices of one are trained at the same time, which is the most threads that there's
#: work for. In a small corpus most words are frequent, and all slices would learn the same things: they learn more one after
#: another.
_SLICES: Final = ((1_000_000, 4), (500_000, 2), (0, 1))
#: The most tokens of a slice, where words have parts and where they don't, and the fewest. What a slice learns the others of
#: its round don't know yet: with more tokens vectors are worse, with fewer more time goes into copies. Parts are what many
#: words have, and change more often. A small corpus has smaller slices, so that it has rounds enough.
_TOKENS_WITH_PARTS: Final = 200
_TOKENS: Final = 250
_FEWEST_TOKENS: Final = 50
_SLICES_OF_A_CORPUS: Final = 400
#: How many rows a slice draws negatives from; with documents more, since a document is in few slices, and learns from no
#: other rows. Where predictions share no negatives, documents draw from all.
_POOL: Final = 256
_POOL_WITH_DOCUMENTS: Final = 1000
#: The greatest norm of a row: far beyond those of trained vectors, which are some units long, and so a sign of divergence. Where
#: tables begin with longer ones, it's a multiple of these.
_LONGEST: Final = 100.0
_GROWTH: Final = 4.0
_ROWS_AT_ONCE: Final = 10_000
#: About how many tokens are read, and trained, at once.
_AT_ONCE: Final = 400_000
#: The loss is measured at one of so many words that are predicted, a prime, as texts repeat themselves; of a corpus with fewer
#: tokens than these at each.
_LOSS_EVERY: Final = 61
_ALL_MEASURED: Final = 200_000
#: The numbers of slices that only measure, far behind those that train.
_MEASURED: Final = 1 << 40


@dataclass(frozen=True)
class Training:
    """How vectors are trained.

    Attributes:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from the mean of those around it.
        loss: Contrast each prediction with random words, or predict a word's place in a Huffman tree.
        epochs: How often the corpus is gone through.
        window: The most words to either side that are a word's context.
        negatives: How many random words each prediction is contrasted with.
        learning_rate: At the beginning; it falls to 0.
        subsample: The threshold of frequent words; see `keep_probabilities`.
        position_weights: Whether a mean weights words by their positions.
        patience: After how many epochs without a lower loss of held-out text it ends; None for never.
        documents: Whether each sequence is a document whose vector predicts its words too, and is dropped after the training
            (Le & Mikolov 2014): by itself with skip-gram, in the mean with CBOW.
        train_words: Whether skip-gram with documents predicts words from words as well. Without, the vectors of words stay what
            chance gave them, and only those that predict are trained.
    """

    width: int
    architecture: Architecture = "skipgram"
    loss: Loss = "negative-sampling"
    epochs: int = 5
    window: int = 5
    negatives: int = 5
    learning_rate: float = 0.05
    subsample: float = 1e-3
    position_weights: bool = False
    patience: int | None = None
    documents: bool = False
    train_words: bool = True


@dataclass(frozen=True, eq=False)
class Start:
    """What tables begin with in the place of random numbers.

    Attributes:
        rows: The numbers of the words, ascending, int64.
        vectors: Theirs, `[N, width]`.
        frozen: Whether they stay as they are.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    frozen: bool = False


@dataclass(frozen=True)
class EpochLoss:
    """How well pairs were predicted over an epoch: means of the logistic loss of a pair, its negatives included.

    Attributes:
        train: On the text that was trained on, measured during the epoch; 0 if it has no pairs.
        held_out: On what was held out, after the epoch; None if nothing was.
    """

    train: float
    held_out: float | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training came to.

    Attributes:
        inputs: The vectors of the words, and behind them those of what words consist of, `[R, width]`.
        outputs: Those that predict, `[S, width]`.
        losses: Of each epoch.
        epoch: Whose vectors these are, from 1.
        slowed: The share of the slices that had to be trained with a smaller learning rate, as vectors grew beyond all bounds.
    """

    inputs: NDArray[np.float32]
    outputs: NDArray[np.float32]
    losses: tuple[EpochLoss, ...]
    epoch: int
    slowed: float


#: Called with the fraction of the work that's done, and the mean loss of the latest pairs.
OnTrained: TypeAlias = Callable[[float, float | None], None]


@dataclass
class _State:
    losses: list[EpochLoss] = field(default_factory=list)
    slowed: int = 0
    slices: int = 0
    best: tuple[float, int, NDArray[np.float32], NDArray[np.float32]] | None = None


def train(
    corpus: Corpus,
    training: Training,
    *,
    seed: int,
    threads: int | None = 1,
    members: Members | None = None,
    start: Start | None = None,
    held_out: Corpus | None = None,
    on_progress: OnTrained | None = None,
) -> Trained:
    """Train vectors of what co-occurs in a corpus.

    The same corpus, training and seed give the same vectors, to the bit, on the same kind of processor, whatever the
    number of threads. With a C compiler it's fast; without, it's numpy's work, and the same but for rounding.

    Args:
        corpus: What's trained on.
        training: How.
        seed: Of all random numbers.
        threads: How many threads compute; None for those of the run, or else all there are.
        members: Which rows make up a word, its own first; None for that one alone.
        start: What some words' vectors are at first.
        held_out: Sequences with the same words, that the loss is measured on after each epoch. The vectors of the epoch
            with the lowest one are kept.
        on_progress: Called from time to time.

    Raises:
        EmbedderError: No two known words stand beside each other in what's held out; or there's no room for vectors of documents
            in a temporary file.
        MemoryError: There isn't enough memory for the tables.
        ValueError: Something is held out, and documents are trained: those held out have no vectors.
    """
    if training.documents and held_out is not None:
        raise ValueError("the loss of documents that aren't trained can't be measured")
    threads = threads or _default_threads()
    bounds = slice_bounds(corpus, _TOKENS if members is None else _TOKENS_WITH_PARTS)
    model = _begin(corpus, training, bounds, seed, members, start)
    state = _State()
    with _documents(corpus, training, seed) as documents:
        model = replace(model, documents=documents)
        _train_epochs(model, corpus, training, bounds, threads, held_out, state, on_progress)
    best = state.best
    inputs, outputs = (model.inputs, model.outputs) if best is None else (best[2], best[3])
    return Trained(
        inputs=inputs[:, : training.width],
        outputs=outputs[:, : training.width],
        losses=tuple(state.losses),
        epoch=len(state.losses) if best is None else best[1],
        slowed=state.slowed / max(1, state.slices),
    )


def _default_threads() -> int:
    """Return how many threads train where nobody says: those of the run, or else all there are."""
    return available_threads() if has_own_threads() else usable_threads()


@contextlib.contextmanager
def _documents(corpus: Corpus, training: Training, seed: int) -> Iterator[Documents | None]:
    """Yield random vectors of documents, in a file: memory needn't grow with their number, and nobody keeps them."""
    if not training.documents:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        width = aligned_rows(1, training.width).shape[1]
        # Other numbers than those of the words.
        generator = np.random.default_rng((seed % 2**64, 1))
        with told_of_disks():
            # What's written has its place on the disk, so that no page of the file lacks one later.
            for first in range(0, len(corpus.ends), _ROWS_AT_ONCE):
                some = np.zeros((min(_ROWS_AT_ONCE, len(corpus.ends) - first), width), np.float32)
                drawn = generator.random((len(some), training.width), dtype=np.float32)
                some[:, : training.width] = (drawn - 0.5) / training.width
                file.write(some.tobytes())
            file.flush()
            rows = np.memmap(file, np.float32, mode="r+", shape=(len(corpus.ends), width))
        yield Documents(rows, with_words=training.train_words or training.architecture == "cbow")


def _train_epochs(
    model: Cooccurrence,
    corpus: Corpus,
    training: Training,
    bounds: NDArray[np.int64],
    threads: int,
    held_out: Corpus | None,
    state: _State,
    on_progress: OnTrained | None,
) -> None:
    with begin_rounds(model, threads) as rounds:
        for epoch in range(training.epochs):
            loss = _train_epoch(
                rounds, corpus, bounds, model.slices, training, epoch, state, on_progress
            )
            outside = None if held_out is None else _measure(model, held_out, threads)
            state.losses.append(EpochLoss(loss, outside))
            if outside is not None and not _goes_on(state, outside, model, training, epoch):
                break


def slice_bounds(corpus: Corpus, most: int) -> NDArray[np.int64]:
    """Return where slices begin, and the end, `[N + 1]`.

    A slice ends with the sequence in which it reaches a number of tokens, or within that, if it's twice as long by then.

    Args:
        corpus: Whose tokens.
        most: That number; a small corpus has a smaller one.
    """
    least = min(most, max(_FEWEST_TOKENS, corpus.size // _SLICES_OF_A_CORPUS))
    bounds, place = [0], 0
    while place < corpus.size:
        after = int(np.searchsorted(corpus.ends, place + least))
        end = int(corpus.ends[after]) if after < len(corpus.ends) else corpus.size
        place = min(end, place + 2 * least)
        bounds.append(place)
    return np.array(bounds, dtype=np.int64)


def _begin(
    corpus: Corpus,
    training: Training,
    bounds: NDArray[np.int64],
    seed: int,
    members: Members | None,
    start: Start | None,
) -> Cooccurrence:
    words, width = len(corpus.words), training.width
    capacity = int(np.diff(bounds).max())
    targets = (
        negatives(corpus.counts, training.negatives, _pool(training))
        if training.loss == "negative-sampling"
        else huffman_paths(corpus.counts)
    )
    rows = words if members is None else int(members.rows.max()) + 1
    inputs = aligned_rows(rows, width)
    key = seed % 2**64
    generator = np.random.default_rng(key)
    inputs[:, :width] = (generator.random((rows, width), dtype=np.float32) - 0.5) / width
    frozen = None
    if start is not None:
        inputs[start.rows, :width] = start.vectors
        if start.frozen:
            frozen = np.zeros(rows, dtype=np.uint8)
            frozen[start.rows] = 1
    positions = None
    if training.position_weights:
        positions = aligned_rows(2 * training.window, width)
        positions[:, :width] = 1
    return Cooccurrence(
        inputs=inputs,
        outputs=aligned_rows(words if isinstance(targets, Negatives) else words - 1, width),
        keep=keep_probabilities(corpus.counts, training.subsample),
        window=training.window,
        is_mean=training.architecture == "cbow",
        targets=targets,
        rate=training.learning_rate,
        slices=next(count for least, count in _SLICES if corpus.size >= least),
        capacity=capacity,
        # The same bits as a signed number.
        seed=key - 2**64 if key >= 2**63 else key,
        members=members,
        positions=positions,
        frozen=frozen,
        longest=max(_LONGEST, _GROWTH * _greatest_norm(inputs, positions)),
    )


def _pool(training: Training) -> int:
    if not training.documents:
        return _POOL
    is_shared = training.architecture == "skipgram" and training.train_words
    return _POOL_WITH_DOCUMENTS if is_shared else 0


def _greatest_norm(*tables: NDArray[np.float32] | None) -> float:
    """Return the greatest norm of a row, in double precision; a block of rows at a time."""
    norms = [
        np.sqrt(np.square(some, dtype=np.float64).sum(axis=1).max())
        for table in tables
        if table is not None
        for some in np.array_split(table, len(table) // _ROWS_AT_ONCE + 1)
    ]
    return float(max(norms))


def _train_epoch(
    rounds: Rounds,
    corpus: Corpus,
    bounds: NDArray[np.int64],
    together: int,
    training: Training,
    epoch: int,
    state: _State,
    on_progress: OnTrained | None,
) -> float:
    """Train on the whole corpus once; return the mean loss of a pair."""
    slices = len(bounds) - 1
    # Each round of an epoch is whole, but for the last, so that the next one begins with a round.
    numbers = -(-slices // together) * together
    total = training.epochs * corpus.size
    losses = pairs = 0.0
    for first, last in _pieces(bounds, together):
        block = Block(
            tokens=corpus.numbers(int(bounds[first]), int(bounds[last])),
            bounds=bounds[first : last + 1] - bounds[first],
            first=epoch * numbers + first,
            done=epoch * corpus.size + bounds[first:last],
            total=total,
            # An end is one before the place that it's known by.
            documents=np.searchsorted(corpus.ends, bounds[first:last], side="right"),
        )
        loss, count, slowed = rounds.run(
            block, loss_every=_LOSS_EVERY if corpus.size > _ALL_MEASURED else 1
        )
        losses, pairs = losses + loss, pairs + count
        state.slowed += int(slowed)
        if on_progress:
            done = (epoch * corpus.size + int(bounds[last])) / total
            on_progress(done, loss / count if count else None)
    state.slices += slices
    return float(losses / pairs) if pairs else 0.0


def _pieces(bounds: NDArray[np.int64], together: int) -> Iterator[tuple[int, int]]:
    """Yield the slices of whole rounds that are read at once, from one to before another."""
    slices = len(bounds) - 1
    first = 0
    while first < slices:
        wanted = int(np.searchsorted(bounds, bounds[first] + _AT_ONCE))
        last = first + max(1, (wanted - first) // together) * together
        yield first, min(last, slices)
        first = last


def _measure(model: Cooccurrence, held_out: Corpus, threads: int) -> float:
    """Return the mean loss of a pair of what's held out; the tables stay as they are."""
    bounds = slice_bounds(held_out, _TOKENS)
    capacity = int(np.diff(bounds).max(initial=1))
    measured = replace(model, capacity=capacity)
    losses = pairs = 0.0
    with begin_rounds(measured, threads) as rounds:
        for first, last in _pieces(bounds, model.slices):
            block = Block(
                tokens=held_out.numbers(int(bounds[first]), int(bounds[last])),
                bounds=bounds[first : last + 1] - bounds[first],
                first=_MEASURED + first,
                done=bounds[first:last],
                total=held_out.size,
            )
            loss, count, _ = rounds.run(block, update=False, loss_every=1)
            losses, pairs = losses + loss, pairs + count
    if not pairs:
        raise EmbedderError(
            "nothing can be measured on what's held out: no two known words stand beside each other in it; "
            "hold out more, or nothing"
        )
    return float(losses / pairs)


def _goes_on(
    state: _State, loss: float, model: Cooccurrence, training: Training, epoch: int
) -> bool:
    """Keep the best vectors; return whether the training goes on."""
    if state.best is None or loss < state.best[0]:
        state.best = loss, epoch + 1, model.inputs.copy(), model.outputs.copy()
    since = epoch + 1 - state.best[1]
    return training.patience is None or since < training.patience
