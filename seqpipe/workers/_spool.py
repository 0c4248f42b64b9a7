"""Sequences spooled to a file, so that a stream can be iterated again without being in memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqpipe.errors import EmbedderError


@dataclass(frozen=True, eq=False)
class Spool:
    """Sequences that were written into a file: one a line, each word as an integer.

    Attributes:
        path: The file.
        words: The distinct words, by their numbers: in the order in which they occur first.
        counts: How often each of them occurs.
        sequences: How many sequences there are.
    """

    path: Path
    words: tuple[str, ...]
    counts: tuple[int, ...]
    sequences: int

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the sequences from the first on."""
        with self.path.open(encoding="ascii") as file:
            for line in file:
                yield [self.words[int(number)] for number in line.split()]

    @property
    def tokens(self) -> int:
        """How many words the sequences have in all."""
        return sum(self.counts)

    def frequent(self, min_count: int) -> list[int]:
        """Return the numbers of the words that occur often enough, most frequent first.

        Raises:
            EmbedderError: There are fewer than two of them.
        """
        numbers = (n for n, count in enumerate(self.counts) if count >= min_count)
        kept = sorted(numbers, key=lambda n: -self.counts[n])
        if len(kept) < 2:
            raise EmbedderError(
                f"{len(kept)} of the {len(self.words)} words in {self.sequences} sequences occur "
                f"{min_count} times or more, and an embedder needs at least 2: give it more texts, "
                "or a smaller `min_count`"
            )
        return kept


def spool_sequences(
    sequences: Iterable[Sequence[str]], path: Path, *, lower: bool = False
) -> Spool:
    """Write sequences into a file; only their distinct words are kept in memory.

    Args:
        sequences: The words of one document after another; empty ones are left out.
        path: Where to write.
        lower: Whether to lower-case the words first.

    Raises:
        EmbedderError: A sequence is a string rather than words, or there's no word at all.
    """
    numbers: dict[str, int] = {}
    counts: list[int] = []
    lines = 0
    with path.open("w", encoding="ascii", newline="\n") as file:
        for place, sequence in enumerate(sequences, start=1):
            _check(sequence, place)
            line = [numbers.setdefault(w.lower() if lower else w, len(numbers)) for w in sequence]
            counts.extend([0] * (len(numbers) - len(counts)))
            for number in line:
                counts[number] += 1
            if line:
                file.write(" ".join(map(str, line)) + "\n")
                lines += 1
    if not counts:
        raise EmbedderError("there's nothing to fit the embedder on: the sequences hold no words")
    return Spool(path, tuple(numbers), tuple(counts), lines)


def _check(sequence: Sequence[str], place: int) -> None:
    if isinstance(sequence, str):
        raise EmbedderError(
            f"sequence {place} is a string, {sequence[:40]!r}, where words are needed: "
            "split it by a tokenizer first"
        )
