"""The strings of hashes, which spaCy decodes anew each time that it's asked for one."""

import contextlib
from collections.abc import Callable
from typing import Final

#: As many as `[wide]` remembers words and a predictor lets the vocabulary grow by.
_MOST_STRINGS: Final = 50_000


class Strings:
    """The strings of hashes that were asked for: 50,000 at most, and none in a copy. Threads may share it."""

    def __init__(self) -> None:
        # Added to, or replaced as a whole. Nothing is taken out of it, as another thread may be reading it.
        self._known: dict[int, str] = {}

    def __reduce__(self) -> tuple[type["Strings"], tuple[()]]:
        return Strings, ()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, hashes: list[int], look_up: Callable[[int], str]) -> list[str]:
        """Return the string of each hash.

        Args:
            hashes: The hashes.
            look_up: Returns the string of one that isn't known yet.
        """
        known = self._known
        with contextlib.suppress(KeyError):
            return list(map(known.__getitem__, hashes))
        new = {each: look_up(each) for each in {*hashes} if each not in known}
        if len(known) + len(new) <= _MOST_STRINGS:
            known.update(new)
            return list(map(known.__getitem__, hashes))
        self._known = new if len(new) <= _MOST_STRINGS else {}
        return [new[each] if each in new else known[each] for each in hashes]
