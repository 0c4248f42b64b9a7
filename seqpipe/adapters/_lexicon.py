"""Known words and phrases in texts, as an input of the encoder: lists of names, and words that are written without blanks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc

from seqpipe.adapters._input_shim import InputShim
from seqpipe.adapters._packed import pack, unpacked
from seqpipe.adapters._pairs import text_lengths
from seqpipe.errors import ConfigError, DataError, EmbedderError, SavedModelError
from seqpipe.parts.embedders import Pretrained
from seqpipe.parts.readers import open_lines
from seqpipe.storage.part_files import (
    read_arrays,
    read_json,
    read_words,
    write_arrays,
    write_json,
    write_words,
)

Floats: TypeAlias = NDArray[np.float32]

#: Where a token may stand in a phrase: at its beginning, in the middle, at its end, or alone.
_PLACES: Final = 4
_BEGIN, _MIDDLE, _END, _SINGLE = range(_PLACES)
_VECTORS: Final = "vectors.safetensors"
#: Longer phrases aren't looked for: each token would be compared with all of them.
_LONGEST: Final = 100


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text, lower-cased; white space isn't one.

    Attributes:
        words: The tokens.
        numbers: The place of each among all tokens of the text, white space included.
        is_apart: Whether white space is before each of them.
        count: How many tokens the text has, white space included.
    """

    words: Sequence[str]
    numbers: Sequence[int]
    is_apart: Sequence[bool]
    count: int


class Phrases:
    """Finds phrases in texts, from the beginning of a token to the end of one, whatever their case.

    Any white space between two letters or digits is one blank, and beside other characters it doesn't matter: "St. Gallen" is
    found in "st . gallen", and "therapist" isn't in "the rapist".

    Args:
        phrases: The phrases. Of those that differ by case or white space alone, the first counts.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._numbers: dict[str, int] = {}
        #: The length of the longest phrase that begins with a character.
        self._longest: dict[str, int] = {}
        for number, phrase in enumerate(phrases):
            key = ""
            for word in phrase.lower().split():
                key = _joined(key, word, is_apart=True)
            if 0 < len(key) <= _LONGEST:
                self._numbers.setdefault(key, number)
                self._longest[key[0]] = max(self._longest.get(key[0], 0), len(key))

    def find(self, tokens: Tokens) -> list[tuple[int, int, int]]:
        """Return where phrases stand: the first token, the last one, and the phrase's number."""
        found = []
        words, is_apart = tokens.words, tokens.is_apart
        for start, first in enumerate(words):
            longest = self._longest.get(first[0], 0)
            phrase = ""
            for end in range(start, len(words)):
                phrase = _joined(phrase, words[end], is_apart=is_apart[end])
                if len(phrase) > longest:
                    break
                if phrase in self._numbers:
                    found.append((start, end, self._numbers[phrase]))
        return found


def _joined(phrase: str, word: str, *, is_apart: bool) -> str:
    """Return a phrase with one more word, after a blank if there's white space between two letters or digits."""
    is_blank = is_apart and phrase and phrase[-1].isalnum() and word[0].isalnum()
    return f"{phrase} {word}" if is_blank else phrase + word


def _places(first: int, last: int) -> list[tuple[int, int]]:
    """Return each token of a phrase with where it stands there."""
    if first == last:
        return [(first, _SINGLE)]
    return [(first, _BEGIN), *((token, _MIDDLE) for token in range(first + 1, last)), (last, _END)]


class Gazetteers:
    """Says of each token in which lists' phrases it lies, and where in them: 1 or 0 for each list and place.

    Args:
        lists: The phrases of each list, by its name.
    """

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        # In an order that no configuration changes.
        self.lists = dict(sorted(lists.items()))
        self._phrases = [Phrases(phrases) for phrases in self.lists.values()]

    @property
    def width(self) -> int:
        """The width of a token's vector: for each list whether it begins, lies within, ends or is a phrase of it."""
        return _PLACES * len(self.lists)

    def vectors(self, tokens: Tokens) -> Floats:
        """Return the vectors of all tokens of a text, `[count, width]`; those of white space are zeros."""
        vectors = np.zeros((tokens.count, len(self.lists), _PLACES), dtype=np.float32)
        for number, phrases in enumerate(self._phrases):
            for first, last, _ in phrases.find(tokens):
                for token, place in _places(first, last):
                    vectors[tokens.numbers[token], number, place] = 1
        return vectors.reshape(tokens.count, self.width)

    def to_disk(self, folder: Path) -> None:
        """Write the lists into a folder."""
        write_json(
            folder / "gazetteers.json", {name: list(each) for name, each in self.lists.items()}
        )

    @classmethod
    def from_disk(cls, folder: Path) -> "Gazetteers":
        """Read what `to_disk` wrote.

        Raises:
            SavedModelError: It isn't there, or isn't whole.
        """
        lists = read_json(folder / "gazetteers.json")
        if not isinstance(lists, dict) or not all(map(_are_strings, lists.values())):
            raise SavedModelError("the saved gazetteers of the encoder are damaged")
        return cls(lists)


class SoftLexicon:
    """Gives each token the vectors of the words of a lexicon that it may belong to (Ma et al. 2020, "Simplify the usage of lexicon in Chinese NER").

    Of each token there are four sets of words that stand in its text: those that it begins, lies within, ends, or is. With `e`
    the words' vectors and `z` their weights, the vector of a set S is `4 Σ_{w ∈ S} z(w) e(w) / Z`, where Z is the sum of `z` over
    all four sets; the vectors of the sets stand side by side. The paper's `z` are frequencies in its data. Here they're those of
    Zipf's law, 1 / rank, for words that are given in the order of their frequency.

    Args:
        words: The words, the most frequent first.
        table: Their vectors, `[len(words), width]`.
    """

    def __init__(self, words: Sequence[str], table: Floats) -> None:
        self.words = words
        self.table = table
        self._phrases = Phrases(words)

    @property
    def width(self) -> int:
        """The width of a token's vector: four times that of a word's."""
        width: int = self.table.shape[1]
        return _PLACES * width

    def vectors(self, tokens: Tokens) -> Floats:
        """Return the vectors of all tokens of a text, `[count, width]`; those of white space are zeros."""
        found = [
            (tokens.numbers[token], place, number)
            for first, last, number in self._phrases.find(tokens)
            for token, place in _places(first, last)
        ]
        vectors = np.zeros((tokens.count, _PLACES, self.table.shape[1]), dtype=np.float32)
        rows, places, numbers = np.array(found, dtype=np.int64).reshape(-1, 3).T
        weights = (1 / (1 + numbers)).astype(np.float32)
        totals = np.zeros(tokens.count, dtype=np.float32)
        np.add.at(totals, rows, weights)
        shares = _PLACES * weights / totals[rows]
        np.add.at(vectors, (rows, places), shares[:, None] * self.table[numbers])
        return vectors.reshape(tokens.count, self.width)

    def to_disk(self, folder: Path) -> None:
        """Write words and vectors into a folder."""
        write_words(folder / "words.json", self.words)
        write_arrays(folder / _VECTORS, {"vectors": self.table})

    @classmethod
    def from_disk(cls, folder: Path) -> "SoftLexicon":
        """Read what `to_disk` wrote.

        Raises:
            SavedModelError: It isn't there, or isn't whole.
        """
        words = read_words(folder / "words.json")
        table = read_arrays(folder / _VECTORS).get("vectors", np.zeros(0, dtype=np.float32))
        is_table = table.ndim == 2 and table.dtype == np.float32 and np.isfinite(table).all()
        if not is_table or len(words) != len(table):
            raise SavedModelError("the saved lexicon of the encoder is damaged")
        return cls(words, table)


def _are_strings(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def read_gazetteers(paths: Mapping[str, str]) -> Gazetteers:
    """Return lists of phrases, of which each line of a file is one.

    Raises:
        ConfigError: A file can't be read, or has no phrases.
    """
    lists = {}
    for name, path in paths.items():
        try:
            lines = [line.strip() for line in open_lines(path)]
        except DataError as error:
            raise ConfigError(f"the list {name!r}: {error}", setting="gazetteers") from error
        lists[name] = [line for line in lines if line]
        if not lists[name]:
            raise ConfigError(
                f"the list {name!r}, {path}, has no phrases: each line should be one",
                setting="gazetteers",
            )
    return Gazetteers(lists)


def read_lexicon(path: str, most_words: int) -> SoftLexicon:
    """Return the words of a file of vectors, scaled so that their root mean square is 1.

    Raises:
        ConfigError: The file can't be read.
    """
    embedder = Pretrained(path=path, most_words=most_words)
    try:
        embedder.fit([])
    except EmbedderError as error:
        message = f"`lexicon` names {path}, which has no list of words"
        raise ConfigError(message, setting="lexicon") from error
    except (DataError, SavedModelError) as error:
        raise ConfigError(str(error), setting="lexicon") from error
    words = list(embedder.vocabulary)
    table = np.asarray(embedder.embed(words), dtype=np.float32)
    scale = float(np.square(table, dtype=np.float64).mean()) ** 0.5 if table.size else 0.0
    return SoftLexicon(words, table / np.float32(scale or 1.0))


class LexiconShim(InputShim):
    """Holds the lists and the lexicon of an encoder, saved with it. One that's loaded, or initialised again, keeps its own.

    Args:
        gazetteers: The path of each list of phrases, by its name; read at initialisation.
        lexicon: The path of the lexicon's vectors, likewise; None for none.
        lexicon_words: How many of its words are taken, from the beginning.

    Attributes:
        lexicons: What was read; None before that.
    """

    def __init__(
        self, gazetteers: Mapping[str, str], lexicon: str | None, lexicon_words: int
    ) -> None:
        super().__init__(None)
        self.lexicons: list[Gazetteers | SoftLexicon] | None = None
        self._settings: Final = gazetteers, lexicon, lexicon_words

    @property
    def width(self) -> int:
        """See `InputShim.width`."""
        widths = [each.width for each in self._read()]
        return sum(widths)

    def try_build(self) -> None:
        """See `InputShim.try_build`."""
        if self.lexicons is None:
            gazetteers, lexicon, most = self._settings
            self.lexicons = [
                *([read_gazetteers(gazetteers)] if gazetteers else []),
                *([read_lexicon(lexicon, most)] if lexicon else []),
            ]

    def build(self, docs: Sequence[Doc]) -> None:
        """See `InputShim.build`."""
        self.try_build()

    def vectors(self, docs: Sequence[Doc], *, is_train: bool) -> Floats:
        """See `InputShim.vectors`."""
        lexicons = self._read()
        texts = [tokens for doc in docs for tokens in _texts(doc)]
        found = [
            np.concatenate([each.vectors(text) for each in lexicons], axis=1) for text in texts
        ]
        return np.concatenate([np.zeros((0, self.width), dtype=np.float32), *found])

    def _read(self) -> list[Gazetteers | SoftLexicon]:
        if self.lexicons is None:
            raise SavedModelError(
                "the encoder has no lexicon yet: call `nlp.initialize()`, or load a trained pipeline"
            )
        return self.lexicons

    def copy(self) -> "LexiconShim":
        """Return a shim of its own identity, with the same lists."""
        return LexiconShim(*self._settings).from_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the lists in one piece; nothing before they're read."""
        return b"" if self.lexicons is None else pack(self._to_disk)

    def _to_disk(self, folder: Path) -> None:
        for each in self._read():
            each.to_disk(folder)

    def from_bytes(self, data: bytes) -> "LexiconShim":
        """Read what `to_bytes` returned.

        Raises:
            SavedModelError: It's something else, or what the pipeline's configuration names isn't there.
        """
        self.lexicons = None
        if data:
            gazetteers, lexicon, _ = self._settings
            with unpacked(data, "lexicon of the encoder") as folder:
                _check_files(folder, gazetteers, lexicon)
                found: list[Any] = [
                    *([Gazetteers.from_disk(folder)] if gazetteers else []),
                    *([SoftLexicon.from_disk(folder)] if lexicon else []),
                ]
            names = found[0].lists if gazetteers else {}
            if set(names) != set(gazetteers):
                raise SavedModelError(
                    "the encoder was saved with other lists than `gazetteers` names"
                )
            self.lexicons = found
        return self


def _check_files(folder: Path, gazetteers: Mapping[str, str], lexicon: str | None) -> None:
    """Raise a `SavedModelError` if something else was saved than a configuration names."""
    there = [(folder / name).exists() for name in ("gazetteers.json", _VECTORS)]
    if there != [bool(gazetteers), lexicon is not None]:
        raise SavedModelError(
            "the encoder was saved with other lists than `gazetteers` and `lexicon` name"
        )


def _texts(doc: Doc) -> list[Tokens]:
    """Return the tokens of each text of a doc, one or a pair's."""
    found, first = [], 0
    for length in text_lengths(doc):
        words, numbers, is_apart, after_blank = [], [], [], True
        for number, token in enumerate(doc[first : first + length]):
            if token.is_space:
                after_blank = True
                continue
            words.append(token.lower_)
            numbers.append(number)
            is_apart.append(after_blank)
            after_blank = bool(token.whitespace_)
        found.append(Tokens(words, numbers, is_apart, length))
        first += length
    return found
