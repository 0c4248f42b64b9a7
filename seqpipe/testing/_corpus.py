"""What embedders are fitted on."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import Embedder
from seqpipe.testing._check import BrokenError, Factory, NotApplicable, remembered

#: The first occurs in all sequences, the second in all but a few, and so on.
_WORDS: Final = ("the", "cat", "dog", "sat", "ran", "on", "mat", "road", "red", "blue")

#: These occur less often, a few in each sequence.
_MORE: Final = tuple(f"word{number}" for number in range(200))


def _sequence(number: int) -> tuple[str, ...]:
    common = [w for place, w in enumerate(_WORDS) if (number * 7 + place) % 60 >= 3 * place]
    more = [_MORE[(number * 11 + step * step) % len(_MORE)] for step in range(20)]
    return (*common, *more)


SEQUENCES: Final = tuple(_sequence(number) for number in range(120))

#: Words that aren't in it.
UNKNOWN: Final = ("zebra", "", "THE", "catdog")


@remembered
def fitted(factory: Factory) -> Embedder:
    """Return a fitted embedder, for checks that don't change it.

    Raises:
        NotApplicable: Its settings are for more text than there is here.
    """
    embedder: Embedder = factory()
    try:
        embedder.fit(SEQUENCES)
    except EmbedderError as error:
        raise NotApplicable(
            f"it doesn't fit on {len(SEQUENCES)} short sequences ({error}): give it smaller settings by "
            "a functools.partial"
        ) from error
    return embedder


def expect_same(left: Embedder, right: Embedder, words: Iterable[str], when: str) -> None:
    """Raise a `BrokenError` if two embedders have different vectors for a word."""
    for word in words:
        if not np.array_equal(left.embed([word]), right.embed([word]), equal_nan=True):
            raise BrokenError(f"input that shows it: {word!r}\n{when}, its vector is another one")
