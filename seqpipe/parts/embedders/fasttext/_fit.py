"""Fits vectors in a process that runs the library."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.formats.fasttext import Subwords, hash_subwords
from seqpipe.parts.embedders._contract import OnProgress
from seqpipe.parts.embedders.fasttext._settings import Auto, Settings, auto
from seqpipe.parts.embedders.fasttext._vectors import Shape, Tables, WordVectors
from seqpipe.parts.fasttext import (
    Progress,
    is_written_as_it_is,
    library_seed,
    library_version,
    written,
)
from seqpipe.parts.fasttext import _worker as job
from seqpipe.workers._process import run_module

# The text file that the library trains on.


@dataclass(frozen=True)
class Corpus:
    """What was written.

    Attributes:
        words: The words that are frequent enough, most frequent first, equal ones by first occurrence.
        counts: How often each of them occurs.
        tokens: All words of the file and the ends of its lines, which the library counts as words.
        known_tokens: The part of `tokens` that's frequent enough: what a pass over the file trains.
        size: The file's size in bytes.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    tokens: int
    known_tokens: int
    size: int


def write_corpus(
    sequences: Iterable[Sequence[str]], path: Path, *, lower: bool, min_count: int | Auto
) -> Corpus:
    """Write sequences into a file, one a line; words that can't be written are left out.

    A line may be of any length: where the library cuts it, after 1025 words, it goes on with the rest
    as with a line of its own, so nothing is lost but the contexts across the cut.

    Args:
        sequences: The words of one document after another; empty ones are left out.
        path: Where to write.
        lower: Whether to lower-case the words first.
        min_count: How often a word must occur to be trained; see `auto`.

    Raises:
        EmbedderError: A sequence is a text rather than words, or too few words are frequent enough.
    """
    forms = _Forms(lower=lower)
    seen: Counter[str] = Counter()
    lines = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in _lines(sequences, seen, forms):
            file.write(line)
            lines += 1
    counts = _counts(seen, forms)
    tokens = counts.total() + lines
    if min_count == "auto":
        min_count = int(auto(tokens)["min_count"])
    kept = [(word, count) for word, count in counts.most_common() if count >= min_count]
    _check(len(kept), counts, lines=lines, min_count=min_count)
    return Corpus(
        words=tuple(word for word, _ in kept),
        counts=tuple(count for _, count in kept),
        tokens=tokens,
        known_tokens=sum(count for _, count in kept) + (lines if lines >= min_count else 0),
        size=path.stat().st_size,
    )


def _lines(
    sequences: Iterable[Sequence[str]], seen: Counter[str], forms: "_Forms"
) -> Iterator[str]:
    for number, sequence in enumerate(sequences, start=1):
        if isinstance(sequence, str):
            raise EmbedderError(
                f"sequence {number} is a string, {sequence[:40]!r}, where words are needed: "
                "split it by a tokenizer first"
            )
        seen.update(sequence)
        if line := _line(sequence, forms):
            yield line + "\n"


def _line(sequence: Sequence[str], forms: "_Forms") -> str:
    # A corpus has many millions of words: what can be done for a line as a whole is done so.
    line = " ".join(sequence)
    if forms.lower:
        line = line.lower()
    if is_written_as_it_is(line, len(sequence)):
        return line
    return " ".join(filter(None, map(forms.__getitem__, sequence)))


def _counts(seen: Counter[str], forms: "_Forms") -> Counter[str]:
    """Return how often each word occurs that can be written, lower-cased if that's so."""
    counts: Counter[str] = Counter()
    for word, count in seen.items():
        if forms[word] is not None:
            counts[word.lower() if forms.lower else word] += count
    return counts


class _Forms(dict[str, str | None]):
    """How each word is written, found once; None for one that can't be."""

    def __init__(self, *, lower: bool) -> None:
        super().__init__()
        self.lower = lower

    def __missing__(self, word: str) -> str | None:
        form = self[word] = written(word.lower() if self.lower else word)
        return form


def _check(kept: int, counts: Counter[str], *, lines: int, min_count: int) -> None:
    if not counts:
        raise EmbedderError("there's nothing to fit the embedder on: the sequences hold no words")
    # With a single word the library searches for another one, as a negative example, forever.
    if kept < 2:
        raise EmbedderError(
            f"{kept} of the {len(counts)} words in {lines} sequences occur {min_count} times or more, "
            "and an embedder needs at least 2: give it more texts, or a smaller `min_count`"
        )


_LOSSES = {"negative-sampling": "ns", "hierarchical": "hs"}
_BUCKETS_PER_SUBWORD = 2
_MAX_BUCKETS = 2_000_000
_AT_ONCE = 1024


def fit_vectors(
    settings: Settings,
    sequences: Iterable[Sequence[str]],
    *,
    seed: int,
    on_progress: OnProgress | None,
) -> tuple[WordVectors, Mapping[str, Any]]:
    """Train in a process of its own, in a temporary folder; see `Embedder.fit`.

    Returns:
        The vectors, and what settings became that were "auto".
    """
    library = library_version()
    with tempfile.TemporaryDirectory(prefix="seqpipe-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        corpus = write_corpus(
            sequences,
            folder / job.CORPUS,
            lower=settings.lower,
            min_count=settings.min_count,
        )
        chosen = settings.chosen(corpus.tokens)
        settings = replace(settings, **chosen)
        forms = [str(written(word)) for word in corpus.words]
        subwords = hash_subwords(forms, min_n=settings.min_n, max_n=settings.max_n)
        shape = _shape(settings, subwords, library)
        used, row_of_subword = used_rows(subwords.hashes, shape.buckets)
        used.tofile(folder / job.USED)
        _write_job(folder, settings, forms, buckets=shape.buckets, seed=seed)
        progress = _progress(corpus, settings, on_progress)
        run_module(job.__name__, folder, on_line=progress.read)
        tables = _read_result(folder, settings.width, subwords, row_of_subword)
    if settings.standardize:
        tables = standardized(tables, np.array(corpus.counts))
    progress.finish()
    return WordVectors(shape, corpus.words, tables), chosen


def _progress(corpus: Corpus, settings: Settings, on_progress: OnProgress | None) -> Progress:
    return Progress(
        size=corpus.size,
        # The library counts rare words into the length of an epoch, but not into what it has done.
        passes=int(settings.epochs) * corpus.tokens / corpus.known_tokens,
        words=corpus.known_tokens,
        threads=settings.threads,
        on_progress=on_progress,
    )


def _shape(settings: Settings, subwords: Subwords, library: str) -> Shape:
    return Shape(
        width=settings.width,
        min_n=settings.min_n,
        max_n=settings.max_n,
        buckets=count_buckets(settings, subwords) if settings.max_n else 0,
        lower=settings.lower,
        library=library,
    )


def count_buckets(settings: Settings, subwords: Subwords) -> int:
    """Return the size of the table of n-grams: what's set, or twice the number of distinct ones."""
    if settings.buckets is not None:
        return settings.buckets
    distinct = len(np.unique(subwords.hashes))
    return min(max(1, _BUCKETS_PER_SUBWORD * distinct), _MAX_BUCKETS)


def _write_job(
    folder: Path, settings: Settings, forms: Sequence[str], *, buckets: int, seed: int
) -> None:
    options = {
        "input": job.CORPUS,
        "model": settings.architecture,
        "loss": _LOSSES[settings.loss],
        "dim": settings.width,
        "epoch": settings.epochs,
        "ws": settings.window,
        "neg": settings.negatives,
        "minCount": settings.min_count,
        "minn": settings.min_n,
        "maxn": settings.max_n,
        "bucket": buckets,
        "lr": settings.learning_rate,
        "t": settings.subsample,
        "thread": settings.threads,
        "seed": library_seed(seed),
        # No word holds a blank, so none is taken for a label.
        "label": " ",
        "verbose": 2,
    }
    (folder / job.SETTINGS).write_text(json.dumps(options), encoding="utf-8")
    (folder / job.WORDS).write_bytes("".join(f"{form}\n" for form in forms).encode())


def _read_result(
    folder: Path, width: int, subwords: Subwords, row_of_subword: NDArray[np.int32]
) -> Tables:
    ids = np.fromfile(folder / job.IDS, dtype=np.int64)
    own, rows = (
        np.fromfile(folder / name, dtype=np.float32).reshape(-1, width)
        for name in (job.OWN, job.SHARED)
    )
    if (ids < 0).any():
        raise EmbedderError(
            f"the fastText library had no room for {int((ids < 0).sum())} of {len(ids)} words: "
            "set a larger `min_count`"
        )
    tables = tables_of(own, rows, subwords, row_of_subword)
    if not (np.isfinite(tables.known).all() and np.isfinite(tables.rows).all()):
        raise EmbedderError(
            "the training of the embedder gave vectors that aren't finite: set a smaller `learning_rate`"
        )
    return tables


def standardized(tables: Tables, counts: NDArray[np.int64]) -> Tables:
    """Move and scale each dimension so that known words, each as often as it occurs, have a mean of 0 and a variance of 1."""
    # An unknown word's vector is a mean of `rows`, so what's done to these is done to it.
    mean = np.average(tables.known, axis=0, weights=counts)
    deviation = np.sqrt(np.average((tables.known - mean) ** 2, axis=0, weights=counts))
    scale = np.where(deviation > 0, deviation, 1.0)
    return replace(
        tables,
        known=((tables.known - mean) / scale).astype(np.float32),
        rows=((tables.rows - mean) / scale).astype(np.float32),
    )


def tables_of(
    own: NDArray[np.float32],
    rows: NDArray[np.float32],
    subwords: Subwords,
    row_of_subword: NDArray[np.int32],
) -> Tables:
    """Return the arrays of vectors.

    Args:
        own: Each word's row, `[V, width]`.
        rows: Those of n-grams, `[R, width]`.
        subwords: The n-grams of the words.
        row_of_subword: The row of each.
    """
    hashes, first = np.unique(subwords.hashes, return_index=True)
    return Tables(
        known=_known(own, rows, row_of_subword, subwords.ends),
        rows=rows,
        hashes=hashes,
        row_of_hash=row_of_subword[first],
    )


def used_rows(
    hashes: NDArray[np.uint32], buckets: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return which rows of so many are used by n-grams, ascending, and the place of each n-gram's among them."""
    if not len(hashes):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32)
    used, inverse = np.unique(hashes.astype(np.int64) % buckets, return_inverse=True)
    return used, inverse.astype(np.int32)


def _known(
    own: NDArray[np.float32],
    rows: NDArray[np.float32],
    row_of_subword: NDArray[np.int32],
    ends: NDArray[np.intp],
) -> NDArray[np.float32]:
    # The mean of a word's own row and those of its sub-words. The library's `get_word_vector` won't do: it
    # normalises.
    counts = np.diff(ends, prepend=0)
    known: NDArray[np.float32] = own.copy()
    with_subwords = np.flatnonzero(counts)
    for some in np.array_split(with_subwords, len(with_subwords) // _AT_ONCE + 1):
        if len(some):
            begin = ends[some[0]] - counts[some[0]]
            of_words = rows[row_of_subword[begin : ends[some[-1]]]]
            known[some] += np.add.reduceat(of_words, ends[some] - counts[some] - begin, axis=0)
    known /= (1 + counts).astype(np.float32)[:, None]
    return known
