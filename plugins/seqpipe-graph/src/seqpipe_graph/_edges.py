"""Edges from text files."""

from collections.abc import Iterator, Sequence
from typing import final

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Stream, open_lines

from seqpipe_graph._paths import Edge

#: How many characters of a line a message shows.
_SHOWN = 60


@final
class Edges(Stream):
    """Read an edge list: on each line two nodes, or one that may have no edges.

    Blank lines are passed over. The file is read as it's needed, never as a whole.

    Args:
        path: The file: a plain path, ``package:NAME/below`` or ``data:below``. One that ends in .gz, .bz2
            or .xz is decompressed.
        separator: What stands between nodes; None means any white space.
        directed: Whether a line leads from its first node to its second. If not, the two are put in the
            order of their names, so that an edge that's there both ways counts as the same one, where
            edges are split too.
        weighted: Whether the third column is the edge's weight. If not, it isn't read.
        comment: What lines begin with that are passed over; empty if none are.
        encoding: The file's encoding.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        separator: str | None = None,
        directed: bool = False,
        weighted: bool = False,
        comment: str = "#",
        encoding: str = "utf-8",
    ) -> None:
        if not path:
            raise ConfigError("the reader's path is empty; name a file")
        if separator == "":
            raise ConfigError("separator is empty; leave it out for white space")
        self._path = path
        self._separator = separator
        self._directed = directed
        self._weighted = weighted
        self._comment = comment
        self._encoding = encoding

    def stream(self) -> Iterator[Sequence[str]]:
        """Yield the edges as tuples of two nodes, or of one; an `Edge` where they're weighted.

        Raises:
            DataError: The file isn't there, can't be read or holds no edge; or a line isn't one.
        """
        empty = True
        for number, line in enumerate(open_lines(self._path, encoding=self._encoding), start=1):
            text = line.strip()
            if not text or (self._comment and text.startswith(self._comment)):
                continue
            empty = False
            yield self._edge(line, number)
        if empty:
            raise DataError(f"{self._path} holds no edges")

    def _edge(self, line: str, number: int) -> Sequence[str]:
        cells = [cell.strip() for cell in line.split(self._separator)]
        nodes = cells[:2]
        if not all(nodes):
            raise self._problem(line, number, "it should name two nodes, or one")
        if not self._directed:
            nodes.sort()
        if not self._weighted or len(nodes) == 1:
            return tuple(nodes)
        try:
            weight = float(cells[2])
        except (IndexError, ValueError):
            raise self._problem(line, number, "its third column should be a weight") from None
        return Edge(nodes, weight)

    def _problem(self, line: str, number: int, what: str) -> DataError:
        shown = line[:_SHOWN].encode("utf-8", "backslashreplace").decode()
        return DataError(
            f"{self._path}:{number}: {what}, and the line is {shown!r}; "
            f"`separator` is {self._separator!r}"
        )
