"""The input of a score of an embedding."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from seqpipe.parts.embedders import Embedder

#: Sequences that can be iterated as often as needed: each call begins anew.
Sequences: TypeAlias = Callable[[], Iterable[Sequence[str]]]


def no_sequences() -> Iterable[Sequence[str]]:
    """Return nothing: what an embedding was fitted on, where that isn't at hand."""
    return ()


@dataclass(frozen=True)
class Fitted:
    """A fitted embedder, and the data around it.

    Attributes:
        embedder: Gives the vectors.
        train: The sequences that it was fitted on; none for an embedding that was loaded.
        test: Sequences that were held out; there may be none.
        seed: For scores that draw something.
    """

    embedder: Embedder
    train: Sequences = no_sequences
    test: Sequences = no_sequences
    seed: int = 0


#: Scores a fitted embedder: plain data, which goes into report.json as it is.
EmbeddingScore: TypeAlias = Callable[[Fitted], Mapping[str, Any]]
