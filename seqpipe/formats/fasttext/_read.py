"""Reads files of the fastText library, strictly.

Each length is held against the file's size before anything is made of it, so that a damaged file is an
error and neither a crash nor gigabytes of memory.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.formats._open import Bytes, load
from seqpipe.formats._words import check_encoding
from seqpipe.formats.fasttext._args import FastTextArgs, read_args
from seqpipe.formats.fasttext._matrix import CENTROIDS, Dense, Matrix, Quantized
from seqpipe.formats.fasttext._model import FastTextModel

# The words and labels of a fastText file.


#: Behind a word come a byte of 0, its count of 8 bytes, and a byte that distinguishes labels from words.
_TAIL: Final = 10

#: The greatest float, and how many rows are put together at once to look for greater numbers.
_GREATEST: Final = float(np.finfo(np.float32).max)
_ROWS_AT_ONCE: Final = 10_000

#: The library's own limit, by which it builds its tree.
_MAX_TOTAL: Final = 10**15


@dataclass(frozen=True, eq=False)
class Dictionary:
    """The words and labels of a file.

    Attributes:
        words: As bytes, `[V]`.
        labels: As bytes, `[L]`.
        counts: How often each word and label occurred, words first: `[V + L]`, int64.
        tokens: How many words and labels there were.
        pruned: Pairs of hash and row, `[P, 2]`, int32; None if all shared rows are there.
    """

    words: tuple[bytes, ...]
    labels: tuple[bytes, ...]
    counts: NDArray[np.int64]
    tokens: int
    pruned: NDArray[np.int32] | None


def read_dictionary(source: Bytes, args: FastTextArgs) -> Dictionary:
    """Take the words and labels of a file.

    Raises:
        SavedModelError: The numbers of them don't fit each other or the file, or an entry is damaged.
    """
    start = source.offset
    size, words, labels = (
        source.scalar("<i4", f"`{name}`") for name in ("size", "nwords", "nlabels")
    )
    tokens = source.scalar("<i8", "`ntokens`")
    pairs = source.scalar("<i8", "`pruneidx_size`") if args.version else -1
    if min(size, words, labels) < 0 or size != words + labels or not size:
        problem = f"counts {size} entries, {words} words and {labels} labels"
        raise source.refusal("the dictionary", problem, offset=start)
    if size * _TAIL > source.left:
        problem = f"is {size}, more than the file's {source.left} further bytes can hold"
        raise source.refusal("`size`", problem, offset=start)
    if not labels and args.kind == "supervised":
        raise source.refusal("`nlabels`", "is 0 in a supervised model", offset=start + 8)
    entries, counts = _read_entries(source, size, words)
    pruned = _read_pruned(source, pairs, args, offset=start + 20)
    return Dictionary(tuple(entries[:words]), tuple(entries[words:]), counts, tokens, pruned)


def _read_entries(source: Bytes, size: int, words: int) -> tuple[list[bytes], NDArray[np.int64]]:
    data, offset = source.data, source.offset
    entries, tails = [], []
    for number in range(size):
        end = data.find(b"\0", offset)
        tail = data[end + 1 : end + _TAIL]
        if end < 0 or len(tail) < _TAIL - 1:
            raise source.refusal(f"entry {number + 1} of {size}", "doesn't end", offset=offset)
        entries.append(data[offset:end])
        tails.append(tail)
        offset = end + _TAIL
    table = np.frombuffer(b"".join(tails), dtype=[("count", "<i8"), ("type", "i1")])
    _check_entries(source, entries, table["count"], table["type"], words)
    source.offset = offset
    return entries, table["count"].astype(np.int64)


def _check_entries(
    source: Bytes,
    entries: list[bytes],
    counts: NDArray[np.int64],
    types: NDArray[np.int8],
    words: int,
) -> None:
    expected = np.arange(len(entries)) >= words
    for problem, wrong in (
        ("is of another type than its place says", types != expected),
        ("has a count that can't be", (counts < 0) | (counts > _MAX_TOTAL // len(entries))),
    ):
        if wrong.any():
            place = int(wrong.argmax())
            offset = source.offset + sum(len(entry) + _TAIL for entry in entries[:place])
            raise source.refusal(f"entry {place + 1} of {len(entries)}", problem, offset=offset)
    if len(set(entries)) < len(entries):
        raise source.refusal("the dictionary", "has an entry twice")


def _read_pruned(
    source: Bytes, pairs: int, args: FastTextArgs, *, offset: int
) -> NDArray[np.int32] | None:
    if pairs == -1:
        return None
    if pairs < 0 or pairs * 8 > source.left:
        problem = f"is {pairs}, and the file has {source.left} bytes for pairs of 8"
        raise source.refusal("`pruneidx_size`", problem, offset=offset)
    start = source.offset
    found = source.array("<i4", 2 * pairs, "`pruneidx`").reshape(pairs, 2)
    hashes, rows = found[:, 0], found[:, 1]
    inside = ((hashes >= 0) & (hashes < args.buckets) & (rows >= 0) & (rows < pairs)).all()
    if not inside or len(np.unique(hashes)) < pairs:
        raise source.refusal("`pruneidx`", "names rows that don't exist", offset=start)
    return found.astype(np.int32)


_CHECKED_VALUES = 4_000_000


def read_fasttext(
    path: str | Path, *, encoding: str = "utf-8", mapped: bool = True, name: str | None = None
) -> FastTextModel:
    """Read a `.bin` or `.ftz` file.

    Args:
        path: The file.
        encoding: How its words are encoded.
        mapped: Whether the matrices stay in the file and come into memory as they're used; the file mustn't
            be written to meanwhile. Otherwise they're read.
        name: What errors call the file, if not by its path.

    Raises:
        SavedModelError: The file can't be read, isn't one of fastText's, or is damaged; the message names the
            field and where it stands.
        ConfigError: There's no such encoding.
    """
    check_encoding(encoding)
    source = Bytes(load(Path(path), mapped=mapped), name or str(path))
    args = read_args(source)
    dictionary = read_dictionary(source, args)
    shared = args.buckets if dictionary.pruned is None else len(dictionary.pruned)
    rows = len(dictionary.words) + shared
    matrix = _read_matrix(source, "input", (rows, args.width), args, dense=False)
    _check_pruned(source, dictionary, matrix)
    rows = len(dictionary.labels if args.kind == "supervised" else dictionary.words)
    is_dense = isinstance(matrix, Dense)
    output = _read_matrix(source, "output", (rows, args.width), args, dense=is_dense)
    source.end()
    return _model(args, dictionary, matrix, output, encoding)


def _check_pruned(source: Bytes, dictionary: Dictionary, matrix: Matrix) -> None:
    if dictionary.pruned is not None and isinstance(matrix, Dense):
        raise source.refusal(
            "the input matrix",
            "isn't quantised in a model that was pruned; the library refuses it too",
        )


def _read_matrix(
    source: Bytes, name: str, shape: tuple[int, int], args: FastTextArgs, *, dense: bool
) -> Matrix:
    """Take a matrix.

    Args:
        source: Where from.
        name: What errors call it.
        shape: What its shape must be.
        args: The file's settings.
        dense: Whether it can't be quantised, whatever its flag says.
    """
    quantized = source.flag(f"the {name} matrix's `quant`") if args.version else False
    if quantized and not dense:
        return _read_quantized(source, name, shape)
    if quantized:
        raise source.refusal(
            f"the {name} matrix's `quant`", "is 1, while the input isn't quantised"
        )
    _check_shape(source, name, shape)
    count = shape[0] * shape[1]
    values = source.array("<f4", count, f"the {name} matrix")
    _check_values(source, values, f"the {name} matrix")
    return Dense(values.reshape(shape))


def _check_shape(source: Bytes, name: str, shape: tuple[int, int]) -> None:
    for axis, expected in zip("mn", shape, strict=True):
        found = source.scalar("<i8", f"the {name} matrix's `{axis}`")
        if found != expected:
            problem = f"is {found}, and must be {expected}"
            field = f"the {name} matrix's `{axis}`"
            raise source.refusal(field, problem, offset=source.offset - 8)


def _check_values(source: Bytes, values: NDArray[np.float32], field: str) -> None:
    start = source.offset - values.nbytes
    for first in range(0, len(values), _CHECKED_VALUES):
        finite = np.isfinite(values[first : first + _CHECKED_VALUES])
        if not finite.all():
            place = start + 4 * (first + int(finite.argmin()))
            raise source.refusal(f"a number of {field}", "isn't finite", offset=place)


def _read_quantized(source: Bytes, name: str, shape: tuple[int, int]) -> Quantized:
    has_norms = source.flag(f"the {name} matrix's `qnorm`")
    _check_shape(source, name, shape)
    place = source.offset
    size = source.scalar("<i4", f"the {name} matrix's `codesize`")
    parts = size // shape[0] if shape[0] else 0
    if parts < 1 or parts * shape[0] != size or parts > shape[1]:
        problem = f"is {size}, for {shape[0]} rows of {shape[1]}"
        raise source.refusal(f"the {name} matrix's `codesize`", problem, offset=place)
    codes = source.array("u1", size, f"the {name} matrix's codes").reshape(shape[0], parts)
    part_width, centroids = _read_quantizer(source, name, shape[1], parts)
    if not has_norms:
        return Quantized(codes, centroids, part_width, shape[1])
    norm_codes = source.array("u1", shape[0], f"the {name} matrix's codes of norms")
    start = source.offset
    _, norms = _read_quantizer(source, f"{name} norms'", 1, 1)
    matrix = Quantized(codes, centroids, part_width, shape[1], norm_codes, norms)
    if not _has_finite_rows(matrix):
        problem = "make numbers that are too large for a float, together with the centroids"
        raise source.refusal(f"the {name} norms", problem, offset=start)
    return matrix


def _has_finite_rows(matrix: Quantized) -> bool:
    """Return whether no row's norm times its centroids is beyond what a float holds."""
    assert matrix.norms is not None
    greatest = np.abs(matrix.centroids.astype(np.float64)).max(initial=0)
    if greatest * np.abs(matrix.norms.astype(np.float64)).max(initial=0) <= _GREATEST:
        return True
    # Rows needn't have the greatest of both.
    with np.errstate(over="ignore"):
        return all(
            np.isfinite(
                matrix.rows(np.arange(first, min(first + _ROWS_AT_ONCE, matrix.shape[0])))
            ).all()
            for first in range(0, matrix.shape[0], _ROWS_AT_ONCE)
        )


def _read_quantizer(
    source: Bytes, name: str, width: int, parts: int
) -> tuple[int, NDArray[np.float32]]:
    """Take the centroids of `parts` parts of rows of `width`, and how wide a part is."""
    start = source.offset
    fields = ("dim", "nsubq", "dsub", "lastdsub")
    found = [source.scalar("<i4", f"the {name} quantiser's `{field}`") for field in fields]
    part_width = found[2]
    expected = [width, parts, part_width, width - (parts - 1) * part_width]
    if found != expected or not 0 < found[3] <= part_width:
        problem = (
            f"has {dict(zip(fields, found, strict=True))}, for {parts} parts of {width} numbers"
        )
        raise source.refusal(f"the {name} quantiser", problem, offset=start)
    centroids = source.array("<f4", width * CENTROIDS, f"the {name} centroids")
    _check_values(source, centroids, f"the {name} centroids")
    # Small, used for every row, and not where numbers should stand in memory.
    return part_width, centroids.astype(np.float32)


def _model(
    args: FastTextArgs, dictionary: Dictionary, matrix: Matrix, output: Matrix, encoding: str
) -> FastTextModel:
    known = len(dictionary.words)
    return FastTextModel(
        args=args,
        words=tuple(word.decode(encoding, "surrogateescape") for word in dictionary.words),
        word_counts=dictionary.counts[:known],
        labels=tuple(label.decode(encoding, "surrogateescape") for label in dictionary.labels),
        label_counts=dictionary.counts[known:],
        input=matrix,
        output=output,
        tokens=dictionary.tokens,
        pruned=dictionary.pruned,
        encoding=encoding,
    )
