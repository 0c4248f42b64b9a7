"""What cooccurrence.c does, in numpy: where there's no compiler, and as the reference that C is tested against.

The two draw the same random numbers and differ by the rounding of sums.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.native._cooccurrence import Block, Cooccurrence, Negatives

#: As in cooccurrence.c.
_GROUP: Final = 12
_HALVINGS: Final = 12
_STRIDE: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1
#: The document, among the places of the words that a word is predicted from.
_DOCUMENT: Final = -1

Rows = NDArray[np.float32]


def _scramble(number: int) -> int:
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


def _below(number: int, count: int) -> int:
    return ((number >> 32) * count) >> 32


def _fraction(number: int) -> float:
    return (number & 0xFFFFFF) / 16777216


class _Counter:
    """The random numbers of a slice."""

    def __init__(self, seed: int, number: int) -> None:
        key = _scramble((seed + _STRIDE) & _MASK)
        self._at = _scramble((key + number * _STRIDE) & _MASK)

    def next(self) -> int:
        self._at = (self._at + _STRIDE) & _MASK
        return _scramble(self._at)


@dataclass
class _Copies:
    """The rows of a table that a slice has copied, by their numbers."""

    now: dict[int, Rows] = field(default_factory=dict)
    before: dict[int, Rows] = field(default_factory=dict)
    updates: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Targets:
    rows: list[Rows]
    truths: NDArray[np.float32]
    weights: NDArray[np.float32]


class RoundsInNumpy:
    """Trains one block after another; see `begin_rounds`."""

    def __init__(self, model: Cooccurrence) -> None:
        self._model = model

    def __enter__(self) -> "RoundsInNumpy":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def run(self, block: Block, *, update: bool = True, loss_every: int = 0) -> NDArray[np.float64]:
        """Train some slices, or only measure their loss; see `Rounds.run`."""
        model, sums = self._model, np.zeros(3)
        for base in range(0, len(block.done), model.slices):
            slices = [
                _trained(model, block, number, update=update, loss_every=loss_every)
                for number in range(base, min(base + model.slices, len(block.done)))
            ]
            for each in slices:
                sums += (each.loss, each.pairs, each.slowed)
            if update:
                _merge(model, slices)
        return sums

    def publish(self) -> None:
        """Do nothing; see `Rounds.publish`."""


def _rate(model: Cooccurrence, block: Block, number: int) -> float:
    return model.rate * (1 - int(block.done[number]) / block.total)


def _trained(
    model: Cooccurrence, block: Block, number: int, *, update: bool, loss_every: int
) -> "_Slice":
    rate = _rate(model, block, number)
    for tries in range(_HALVINGS + 1):
        trained = _Slice(model, np.float32(rate), update=update, loss_every=loss_every)
        trained.slowed = min(tries, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            trained.train(block, number)
            if not update or trained.is_bounded():
                return trained
        rate /= 2
    empty = _Slice(model, np.float32(0), update=update, loss_every=0)
    empty.slowed = 1
    return empty


class _Slice:
    def __init__(
        self, model: Cooccurrence, rate: np.float32, *, update: bool, loss_every: int
    ) -> None:
        self._model, self._rate = model, rate
        self._update, self._loss_every = update, loss_every
        self.inputs, self.outputs, self.positions = _Copies(), _Copies(), _Copies()
        self.documents = _Copies()
        self._document = 0
        #: Whether all but documents stays as it is.
        self._alone = model.documents is not None and model.documents.alone
        self.loss = self.pairs = 0.0
        self.slowed = self._predicted = 0

    def is_bounded(self) -> bool:
        bound = self._model.longest**2
        for copies in (self.inputs, self.outputs, self.positions, self.documents):
            for number, row in copies.now.items():
                before = copies.before[number]
                length = float((row * row).sum())
                if not (length <= bound or length <= float((before * before).sum())):
                    return False
        return True

    def train(self, block: Block, number: int) -> None:
        model = self._model
        counter = _Counter(model.seed, block.first + number)
        self._predicted = block.first + number
        if isinstance(model.targets, Negatives):
            self._pool = [self._draw(counter.next()) for _ in range(model.targets.pool)]
        tokens = block.tokens[block.bounds[number] : block.bounds[number + 1]]
        if block.documents is not None:
            self._document = int(block.documents[number])
        for sequence in np.split(tokens, np.flatnonzero(tokens < 0)):
            kept = []
            for word in sequence[sequence >= 0].tolist():
                keep = model.keep[word]
                if keep >= 1 or _fraction(counter.next()) < keep:
                    kept.append(word)
            self._train_sequence(kept, counter)
            self._document += 1

    def _train_sequence(self, words: list[int], counter: _Counter) -> None:
        model = self._model
        documents = model.documents
        with_words = documents is None or documents.with_words
        for place in range(len(words)):
            reach = 1 + _below(counter.next(), model.window) if with_words else 0
            first, last = max(0, place - reach), min(len(words) - 1, place + reach)
            if first == last and documents is None:
                continue
            is_measured = bool(self._loss_every) and self._predicted % self._loss_every == 0
            self._predicted += 1
            others = [i for i in range(first, last + 1) if i != place]
            if model.is_mean:
                self._train_mean(words, place, others, counter, is_measured=is_measured)
                continue
            if documents is not None:
                others.append(_DOCUMENT)
            groups = -(-len(others) // _GROUP)
            for g in range(groups):
                some = others[len(others) * g // groups : len(others) * (g + 1) // groups]
                inputs = [
                    self._document_row(1) if i == _DOCUMENT else self._input(words[i], 1)
                    for i in some
                ]
                fixed = [i != _DOCUMENT and self._is_frozen(words[i]) for i in some]
                targets = self._targets(words[place], len(some), counter, is_shared=with_words)
                self._step(inputs, fixed, targets, is_measured=is_measured)

    def _train_mean(
        self,
        words: list[int],
        place: int,
        others: list[int],
        counter: _Counter,
        *,
        is_measured: bool,
    ) -> None:
        model = self._model
        rows = [self._input(words[i], 1) for i in others]
        weights = np.array([self._member_count(words[i]) for i in others], dtype=np.float32)
        places = [i - place + model.window - (i > place) for i in others]
        table = model.positions
        at = [] if table is None else [_copy(self.positions, table, i, 1) for i in places]
        weighted = [row * each for row, each in zip(rows, at, strict=True)] if at else rows
        counts = weights
        if model.documents is not None:
            weighted = [*weighted, self._document_row(1)]
            counts = np.append(weights, np.float32(1))
        total = counts.sum()
        hidden = (np.stack(weighted) * counts[:, None]).sum(axis=0) * (1 / total)
        before = hidden.copy()
        targets = self._targets(words[place], 1, counter, is_shared=False)
        self._step([hidden], [False], targets, is_measured=is_measured)
        if not self._update:
            return
        moved = hidden - before
        if model.documents is not None:
            row = self._document_row(0)
            row += moved
        if self._alone:
            return
        for i, row in enumerate(rows):
            moves = np.float32(not self._is_frozen(words[others[i]]))
            if at:
                old = row.copy()
                row += moves * moved * at[i]
                at[i] += (weights[i] / total) * moved * old
            else:
                row += moves * moved

    def _step(
        self, inputs: list[Rows], fixed: list[bool], targets: _Targets, *, is_measured: bool
    ) -> None:
        x, o = np.stack(inputs), np.stack(targets.rows)
        products = x @ o.T
        if is_measured:
            signed = np.where(targets.truths > 0, products, -products).astype(np.float64)
            self.loss += float((np.logaddexp(0, -signed) * targets.weights).sum())
            self.pairs += len(inputs)
        if not self._update:
            return
        with np.errstate(over="ignore"):
            scores = 1 / (1 + np.exp(-products))
        gradient = self._rate * targets.weights * (targets.truths - scores)
        # Rows may be there twice, and then are added to twice.
        for row, is_fixed, change in zip(inputs, fixed, gradient @ o, strict=True):
            if not is_fixed:
                row += change
        if self._alone:
            return
        for row, change in zip(targets.rows, gradient.T @ x, strict=True):
            row += change

    def _targets(self, word: int, inputs: int, counter: _Counter, *, is_shared: bool) -> _Targets:
        targets = self._model.targets
        if not isinstance(targets, Negatives):
            part = slice(int(targets.starts[word]), int(targets.starts[word + 1]))
            rows = [self._output(node, inputs) for node in targets.nodes[part].tolist()]
            return _Targets(rows, targets.signs[part], np.ones(len(rows), dtype=np.float32))
        # A mean is one input, as a document alone is, and nobody shares its negatives.
        drawn = targets.drawn if is_shared else targets.per_pair
        weight = np.float32(targets.per_pair / drawn)
        numbers = [word]
        rows = [self._output(word, inputs)]
        for _ in range(drawn):
            number = counter.next()
            pool = self._pool
            numbers.append(pool[_below(number, len(pool))] if pool else self._draw(number))
            rows.append(self._output(numbers[-1], float(weight) * inputs))
        weights = np.where(np.array(numbers) == word, 0, weight).astype(np.float32)
        truths = np.zeros(len(numbers), dtype=np.float32)
        truths[0] = weights[0] = 1
        return _Targets(rows, truths, weights)

    def _is_frozen(self, word: int) -> bool:
        model = self._model
        if self._alone:
            return True
        return model.frozen is not None and model.members is None and bool(model.frozen[word])

    def _draw(self, number: int) -> int:
        targets = self._model.targets
        assert isinstance(targets, Negatives)
        word = _below(number, len(targets.alias))
        return word if _fraction(number) < targets.share[word] else int(targets.alias[word])

    def _member_count(self, word: int) -> int:
        members = self._model.members
        return 1 if members is None else int(members.starts[word + 1] - members.starts[word])

    def _input(self, word: int, updates: float) -> Rows:
        members, copies = self._model.members, self.inputs
        if members is not None and word not in copies.now:
            rows = members.rows[members.starts[word] : members.starts[word + 1]]
            mean = self._model.inputs[rows].sum(axis=0) * np.float32(1 / len(rows))
            copies.now[word], copies.before[word] = mean.copy(), mean
            copies.updates[word] = 0.0
        return _copy(copies, self._model.inputs, word, updates)

    def _document_row(self, updates: float) -> Rows:
        assert self._model.documents is not None
        return _copy(self.documents, self._model.documents.rows, self._document, updates)

    def _output(self, row: int, updates: float) -> Rows:
        return _copy(self.outputs, self._model.outputs, row, updates)


def _copy(copies: _Copies, table: Rows, row: int, updates: float) -> Rows:
    if row not in copies.now:
        copies.now[row], copies.before[row] = table[row].copy(), table[row].copy()
        copies.updates[row] = 0.0
    copies.updates[row] += updates
    return copies.now[row]


def _merge(model: Cooccurrence, slices: list[_Slice]) -> None:
    members, documents = model.members, model.documents
    tables: list[tuple[Rows, list[_Copies]]] = []
    if documents is None or not documents.alone:
        tables.append((model.inputs, [each.inputs for each in slices]))
        tables.append((model.outputs, [each.outputs for each in slices]))
        if model.positions is not None:
            tables.append((model.positions, [each.positions for each in slices]))
    if documents is not None:
        tables.append((documents.rows, [each.documents for each in slices]))
    for table, several in tables:
        is_input = table is model.inputs
        changes: list[tuple[NDArray[np.int32], float, Rows]] = []
        for copies in several:
            for row, now in copies.now.items():
                rows = np.array([row], dtype=np.int32)
                if is_input and members is not None:
                    rows = members.rows[members.starts[row] : members.starts[row + 1]]
                changes.append((rows, copies.updates[row], now - copies.before[row]))
        _add(table, changes, model, model.frozen if is_input else None)


def _add(
    table: Rows,
    changes: list[tuple[NDArray[np.int32], float, Rows]],
    model: Cooccurrence,
    frozen: NDArray[np.uint8] | None,
) -> None:
    updates = np.zeros(len(table), dtype=np.float32)
    copies = np.zeros(len(table), dtype=np.int32)
    for rows, count, _ in changes:
        np.add.at(updates, rows, np.float32(count))
        np.add.at(copies, rows, 1)
    settled = model.settled / model.rate
    share = np.ones(len(table), dtype=np.float32)
    many = updates > settled
    share[many] = np.maximum(settled / updates[many], 1 / copies[many])
    if frozen is not None:
        share[frozen > 0] = 0
    for rows, _, change in changes:
        np.add.at(table, rows, share[rows, None] * change)
