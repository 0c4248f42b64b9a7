"""Edges from sparse matrices."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, final

import numpy as np
from scipy import sparse
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Stream, locate_file, open_lines

from seqpipe_graph._paths import Edge

#: What NumPy, SciPy and zipfile raise for a file that's something else, or damaged.
_UNREADABLE: Final = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@final
class Npz(Stream):
    """Read a sparse matrix as `scipy.sparse.save_npz` writes it: the weight of the edge i to j at [i, j].

    Args:
        path: The file: a plain path, ``package:NAME/below`` or ``data:below``.
        names: A file with a node's name on each line, in the order of rows; None names them "0", "1" and
            so on.
        directed: Whether an entry leads from row to column only. If not, [i, j] and [j, i] are the same
            edge: the matrix is symmetric, or one half of one that is, and each edge is given once.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(self, path: str, *, names: str | None = None, directed: bool = False) -> None:
        if not path or names == "":
            raise ConfigError("the path of a file is empty; name one")
        self._path = path
        self._names = names
        self._directed = directed

    def stream(self) -> Iterator[Sequence[str]]:
        """Yield the edges, row by row, each an `Edge`; a node without any entry is a tuple of its own.

        Raises:
            DataError: A file isn't there or can't be read, isn't a square matrix of numbers, or has no
                entries; or the names aren't as many as the rows, or not different.
        """
        matrix = self._matrix()
        names = self._read_names(matrix.shape[0])
        linked = np.zeros(len(names), dtype=bool)
        linked[matrix.coords[0]] = linked[matrix.coords[1]] = True
        for row, column, weight in zip(*matrix.coords, matrix.data, strict=True):
            pair = (names[row], names[column])
            yield Edge(pair if self._directed else sorted(pair), float(weight))
        for node in np.flatnonzero(~linked).tolist():
            yield (names[node],)

    def _matrix(self) -> Any:
        try:
            with locate_file(self._path).open("rb") as file:
                matrix = sparse.load_npz(file)
            if matrix.format in ("csr", "csc", "bsr"):
                # Places outside the matrix would be read, and written to.
                matrix.check_format(full_check=True)
            matrix = sparse.coo_array(matrix)
        except _UNREADABLE as error:
            raise DataError(
                f"{self._path} isn't a sparse matrix as scipy.sparse.save_npz writes it: "
                f"{str(error) or type(error).__name__}"
            ) from error
        square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
        if not square or matrix.dtype.kind not in "fiub":
            raise DataError(
                f"{self._path} is {matrix.dtype} {matrix.shape}; a graph's matrix is square, of numbers"
            )
        return matrix if self._directed else self._folded(matrix)

    def _folded(self, matrix: Any) -> Any:
        """Return the upper half of a matrix that's symmetric, or whose other half is empty."""
        row, column = matrix.coords
        if (row > column).any() and (row < column).any() and (matrix != matrix.T).nnz:
            raise DataError(
                f"{self._path} isn't symmetric, so its edges have directions: set `directed`"
            )
        return sparse.triu(matrix if (row < column).any() else matrix.T, format="coo")

    def _read_names(self, size: int) -> list[str]:
        if self._names is None:
            return [str(node) for node in range(size)]
        names = [line.strip() for line in open_lines(self._names)]
        if not len(names) == len(set(names)) == size:
            raise DataError(
                f"{self._names} has {len(names)} names, {len(set(names))} of them different, "
                f"and {self._path} has {size} rows"
            )
        return names
