"""Trains tables on a corpus, block by block."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.native import (
    Block,
    Cooccurrence,
    Documents,
    Members,
    Negatives,
    Rounds,
    aligned_rows,
    begin_rounds,
)
from seqpipe.parts.cooccurrence._checkpoints import (
    Best,
    Checkpoint,
    Checkpoints,
    State,
    identify,
)
from seqpipe.parts.cooccurrence._corpus import Corpus, Tokens, told_of_disks
from seqpipe.parts.cooccurrence._draws import huffman_paths, keep_probabilities, negatives
from seqpipe.parts.cooccurrence._training import (
    Engine,
    EpochLoss,
    OnTrained,
    Start,
    Trained,
    Training,
)

#: The least size of a corpus, and how many slices of one are trained at the same time, which is the most threads that there's
#: work for. In a small corpus most words are frequent, and all slices would learn the same things: they learn more one after
#: another.
_SLICES: Final = ((1_000_000, 4), (500_000, 2), (0, 1))
#: The fewest tokens of a slice. A small corpus has smaller slices than others, so that it has rounds enough.
_FEWEST_TOKENS: Final = 50
_SLICES_OF_A_CORPUS: Final = 400
#: The fewest rounds of an epoch, on a device that trains many slices at the same time: with fewer, vectors are worse.
_ROUNDS: Final = 1000
#: How many rows a slice draws negatives from where documents predict words beside other words: more than elsewhere, since a
#: document is in few slices, and learns from no other rows. Documents that share no negatives draw from all.
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


class _Way(NamedTuple):
    """What suits a kind of training; docs/training-vectors.md has what was measured.

    Attributes:
        tokens: The most tokens of a slice. What a slice learns the others of its round don't know yet: with more tokens
            vectors are worse, with fewer more time goes into copies.
        pool: How many rows a slice draws negatives from.
        spread: How far from 0 vectors begin, times their width: ones that begin small learn nothing at first. Ones that begin
            large keep some of what chance gave them, where words are rare.
    """

    tokens: int
    pool: int
    spread: float


#: A word is predicted ten times as seldom as with pairs, so that less changes within a slice, and less is learnt at first.
#: Copies of rows are a larger part of the work, and fewer negatives are drawn: from a smaller pool they're as good.
_MEANS: Final = _Way(tokens=500, pool=128, spread=4.0)
_PAIRS: Final = _Way(tokens=250, pool=256, spread=2.0)
#: Parts are what many words have, and change more often. Their mean is smaller than they are, but they're seldom rare.
_PARTS: Final = _Way(tokens=200, pool=256, spread=0.5)


def train(
    corpus: Tokens,
    training: Training,
    *,
    seed: int,
    threads: int = 1,
    members: Members | None = None,
    start: Start | None = None,
    held_out: Tokens | None = None,
    checkpoints: Checkpoints | None = None,
    engine: Engine | None = None,
    on_progress: OnTrained | None = None,
) -> Trained:
    """Train vectors of what co-occurs in a corpus.

    The same corpus, training and seed give the same vectors, to the bit, on the same kind of processor, whatever the
    number of threads. With a C compiler it's fast; without, it's numpy's work, and the same but for rounding.

    Args:
        corpus: What's trained on.
        training: How.
        seed: Of all random numbers.
        threads: How many threads compute.
        members: Which rows make up a word, its own first; None for that one alone.
        start: What some words' vectors are at first.
        held_out: Sequences with the same words, that the loss is measured on after each epoch. The vectors of the epoch
            with the lowest one are kept.
        checkpoints: Where it's saved from time to time how far the training has come, and whence it goes on, to the same
            bytes, with any number of threads. Once it has ended the result is there, and comes back at once.
        engine: What trains; None for the processor. It has more slices in a round, and so comes to other vectors.
        on_progress: Called at the beginning with what's done by then, and from time to time.

    Raises:
        EmbedderError: No two known words stand beside each other in what's held out; or the checkpoint is damaged, of
            another training that hasn't ended, or can't be written; or there's no room for vectors of documents in a temporary
            file.
        MemoryError: There isn't enough memory for the tables.
        ValueError: Documents are trained, and something is held out, whose documents have no vectors; or checkpoints are
            wanted, which haven't theirs. Checkpoints are wanted of other tokens than those of a `Corpus`. Patience, and
            nothing is held out.
    """
    if training.documents and (held_out is not None or checkpoints is not None):
        raise ValueError("documents can be neither held out nor in a checkpoint")
    if checkpoints is not None and not isinstance(corpus, Corpus):
        raise ValueError("a checkpoint needs a Corpus: other tokens may differ from epoch to epoch")
    if training.patience is not None and held_out is None:
        raise ValueError("patience needs something that's held out")
    bounds = slice_bounds(
        corpus,
        _most_tokens(training, members, engine),
        whole_sequences=training.whole_sequences,
    )
    model = _begin(corpus, training, bounds, seed, members, start, engine)
    checkpoint = None
    if checkpoints is not None:
        together = None if engine is None else model.slices
        identity = identify(corpus, training, seed, bounds, members, start, held_out, together)
        checkpoint = checkpoints.of(identity, _tables(model))
    state = (checkpoint and checkpoint.restore()) or State()
    if state.ended is None:
        with _documents(corpus, training, seed) as documents:
            model = replace(model, documents=documents)
            begin = _Beginning(begin_rounds if engine is None else engine.begin, threads)
            job = _Job(corpus, training, bounds, model, state, checkpoint, on_progress, begin)
            _train(job, held_out)
    best = state.best
    tables = _tables(model) if best is None else best.tables
    return Trained(
        inputs=tables["inputs"][:, : training.width],
        outputs=tables["outputs"][:, : training.width],
        losses=tuple(state.losses),
        epoch=state.ended or len(state.losses),
        slowed=state.slowed / max(1, len(state.losses) * (len(bounds) - 1)),
    )


def _most_tokens(training: Training, members: Members | None, engine: Engine | None) -> int:
    way = _way(training, members)
    return way.tokens if engine is None else min(way.tokens, engine.tokens)


@contextlib.contextmanager
def _documents(corpus: Tokens, training: Training, seed: int) -> Iterator[Documents | None]:
    """Yield random vectors of documents, in a file: memory needn't grow with their number, and nobody keeps them."""
    if not training.documents:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        width = aligned_rows(1, training.width).shape[1]
        spread = _way(training, None).spread
        # Other numbers than those of the words.
        generator = np.random.default_rng((seed % 2**64, 1))
        with told_of_disks():
            # What's written has its place on the disk, so that no page of the file lacks one later.
            for first in range(0, len(corpus.ends), _ROWS_AT_ONCE):
                some = np.zeros((min(_ROWS_AT_ONCE, len(corpus.ends) - first), width), np.float32)
                some[:, : training.width] = _beginning(generator, len(some), training.width, spread)
                file.write(some.tobytes())
            file.flush()
            rows = np.memmap(file, np.float32, mode="r+", shape=(len(corpus.ends), width))
        yield Documents(rows, with_words=training.train_words or training.architecture == "cbow")


def slice_bounds(corpus: Tokens, most: int, *, whole_sequences: bool = False) -> NDArray[np.int64]:
    """Return where slices begin, and the end, `[N + 1]`.

    A slice ends with the sequence in which it reaches a number of tokens, or within that, if it's twice as long by then.

    Args:
        corpus: Whose tokens.
        most: That number; a small corpus has a smaller one.
        whole_sequences: Whether it never ends within a sequence.
    """
    least = min(most, max(_FEWEST_TOKENS, corpus.size // _SLICES_OF_A_CORPUS))
    bounds, place = [0], 0
    while place < corpus.size:
        after = int(np.searchsorted(corpus.ends, place + least))
        end = int(corpus.ends[after]) if after < len(corpus.ends) else corpus.size
        place = end if whole_sequences else min(end, place + 2 * least)
        bounds.append(place)
    return np.array(bounds, dtype=np.int64)


def _begin(
    corpus: Tokens,
    training: Training,
    bounds: NDArray[np.int64],
    seed: int,
    members: Members | None,
    start: Start | None,
    engine: Engine | None,
) -> Cooccurrence:
    words, width, way = len(corpus.counts), training.width, _way(training, members)
    capacity = int(np.diff(bounds).max())
    targets = (
        negatives(corpus.counts, training.negatives, way.pool, training.negative_exponent)
        if training.loss == "negative-sampling"
        else huffman_paths(corpus.counts)
    )
    rows = words if members is None else int(members.rows.max()) + 1
    inputs = aligned_rows(rows, width)
    key = seed % 2**64
    generator = np.random.default_rng(key)
    inputs[:, :width] = _beginning(generator, rows, width, way.spread)
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
        slices=_slices(corpus.size, len(bounds) - 1, engine),
        capacity=capacity,
        # The same bits as a signed number.
        seed=key - 2**64 if key >= 2**63 else key,
        members=members,
        positions=positions,
        frozen=frozen,
        longest=max(_LONGEST, _GROWTH * _greatest_norm(inputs, positions)),
    )


def _way(training: Training, members: Members | None) -> _Way:
    way = _MEANS if training.architecture == "cbow" else _PAIRS if members is None else _PARTS
    if training.documents:
        shares_negatives = training.architecture == "skipgram" and training.train_words
        return way._replace(pool=_POOL_WITH_DOCUMENTS if shares_negatives else 0)
    return way


def _beginning(
    generator: np.random.Generator, rows: int, width: int, spread: float
) -> NDArray[np.float32]:
    """Return random vectors, `[rows, width]`."""
    drawn: NDArray[np.float32] = generator.random((rows, width), dtype=np.float32)
    drawn -= np.float32(0.5)
    drawn *= np.float32(2 * spread / width)
    return drawn


def _slices(tokens: int, slices: int, engine: Engine | None) -> int:
    """Return how many slices are trained at the same time, of a corpus of so many tokens and slices."""
    few = next(count for least, count in _SLICES if tokens >= least)
    return few if engine is None else max(few, min(engine.slices, slices // _ROUNDS))


def _greatest_norm(*tables: NDArray[np.float32] | None) -> float:
    """Return the greatest norm of a row, in double precision; a block of rows at a time."""
    norms = [
        np.sqrt(np.square(some, dtype=np.float64).sum(axis=1).max())
        for table in tables
        if table is not None
        for some in np.array_split(table, len(table) // _ROWS_AT_ONCE + 1)
    ]
    return float(max(norms))


def _tables(model: Cooccurrence) -> dict[str, NDArray[np.float32]]:
    """Return all that's trained."""
    tables = {"inputs": model.inputs, "outputs": model.outputs}
    return tables if model.positions is None else {**tables, "positions": model.positions}


@dataclass(frozen=True)
class _Beginning:
    """How rounds begin: by what, and with how many threads."""

    begin: Callable[[Cooccurrence, int], Rounds]
    threads: int

    def of(self, model: Cooccurrence) -> Rounds:
        return self.begin(model, self.threads)


@dataclass(frozen=True, eq=False)
class _Job:
    """A training that's going on; see `train`.

    Attributes:
        bounds: Where slices begin, and the end, `[N + 1]`.
        model: The tables.
        state: How far it has come.
        begin: What trains.
    """

    corpus: Tokens
    training: Training
    bounds: NDArray[np.int64]
    model: Cooccurrence
    state: State
    checkpoint: Checkpoint | None
    on_progress: OnTrained | None
    begin: _Beginning

    @property
    def total(self) -> int:
        """The tokens of all epochs."""
        return self.training.epochs * self.corpus.size

    def report(self, loss: float | None) -> None:
        """Tell how much is done, and the mean loss of the latest pairs."""
        if self.on_progress:
            state = self.state
            done = state.epoch * self.corpus.size + int(self.bounds[state.slice])
            self.on_progress(done / self.total, loss)


def _train(job: _Job, held_out: Tokens | None) -> None:
    """Train from where the state is to the end."""
    state = job.state
    job.report(None)
    with job.begin.of(job.model) as rounds:
        while state.epoch < job.training.epochs:
            loss = _train_epoch(rounds, job)
            rounds.publish()
            outside = None if held_out is None else _measure(job, held_out)
            state.losses.append(EpochLoss(loss, outside))
            state.epoch, state.slice = state.epoch + 1, 0
            if outside is not None and not _goes_on(job, outside):
                break
    state.ended = len(state.losses) if state.best is None else state.best.epoch
    if job.checkpoint is not None:
        job.checkpoint.save_ended(state)


def _train_epoch(rounds: Rounds, job: _Job) -> float:
    """Train on the rest of the corpus, if any; return the mean loss of a pair over the epoch."""
    corpus, bounds, state, together = job.corpus, job.bounds, job.state, job.model.slices
    slices = len(bounds) - 1
    # Each round of an epoch is whole, but for the last, so that the next one begins with a round.
    numbers = -(-slices // together) * together
    for first, last in _pieces(bounds, together, state.slice):
        block = Block(
            tokens=corpus.numbers(int(bounds[first]), int(bounds[last])),
            bounds=bounds[first : last + 1] - bounds[first],
            first=state.epoch * numbers + first,
            done=state.epoch * corpus.size + bounds[first:last],
            total=job.total,
            # An end is one before the place that it's known by.
            documents=np.searchsorted(corpus.ends, bounds[first:last], side="right")
            if job.training.documents
            else None,
        )
        loss, pairs, slowed = rounds.run(
            block, loss_every=_LOSS_EVERY if corpus.size > _ALL_MEASURED else 1
        )
        state.loss += float(loss)
        state.pairs += float(pairs)
        state.slowed += int(slowed)
        state.slice = last
        if job.checkpoint is not None:
            job.checkpoint.save_if_due(state, rounds.publish)
        job.report(loss / pairs if pairs else None)
    mean = state.loss / state.pairs if state.pairs else 0.0
    state.loss = state.pairs = 0.0
    return mean


def _pieces(bounds: NDArray[np.int64], together: int, first: int = 0) -> Iterator[tuple[int, int]]:
    """Yield the slices of whole rounds that are read at once, from one to before another; from the first that's wanted."""
    slices = len(bounds) - 1
    while first < slices:
        wanted = int(np.searchsorted(bounds, bounds[first] + _AT_ONCE))
        last = first + max(1, (wanted - first) // together) * together
        yield first, min(last, slices)
        first = last


def _measure(job: _Job, held_out: Tokens) -> float:
    """Return the mean loss of a pair of what's held out; the tables stay as they are."""
    model = job.model
    bounds = slice_bounds(held_out, _PAIRS.tokens, whole_sequences=job.training.whole_sequences)
    capacity = int(np.diff(bounds).max(initial=1))
    measured = replace(model, capacity=capacity)
    losses = pairs = 0.0
    with job.begin.of(measured) as rounds:
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


def _goes_on(job: _Job, loss: float) -> bool:
    """Keep the best vectors, after an epoch; return whether the training goes on."""
    state, model, patience = job.state, job.model, job.training.patience
    if state.best is None or not loss >= state.best.loss:
        tables = {"inputs": model.inputs.copy(), "outputs": model.outputs.copy()}
        state.best = Best(loss, state.epoch, tables)
    return patience is None or state.epoch - state.best.epoch < patience
