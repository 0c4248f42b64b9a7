"""Sequences as numbers in a file, so that a stream can be trained on many times without being in memory."""

import contextlib
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.parts.cooccurrence._pairs import count_words, read_blocks
from seqpipe.parts.cooccurrence._phrases import find_phrases
from seqpipe.parts.phrases import PhraseRule, Phrases

#: Where a sequence ends, among the numbers of words.
END: Final = -1
#: A word that isn't trained, while the file is written.
_LEFT_OUT: Final = -2
_AT_ONCE: Final = 1 << 20
_BYTES: Final = 4


class Tokens(Protocol):
    """Sequences of numbers, each with `END` behind it: what can be trained on, wherever it is."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """How often each number occurs, `[V]`."""

    @property
    def size(self) -> int:
        """How many tokens there are: numbers and ends."""

    @property
    def ends(self) -> NDArray[np.int64]:
        """Where sequences end: the places behind, ascending, int64."""

    def numbers(self, first: int, last: int) -> NDArray[np.int32]:
        """Return the tokens from one place to before another; a training asks for all of them in order, in each epoch."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """What was read: the known words, and where each stands.

    Attributes:
        words: The words that are frequent enough, most frequent first, equal ones by first occurrence, `[V]`.
        counts: How often each occurs, `[V]`, int64.
        read: How many words were read, the rare ones included.
        size: How many numbers the file has: words and ends of sequences.
        ends: Where sequences end in it: the places behind, ascending, int64.
        file: The numbers, int32.
        phrases: Those that were put together.
        absorbed: Words and phrases that would be frequent enough, had they not become parts of phrases.
    """

    words: tuple[str, ...]
    counts: NDArray[np.int64]
    read: int
    size: int
    ends: NDArray[np.int64]
    file: IO[bytes]
    phrases: Phrases = field(default_factory=Phrases)
    absorbed: tuple[str, ...] = ()

    def numbers(self, first: int, last: int) -> NDArray[np.int32]:
        """Return the numbers from one place to before another."""
        self.file.seek(first * _BYTES)
        return np.frombuffer(self.file.read((last - first) * _BYTES), dtype=np.int32)

    def with_words(self, words: Iterable[str]) -> "Corpus":
        """Return the corpus with further known words behind its own, which don't occur in it."""
        known = set(self.words)
        more = tuple(word for word in dict.fromkeys(words) if word not in known)
        counts = np.concatenate([self.counts, np.zeros(len(more), dtype=np.int64)])
        return replace(self, words=self.words + more, counts=counts) if more else self


def read_corpus(
    sequences: Iterable[Sequence[str]],
    file: IO[bytes],
    *,
    min_count: Callable[[int], int],
    form: Callable[[str], str | None] = str,
    rule: PhraseRule | None = None,
) -> Corpus:
    """Write sequences into a file as numbers; only distinct words are kept in memory.

    Args:
        sequences: The words of one document after another.
        file: An empty file, open for reading and writing; it must stay open as long as the corpus is used.
        min_count: Returns how often a word must occur to be known, from the number of words.
        form: Returns what a word counts as, such as its lower-cased form; None for one that's left out.
        rule: What makes a phrase; None for none.

    Raises:
        EmbedderError: A sequence is a text rather than words, or too few words are frequent enough.
    """
    numbers = _Numbers()
    seen, lines = _write_raw(sequences, numbers, file)
    forms, form_of = _forms(numbers, form)
    counts = np.zeros(len(forms), dtype=np.int64)
    known = form_of[:-1] >= 0
    np.add.at(counts, form_of[:-1][known], seen[known])
    read = int(counts.sum())
    least = min_count(read)
    phrases, is_frequent = Phrases(), counts >= least
    if rule is not None and rule.passes:
        _rewrite(file, form_of)
        phrases = find_phrases(file, forms, rule, least=least)
        form_of = np.arange(len(forms) + 1, dtype=np.int32)
        counts = count_words(file, len(forms))
        # Phrases were frequent enough when they were found.
        is_frequent = np.pad(is_frequent, (0, len(forms) - len(is_frequent)), constant_values=True)
    order = np.argsort(-counts, kind="stable")
    kept = order[counts[order] >= least]
    _check(len(kept), len(forms), lines=lines, min_count=least)
    size, ends = _rewrite(file, _final(form_of, kept, len(forms)))
    words = np.array(list(forms), dtype=object)
    return Corpus(
        words=tuple(words[kept].tolist()),
        counts=counts[kept],
        read=read,
        size=size,
        ends=ends,
        file=file,
        phrases=phrases,
        absorbed=tuple(words[is_frequent & (counts < least)].tolist()),
    )


def _forms(
    numbers: Mapping[str, int], form: Callable[[str], str | None]
) -> tuple[dict[str, int], NDArray[np.int32]]:
    """Return the numbers of what words count as, and that of each word, with an end's behind."""
    forms: dict[str, int] = {}
    form_of = np.full(len(numbers) + 1, _LEFT_OUT, dtype=np.int32)
    for word, number in numbers.items():
        if (counted := form(word)) is not None:
            form_of[number] = forms.setdefault(counted, len(forms))
    # The number of an end is -1, which picks the last one.
    form_of[-1] = END
    return forms, form_of


def _final(form_of: NDArray[np.int32], kept: NDArray[np.intp], forms: int) -> NDArray[np.int32]:
    """Return the final number of each word in the file, by its place among those that are kept."""
    rank = np.full(forms, _LEFT_OUT, dtype=np.int32)
    rank[kept] = np.arange(len(kept), dtype=np.int32)
    final = np.full_like(form_of, _LEFT_OUT)
    known = form_of[:-1] >= 0
    final[:-1][known] = rank[form_of[:-1][known]]
    final[-1] = END
    return final


@contextlib.contextmanager
def told_of_disks() -> Iterator[None]:
    """Tell what to do where a temporary file can't be written.

    Raises:
        EmbedderError: In the place of an `OSError`, unless that's about a file with a name.
    """
    try:
        yield
    except OSError as error:
        # The temporary file has no name: it's one of the caller's, whose texts are read meanwhile.
        if error.filename is not None:
            raise
        raise EmbedderError(
            f"the texts can't be kept in a temporary file in {tempfile.gettempdir()}: {error.strerror or error}; make room "
            "there, or name another folder in the environment variable TMPDIR"
        ) from error


def check_words(sequence: object, number: int) -> None:
    """Refuse a text in the place of words.

    Raises:
        EmbedderError: The sequence is a string; the message has its number, from 1.
    """
    if isinstance(sequence, str):
        raise EmbedderError(
            f"sequence {number} is a string, {sequence[:40]!r}, where words are needed: "
            "split it by a tokenizer first"
        )


def read_known(
    sequences: Iterable[Sequence[str]],
    corpus: Corpus,
    file: IO[bytes],
    *,
    form: Callable[[str], str | None] = str,
) -> Corpus:
    """Write further sequences into a file by the numbers of a corpus; words that it doesn't know are left out."""
    numbers = {word: number for number, word in enumerate(corpus.words)}
    ends, size, read = [], 0, 0
    for sequence in sequences:
        forms = [counted for word in sequence if (counted := form(word)) is not None]
        found = [numbers.get(counted, END) for counted in corpus.phrases.join(forms, numbers)]
        known = [number for number in found if number != END]
        file.write(np.array([*known, END], dtype=np.int32).tobytes())
        size += len(known) + 1
        read += len(sequence)
        ends.append(size)
    return replace(corpus, read=read, size=size, ends=np.array(ends, dtype=np.int64), file=file)


class _Numbers(dict[str, int]):
    """Numbers of words by their first occurrence."""

    def __missing__(self, word: str) -> int:
        if not isinstance(word, str):
            raise EmbedderError(
                f"{word!r} is a {type(word).__name__}, where words are needed: make it a string first"
            )
        number = self[word] = len(self)
        return number


def _write_raw(
    sequences: Iterable[Sequence[str]], numbers: _Numbers, file: IO[bytes]
) -> tuple[NDArray[np.int64], int]:
    """Write the numbers of all words; return how often each occurs, and how many sequences there are."""
    counts = np.zeros(0, dtype=np.int64)
    found = array("i")
    lines = 0
    for lines, sequence in enumerate(sequences, start=1):
        check_words(sequence, lines)
        found.extend(map(numbers.__getitem__, sequence))
        found.append(END)
        if len(found) >= _AT_ONCE:
            counts = _flush(found, counts, len(numbers), file)
            found = array("i")
    return _flush(found, counts, len(numbers), file), lines


def _flush(
    found: "array[int]", counts: NDArray[np.int64], words: int, file: IO[bytes]
) -> NDArray[np.int64]:
    values = np.array(found, dtype=np.int32)
    file.write(values.tobytes())
    more = np.bincount(values[values >= 0], minlength=words)
    more[: len(counts)] += counts
    return more


def _rewrite(file: IO[bytes], final: NDArray[np.int32]) -> tuple[int, NDArray[np.int64]]:
    """Write other numbers in the place of those of the file; return how many there are, and where sequences end."""
    ends, size = [], 0
    for values in read_blocks(file):
        kept = final[values]
        kept = kept[kept != _LEFT_OUT]
        # It's never behind what's read next.
        file.seek(size * _BYTES)
        file.write(kept.tobytes())
        ends.append(np.flatnonzero(kept == END) + (size + 1))
        size += len(kept)
    file.truncate(size * _BYTES)
    return size, np.concatenate(ends) if ends else np.zeros(0, dtype=np.int64)


def _check(kept: int, distinct: int, *, lines: int, min_count: int) -> None:
    if not distinct:
        raise EmbedderError(
            f"there's no word in {lines} sequences to fit the embedder on: look at the texts and the tokenizer"
        )
    if kept < 2:
        raise EmbedderError(
            f"{kept} of the {distinct} words in {lines} sequences occur {min_count} times or more, "
            "and an embedder needs at least 2: give it more texts, or a smaller `min_count`"
        )
