"""Saves how far a training has come, so that it goes on after a kill and comes to the same bytes."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe import storage
from seqpipe.errors import EmbedderError, SavedModelError
from seqpipe.native import Members
from seqpipe.parts.cooccurrence._corpus import Corpus, Tokens
from seqpipe.parts.cooccurrence._training import EpochLoss, Start, Training
from seqpipe.storage.part_files import read_json, write_json

#: Of the files, and of what the trainer makes of the same text and settings: raised whenever one of them changes, to the last
#: bit of a loss.
_FORMAT: Final = 1
#: The folder within that a checkpoint is replaced in; the lock stands beside it.
_PLACE: Final = "state"
_STATE: Final = "state.json"
#: The folder of the tables of the best epoch.
_BEST: Final = "best"
#: Where saving takes longer than this share of the time, it's done less often, down to one time in ten.
_SHARE: Final = 0.05
_LEAST_OFTEN: Final = 10
_AT_ONCE: Final = 1 << 20

Tables: TypeAlias = Mapping[str, NDArray[np.float32]]
#: Whatever determines what a training comes to, as JSON.
Identity: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Best:
    """The epoch with the lowest loss of what's held out.

    Attributes:
        loss: That loss.
        epoch: Its number, from 1.
        tables: Copies of the inputs and outputs after it.
    """

    loss: float
    epoch: int
    tables: Tables


@dataclass
class State:
    """How far a training has come, beside its tables.

    Attributes:
        epoch: The epoch that's going on, from 0.
        slice: The first slice of it that isn't trained yet, which begins a round; behind the last one before the loss of what's held
            out is measured.
        loss: The sum of the losses of the pairs of this epoch.
        pairs: How many of them were measured.
        losses: Those of the epochs before.
        slowed: How many slices had to be trained with a smaller learning rate.
        best: The best epoch; None if nothing is held out, or none has ended.
        ended: The epoch whose tables are the result, from 1; None as long as the training goes on.
    """

    epoch: int = 0
    slice: int = 0
    loss: float = 0.0
    pairs: float = 0.0
    losses: list[EpochLoss] = field(default_factory=list)
    slowed: int = 0
    best: Best | None = None
    ended: int | None = None


def identify(
    corpus: Tokens,
    training: Training,
    seed: int,
    bounds: NDArray[np.int64],
    members: Members | None,
    start: Start | None,
    held_out: Tokens | None,
    together: int | None = None,
) -> Identity:
    """Return whatever determines what a training comes to; texts and tables by their SHA-256.

    Args:
        corpus: What's trained on.
        training: How.
        seed: Of all random numbers.
        bounds: Where slices begin.
        members: Which rows make up a word.
        start: What some words' vectors are at first.
        held_out: What the loss is measured on.
        together: How many slices another engine than the processor trains at the same time; None for the processor.
    """
    words = corpus.words if isinstance(corpus, Corpus) else ()
    parts: list[NDArray[Any]] = []
    if members is not None:
        parts = [members.rows, members.starts]
    begun: list[NDArray[Any]] = []
    if start is not None:
        begun = [start.rows, start.vectors, np.array(start.frozen)]
    return {
        "format": _FORMAT,
        "settings": {name: _plain(value) for name, value in asdict(training).items()},
        "seed": int(seed),
        "text": _digest(_numbers(corpus)),
        "words": _digest([*_encoded(words), corpus.counts]),
        "slices": _digest([bounds]),
        "device": together,
        "n-grams": _digest(parts),
        "vectors to start from": _digest(begun),
        "held-out text": _digest([] if held_out is None else _numbers(held_out)),
    }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _numbers(corpus: Tokens) -> Iterator[NDArray[np.int32]]:
    for first in range(0, corpus.size, _AT_ONCE):
        yield corpus.numbers(first, min(first + _AT_ONCE, corpus.size))


def _encoded(words: Iterable[str]) -> Iterator[bytes]:
    for word in words:
        encoded = word.encode("utf-8", "surrogatepass")
        yield len(encoded).to_bytes(8, "little")
        yield encoded


def _digest(pieces: Iterable[NDArray[Any] | bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece if isinstance(piece, bytes) else np.ascontiguousarray(piece).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoints:
    """A folder for the checkpoint of one training, which nobody else uses; made by `checkpoints_in`.

    Attributes:
        folder: The folder.
        every: How many seconds lie between two saves, at least.
    """

    folder: Path
    every: float = 60.0

    def of(self, identity: Identity, tables: Tables) -> "Checkpoint":
        """Return the checkpoint of a training.

        Args:
            identity: Which training it is; see `identify`.
            tables: All that's trained, by name, C-contiguous.
        """
        return Checkpoint(self, identity, tables)


@contextmanager
def checkpoints_in(folder: Path, *, every: float = 60.0) -> Iterator[Checkpoints]:
    """Reserve a folder for the checkpoint of one training; it's made if it isn't there.

    Raises:
        EmbedderError: Another training uses it just now, nothing can be written there, or something else stands there.
    """
    reservation = storage.reserved(folder)
    try:
        storage.check_replaceable(folder / _PLACE)
        reservation.__enter__()
    except SavedModelError as error:
        raise EmbedderError(
            f"no checkpoint can be kept in {folder} ({error}); a `checkpoint` needs a folder of its own"
        ) from error
    try:
        yield Checkpoints(folder, every)
    finally:
        reservation.__exit__(None, None, None)


class Checkpoint:
    """How far one training has come, on disk: saved as a whole or not at all, and checked before it's used.

    Args:
        checkpoints: Where it stands.
        identity: Which training it is of.
        tables: All that's trained, which is saved and put back in place.
    """

    def __init__(self, checkpoints: Checkpoints, identity: Identity, tables: Tables) -> None:
        self._folder, self._every = checkpoints.folder, checkpoints.every
        self._place = self._folder / _PLACE
        self._identity, self._tables = identity, tables
        self._series = storage.SaveSeries()
        self._next = time.monotonic() + self._every

    def restore(self) -> State | None:
        """Put the tables back, and return how far the training had come; None if there's nothing to go on from.

        Of another training there may be a checkpoint that has ended: it's left to be replaced.

        Raises:
            EmbedderError: The checkpoint is damaged, or of another training that hasn't ended.
        """
        try:
            storage.verify_folder(self._place)
        except SavedModelError as error:
            if not self._place.exists():
                return None
            raise EmbedderError(self._damaged(error)) from error
        try:
            return self._read()
        except (
            SavedModelError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            OverflowError,
        ) as error:
            raise EmbedderError(self._damaged(error)) from error

    def _read(self) -> State | None:
        saved = read_json(self._place / _STATE)
        state = _state_of(saved["state"])
        other = _differences(saved["identity"], self._identity)
        if other and state.ended is None:
            raise EmbedderError(
                f"the checkpoint in {self._folder} is of another training, which hasn't ended: {other}; undo that to go on "
                "with it, remove the folder to give it up, or name another `checkpoint`"
            )
        if other:
            return None
        _fill(self._tables, self._place)
        if state.best is not None:
            copies = {name: np.empty_like(self._tables[name]) for name in ("inputs", "outputs")}
            _fill(copies, self._place / _BEST)
            state.best = replace(state.best, tables=copies)
        return state

    def _damaged(self, error: Exception) -> str:
        return (
            f"the checkpoint in {self._folder} can't be gone on from; remove the folder to train from the beginning, or name "
            f"another `checkpoint` ({error})"
        )

    def save_if_due(self, state: State, prepare: Callable[[], None] = lambda: None) -> None:
        """Save, unless the last time was a short while ago; see `save`.

        Args:
            state: How far the training has come.
            prepare: Called before it's saved, to bring the tables up to date.
        """
        if time.monotonic() >= self._next:
            prepare()
            self.save(state)

    def save_ended(self, state: State) -> None:
        """Save what the training came to: the tables of the best epoch, or else of the last; see `save`."""
        if state.best is None:
            self.save(state)
        else:
            self._save(replace(state, best=None), {**self._tables, **state.best.tables})

    def save(self, state: State) -> None:
        """Replace the checkpoint.

        Raises:
            EmbedderError: It can't be written; the one before stands.
        """
        self._save(state, self._tables)

    def _save(self, state: State, tables: Tables) -> None:
        begun = time.monotonic()

        def write(folder: Path) -> None:
            saved = {"identity": dict(self._identity), "state": _to_json(state)}
            write_json(folder / _STATE, saved)
            _write(folder, tables)
            if state.best is not None:
                best = state.best
                (folder / _BEST).mkdir()
                storage.write_once(folder / _BEST, best, lambda into: _write(into, best.tables))

        try:
            storage.write_folder(self._place, write, series=self._series)
        except SavedModelError as error:
            raise EmbedderError(
                f"the checkpoint can't be saved ({error}); put that right, and train again: it goes on from the last one"
            ) from error
        now = time.monotonic()
        least = min((now - begun) * (1 / _SHARE - 1), self._every * _LEAST_OFTEN)
        self._next = now + max(self._every, least)


def _write(folder: Path, tables: Tables) -> None:
    for name, table in tables.items():
        # Straight from memory, where safetensors would copy it first.
        np.save(folder / f"{name}.npy", table, allow_pickle=False)


def _fill(tables: Tables, folder: Path) -> None:
    """Put saved numbers into tables.

    Raises:
        ValueError: They're of other shapes.
    """
    for name, table in tables.items():
        saved = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        if saved.dtype != table.dtype or saved.shape != table.shape:
            raise ValueError(f"{name}.npy is {saved.dtype} {list(saved.shape)}")
        table[:] = saved


def _to_json(state: State) -> dict[str, Any]:
    """Return all but tables; losses as hexadecimal numbers, which are exact, and may be infinite."""
    best = state.best and {"loss": state.best.loss.hex(), "epoch": state.best.epoch}
    losses = [
        [loss.train.hex(), None if loss.held_out is None else loss.held_out.hex()]
        for loss in state.losses
    ]
    sums = {"loss": state.loss.hex(), "pairs": state.pairs.hex()}
    return {**vars(state), **sums, "losses": losses, "best": best}


def _state_of(saved: Mapping[str, Any]) -> State:
    best, ended = saved["best"], saved["ended"]
    return State(
        epoch=_whole(saved["epoch"]),
        slice=_whole(saved["slice"]),
        loss=float.fromhex(saved["loss"]),
        pairs=float.fromhex(saved["pairs"]),
        losses=[
            EpochLoss(float.fromhex(train), None if outside is None else float.fromhex(outside))
            for train, outside in saved["losses"]
        ],
        slowed=_whole(saved["slowed"]),
        best=best and Best(float.fromhex(best["loss"]), _whole(best["epoch"]), {}),
        ended=None if ended is None else _whole(ended),
    )


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} isn't a count")
    return value


def _differences(there: Identity, here: Identity) -> str:
    """Say in what two trainings differ; nothing if they don't."""
    if there["format"] != here["format"]:
        return "it was saved by another release of seqpipe"
    found = [
        f"`{name}` is {there['settings'].get(name)!r} there and {value!r} here"
        for name, value in here["settings"].items()
        if there["settings"].get(name) != value
    ]
    if there["seed"] != here["seed"]:
        found.append(f"the seed is {there['seed']} there and {here['seed']} here")
    others = [
        f"the {name}"
        for name, value in here.items()
        if name not in ("format", "settings", "seed") and there.get(name) != value
    ]
    # Slices follow from what else is other.
    if len(others) > 1 or found:
        others = [name for name in others if name != "the slices"]
    if others:
        found.append(f"other than there: {', '.join(others)}")
    return "; ".join(found)
