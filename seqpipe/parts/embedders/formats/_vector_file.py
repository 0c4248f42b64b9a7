"""Files of vectors, in any of the formats."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.formats._bytes import Bytes, load
from seqpipe.parts.embedders.formats._detect import detect_format
from seqpipe.parts.embedders.formats._floret import FloretTable, floret_width, read_floret
from seqpipe.parts.embedders.formats._numpy import open_table, read_numpy
from seqpipe.parts.embedders.formats._open import Source, reading, unpacked
from seqpipe.parts.embedders.formats._options import Format, Options
from seqpipe.parts.embedders.formats._saved import SavedEmbedder
from seqpipe.parts.embedders.formats._spacy import read_spacy, spacy_width
from seqpipe.parts.embedders.formats._text import (
    first_line,
    glove_width,
    read_glove,
    read_sizes,
    read_word2vec_text,
)
from seqpipe.parts.embedders.formats._word2vec import read_word2vec_binary
from seqpipe.parts.embedders.formats._words import WordTable
from seqpipe.parts.embedders.formats.fasttext import FastTextModel, read_fasttext
from seqpipe.parts.embedders.formats.fasttext._args import read_args

#: What bytes become that aren't of the encoding.
_ESCAPED: Final = re.compile("[\udc80-\udcff]")

#: What a file of vectors holds.
VectorFile: TypeAlias = WordTable | FastTextModel | FloretTable | SavedEmbedder

_READERS: Final[dict[Format, Callable[[Path, Options], VectorFile]]] = {
    "floret": read_floret,
    "glove": read_glove,
    "numpy": read_numpy,
    "spacy": read_spacy,
    "word2vec": read_word2vec_text,
    "word2vec-binary": read_word2vec_binary,
    "fasttext": lambda path, options: _read_fasttext(path, options),
}


def read_vectors(path: Path, options: Options | None = None) -> VectorFile:
    """Read a file of vectors, or a folder of spaCy's.

    It may be compressed by gzip, bzip2 or xz.

    Args:
        path: The file or folder.
        options: How to read it.

    Returns:
        Words and their vectors; a `FastTextModel` for a file of the fastText library, a `FloretTable` for one
        of floret's, and a `SavedEmbedder` for a pipeline of ours.

    Raises:
        SavedModelError: It's in no format that's known, can't be read, or is damaged; the message says where.
        ConfigError: The options don't fit the file.
    """
    options = options or Options()
    return _READERS[options.format or detect_format(path)](path, options)


def read_width(path: Path, format: Format | None = None) -> int:
    """Return the width of a file's vectors, from its beginning.

    Raises:
        SavedModelError: As `read_vectors`, as far as the beginning shows.
    """
    format = format or detect_format(path)
    if format == "spacy":
        return spacy_width(path)
    if format == "floret":
        return floret_width(path)
    if format in ("fasttext", "numpy"):
        with unpacked(path) as file:
            if format == "numpy":
                return int(open_table(file, str(path)).shape[1])
            return read_args(Bytes(load(file, mapped=True), str(path))).width
    with reading(path), Source(path) as source:
        line = first_line(source)
    sizes = read_sizes(line)
    return glove_width(line, str(path)) if format == "glove" or sizes is None else sizes[1]


def _read_fasttext(path: Path, options: Options) -> FastTextModel:
    with unpacked(path) as file:
        model = read_fasttext(file, encoding=options.encoding, name=str(path))
    kept = _decodable(model, path, options)
    if options.most_words is not None:
        kept = kept[: options.most_words]
    return model if len(kept) == len(model.words) else model.with_words(kept)


def _decodable(model: FastTextModel, path: Path, options: Options) -> NDArray[np.intp]:
    escaped = [_ESCAPED.search(word) is not None for word in model.words]
    if any(escaped) and options.undecodable != "skip":
        number = escaped.index(True)
        raise SavedModelError(
            f"{path}, word {number + 1}: {model.encoded(model.words[number])[:40]!r} isn't {options.encoding}: "
            "name the file's `encoding`, or leave such words out by `undecodable = \"skip\"`. They can't be "
            "mended, as a word's vector comes from its bytes"
        )
    return np.flatnonzero(~np.array(escaped, dtype=bool))
