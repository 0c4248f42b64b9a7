"""What an embedder does as tables: of words, and of parts of words. So other programs can do it too."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ExportError
from seqpipe.parts.embedders._concatenated import Concatenated
from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.embedders.fasttext._embedders import TrainedEmbedder
from seqpipe.parts.embedders.pretrained import Pretrained
from seqpipe.parts.embedders.pretrained._lookup import KnownWords, Trained
from seqpipe.parts.embedders.retrofit import CounterFitted, Retrofitted


@dataclass(frozen=True, eq=False)
class SubwordTable:
    """Vectors of n-grams of characters; an unknown word has the mean of those of its n-grams that are there, or zeros.

    Attributes:
        min_n: The fewest characters of an n-gram, the marks of the word's ends included.
        max_n: The most.
        rows: The vectors, `[R, width]`, float32; several n-grams may share one.
        hashes: The hashes of the n-grams, as `seqpipe.formats.fasttext.hash_subwords` has them, ascending, `[G]`, uint32.
        row_of_hash: For each hash its row, `[G]`, int32.
    """

    min_n: int
    max_n: int
    rows: NDArray[np.float32]
    hashes: NDArray[np.uint32]
    row_of_hash: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class VectorTable:
    """Vectors of words.

    Attributes:
        words: The known words, `[V]`.
        vectors: Theirs, `[V, width]`, float32.
        lower: Whether a word is lower-cased before it's looked up.
        subwords: What unknown words have; None for zeros.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]
    lower: bool
    subwords: SubwordTable | None = None


def vector_tables(embedder: Embedder) -> list[VectorTable]:
    """Return the tables of a fitted embedder; a word's vectors in them, side by side, are what the embedder gives it.

    Raises:
        ExportError: It's one that isn't tables, or isn't known here.
        EmbedderError: It hasn't been fitted.
    """
    if isinstance(embedder, Concatenated):
        each = embedder.embedders.values()
        return [table for embedder in each for table in vector_tables(embedder)]
    if isinstance(embedder, TrainedEmbedder):
        return [_of_trained(embedder)]
    if isinstance(embedder, Pretrained):
        return _of_file(embedder)
    if isinstance(embedder, Retrofitted | CounterFitted):
        return _of_moved(embedder)
    raise _refusal(f"the embedder {type(embedder).__name__}")


def _of_trained(embedder: TrainedEmbedder) -> VectorTable:
    vectors = embedder._fitted()
    shape, tables = vectors.shape, vectors.tables
    subwords = SubwordTable(
        shape.min_n, shape.max_n, tables.rows, tables.hashes, tables.row_of_hash
    )
    has_subwords = shape.max_n > 0 and len(tables.hashes) > 0
    return VectorTable(vectors.words, tables.known, shape.lower, subwords if has_subwords else None)


def _of_file(embedder: Pretrained) -> list[VectorTable]:
    lookup = embedder._read_before()
    if isinstance(lookup, Trained):
        found = vector_tables(lookup.source)
    elif isinstance(lookup, KnownWords):
        found = [VectorTable(lookup.words, lookup.embed(lookup.words), lower=False)]
    else:
        raise _refusal(f"the embedder Pretrained with vectors in the form of {lookup.form}")
    return [replace(table, lower=table.lower or embedder._lower) for table in found]


def _of_moved(embedder: Retrofitted | CounterFitted) -> list[VectorTable]:
    tables = vector_tables(embedder.embedder)
    words: Sequence[str] = embedder.vocabulary
    if len(tables) > 1 or tuple(words) != tables[0].words:
        raise _refusal(f"the embedder {type(embedder).__name__} over several ones")
    return [replace(tables[0], vectors=embedder.embed(words))]


def _refusal(what: str) -> ExportError:
    return ExportError(
        f"{what} can't be exported: FastText, Word2Vec, and Pretrained with a table of words or a pipeline of seqpipe's can, "
        "alone, side by side, or moved by Retrofitted or CounterFitted"
    )
