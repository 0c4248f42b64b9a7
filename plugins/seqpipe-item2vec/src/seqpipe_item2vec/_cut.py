"""How long a basket may be."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

_Item = TypeVar("_Item")

#: The most items that are looked at as one basket: it has as many pairs as the square of that.
MAX_ITEMS: Final = 1000


def cut(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Yield a basket in pieces that aren't too long; as it is, if it isn't."""
    for start in range(0, len(items), MAX_ITEMS):
        yield items[start : start + MAX_ITEMS]
