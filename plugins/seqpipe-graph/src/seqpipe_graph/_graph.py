"""A graph in compressed sparse rows."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from seqpipe.errors import DataError

from seqpipe_graph._edges import Edges
from seqpipe_graph._paths import Edge, read_paths


@final
@dataclass(frozen=True, eq=False)
class Graph:
    """A graph as its arcs, those of a node side by side.

    An edge without a direction is two arcs, a loop one. Arcs between the same nodes are one, which weighs
    what they weigh together.

    Attributes:
        names: The nodes' names, `[N]`.
        indptr: Where the arcs of each node begin, and where the last one's end, `[N + 1]`.
        indices: The node that each arc leads to, ascending for each node, `[A]`.
        weights: What each arc weighs, more than 0, `[A]`.
    """

    names: tuple[str, ...]
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[np.float64]

    @property
    def degrees(self) -> NDArray[np.int64]:
        """How many arcs leave each node, `[N]`."""
        return np.diff(self.indptr)

    @classmethod
    def from_edges(
        cls,
        edges: str | os.PathLike[str] | Iterable[Sequence[str]],
        *,
        directed: bool = False,
        weighted: bool = True,
    ) -> "Graph":
        """Make a graph of edges or longer paths.

        Args:
            edges: Paths of node names, whose consecutive nodes are joined. A path of one node is a node
                without edges. An `Edge` has a weight, any other path weighs 1; a weight of 0 means no
                edge. Or the path of a file, read by `Edges`.
            directed: Whether edges lead from the first node to the second only.
            weighted: Whether weights count, and how often an edge is given. If not, all weigh 1.

        Raises:
            DataError: A path isn't one, a weight can't be used, or the file can't be read.
        """
        if isinstance(edges, str | os.PathLike):
            edges = Edges(os.fspath(edges), directed=directed).stream()
        arcs = read_paths(edges)
        size = len(arcs.names)
        matrix = sparse.coo_array((arcs.weights, (arcs.sources, arcs.targets)), (size, size))
        if not directed:
            matrix = _both_ways(matrix)
        return _from_matrix(matrix, arcs.names, weighted=weighted)

    @classmethod
    def from_csr(
        cls, matrix: Any, names: Sequence[str] | None = None, *, weighted: bool = True
    ) -> "Graph":
        """Make a graph of a sparse matrix of SciPy.

        Args:
            matrix: The weight of the arc from node i to node j at [i, j], `[N, N]`, in any sparse format.
                That of a graph without directions is symmetric.
            names: The nodes' names; None means "0", "1" and so on.
            weighted: Whether weights count. If not, all but 0 weigh 1.

        Raises:
            DataError: It isn't square, a weight can't be used, or the names don't fit.
        """
        size = matrix.shape[0]
        names = [str(node) for node in range(size)] if names is None else names
        if matrix.shape != (size, size):
            raise DataError(f"the matrix is {matrix.shape}; a graph's has as many rows as columns")
        if not len(names) == len(set(names)) == size:
            raise DataError(
                f"there are {len(names)} names, {len(set(names))} of them different, for {size} nodes"
            )
        return _from_matrix(sparse.coo_array(matrix), tuple(names), weighted=weighted)

    @classmethod
    def from_networkx(
        cls, graph: Any, *, weight: str | None = "weight", weighted: bool = True
    ) -> "Graph":
        """Make a graph of one of networkx, directed if that is.

        Args:
            graph: Its nodes are named by their texts: 5 is "5".
            weight: Which attribute is an edge's weight; without it, an edge weighs 1.
            weighted: Whether weights count, and how often an edge is given. If not, all weigh 1.

        Raises:
            DataError: Two nodes have the same text, or a weight can't be used.
        """
        names = [str(node) for node in graph]
        if len(set(names)) < len(names):
            raise DataError("two nodes of the graph have the same text; rename them")
        edges = graph.edges(data=weight, default=1.0) if weight else graph.edges()
        paths = [Edge((str(edge[0]), str(edge[1])), *edge[2:]) for edge in edges]
        nodes = ((name,) for name in names)
        return cls.from_edges(
            [*paths, *nodes], directed=bool(graph.is_directed()), weighted=weighted
        )

    def to_csr(self) -> Any:
        """Return the matrix of the weights, a `scipy.sparse.csr_array`, `[N, N]`."""
        size = len(self.names)
        return sparse.csr_array((self.weights, self.indices, self.indptr), (size, size))


def _both_ways(matrix: Any) -> Any:
    row, column = matrix.coords
    off_diagonal = row != column
    return sparse.coo_array(
        (
            np.concatenate([matrix.data, matrix.data[off_diagonal]]),
            (
                np.concatenate([row, column[off_diagonal]]),
                np.concatenate([column, row[off_diagonal]]),
            ),
        ),
        matrix.shape,
    )


def _from_matrix(matrix: Any, names: tuple[str, ...], *, weighted: bool) -> Graph:
    rows = matrix.tocsr().astype(np.float64)
    # What another owns isn't changed.
    rows = rows.copy() if rows is matrix else rows
    rows.sum_duplicates()
    if not ((rows.data >= 0) & np.isfinite(rows.data)).all():
        raise DataError("a weight of the graph is negative, not a number, or not finite")
    rows.eliminate_zeros()
    if not weighted:
        rows.data[:] = 1.0
    return Graph(names, rows.indptr.astype(np.int64), rows.indices.astype(np.int32), rows.data)
