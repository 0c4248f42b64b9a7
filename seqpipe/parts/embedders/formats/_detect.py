"""Tells a file's format by what's in it."""

import codecs
import struct
from pathlib import Path
from typing import Final

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.formats._floret import is_floret
from seqpipe.parts.embedders.formats._numbers import BLANKS
from seqpipe.parts.embedders.formats._open import Source, reading, wide_encoding
from seqpipe.parts.embedders.formats._options import Format
from seqpipe.parts.embedders.formats._saved import find_saved
from seqpipe.parts.embedders.formats._spacy import find_spacy, no_vectors
from seqpipe.parts.embedders.formats._text import (
    count_numbers,
    glove_width,
    is_text,
    read_sizes,
)
from seqpipe.parts.embedders.formats.fasttext._args import FIELDS, KINDS, LOSSES, MAGIC

_BEGINNING: Final = 1 << 16

#: What's sure not to be vectors, and what to do about it.
_OTHERS: Final = {
    **dict.fromkeys(
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "a pickle, as gensim's own `save` writes it, which may hold code: load it in gensim, and "
        "write it by `save_word2vec_format` or `save_facebook_model`",
    ),
    b"PK\x03\x04": "an archive: unpack it first",
}


def detect_format(path: Path) -> Format:
    """Return the format of a file or folder.

    Raises:
        SavedModelError: It's none that's known, or can't be read.
    """
    if path.is_dir():
        if find_saved(path) is None and find_spacy(path) is None:
            raise SavedModelError(no_vectors(path))
        return "spacy"
    with reading(path), Source(path) as source:
        beginning = source.file.read(_BEGINNING)
    for magic, what in _OTHERS.items():
        if beginning.startswith(magic):
            raise SavedModelError(f"{path} is {what}")
    return _binary(beginning) or _text(path, beginning)


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


def _text(path: Path, beginning: bytes) -> Format:
    """Return the format of a file that's none of the binary ones, so that only sizes may stand before numbers."""
    if not beginning.strip():
        raise SavedModelError(f"{path} is empty")
    if encoding := wide_encoding(beginning):
        raise SavedModelError(f"{path} is text in {encoding}: save it as UTF-8")
    line, is_line, rest = beginning.removeprefix(codecs.BOM_UTF8).partition(b"\n")
    line = line.rstrip(BLANKS)
    if is_floret(line):
        return "floret"
    if (sizes := read_sizes(line)) is not None:
        return "word2vec" if is_text(rest, sizes[1]) else "word2vec-binary"
    is_cut = not is_line and len(beginning) == _BEGINNING
    if b"\0" not in line and count_numbers(line.rpartition(b" ")[0] if is_cut else line):
        return "glove"
    if beginning.lstrip()[:1] in (b"{", b"["):
        raise SavedModelError(f"{path} is JSON, and no file of vectors")
    if b"\0" not in beginning:
        glove_width(line, str(path))
    raise SavedModelError(
        f"{path} is in none of the formats that are known by their content: name its `format` if it's one"
    )
