"""The units of a language model, characters or words, and their numbers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from seqpipe.errors import DataError

#: What stands between two texts: a model begins with it, and predicts it where a text ends.
END: Final = 0
#: What stands for every unit that isn't known.
UNKNOWN: Final = 1
_SPECIAL: Final = 2


class Vocabulary:
    """Numbers the units: first the end of a text and the unknown unit, then all others.

    Args:
        units: The known units, the most frequent first, which adaptive softmax relies on.
    """

    def __init__(self, units: Sequence[str]) -> None:
        self.units = tuple(units)
        self._numbers = {unit: i for i, unit in enumerate(self.units, _SPECIAL)}

    def __len__(self) -> int:
        return len(self.units) + _SPECIAL

    @classmethod
    def of(
        cls, texts: Iterable[Sequence[str]], *, min_count: int, most: int | None
    ) -> "Vocabulary":
        """Count the units of texts.

        Args:
            texts: The units of each text.
            min_count: How often a unit has to occur to be known. If all are rarer than that, all are known.
            most: How many units are known at most, the most frequent ones; None for no limit.

        Raises:
            DataError: The texts have no two different units, so there's nothing to predict.
        """
        counts = Counter(unit for text in texts for unit in text)
        if len(counts) < 2:
            found = f"only {next(iter(counts))!r}, over and over" if counts else "nothing at all"
            raise DataError(
                f"a language model can't be trained on a train part that holds {found}; add texts, or give "
                "`train` a larger share in `split`"
            )
        # Equally frequent ones in an order that doesn't depend on that of the texts.
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        known = [unit for unit, count in ranked if count >= min_count] or [u for u, _ in ranked]
        return cls(known[:most])

    def encode(self, units: Iterable[str]) -> list[int]:
        """Return the numbers of units."""
        numbers = self._numbers
        return [numbers.get(unit, UNKNOWN) for unit in units]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Return the units of numbers, of which none may be special."""
        return [self.units[number - _SPECIAL] for number in numbers]
