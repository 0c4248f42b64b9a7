"""What cooccurrence.c does, in torch: for devices on which many slices go on at the same time, step by step."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding, logsigmoid

from seqpipe.kernels.cooccurrence._choices import NOTHING, Choices, choose
from seqpipe.kernels.cooccurrence._copies import Copies, merge, pieces
from seqpipe.kernels.cooccurrence._members import MembersOnDevice
from seqpipe.kernels.cooccurrence._targets import DrawnNegatives, TurnsOfPaths
from seqpipe.native import Block, Cooccurrence, Negatives, check_block, check_cooccurrence

#: How often a slice that grows beyond all bounds is trained again, as in cooccurrence.c.
_HALVINGS: Final = 12
#: About how many numbers of inputs are made at once.
_AT_ONCE: Final = 4_000_000


class RoundsInTorch:
    """Trains one block after another on a device; see `begin_rounds`.

    The slices of a round go on together: the first step of each, then the second ones. Each is a few operations over all slices,
    so that a device with many processors is busy only if there are many. The same numbers are drawn as in C and in numpy, and
    results are the same but for rounding; on a GPU they needn't be twice the same to the bit, as sums are made in any order.

    The tables are read at the beginning, and kept on the device. `publish` writes them back.

    Args:
        model: What's trained.
        device: Where.

    Raises:
        MemoryError: There isn't enough.
        ValueError: The model's arrays don't fit each other.
    """

    def __init__(self, model: Cooccurrence, device: torch.device | str) -> None:
        check_cooccurrence(model)
        self._model: Cooccurrence | None = model
        with _told_of_memory():
            self._tables = _Tables(model, torch.device(device))

    def __enter__(self) -> "RoundsInTorch":
        return self

    def __exit__(self, *_: object) -> None:
        self._model = None
        del self._tables

    def run(self, block: Block, *, update: bool = True, loss_every: int = 0) -> NDArray[np.float64]:
        """Train some slices, or only measure their loss; see `Rounds.run`."""
        model, sums = self._model, np.zeros(3)
        if model is None:
            raise ValueError("the rounds have ended")
        check_block(model, block)
        with _told_of_memory(), torch.no_grad():
            for base in range(0, len(block.done), model.slices):
                slices = min(model.slices, len(block.done) - base)
                choices = choose(model, block, base, slices, loss_every)
                if not len(choices.place):
                    continue
                rates = model.rate * (1 - block.done[base : base + slices] / block.total)
                documents = None
                if model.documents is not None and block.documents is not None:
                    documents = block.documents[base : base + slices]
                round_ = _Round(model, self._tables, choices, documents)
                sums += round_.run(rates, update=update)
        return sums

    def publish(self) -> None:
        """Write the tables back to the model's; see `Rounds.publish`."""
        if self._model is None:
            raise ValueError("the rounds have ended")
        self._tables.write(self._model)


@contextlib.contextmanager
def _told_of_memory() -> Iterator[None]:
    """Say as Python does that there isn't enough memory on the device."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(str(error)) from error


class _Tables:
    """The tables on a device, each with a row behind the last one for what isn't there.

    What predicts is numbered throughout: words, then nothing, then documents.
    """

    def __init__(self, model: Cooccurrence, device: torch.device) -> None:
        self.device, self.words = device, len(model.keep)
        self.inputs = self._sent(model.inputs)
        self.outputs = self._sent(model.outputs)
        self.positions = self.documents = None
        if model.positions is not None:
            # What has no place in a window is multiplied by 1.
            self.positions = self._sent(model.positions)
            self.positions[-1] = 1
        if model.documents is not None:
            self.documents = self._sent(model.documents.rows)
        self.members = None
        if model.members is not None:
            self.members = MembersOnDevice(model.members, len(model.inputs), device)
        targets, nothing = model.targets, len(model.outputs)
        self.targets: DrawnNegatives | TurnsOfPaths
        if isinstance(targets, Negatives):
            self.targets = DrawnNegatives(targets, nothing, device)
        else:
            self.targets = TurnsOfPaths(targets, nothing, device)
        moves = np.ones(len(model.inputs) + 1, dtype=np.float32)
        if model.frozen is not None:
            moves[:-1] = model.frozen == 0
        self.moves = torch.from_numpy(moves).to(device)

    def _sent(self, table: NDArray[np.float32]) -> Tensor:
        sent = torch.zeros(len(table) + 1, table.shape[1], device=self.device)
        # A copy, as torch warns of arrays that mustn't be written to.
        sent[:-1] = torch.from_numpy(np.array(table))
        return sent

    def write(self, model: Cooccurrence) -> None:
        """Write what may have changed to the model's tables."""
        documents = model.documents
        if documents is not None:
            assert self.documents is not None
            documents.rows[:] = self.documents[:-1].cpu().numpy()
        if documents is not None and documents.alone:
            return
        model.inputs[:] = self.inputs[:-1].cpu().numpy()
        model.outputs[:] = self.outputs[:-1].cpu().numpy()
        if model.positions is not None:
            assert self.positions is not None
            model.positions[:] = self.positions[:-1].cpu().numpy()

    @property
    def count(self) -> int:
        """How many numbers there are for what predicts."""
        return self.words + 1 + (0 if self.documents is None else len(self.documents) - 1)

    def sources(self, numbers: Tensor) -> Tensor:
        """Return the rows of what predicts, `[N, width]`."""
        words = numbers.clamp(max=self.words)
        if self.members is None:
            rows = torch.where(words == self.words, len(self.inputs) - 1, words)
            found = self.inputs[rows]
        else:
            found = self.members.means(self.inputs, words)
        if self.documents is not None:
            is_document = numbers > self.words
            found[is_document] = self.documents[numbers[is_document] - self.words - 1]
        return found

    def merge(self, copies: Copies, settled: float, *, alone: bool) -> None:
        """Add up what a round did to what predicts."""
        if self.documents is not None:
            some = copies.some(copies.row > self.words)
            rows, moves = some.row - self.words - 1, self.documents.new_ones(len(self.documents))
            merge(self.documents, rows, some.now - some.before, some.updates, settled, moves)
        if alone:
            return
        some = copies.some(copies.row < self.words)
        changes = some.now - some.before
        if self.members is None:
            merge(self.inputs, some.row, changes, some.updates, settled, self.moves)
            return
        rows, owners = self.members.of(some.row)
        merge(self.inputs, rows, changes[owners], some.updates[owners], settled, self.moves)


@dataclass(frozen=True, eq=False)
class _Batch:
    """The steps of some slices with the same number: `[slices, G]` of inputs, `[slices, K]` of targets, `[slices]`.

    Attributes:
        rates: The learning rates.
        inputs: Where the copies of inputs are.
        is_there: Whether there's an input.
        stay: Whether it mustn't change; None if all may.
        positions: Where the copies of the weights of their positions are; None for none.
        counts: How many members each has, as a float; 0 for none.
        targets: Where the copies of targets are.
        truths: Whether each is what's predicted.
        weights: How much each counts.
        is_measured: Whether the loss counts; None if none does.
    """

    rates: Tensor
    inputs: Tensor
    is_there: Tensor
    stay: Tensor | None
    positions: Tensor | None
    counts: Tensor
    targets: Tensor
    truths: Tensor
    weights: Tensor
    is_measured: Tensor | None


class _Round:
    """One round: copies of what its slices need, and the slices' steps."""

    def __init__(
        self,
        model: Cooccurrence,
        tables: _Tables,
        choices: Choices,
        documents: NDArray[np.int64] | None,
    ) -> None:
        self._model, self._tables, self._choices = model, tables, choices
        self._slices = choices.place.shape[1]
        self._alone = model.documents is not None and model.documents.alone
        self._columns = [
            self._sent(each)
            for each in (
                *(choices.place, choices.first, choices.others),
                *(choices.begin, choices.count, choices.document),
            )
        ]
        self._sources, self._source_places = self._copied_sources(documents)
        self._copy_targets()
        self._position_places: Tensor | None = None
        if tables.positions is not None:
            self._copy_positions(tables.positions)
        self._count()

    def _copied_sources(self, documents: NDArray[np.int64] | None) -> tuple[Copies, Tensor]:
        """Copy words, documents, and last what isn't there."""
        words, tables = self._choices.words, self._tables
        several = [np.where(words == NOTHING, tables.words, words)]
        if documents is not None:
            assert tables.documents is not None
            ranks = np.arange(int(self._choices.document.max(initial=0)) + 1)
            # A slice that has fewer than others names some that it doesn't need.
            numbers = np.minimum(documents[:, None] + ranks, len(tables.documents) - 2)
            several.append(numbers + tables.words + 1)
        several.append(np.full((self._slices, 1), tables.words))
        numbers = self._sent(np.concatenate(several, axis=1))
        return Copies.of(numbers, tables.count, tables.sources)

    def _copy_targets(self) -> None:
        outputs, choices = self._tables.outputs, self._choices
        place = np.maximum(choices.place, 0)
        words = choices.words[np.arange(self._slices), place]
        words = np.where(choices.place == NOTHING, NOTHING, words)
        predicted = self._tables.targets.of(choices, self._sent(words))
        by_slice = predicted.numbers.transpose(0, 1).flatten(1)
        self._targets, places = Copies.of(by_slice, len(outputs), lambda rows: outputs[rows])
        steps, _, most = predicted.numbers.shape
        self._target_places = places.view(self._slices, steps, most).transpose(0, 1)
        self._truths, self._weights = predicted.truths, predicted.weights
        inputs = np.minimum(choices.count, 1) if self._model.is_mean else choices.count
        updates = predicted.updates * self._sent(inputs)[:, :, None]
        self._targets.count(self._target_places, updates)

    def _copy_positions(self, table: Tensor) -> None:
        numbers = torch.arange(len(table), device=table.device).repeat(self._slices, 1)
        self._positions, self._position_places = Copies.of(
            numbers, len(table), lambda rows: table[rows]
        )

    def _sent(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._tables.device)

    def _count(self) -> None:
        """Count how often each copied input will be changed, which says what becomes of its changes."""
        for some in self._pieces():
            inputs_there, is_there, positions = self._inputs(some, slice(None))
            self._sources.count(inputs_there, is_there.float())
            if positions is not None:
                self._positions.count(positions, is_there.float())

    def _pieces(self) -> Iterator[slice]:
        steps, width = len(self._choices.place), max(1, int(self._choices.count.max()))
        return pieces(steps, max(1, _AT_ONCE // (self._slices * width)))

    def _inputs(self, steps: slice, slices: Any) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return where the copies of the inputs of some steps are, whether they're there, and those of their positions."""
        columns = self._columns
        width = int(self._choices.count[steps].max())
        rank = torch.arange(width, device=self._tables.device)
        place, first, others, begin, count, document = (
            each[steps][:, slices, None] for each in columns
        )
        is_there = rank < count
        number = begin + rank
        column = first + number
        column = column + (column >= place)
        is_document = number == others - 1 if self._choices.has_document else number < 0
        length = self._choices.words.shape[1]
        last = self._source_places.shape[1] - 1
        at = torch.where(is_document, length + document, column)
        at = torch.where(is_there, at, last)
        found = _of_slices(self._source_places[slices], at)
        if self._position_places is None:
            return found, is_there, None
        offset = column - place + self._model.window - (column > place).long()
        nowhere = self._position_places.shape[1] - 1
        offset = torch.where(is_there & ~is_document, offset, nowhere)
        return found, is_there, _of_slices(self._position_places[slices], offset)

    def run(self, rates: NDArray[np.float64], *, update: bool) -> NDArray[np.float64]:
        """Train all slices and change the tables; return the sums of the losses, of pairs, and of slowed slices."""
        device = self._tables.device
        losses = torch.zeros(self._slices, device=device)
        is_slowed = np.zeros(self._slices, dtype=np.bool_)
        slices, dropped = np.arange(self._slices), np.zeros(0, dtype=np.int64)
        for _ in range(_HALVINGS + 1):
            losses[self._sent(slices)] = self._train(slices, rates[slices], update=update)
            if not update:
                break
            unbounded = self._unbounded()
            dropped = np.flatnonzero(unbounded.cpu().numpy())
            if not len(dropped):
                break
            # Those are trained again, and more slowly.
            is_slowed[dropped] = True
            for copies in self._copies:
                copies.reset(unbounded)
            rates, slices = rates / 2, dropped
        if len(dropped):
            unbounded = self._sent(np.isin(np.arange(self._slices), dropped))
            for copies in self._copies:
                copies.drop(unbounded)
            losses[unbounded] = 0
        if update:
            self._merge()
        return np.array([self._loss(losses), self._pairs(dropped), is_slowed.sum()])

    @property
    def _copies(self) -> list[Copies]:
        several = [self._sources, self._targets]
        return several if self._position_places is None else [*several, self._positions]

    def _unbounded(self) -> Tensor:
        longest = self._model.longest
        found = [copies.unbounded(self._slices, longest) for copies in self._copies]
        return torch.stack(found).any(dim=0)

    def _loss(self, losses: Tensor) -> float:
        # In double precision, which not all devices have.
        return float(losses.cpu().double().sum())

    def _pairs(self, dropped: NDArray[np.int64]) -> int:
        choices = self._choices
        inputs = np.minimum(choices.count, 1) if self._model.is_mean else choices.count
        pairs = (inputs * choices.is_measured).sum(axis=0)
        pairs[dropped] = 0
        return int(pairs.sum())

    def _train(
        self, slices: NDArray[np.int64], rates: NDArray[np.float64], *, update: bool
    ) -> Tensor:
        """Train some slices; return the loss of each."""
        # Most often all of them are, and needn't be picked.
        some: Any = slice(None) if len(slices) == self._slices else self._sent(slices)
        rates_there = self._sent(rates.astype(np.float32))
        losses = torch.zeros(len(slices), device=self._tables.device)
        measured_steps = set(np.nonzero(self._choices.is_measured[:, slices])[0].tolist())
        is_measured = self._sent(self._choices.is_measured)[:, some]
        step = self._step_of_means if self._model.is_mean else self._step_of_pairs
        for piece in self._pieces():
            inputs, is_there, positions = self._inputs(piece, some)
            stay = self._stay(inputs)
            counts = self._counts(inputs) * is_there
            targets, truths, weights = (
                each[piece][:, some] for each in (self._target_places, self._truths, self._weights)
            )
            for row, number in enumerate(range(piece.start, piece.stop)):
                batch = _Batch(
                    rates_there,
                    inputs[row],
                    is_there[row],
                    None if stay is None else stay[row],
                    None if positions is None else positions[row],
                    counts[row],
                    targets[row],
                    truths[row],
                    weights[row],
                    is_measured[number] if number in measured_steps else None,
                )
                step(batch, losses, update=update)
        return losses

    def _stay(self, inputs: Tensor) -> Tensor | None:
        """Return whether inputs mustn't change, as frozen words; None if all may. Documents always do."""
        # Of words that have members, only rows can be frozen.
        some = self._model.frozen is not None and self._tables.members is None
        if not some and not self._alone:
            return None
        numbers, words = self._sources.row[inputs], self._tables.words
        if self._alone:
            return numbers <= words
        return (numbers < words) & (self._tables.moves[numbers.clamp(max=words)] == 0)

    def _counts(self, inputs: Tensor) -> Tensor:
        """Return how many members inputs have."""
        numbers, members = self._sources.row[inputs], self._tables.members
        if members is None:
            return torch.ones(numbers.shape, device=numbers.device)
        # A document has one, as what isn't there has.
        return members.counts[numbers.clamp(max=self._tables.words)].float()

    def _step_of_pairs(self, batch: _Batch, losses: Tensor, *, update: bool) -> None:
        """Predict from each input."""
        inputs = embedding(batch.inputs, self._sources.now)
        targets = embedding(batch.targets, self._targets.now)
        gradient = _gradient(batch, inputs, targets, batch.is_there, losses)
        if not update:
            return
        changes = gradient @ targets
        if batch.stay is not None:
            changes = torch.where(batch.stay[:, :, None], 0.0, changes)
        _add(self._sources.now, batch.inputs, changes)
        if not self._alone:
            _add(self._targets.now, batch.targets, gradient.transpose(1, 2) @ inputs)

    def _step_of_means(self, batch: _Batch, losses: Tensor, *, update: bool) -> None:
        """Predict from the mean of the inputs, each weighted by its members, and maybe by its position."""
        inputs = embedding(batch.inputs, self._sources.now)
        targets = embedding(batch.targets, self._targets.now)
        weights = (
            None if batch.positions is None else embedding(batch.positions, self._positions.now)
        )
        weighted = inputs if weights is None else inputs * weights
        total = batch.counts.sum(dim=1).clamp(min=1)[:, None, None]
        hidden = (weighted * batch.counts[:, :, None]).sum(dim=1, keepdim=True) / total
        gradient = _gradient(batch, hidden, targets, batch.is_there[:, :1], losses)
        if not update:
            return
        moved = gradient @ targets
        changes = moved.expand_as(inputs) if weights is None else moved * weights
        moves = batch.is_there if batch.stay is None else batch.is_there & ~batch.stay
        changes = torch.where(moves[:, :, None], changes, 0.0)
        _add(self._sources.now, batch.inputs, changes)
        if self._alone:
            return
        _add(self._targets.now, batch.targets, gradient.transpose(1, 2) @ hidden)
        if batch.positions is None:
            return
        # One after another: where a word is there twice, the second one has changed already.
        is_same = (batch.inputs[:, :, None] == batch.inputs[:, None, :]).tril(-1).float()
        old = inputs + is_same @ changes
        of_weights = (batch.counts[:, :, None] / total) * moved * old
        has_place = batch.is_there & (self._positions.row[batch.positions] < self._nowhere)
        of_weights = torch.where(has_place[:, :, None], of_weights, 0.0)
        _add(self._positions.now, batch.positions, of_weights)

    @property
    def _nowhere(self) -> int:
        assert self._tables.positions is not None
        return len(self._tables.positions) - 1

    def _merge(self) -> None:
        tables, settled = self._tables, self._model.settled / self._model.rate
        # What no step needed is no copy.
        tables.merge(self._sources.some(self._sources.updates > 0), settled, alone=self._alone)
        if self._alone:
            return
        others = [(tables.outputs, self._targets)]
        if tables.positions is not None:
            others.append((tables.positions, self._positions))
        for table, copies in others:
            some = copies.some(copies.updates > 0)
            moves = table.new_ones(len(table))
            moves[-1] = 0
            merge(table, some.row, some.now - some.before, some.updates, settled, moves)


def _of_slices(places: Tensor, columns: Tensor) -> Tensor:
    """Return what stands in some columns of the slices: places `[slices, n]`, columns `[steps, slices, G]`."""
    rows = torch.arange(len(places), device=places.device)[None, :, None]
    return places[rows, columns]


def _gradient(
    batch: _Batch, inputs: Tensor, targets: Tensor, is_there: Tensor, losses: Tensor
) -> Tensor:
    """Return the rates times the gradients of the products, `[slices, G, K]`, and add to the losses what's measured."""
    products = inputs @ targets.transpose(1, 2)
    weights, truths = batch.weights[:, None, :], batch.truths[:, None, :]
    counts = is_there[:, :, None] & (weights > 0)
    if batch.is_measured is not None:
        signed = torch.where(truths > 0, products, -products)
        surprise = -logsigmoid(signed) * weights
        surprise = torch.where(counts & batch.is_measured[:, None, None], surprise, 0.0)
        losses += surprise.sum(dim=(1, 2))
    gradient = batch.rates[:, None, None] * weights * (truths - torch.sigmoid(products))
    return torch.where(counts, gradient, 0.0)


def _add(rows: Tensor, places: Tensor, changes: Tensor) -> None:
    """Add to rows, to those that are there twice two times."""
    rows.index_add_(0, places.flatten(), changes.flatten(0, 1))
