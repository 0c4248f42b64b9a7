"""How the time for a text grows with the text's length."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from seqpipe.testing._check import BrokenError

#: In small steps at first: of exponential growth, the first text that takes long is waited for.
_SIZES: Final = (16, 18, 20, 22, 24, 26, 28, 30, 32, *(2**n for n in range(6, 19)))

#: A time is compared with those of texts that are up to so many times shorter.
_REACH: Final = 32

#: How much longer than there it may take per character; squares grow by `_REACH`.
_MOST: Final = 8.0

#: Less can't be told from noise.
_LEAST_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Growth:
    """Texts of one kind in any length.

    Attributes:
        name: What they are.
        piece: What's repeated.
    """

    name: str
    piece: str

    def text(self, size: int) -> str:
        """Return a text of that many characters."""
        return (self.piece * (size // len(self.piece) + 1))[:size]


def measure(tokenize: Callable[[str], object], growth: Growth) -> float:
    """Return how many characters a second a tokenizer reads, of longer and longer texts.

    Time is what the process computed, so that others on the machine don't count.

    Raises:
        BrokenError: A text takes many times as long per character as a shorter one did.
    """
    found: dict[int, float] = {}
    for size in _SIZES:
        text = growth.text(size)
        each = _seconds(tokenize, text) / size
        shorter = {n: found[n] for n in found if n * _REACH >= size}
        if _is_slower(each, size, shorter):
            # Once more: something else may have come between.
            each = _seconds(tokenize, text, repeats=3) / size
        if _is_slower(each, size, shorter):
            best = min(shorter, key=shorter.__getitem__)
            raise BrokenError(
                f"{growth.name}: {size:,} characters take {each * size:.2g} s, "
                f"{each / shorter[best]:.0f} times as long per character as {best} do"
            )
        found[size] = each
    return 1 / found[_SIZES[-1]]


def _is_slower(each: float, size: int, shorter: dict[int, float]) -> bool:
    return each * size > _LEAST_SECONDS and each > _MOST * min(shorter.values(), default=each)


def _seconds(tokenize: Callable[[str], object], text: str, repeats: int = 2) -> float:
    """Return the least of some times; the garbage of one call isn't collected in the next."""
    found = []
    for _ in range(repeats):
        gc.collect(0)
        start = time.process_time()
        tokenize(text)
        found.append(time.process_time() - start)
    return max(min(found), 1e-9)
