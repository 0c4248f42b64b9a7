"""The text file that the library trains on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqpipe.errors import EmbedderError
from seqpipe.parts._fasttext import is_written_as_it_is, written


@dataclass(frozen=True)
class Corpus:
    """What was written.

    Attributes:
        words: The words that are frequent enough, most frequent first, equal ones by first occurrence.
        counts: How often each of them occurs.
        tokens: All words of the file and the ends of its lines, which the library counts as words.
        known_tokens: The part of `tokens` that's frequent enough: what a pass over the file trains.
        size: The file's size in bytes.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    tokens: int
    known_tokens: int
    size: int


def write_corpus(
    sequences: Iterable[Sequence[str]], path: Path, *, lower: bool, min_count: int
) -> Corpus:
    """Write sequences into a file, one a line; words that can't be written are left out.

    A line may be of any length: where the library cuts it, after 1025 words, it goes on with the rest
    as with a line of its own, so nothing is lost but the contexts across the cut.

    Args:
        sequences: The words of one document after another; empty ones are left out.
        path: Where to write.
        lower: Whether to lower-case the words first.
        min_count: How often a word must occur to be trained.

    Raises:
        EmbedderError: A sequence is a text rather than words, or too few words are frequent enough.
    """
    forms = _Forms(lower=lower)
    seen: Counter[str] = Counter()
    lines = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in _lines(sequences, seen, forms):
            file.write(line)
            lines += 1
    counts = _counts(seen, forms)
    kept = [(word, count) for word, count in counts.most_common() if count >= min_count]
    _check(len(kept), counts, lines=lines, min_count=min_count)
    return Corpus(
        words=tuple(word for word, _ in kept),
        counts=tuple(count for _, count in kept),
        tokens=counts.total() + lines,
        known_tokens=sum(count for _, count in kept) + (lines if lines >= min_count else 0),
        size=path.stat().st_size,
    )


def _lines(
    sequences: Iterable[Sequence[str]], seen: Counter[str], forms: "_Forms"
) -> Iterator[str]:
    for number, sequence in enumerate(sequences, start=1):
        if isinstance(sequence, str):
            raise EmbedderError(
                f"sequence {number} is a text, {sequence[:40]!r}, where words are needed: "
                "split it by a tokenizer first"
            )
        seen.update(sequence)
        if line := _line(sequence, forms):
            yield line + "\n"


def _line(sequence: Sequence[str], forms: "_Forms") -> str:
    # A corpus has many millions of words: what can be done for a line as a whole is done so.
    line = " ".join(sequence)
    if forms.lower:
        line = line.lower()
    if is_written_as_it_is(line, len(sequence)):
        return line
    return " ".join(filter(None, map(forms.__getitem__, sequence)))


def _counts(seen: Counter[str], forms: "_Forms") -> Counter[str]:
    """Return how often each word occurs that can be written, lower-cased if that's so."""
    counts: Counter[str] = Counter()
    for word, count in seen.items():
        if forms[word] is not None:
            counts[word.lower() if forms.lower else word] += count
    return counts


class _Forms(dict[str, str | None]):
    """How each word is written, found once; None for one that can't be."""

    def __init__(self, *, lower: bool) -> None:
        super().__init__()
        self.lower = lower

    def __missing__(self, word: str) -> str | None:
        form = self[word] = written(word.lower() if self.lower else word)
        return form


def _check(kept: int, counts: Counter[str], *, lines: int, min_count: int) -> None:
    if not counts:
        raise EmbedderError("there's nothing to fit the embedder on: the sequences hold no words")
    # With a single word the library looks for another one, as a negative example, for ever.
    if kept < 2:
        raise EmbedderError(
            f"{kept} of the {len(counts)} words in {lines} sequences occur {min_count} times or more, "
            "and an embedder needs at least 2: give it more texts, or a smaller `min_count`"
        )
