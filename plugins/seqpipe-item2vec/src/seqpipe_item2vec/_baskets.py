"""One basket per line."""

import csv
from collections.abc import Iterator

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Stream, open_lines


class Baskets(Stream):
    """Read a text file with one basket per line; white space around items is dropped, as are empty lines.

    The file is read as it's needed, so it may be larger than memory.

    Args:
        path: The file: a plain path, ``package:NAME/below`` or ``data:below``. One that ends in .gz,
            .bz2 or .xz is decompressed.
        separator: What stands between items: one character.
        quote: What stands around an item that holds the separator, doubled if inside it: one character,
            or None where the file knows no quotes.
        distinct: Whether an item counts once in a basket, where it's first.
        encoding: The file's encoding.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        separator: str = ",",
        quote: str | None = '"',
        distinct: bool = True,
        encoding: str = "utf-8",
    ) -> None:
        if not path:
            raise ConfigError("the reader's path is empty; name a file")
        check_character(separator, "separator")
        if quote is not None:
            check_character(quote, "quote")
        if separator == quote:
            raise ConfigError(f"separator and quote are both {quote!r}; they must differ")
        self._path = path
        self._separator = separator
        self._quote = quote
        self._distinct = distinct
        self._encoding = encoding

    def stream(self) -> Iterator[list[str]]:
        """Yield one basket after another, without those that have no items.

        Raises:
            DataError: The file isn't there, can't be read, or has no items.
        """
        count = 0
        for number, line in enumerate(open_lines(self._path, encoding=self._encoding), start=1):
            items = [item.strip() for item in self._split(line, number)]
            items = [item for item in items if item]
            if items:
                count += 1
                yield list(dict.fromkeys(items)) if self._distinct else items
        if not count:
            raise DataError(f"{self._path}: there are no items in it")

    def _split(self, line: str, number: int) -> list[str]:
        rows = csv.reader(
            [line],
            delimiter=self._separator,
            quotechar=self._quote,
            quoting=csv.QUOTE_MINIMAL if self._quote else csv.QUOTE_NONE,
            skipinitialspace=True,
            strict=True,
        )
        try:
            return next(rows, [])
        except csv.Error as error:
            raise DataError(
                f"{self._path}:{number} can't be split into items: {error}; an item with a quote in "
                "it needs quotes around it, or set quote = null"
            ) from error


def check_character(value: str, what: str) -> None:
    """Refuse what can't separate or quote.

    Raises:
        ConfigError: It isn't one character, or ends a line.
    """
    if len(value) != 1 or value in "\r\n\0":
        raise ConfigError(f"{what} is {value!r}; it should be one character, and no line end")
