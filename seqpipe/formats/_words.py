"""How a file of vectors is to be read, its words as it has them, and the table of their vectors."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, SavedModelError

#: The formats that can be read.
Format: TypeAlias = Literal[
    "fasttext", "floret", "glove", "numpy", "spacy", "word2vec", "word2vec-binary"
]

#: What becomes of a word whose bytes aren't of the file's encoding.
Undecodable: TypeAlias = Literal["refuse", "skip", "replace"]

OnFraction: TypeAlias = Callable[[float], None]


def _ignore(fraction: float) -> None:
    # A function with a name, as options are pickled with the embedder that has them.
    pass


@dataclass(frozen=True)
class Options:
    """How to read a file.

    Attributes:
        format: Its format; None to detect it by the content.
        most_words: How many words to read, from its beginning; None for all.
        encoding: How its words are encoded; it has to have ASCII's characters as ASCII does.
        undecodable: What becomes of a word that can't be decoded: an error, left out, or with
            U+FFFD in place of what's wrong.
        vocabulary: Where the words of a numpy file stand, one a line.
        on_fraction: Receives how much of the file has been read, 0 to 1.

    Raises:
        ConfigError: A value can't be used.
    """

    format: Format | None = None
    most_words: int | None = None
    encoding: str = "utf-8"
    undecodable: Undecodable = "refuse"
    vocabulary: Path | None = None
    on_fraction: OnFraction = _ignore

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in get_args(Format):
            raise _refusal("format", self.format, f"may be {', '.join(get_args(Format))}")
        if self.undecodable not in get_args(Undecodable):
            raise _refusal("undecodable", self.undecodable, "may be refuse, skip or replace")
        if self.most_words is not None and self.most_words < 1:
            raise _refusal("most_words", self.most_words, "must be at least 1")
        check_encoding(self.encoding)


def check_encoding(encoding: str) -> None:
    """Raise a `ConfigError` if there's no encoding of a name, or it can't be used."""
    try:
        usable = "</s> 0.5\n".encode(encoding) == b"</s> 0.5\n"
    except (LookupError, UnicodeError) as error:
        raise _refusal("encoding", encoding, "must be one that Python knows") from error
    if not usable:
        raise _refusal("encoding", encoding, "must have ASCII's characters as ASCII does")


def _refusal(name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(f"`{name}` is {value!r}; it {rule}")


@dataclass(frozen=True, eq=False)
class WordTable:
    """Words and a vector for each.

    Attributes:
        words: In the file's order, each once: `[V]`.
        vectors: `[V, width]`, float32, finite.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]


def decode_words(raw: Sequence[bytes], options: Options, *, place: str) -> list[str | None]:
    """Return words as text, with None for those to be left out.

    Args:
        raw: The words; none holds a line break.
        options: The encoding, and what to do about bytes that aren't of it.
        place: What errors say before the number of a word: "words.vec, word".

    Raises:
        SavedModelError: A word can't be decoded, and that's to be refused.
    """
    if not raw:
        return []
    with contextlib.suppress(UnicodeDecodeError):
        # Splitting one text is three times as fast as decoding many.
        words = b"\n".join(raw).decode(options.encoding).split("\n")
        # In an encoding that goes on over line breaks, such as HZ, words may run together.
        if len(words) == len(raw):
            return list(words)
    return [_decode(word, options, f"{place} {number}") for number, word in enumerate(raw, 1)]


def _decode(word: bytes, options: Options, place: str) -> str | None:
    try:
        return word.decode(options.encoding)
    except UnicodeDecodeError as error:
        if options.undecodable == "replace":
            return word.decode(options.encoding, "replace")
        if options.undecodable == "skip":
            return None
        raise SavedModelError(
            f"{place}: {word[:40]!r} isn't {options.encoding}: name the file's `encoding`, or say by "
            '`undecodable` that such words are to be left out ("skip") or mended ("replace")'
        ) from error


def make_table(words: Sequence[str | None], vectors: NDArray[np.float32], name: str) -> WordTable:
    """Return the table of words that are there, each with the first vector that it has.

    Raises:
        SavedModelError: There are none.
    """
    first: dict[str, int] = {}
    for row, word in enumerate(words):
        if word is not None:
            first.setdefault(word, row)
    if not first:
        raise SavedModelError(f"{name} holds no words")
    if len(first) < len(words):
        vectors = vectors[np.fromiter(first.values(), dtype=np.intp)]
    return WordTable(tuple(first), vectors)
