"""What's wrong with a row or a file, before it's known where that stands."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

#: Half of a pair, standing alone: no character, so UTF-8 has no way to write it.
SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


class ProblemError(Exception):
    """A row or file that can't be used, in words; it never leaves this package.

    Args:
        message: What's wrong.
        by_setting: Whether a setting that the message names would mend it.
    """

    def __init__(self, message: str, *, by_setting: bool = False) -> None:
        super().__init__(message)
        self.by_setting = by_setting


def printable(text: str) -> str:
    r"""Return `text` so that it can be written as UTF-8: a lone surrogate becomes ``\udcff``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def listed(names: Iterable[str], *, limit: int = 20) -> str:
    """Return the names in quotes, with commas between; past `limit`, only how many more."""
    quoted = [f'"{printable(name)}"' for name in names]
    more = [f"{len(quoted) - limit} more"] if len(quoted) > limit else []
    return ", ".join(quoted[:limit] + more)


def missing(name: str, there: Iterable[str], *, what: str) -> str:
    """Say that `name` isn't among the names there are, and which of them comes nearest."""
    names = list(there)
    by_folded = {candidate.casefold(): candidate for candidate in names}
    near = get_close_matches(name.casefold(), by_folded, n=1)
    hint = f'; did you mean "{printable(by_folded[near[0]])}"?' if near else ""
    return f'there is no {what} "{name}", only {listed(names) or "none"}{hint}'
