"""The words and labels of a fastText file."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.embedders.formats._bytes import Bytes
from seqpipe.parts.embedders.formats.fasttext._args import FastTextArgs

#: Behind a word come a byte of 0, its count of 8 bytes, and a byte that tells labels from words.
_TAIL: Final = 10

#: The library's own limit, by which it builds its tree.
_LARGEST_SUM: Final = 10**15


@dataclass(frozen=True, eq=False)
class Dictionary:
    """What a file tells of words and labels.

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
        ("has a count that can't be", (counts < 0) | (counts > _LARGEST_SUM // len(entries))),
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
