"""Tells a file's format by what's in it."""

import struct
from pathlib import Path
from typing import Final

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.formats._floret import is_floret
from seqpipe.parts.embedders.formats._open import Source, reading
from seqpipe.parts.embedders.formats._options import Format
from seqpipe.parts.embedders.formats._spacy import find_spacy
from seqpipe.parts.embedders.formats._text import read_sizes, width_of
from seqpipe.parts.embedders.formats.fasttext._args import FIELDS, KINDS, LOSSES, MAGIC

_BEGINNING: Final = 1 << 16

#: What's sure not to be vectors, and what to do about it.
_OTHERS: Final = {
    b"\x80": "a pickle, as gensim's own `save` writes it, which may hold code: load it in gensim, and "
    "write it by `save_word2vec_format` or `save_facebook_model`",
    b"PK\x03\x04": "an archive: unpack it first",
    b"{": "JSON",
    b"[": "JSON",
}


def detect_format(path: Path) -> Format:
    """Return the format of a file or folder.

    Raises:
        SavedModelError: It's none that's known, or can't be read.
    """
    if path.is_dir():
        if find_spacy(path) is None:
            raise SavedModelError(
                f"{path} is a folder without a file vocab/vectors, so no pipeline of spaCy's"
            )
        return "spacy"
    with reading(path), Source(path) as source:
        beginning = source.file.read(_BEGINNING)
    return _binary(beginning) or _text(beginning) or _refuse(path, beginning)


def _binary(beginning: bytes) -> Format | None:
    if beginning.startswith(b"\x93NUMPY"):
        return "numpy"
    if beginning.startswith(struct.pack("<i", MAGIC)) or _is_early_fasttext(beginning):
        return "fasttext"
    return None


def _is_early_fasttext(beginning: bytes) -> bool:
    """Say whether settings of fastText stand at the beginning, without what marks its files now."""
    if len(beginning) < 4 * len(FIELDS):
        return False
    values = struct.unpack_from(f"<{len(FIELDS)}i", beginning)
    numbers = dict(zip((name for name, _ in FIELDS), values, strict=True))
    return (
        0 < numbers["width"] < 1 << 16
        and 0 < numbers["loss"] <= len(LOSSES)
        and 0 < numbers["kind"] <= len(KINDS)
        and all(number >= 0 for number in values)
    )


def _text(beginning: bytes) -> Format | None:
    line, is_line, rest = beginning.partition(b"\n")
    line = line.removesuffix(b"\r")
    if is_floret(line):
        return "floret"
    sizes = read_sizes(line) if is_line else None
    if sizes is not None:
        return "word2vec" if _is_row(rest, sizes[1]) else "word2vec-binary"
    return "glove" if b"\0" not in line and width_of(line) else None


def _is_row(rest: bytes, width: int) -> bool:
    """Say whether a word and numbers as text come next, as far as they've been read."""
    line, is_line, _ = rest.partition(b"\n")
    if is_line:
        return width_of(line.removesuffix(b"\r")) >= min(width, 1)
    # Long lines end beyond what was read, and a file of one word needn't end in a line break.
    return b"\0" not in line and width_of(line.rpartition(b" ")[0]) > 0


def _refuse(path: Path, beginning: bytes) -> Format:
    other = next((what for magic, what in _OTHERS.items() if beginning.startswith(magic)), None)
    raise SavedModelError(
        f"{path} is {other}"
        if other
        else f"{path} is in none of the formats that are known by their content: name its `format` if it's one"
    )
