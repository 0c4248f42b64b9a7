"""The contract of readers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

#: What a reader does with a row that can't be used: raise, or skip it and say so.
OnBadRow: TypeAlias = Literal["error", "skip"]


class Span(NamedTuple):
    """A labelled piece of a text: ``text[start:end]``, in characters."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Row:
    """One text with what the data says of it.

    Attributes:
        text: The text.
        labels: Its labels; none where words or spans have them instead.
        source: Where it came from: "news/sport/001.txt", "news.csv:17".
        words: Its words, if the data comes in words; None if a tokenizer has to find them.
        spaces: Whether a blank follows each word. As long as `words`, which stand in `text` one behind the other so.
        tags: What's said of each word, by the name of the tags; as long as `words`. None where it isn't known.
        spans: Labelled pieces of the text, such as its entities; None if the data knows of none.
        numbers: Its numbers, if the data has some in the place of labels.
        pair: The second text, where texts come in pairs.
    """

    text: str
    labels: tuple[str, ...]
    source: str
    words: tuple[str, ...] | None = None
    spaces: tuple[bool, ...] | None = None
    tags: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict, hash=False)
    spans: tuple[Span, ...] | None = None
    numbers: tuple[float, ...] = ()
    pair: str | None = None


@dataclass(frozen=True)
class BadRow:
    """A row that was skipped: where it stands and what's wrong with it."""

    source: str
    problem: str


@dataclass(frozen=True)
class ReadResult:
    """The rows of a data set in the order they stand in, and those that were skipped."""

    rows: tuple[Row, ...]
    skipped: tuple[BadRow, ...]


class _Settled:
    """What's equal to another of its class with the same attributes."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), repr(sorted(vars(self).items()))))


class Reader(_Settled, ABC):
    """Reads labelled texts from somewhere.

    Readers of one class with the same attributes are equal, so that what one has read can serve
    for another.
    """

    #: What's done with a row that can't be used, be it that the pipeline's task can't learn it.
    on_bad_row: OnBadRow = "error"

    @abstractmethod
    def read(self) -> ReadResult:
        """Read everything.

        Raises:
            DataError: Nothing is there, or a row is bad and the policy is "error". The message
                names file and line.
        """


class Stream(_Settled, ABC):
    """Reads what an embedder is fitted on: texts, or sequences of items, without labels.

    It may be larger than memory. Streams of one class with the same attributes are equal.
    """

    @abstractmethod
    def stream(self) -> Iterator[str | Sequence[str]]:
        """Yield one document, basket, walk or edge after another, from the first on at each call.

        A string is a text, which the pipeline's tokenizer splits into words; a sequence of strings
        is taken as it stands.

        Raises:
            DataError: Nothing is there, or it can't be read. The message names file and line.
        """
