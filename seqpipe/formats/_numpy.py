"""A table of numpy's, with its words in a file beside it: a line each, or a column of a Parquet file."""

import codecs
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.formats._numbers import BLANKS
from seqpipe.formats._open import Source, reading, unpacked, wide_encoding
from seqpipe.formats._text import count_numbers
from seqpipe.formats._words import Options, WordTable, decode_words, make_table

_HEADERS: Final = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_numpy(path: Path, options: Options) -> WordTable:
    """Read a `.npy` file whose words are those of `options.vocabulary`, a line each.

    Raises:
        SavedModelError: A file can't be read, the table isn't one of numbers, or there are
            other numbers of rows and words.
        ConfigError: No file has its words; see `find_words`.
    """
    vocabulary = find_words(path, options)
    is_parquet = _is_parquet(vocabulary)
    with unpacked(path) as file:
        table = open_table(file, str(path))
        raw = _read_parquet(vocabulary) if is_parquet else _read_lines(vocabulary, len(table))
        if len(table) != len(raw):
            raise SavedModelError(
                f"{path} has {len(table)} rows, and {vocabulary} {len(raw)} words"
            )
        count = min(len(raw), options.most_words or len(raw))
        vectors = as_vectors(table[:count], str(path))
    if is_parquet:
        options = replace(options, encoding="utf-8")
    words = decode_words(raw[:count], options, place=f"{vocabulary}, word")
    return make_table(words, vectors, str(path))


def find_words(path: Path, options: Options) -> Path:
    """Return the file with the words of a table: `options.vocabulary`, or what stands beside the table.

    That's ``vectors.words.txt`` beside ``vectors.npy``, as seqpipe writes it, or else the only Parquet file of
    the folder.

    Raises:
        ConfigError: There's none.
        SavedModelError: It's a Parquet file, and pyarrow isn't installed.
    """
    tables = sorted(path.parent.glob("*.parquet"))
    beside = [each for each in (path.with_suffix(".words.txt"),) if each.is_file()]
    found = options.vocabulary or next(iter(beside or (tables if len(tables) == 1 else ())), None)
    if found is None:
        raise ConfigError(
            f"{path} holds numbers only: name the file of its words, one a line, by `vocabulary_path`"
        )
    if _is_parquet(found) and find_spec("pyarrow") is None:
        raise SavedModelError(
            f"{found} is a Parquet file, and pyarrow, which reads these, isn't installed; "
            'try: pip install pyarrow, which "seqpipe[glove]" brings along'
        )
    return found


def _is_parquet(path: Path) -> bool:
    with reading(path), path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _read_parquet(path: Path) -> list[bytes]:
    """Return the words of a Parquet file, which are its only column of strings.

    Raises:
        SavedModelError: It can't be read, has no such column or several, or a row without a word.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
        kinds = (pyarrow.string(), pyarrow.large_string())
        columns = [field.name for field in schema if field.type in kinds]
        if len(columns) != 1:
            raise SavedModelError(
                f"{path} has {len(columns)} columns of strings, and should have one, the words"
            )
        column = parquet.read_table(path, columns=columns).column(0)
        words: list[bytes] = column.cast(pyarrow.large_binary()).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    if column.null_count:
        raise SavedModelError(f"{path} is damaged: row {words.index(None)} has no word")  # type: ignore[arg-type]
    return words


def _read_lines(path: Path, count: int) -> list[bytes]:
    """Return the lines of a list of words; more of them than `count` may be blank at the end.

    Raises:
        SavedModelError: It can't be read, or is a table of words and something else.
    """
    with reading(path), Source(path) as source:
        data = source.file.read()
    if encoding := wide_encoding(data[:4]):
        raise SavedModelError(f"{path} is text in {encoding}: save it as UTF-8")
    lines = [_without_end(line) for line in data.removeprefix(codecs.BOM_UTF8).split(b"\n")]
    if not lines[-1]:
        lines.pop()
    while len(lines) > count and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if b"\t" in line.strip():
            raise SavedModelError(f"{path}:{number}: a tab stands in it, and it should be one word")
    numbers = {count_numbers(line) for line in lines}
    # With one number, they may be names, such as Windows 7 and Windows 8.
    if len(lines) > 1 and len(numbers) == 1 and min(numbers) > 1:
        raise SavedModelError(
            f"{path} has {min(numbers)} numbers behind each word: leave the words alone, one a line"
        )
    return lines


def _without_end(line: bytes) -> bytes:
    """Return a line without blanks at its end; blanks alone are a word."""
    line = line.rstrip(b"\r")
    return line.rstrip(BLANKS) or line


def open_table(path: Path, name: str) -> NDArray[Any]:
    """Map the table of a `.npy` file, `[V, width]`.

    Args:
        path: The file.
        name: What errors call it.

    Raises:
        SavedModelError: It can't be read, isn't a table of floating-point numbers, or isn't as long as it says.
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            shape, by_columns, kind = _HEADERS[version](file)
            offset = file.tell()
    # What's in the header is taken for Python's literals, which can go wrong in many ways.
    except Exception as error:
        raise SavedModelError(
            f"{name} isn't a file of numpy's, or its header is damaged: {error}"
        ) from error
    if len(shape) != 2 or kind.kind != "f" or not all(shape):
        raise SavedModelError(
            f"{name} holds {kind} {list(shape)}, and should hold a table of floating-point numbers"
        )
    size = path.stat().st_size - offset
    if shape[0] * shape[1] * kind.itemsize != size:
        raise SavedModelError(
            f"{name} is damaged: its header says {list(shape)} of {kind}, and {size} bytes follow"
        )
    order: Literal["C", "F"] = "F" if by_columns else "C"
    table: NDArray[Any] = np.memmap(path, kind, "r", offset, shape, order)
    return table


def as_vectors(table: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Return a table as vectors.

    Raises:
        SavedModelError: A number isn't finite, in single precision.
    """
    with np.errstate(over="ignore"):
        vectors = np.array(table, dtype=np.float32, order="C")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise SavedModelError(f"{name} is damaged: row {int(finite.argmin())} isn't finite")
    return vectors
