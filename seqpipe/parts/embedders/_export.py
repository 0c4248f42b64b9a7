"""Vectors of embedders as files that other programs read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe import storage
from seqpipe.errors import DataError
from seqpipe.formats import Dense, FastTextArgs, FastTextModel, write_fasttext
from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.embedders.fasttext._embedders import TrainedEmbedder
from seqpipe.parts.embedders.fasttext._vectors import Shape, Tables, WordVectors
from seqpipe.parts.embedders.pretrained import Pretrained
from seqpipe.parts.fasttext import written

_WHITE: Final = re.compile(r"\s+")

#: Halves of pairs, which UTF-8 can't write.
_SURROGATES: Final = re.compile("[\ud800-\udfff]")

#: How many words show what an embedder does with those that it doesn't know.
_PROBED: Final = 20

#: The formats of files that any embedder can be written in.
ExportFormat: TypeAlias = Literal["word2vec", "word2vec-binary", "fasttext", "glove", "numpy"]


def export_fasttext(embedder: TrainedEmbedder, path: str | Path) -> None:
    """Write a fitted embedder as a `.bin` file of the fastText library's.

    Known words have the same vectors there. Those of unknown words are shorter, and differ a bit in
    direction: the library counts sub-words too that no known word has, whose rows are zero here, or
    another one's. What the file can't know: how often words occurred, so their ranks stand in; the rows
    that predict contexts, which are zero, so that training can't go on from it; whether words were
    lower-cased, so where they were, look up lower-cased ones; and how the vectors were trained, so it
    says by skip-gram with negative sampling.

    Args:
        embedder: What to write.
        path: Where to; by custom it ends in `.bin`.

    Raises:
        EmbedderError: The embedder hasn't been fitted.
        SavedModelError: The file can't be written.
    """
    write_fasttext(_model(embedder._fitted()), path)


def _model(vectors: WordVectors) -> FastTextModel:
    shape, tables, count = vectors.shape, vectors.tables, len(vectors.words)
    matrix = np.zeros((count + shape.buckets, shape.width), dtype=np.float32)
    if shape.buckets:
        shared = count + tables.hashes.astype(np.int64) % shape.buckets
        matrix[shared] = tables.rows[tables.row_of_hash]
    args = FastTextArgs(
        width=shape.width, min_n=shape.min_n, max_n=shape.max_n, buckets=shape.buckets
    )
    model = FastTextModel(
        args=args,
        words=tuple(_storable(word) for word in vectors.words),
        word_counts=np.arange(count, 0, -1, dtype=np.int64),
        labels=(),
        label_counts=np.zeros(0, dtype=np.int64),
        input=Dense(matrix),
        output=Dense(np.zeros((count, shape.width), dtype=np.float32)),
        tokens=count * (count + 1) // 2,
    )
    _set_own_rows(model, matrix, tables.known)
    return model


def _storable(word: str) -> str:
    # A file's words end in NUL. Other white space can stand in them, though the library reads none from texts.
    return str(written(word)) if "\0" in word else word


def _set_own_rows(
    model: FastTextModel, matrix: NDArray[np.float32], known: NDArray[np.float32]
) -> None:
    """Give each word the row with which the mean over it and its sub-words is the word's vector."""
    for row, word in enumerate(model.words):
        others = model.subword_ids(word)[1:]
        matrix[row] = (1 + len(others)) * known[row] - matrix[others].sum(axis=0)


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        words: How many words, each with its vector.
        notes: What the file doesn't say of the embedder, a sentence each.
    """

    words: int
    notes: tuple[str, ...]


def export_vectors(embedder: Embedder, path: Path, format: ExportFormat) -> Exported:
    """Write the known words of a fitted embedder and their vectors into a file, in the place of one that's there.

    Words are written as UTF-8, numbers with as many digits as their single precision needs. White space in a word
    becomes ``_``, but for fastText. The words of a table of numpy stand in a file beside it, which
    `words_file` names.

    Args:
        embedder: What to write.
        path: The file.
        format: Its format.

    Raises:
        DataError: The embedder lists no words.
        SavedModelError: The file can't be written.
    """
    if not len(embedder.vocabulary):
        raise DataError(
            "there's nothing to export: the embedder has no list of words (as tables of floret's have none)"
        )
    if format == "fasttext":
        return _export_model(embedder, path)
    table = _expressible(embedder)
    words = [word.encode("utf-8") for word in table]
    vectors = embedder.embed(list(table.values())).astype("<f4")
    if format == "numpy":
        storage.write_file(path, lambda file: np.save(file, vectors))
        storage.write_text(words_file(path), "".join(f"{word}\n" for word in table))
    else:
        storage.write_file(path, lambda file: file.writelines(_rows(words, vectors, format)))
    notes = [*_lost(embedder, table), *limits(embedder)]
    return Exported(len(table), tuple(notes))


def words_file(path: Path) -> Path:
    """Return the file with the words of a table of numpy's: ``vectors.words.txt`` beside ``vectors.npy``."""
    return path.with_suffix(".words.txt")


def limits(embedder: Embedder) -> list[str]:
    """Say what a table of words loses of an embedder: how unknown words and capitals are treated."""
    known = set(embedder.vocabulary)
    some = [word for word in embedder.vocabulary if word.strip()][:_PROBED]
    unknown = [word * 2 for word in some if word * 2 not in known]
    notes = _lower_cased(embedder)
    if unknown and embedder.embed(unknown).any():
        notes.insert(0, "unknown words have no vectors there, as sub-words can't be expressed")
    return notes


def _lower_cased(embedder: Embedder) -> list[str]:
    known = set(embedder.vocabulary)
    words = [word for word in embedder.vocabulary[:_PROBED] if word.upper() not in known]
    vectors = embedder.embed(words)
    if not vectors.any() or not np.array_equal(embedder.embed([w.upper() for w in words]), vectors):
        return []
    return ["words must be lower-cased before they're looked up there"]


def _export_model(embedder: Embedder, path: Path) -> Exported:
    trained: object = embedder
    while isinstance(trained, Pretrained) and trained.source is not None:
        trained = trained.source
    # The embedder may know some of its words only.
    listed = embedder.vocabulary
    if isinstance(trained, FastTextModel):
        if len(listed) < len(trained.words):
            ids = [place for word in listed if (place := trained.word_id(word)) >= 0]
            trained = trained.with_words(np.array(ids, dtype=np.intp))
        write_fasttext(trained, path)
        return Exported(len(trained.words), ())
    if isinstance(trained, TrainedEmbedder):
        if len(listed) < len(trained.vocabulary):
            trained = trained.only(listed)
        export_fasttext(trained, path)
        notes = ["unknown words have slightly other vectors there"] if trained.has_subwords else []
        return Exported(len(trained.vocabulary), (*notes, *_lower_cased(embedder)))
    words = [word for word in embedder.vocabulary if word and "\0" not in word]
    shape = Shape(embedder.width, min_n=0, max_n=0, buckets=0, lower=False, library="")
    empty = np.zeros(0, dtype=np.uint32)
    known = embedder.embed(words).astype(np.float32)
    tables = Tables(known, known[:0], empty, empty.astype(np.int32))
    write_fasttext(_model(WordVectors(shape, tuple(words), tables)), path)
    return Exported(len(words), tuple(limits(embedder)))


def _expressible(embedder: Embedder) -> dict[str, str]:
    """Return words as a file can have them, each with the one that it stands for."""
    table: dict[str, str] = {}
    for word in embedder.vocabulary:
        if word.strip() and not _SURROGATES.search(word):
            table.setdefault(_WHITE.sub("_", word), word)
    return table


def _lost(embedder: Embedder, table: Mapping[str, str]) -> Iterator[str]:
    changed = [source for word, source in table.items() if word != source]
    if changed:
        yield f"white space became _ in {len(changed):,} words, such as {changed[0]!r}"
    if lost := len(embedder.vocabulary) - len(table):
        yield f"{lost:,} words are left out, which are white space, no Unicode, or written like another one"


def _rows(
    words: Sequence[bytes], vectors: NDArray[np.float32], format: ExportFormat
) -> Iterator[bytes]:
    if format != "glove":
        yield f"{len(words)} {vectors.shape[1]}\n".encode()
    for word, row in zip(words, vectors, strict=True):
        numbers = row.tobytes() if format == "word2vec-binary" else " ".join(map(str, row)).encode()
        yield word + b" " + numbers + b"\n"
