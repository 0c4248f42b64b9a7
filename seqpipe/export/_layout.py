"""Texts of several lengths as one array with padding, and back, in a graph."""

from dataclasses import dataclass

import numpy as np

from seqpipe.export._graph import Graph


@dataclass(frozen=True)
class Layout:
    """How the flat rows of texts, one text's after another's, are laid out by time: `[T, P]`, P the number of pieces.

    A piece is a text, or what a window has of it. Rows are read from a flat array with a row of zeros below it, which
    stands where a piece has ended.

    Attributes:
        lengths: The length of each piece, `[P]`.
        starts: Its first row, `[P]`.
        inside: Whether a piece has a time step, `[T, P]`.
        steps: The time steps, `[T, 1]`.
        rows: How many flat rows there are, N: the place of the row of zeros, `[1]`.
    """

    lengths: str
    starts: str
    inside: str
    steps: str
    rows: str

    def spread(self, graph: Graph, flat: str, width: int, *, reverse: bool = False) -> str:
        """Add what lays out flat rows `[N, width]` by time: `[T, P, width]`; in reverse, a piece's last row is first."""
        zeros = graph.constant(np.zeros((1, width)))
        padded = graph.add("Concat", flat, zeros, axis=0)
        rows = graph.add("Add", self._places(graph, reverse), self.starts)
        rows = graph.add("Where", self.inside, rows, self.rows)
        return graph.add("Gather", padded, rows, axis=0)

    def gather(self, graph: Graph, spread: str, width: int, *, reverse: bool = False) -> str:
        """Add what takes the flat rows, `[N, width]`, from values by time, `[T, P, width]`."""
        count = graph.add("Shape", self.lengths)
        numbers = graph.add(
            "Range",
            graph.constant(0, np.int64),
            graph.add("Squeeze", count),
            graph.constant(1, np.int64),
        )
        places = graph.add("Mul", self._places(graph, reverse), count)
        places = graph.add("Add", places, numbers)
        # Piece by piece, so that they're in the order of the flat rows.
        places, inside = (
            graph.add("Reshape", graph.add("Transpose", each, perm=[1, 0]), graph.integers(-1))
            for each in (places, self.inside)
        )
        rows = graph.add("Compress", places, inside, axis=0)
        flat = graph.add("Reshape", spread, graph.integers(-1, width))
        return graph.add("Gather", flat, rows, axis=0)

    def _places(self, graph: Graph, reverse: bool) -> str:
        """Return which row of its piece each time step reads; anything where the piece has ended."""
        if not reverse:
            # As wide as there are pieces.
            return graph.add("Add", self.steps, graph.add("Sub", self.lengths, self.lengths))
        last = graph.add("Sub", self.lengths, graph.integers(1))
        return graph.add("Sub", last, self.steps)


def lay_out(graph: Graph, vectors: str, lengths: str, window: int | None = None) -> Layout:
    """Add the layout of texts.

    Args:
        graph: The graph.
        vectors: Flat rows, `[N, D]`.
        lengths: How many of them each text has, `[B]`.
        window: The length of the pieces that texts fall into; None for whole texts.
    """
    rows = graph.add("Shape", vectors, start=0, end=1)
    starts = graph.add("CumSum", lengths, graph.constant(0, np.int64), exclusive=1)
    # A loop needs one step at least.
    known = graph.add("Concat", lengths, graph.integers(1), axis=0)
    longest = graph.add("ReduceMax", known, keepdims=0)
    if window is not None:
        lengths, starts = _cut(graph, lengths, starts, longest, window)
        longest = graph.add("Min", longest, graph.constant(window, np.int64))
    steps = graph.add("Range", graph.constant(0, np.int64), longest, graph.constant(1, np.int64))
    steps = graph.add("Unsqueeze", steps, graph.integers(1))
    return Layout(lengths, starts, graph.add("Less", steps, lengths), steps, rows)


def _cut(graph: Graph, lengths: str, starts: str, longest: str, window: int) -> tuple[str, str]:
    """Return the lengths and the first rows of the pieces of texts, as many for each text; some may be empty."""
    pieces = graph.add(
        "Range", graph.constant(0, np.int64), longest, graph.constant(window, np.int64)
    )
    lengths, starts = (
        graph.add("Unsqueeze", each, graph.integers(1)) for each in (lengths, starts)
    )
    left = graph.add("Sub", lengths, pieces)
    sizes = graph.add("Clip", left, graph.constant(0, np.int64), graph.constant(window, np.int64))
    firsts = graph.add("Add", starts, pieces)
    flat = graph.integers(-1)
    return graph.add("Reshape", sizes, flat), graph.add("Reshape", firsts, flat)
