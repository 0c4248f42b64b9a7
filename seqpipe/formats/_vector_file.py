"""Files of vectors, in any of the formats."""

import codecs
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.formats._compression import COMPRESSED_SUFFIXES
from seqpipe.formats._floret import FloretTable, floret_width, is_floret, read_floret
from seqpipe.formats._numbers import BLANKS
from seqpipe.formats._numpy import find_words, open_table, read_numpy
from seqpipe.formats._open import Bytes, Source, load, reading, unpacked, wide_encoding
from seqpipe.formats._saved import SavedEmbedder, find_saved
from seqpipe.formats._spacy import find_spacy, no_vectors, read_spacy, spacy_width
from seqpipe.formats._text import (
    count_numbers,
    first_line,
    glove_width,
    is_text,
    read_glove,
    read_sizes,
    read_word2vec_binary,
    read_word2vec_text,
)
from seqpipe.formats._words import Format, Options, WordTable
from seqpipe.formats.fasttext import FastTextModel, read_fasttext
from seqpipe.formats.fasttext._args import FIELDS, KINDS, LOSSES, MAGIC, read_args

# Detecting a file's format by its content.

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
    values_by_name = dict(zip((name for name, _ in FIELDS), values, strict=True))
    return (
        0 < values_by_name["width"] < 1 << 16
        and 0 < values_by_name["loss"] <= len(LOSSES)
        and 0 < values_by_name["kind"] <= len(KINDS)
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


#: What names of files with vectors end in, without those of compression.
_ENDINGS: Final = (".bin", ".ftz", ".npy", ".txt", ".vec")


def find_vectors(folder: Path, name: str) -> Path:
    """Return the only file of vectors, or folder of a pipeline with some, in or below a folder.

    Files are told by their names (``.vec``, ``.txt``, ``.bin``, ``.ftz``, ``.npy``, compressed or not) and by
    their content, so that a licence isn't taken for one.

    Args:
        folder: Where to look.
        name: What errors call it.

    Raises:
        SavedModelError: There's none, or several.
    """
    found: list[Path] = []
    for place, below, files in os.walk(folder):
        at = Path(place)
        if find_saved(at) or find_spacy(at):
            found.append(at)
            below.clear()
            continue
        below.sort()
        found += [at / file for file in sorted(files) if _holds_vectors(at / file)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SavedModelError(
            f"{name} holds no vectors in a format that's known, neither files ({', '.join(_ENDINGS)}) nor a "
            f"pipeline of spaCy's; looked in {folder} and below"
        )
    names = [each.relative_to(folder).as_posix() for each in found]
    shown = ", ".join(names[:_MOST_SHOWN]) + (", …" if len(names) > _MOST_SHOWN else "")
    raise SavedModelError(
        f"{name} holds {len(names)} files of vectors, {shown}: name one, {name}/{names[0]}"
    )


_MOST_SHOWN: Final = 5


def _holds_vectors(path: Path) -> bool:
    stem = path.with_suffix("") if path.suffix in COMPRESSED_SUFFIXES else path
    if stem.suffix not in _ENDINGS:
        return False
    try:
        detect_format(path)
    except SavedModelError:
        return False
    return True


def check_readable(path: Path, options: Options) -> None:
    """Check what `read_vectors` needs, without reading more than a file's beginning.

    Raises:
        SavedModelError: As `read_vectors`, as far as the beginning shows; or a package isn't installed.
        ConfigError: The options don't fit the file.
    """
    format = options.format or detect_format(path)
    read_width(path, format)
    if format == "numpy":
        find_words(path, options)


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

    It may be compressed by gzip, bzip2, xz or zstd.

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
