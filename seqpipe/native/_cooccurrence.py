"""Training of vectors of whatever co-occurs: words, items, nodes. In C where that's possible, and otherwise in numpy."""

import ctypes
import functools
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from seqpipe.compilers import BuildError
from seqpipe.native._compiler import assert_layout, build, preamble, source_of
from seqpipe.native._threads import find_pool

#: A `Job` of cooccurrence.c: integers and pointers, and three numbers.
JOB_FIELDS: Final = (
    *(
        "width",
        "words",
        "architecture",
        "window",
        "negatives",
        "drawn",
        "pool",
        "slices",
        "threads",
    ),
    *("capacity", "seed", "inputs", "outputs", "positions"),
    *("input_rows", "output_rows", "position_rows"),
    *("documents", "document_rows", "with_words", "only_documents"),
    *("members", "member_start", "frozen", "keep"),
    *("alias", "alias_share", "path", "path_sign", "path_start", "run_parallel"),
    *("tokens", "bounds", "count", "document", "first", "done", "total"),
    *("update", "loss_every", "sums"),
    *("rate", "settled", "longest"),
)
_JOB: Final = struct.Struct(f"@{len(JOB_FIELDS) - 3}q3d")

#: The most outputs that a step predicts, as in cooccurrence.c.
MOST_TARGETS: Final = 64
#: The widest window: random numbers below it are made of 32 bits.
MOST_WINDOW: Final = 1_000_000
#: The floats that a row's width is a multiple of: as many as the widest registers hold.
ROW_MULTIPLE: Final = 16
_ALIGNMENT: Final = 64
#: Rows are counted by 32 bits.
_MOST_ROWS: Final = 2**31 - 1


def aligned_rows(rows: int, width: int) -> NDArray[np.float32]:
    """Return zeros, `[rows, width]`, the width rounded up to what the kernel takes, each row at the beginning of a cache line."""
    padded = -(-width // ROW_MULTIPLE) * ROW_MULTIPLE
    bytes_ = rows * padded * 4
    memory = np.zeros(bytes_ + _ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + bytes_].view(np.float32).reshape(rows, padded)


@dataclass(frozen=True, eq=False)
class Negatives:
    """How words are drawn at random (Walker 1977): each with the same probability, and then either it or its alias.

    Attributes:
        per_pair: How many each pair is meant to be contrasted with.
        drawn: How many are drawn for all pairs of a window, each of which counts `per_pair / drawn`.
        pool: How many rows a slice draws them from. 0 for all, which is slower, and for predictions that share no negatives: by
            means, and by documents alone.
        alias: `[V]`, int32.
        share: The probability that it isn't the alias, `[V]`, float32.
    """

    per_pair: int
    drawn: int
    pool: int
    alias: NDArray[np.int32]
    share: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Paths:
    """The turns from the root of a binary tree to each word.

    Attributes:
        nodes: The inner nodes on the way, one word's behind another's, int32; at most `MOST_TARGETS` of a word.
        signs: 1 for a turn to the one side, 0 for one to the other, float32.
        starts: Where each word's begin, and the end, `[V + 1]`, int64.
    """

    nodes: NDArray[np.int32]
    signs: NDArray[np.float32]
    starts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Members:
    """Which rows' mean is a word's vector.

    Attributes:
        rows: One word's behind another's, int32.
        starts: Where each word's begin, and the end, `[V + 1]`, int64.
    """

    rows: NDArray[np.int32]
    starts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Documents:
    """Documents whose rows predict their words (Le & Mikolov 2014).

    Attributes:
        rows: A row for each, `[D, width]`; made by `aligned_rows`, or a file's mapped into memory. They're trained.
        with_words: Whether skip-gram predicts words from those around them too, and not from documents alone. A mean
            always has words.
        alone: Whether all other tables stay as they are: documents are inferred.
    """

    rows: NDArray[np.float32]
    with_words: bool = True
    alone: bool = False


@dataclass(frozen=True, eq=False)
class Cooccurrence:
    """Tables that are trained, and how; arrays are kept as they are, and tables are changed in place.

    Attributes:
        inputs: A row for each word, and for what else words consist of, `[R, width]`; made by `aligned_rows`.
        outputs: What's predicted: a row for each word, or each inner node of the tree, `[S, width]`; likewise.
        keep: The probability that an occurrence of a word is kept, `[V]`, float32.
        window: The most words to either side that are a word's context.
        is_mean: Whether a word is predicted from the mean of those around it (CBOW), and not from each (skip-gram).
        targets: How words are predicted.
        members: What words consist of; None for a row of their own each.
        positions: Weights of the places in a window, `[2 window, width]`, for a mean; None for none.
        frozen: The rows of `inputs` that stay as they are, `[R]`, uint8; None if none does.
        documents: What predicts words beside those around them; None for nothing.
        rate: The learning rate at the beginning; it falls to 0.
        slices: How many slices of the tokens are trained beside each other.
        capacity: The most tokens of one.
        settled: How many updates of a row in a round, times the rate at the beginning, its changes in the slices are added
            up to. Those of a row with more are scaled down, but not below their mean.
        longest: The greatest norm of a row; a slice that would go beyond is trained with half the rate.
        seed: Of the random numbers.
    """

    inputs: NDArray[np.float32]
    outputs: NDArray[np.float32]
    keep: NDArray[np.float32]
    window: int
    is_mean: bool
    targets: Negatives | Paths
    rate: float
    slices: int
    capacity: int
    seed: int
    members: Members | None = None
    positions: NDArray[np.float32] | None = None
    frozen: NDArray[np.uint8] | None = None
    documents: Documents | None = None
    settled: float = 5.0
    longest: float = 100.0


@dataclass(frozen=True, eq=False)
class Block:
    """Some slices of the tokens.

    Attributes:
        tokens: Words by number, and -1 where a sequence ends, int32.
        bounds: Where slices begin, and the end of the last, `[N + 1]`, int64.
        first: The number of the first one, from which its random numbers follow.
        done: How many tokens of the whole training come before each, `[N]`, int64.
        total: How many the whole training has.
        documents: The number of the document that each begins in, `[N]`, int64, if the model has some. Where a sequence ends
            so does its document, and the next number begins.
    """

    tokens: NDArray[np.int32]
    bounds: NDArray[np.int64]
    first: int
    done: NDArray[np.int64]
    total: int
    documents: NDArray[np.int64] | None = None


class Rounds(Protocol):
    """Trains one block after another."""

    def run(self, block: Block, *, update: bool = True, loss_every: int = 0) -> NDArray[np.float64]:
        """Train some slices, or only measure their loss; return the sums of the losses, of pairs, and of slowed slices."""

    def publish(self) -> None:
        """Bring the model's tables up to date, where they're trained on another device; elsewhere they always are."""

    def __enter__(self) -> "Rounds": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def begin_rounds(model: Cooccurrence, threads: int) -> Rounds:
    """Return what trains a model: in C if there's a compiler, or else in numpy, with the same result but for rounding.

    Args:
        model: What's trained.
        threads: How many threads compute. The result is the same for any number.

    Raises:
        MemoryError: There isn't enough.
    """
    check_cooccurrence(model)
    if _has_library():
        # There's no more work than slices.
        return _RoundsInC(model, max(1, min(threads, model.slices)))
    from seqpipe.native._cooccurrence_numpy import RoundsInNumpy

    return RoundsInNumpy(model)


def check_cooccurrence(model: Cooccurrence) -> None:
    """Check what C would read beyond the end of.

    Raises:
        ValueError: Shapes or types don't fit.
    """
    words, (rows, width) = len(model.keep), model.inputs.shape
    tables = [model.inputs, model.outputs]
    if model.positions is not None:
        tables.append(model.positions)
    if model.documents is not None:
        tables.append(model.documents.rows)
    for table in tables:
        if table.dtype != np.float32 or table.shape[1] != width or not table.flags.c_contiguous:
            raise ValueError(
                f"a table is {table.dtype} {list(table.shape)}, not float32 [rows, {width}]"
            )
        if width % ROW_MULTIPLE or table.ctypes.data % _ALIGNMENT:
            raise ValueError("a table wasn't made by `aligned_rows`")
    given: list[tuple[str, NDArray[Any], type, int]] = [("keep", model.keep, np.float32, words)]
    targets = model.targets
    if isinstance(targets, Negatives):
        given += [
            ("alias", targets.alias, np.int32, words),
            ("share", targets.share, np.float32, words),
        ]
        most = max(targets.drawn, targets.per_pair) + 1
        if len(model.outputs) < words or most > MOST_TARGETS:
            raise ValueError(f"{targets.drawn} negatives for {len(model.outputs)} rows of outputs")
        documents = model.documents
        is_shared = not model.is_mean and (documents is None or documents.with_words)
        if min(targets.drawn, targets.per_pair) < 1 or targets.pool < int(is_shared):
            raise ValueError(f"{targets.drawn} negatives from a pool of {targets.pool}")
    else:
        given += [("starts", targets.starts, np.int64, words + 1)]
        given += [("nodes", targets.nodes, np.int32, int(targets.starts[-1]))]
        given += [("signs", targets.signs, np.float32, int(targets.starts[-1]))]
        if np.diff(targets.starts).max(initial=0) > MOST_TARGETS:
            raise ValueError(f"a word's path has more than {MOST_TARGETS} nodes")
    if model.members is not None:
        given += [("member starts", model.members.starts, np.int64, words + 1)]
        given += [("members", model.members.rows, np.int32, int(model.members.starts[-1]))]
    elif rows < words:
        raise ValueError(f"{rows} rows of inputs for {words} words")
    if model.frozen is not None:
        given += [("frozen", model.frozen, np.uint8, rows)]
    for name, array, kind, size in given:
        if array.dtype != kind or array.shape != (size,) or not array.flags.c_contiguous:
            raise ValueError(
                f"`{name}` is {array.dtype} {list(array.shape)}, not {kind.__name__} [{size}]"
            )
    _check_numbers(model)


def _check_numbers(model: Cooccurrence) -> None:
    """Check what's within arrays, whose types and sizes are right.

    Raises:
        ValueError: A number points beyond a table, or a size makes no sense.
    """
    words, targets = len(model.keep), model.targets
    if isinstance(targets, Negatives):
        _check_within("alias", targets.alias, words)
    else:
        _check_within("nodes", targets.nodes, len(model.outputs))
        _check_starts("paths", targets.starts)
    if model.members is not None:
        _check_within("members", model.members.rows, len(model.inputs))
        _check_starts("members", model.members.starts)
    if min(model.window, model.slices, model.capacity) < 1 or model.window > MOST_WINDOW:
        raise ValueError(f"a window of {model.window}, {model.slices} slices of {model.capacity}")
    if model.positions is not None and len(model.positions) < 2 * model.window:
        raise ValueError(f"{len(model.positions)} positions for a window of {model.window}")
    if (documents := model.documents) is not None:
        if not 0 < len(documents.rows) <= _MOST_ROWS:
            raise ValueError(
                f"{len(documents.rows)} documents; from 1 to {_MOST_ROWS} can be trained"
            )
        if model.is_mean and not documents.with_words:
            raise ValueError("a mean of a document alone")


def _check_within(name: str, numbers: NDArray[np.int32], count: int) -> None:
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < count:
        raise ValueError(f"`{name}` has a number that there's no row for, of {count}")


def _check_starts(name: str, starts: NDArray[np.int64]) -> None:
    if starts[0] != 0 or (np.diff(starts) < 1).any():
        raise ValueError(f"a word has no {name}")


def check_block(model: Cooccurrence, block: Block) -> None:
    """Check what C would read or write beyond the end of.

    Raises:
        ValueError: The block doesn't fit itself or the model.
    """
    tokens, bounds, done = block.tokens, block.bounds, block.done
    kinds = [each.dtype.name for each in (tokens, bounds, done)]
    if kinds != ["int32", "int64", "int64"] or len(bounds) != len(done) + 1:
        raise ValueError(f"a block of {kinds}, with {len(bounds)} bounds for {len(done)} slices")
    if not (tokens.flags.c_contiguous and bounds.flags.c_contiguous and done.flags.c_contiguous):
        raise ValueError("a block's arrays must be contiguous")
    lengths = np.diff(bounds)
    if bounds[0] < 0 or bounds[-1] > len(tokens) or (lengths < 0).any():
        raise ValueError(f"slices from {bounds[0]} to {bounds[-1]} of {len(tokens)} tokens")
    if lengths.max(initial=0) > model.capacity:
        raise ValueError(f"a slice has {lengths.max()} tokens, and may have {model.capacity}")
    if tokens.max(initial=-1) >= len(model.keep):
        raise ValueError(f"word {tokens.max()} isn't one of the model's {len(model.keep)}")
    if model.documents is not None:
        _check_documents(len(model.documents.rows), block)


def _check_documents(count: int, block: Block) -> None:
    """Check that each document of a block has a row.

    Raises:
        ValueError: One hasn't.
    """
    first = block.documents
    if first is None or first.dtype != np.int64 or first.shape != block.done.shape:
        given = None if first is None else f"{first.dtype} {list(first.shape)}"
        raise ValueError(f"`documents` is {given}, not int64 {list(block.done.shape)}")
    if not first.flags.c_contiguous:
        raise ValueError("a block's arrays must be contiguous")
    ends = np.flatnonzero(block.tokens < 0)
    # An end that's the last of a slice leads to a document that the slice has nothing of.
    passed = np.searchsorted(ends, block.bounds[1:] - 1) - np.searchsorted(ends, block.bounds[:-1])
    last = first + np.maximum(passed, 0)
    if first.min(initial=0) < 0 or last.max(initial=0) >= count:
        raise ValueError(f"documents {first.min()} to {last.max()} of {count}")


class _RoundsInC:
    def __init__(self, model: Cooccurrence, threads: int) -> None:
        self._model, self._threads = model, threads
        self._functions = _library()
        self._parallel = find_pool() if threads > 1 else None
        begun = self._functions.begin(self._pack(None, update=True, loss_every=0))
        if not begun:
            raise MemoryError("there isn't enough memory for the copies of rows that slices train")
        self._work: int | None = begun

    def run(self, block: Block, *, update: bool = True, loss_every: int = 0) -> NDArray[np.float64]:
        if self._work is None:
            raise ValueError("the rounds have ended")
        check_block(self._model, block)
        sums = np.zeros(3)
        job = self._pack(block, update=update, loss_every=loss_every, sums=sums)
        self._functions.run(self._work, job)
        return sums

    def publish(self) -> None:
        """Do nothing; see `Rounds.publish`."""

    def __enter__(self) -> "_RoundsInC":
        return self

    def __exit__(self, *_: object) -> None:
        work, self._work = self._work, None
        self._functions.end(work)

    def _pack(
        self,
        block: Block | None,
        *,
        update: bool,
        loss_every: int,
        sums: NDArray[np.float64] | None = None,
    ) -> bytes:
        model, targets, members = self._model, self._model.targets, self._model.members
        negatives = targets if isinstance(targets, Negatives) else None
        paths = targets if isinstance(targets, Paths) else None
        positions, documents = model.positions, model.documents
        return _JOB.pack(
            model.inputs.shape[1],
            len(model.keep),
            int(model.is_mean),
            model.window,
            negatives.per_pair if negatives else 0,
            negatives.drawn if negatives else 0,
            negatives.pool if negatives else 0,
            model.slices,
            self._threads,
            model.capacity,
            model.seed,
            _address(model.inputs),
            _address(model.outputs),
            _address(positions),
            len(model.inputs),
            len(model.outputs),
            0 if positions is None else len(positions),
            _address(documents.rows if documents else None),
            len(documents.rows) if documents else 0,
            int(documents is None or documents.with_words),
            int(documents is not None and documents.alone),
            _address(members.rows if members else None),
            _address(members.starts if members else None),
            _address(model.frozen),
            _address(model.keep),
            _address(negatives.alias if negatives else None),
            _address(negatives.share if negatives else None),
            _address(paths.nodes if paths else None),
            _address(paths.signs if paths else None),
            _address(paths.starts if paths else None),
            self._parallel or 0,
            _address(block.tokens if block else None),
            _address(block.bounds if block else None),
            len(block.done) if block else 0,
            _address(block.documents if block else None),
            block.first if block else 0,
            _address(block.done if block else None),
            block.total if block else 1,
            int(update),
            loss_every,
            _address(sums),
            model.rate,
            model.settled,
            model.longest,
        )


def _address(array: NDArray[Any] | None) -> int:
    return 0 if array is None else array.ctypes.data


def _render() -> str:
    layout = assert_layout("Job", JOB_FIELDS)
    return "\n".join([*preamble("float"), source_of("cooccurrence.c"), layout])


@dataclass(frozen=True)
class _Functions:
    begin: Callable[[bytes], int | None]
    run: Callable[[int, bytes], None]
    end: Callable[[int | None], None]


@functools.cache
def _library() -> _Functions:
    library = build(_render())
    begin, run, end = (
        getattr(library, f"seqpipe_cooccurrence{name}") for name in ("_begin", "", "_end")
    )
    begin.argtypes, begin.restype = [ctypes.c_char_p], ctypes.c_void_p
    run.argtypes, run.restype = [ctypes.c_void_p, ctypes.c_char_p], None
    end.argtypes, end.restype = [ctypes.c_void_p], None
    return _Functions(begin, run, end)


@functools.cache
def _has_library() -> bool:
    try:
        _library()
    except BuildError as error:
        warnings.warn(f"vectors are trained by numpy, which is slow: {error}", stacklevel=3)
        return False
    return True
