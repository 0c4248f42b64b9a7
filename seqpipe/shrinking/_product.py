"""Product quantisation of a table, trained by k-means."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.storage.packed_arrays import CENTROIDS, DIMENSIONS, Product

#: k-means sees so many rows at most: 64 for each centroid.
_MOST_ROWS: Final = 64 * CENTROIDS
_ITERATIONS: Final = 12
#: So many rows' distances are computed at once, which the processor's cache has room for.
_AT_ONCE: Final = 512


def quantize(table: NDArray[np.float32], *, seed: int = 0) -> Product:
    """Quantise the rows of a table: the norm of each by itself, and its direction in pieces of two dimensions.

    A row of zeros stays one.

    Args:
        table: `[N, width]`, finite.
        seed: Decides which rows k-means learns from; the same table and seed give the same codes.
    """
    random = np.random.default_rng(seed)
    count, width = table.shape
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    pieces = -(-width // DIMENSIONS)
    units = np.zeros((count, pieces * DIMENSIONS), dtype=np.float32)
    np.divide(table, lengths, out=units[:, :width], where=lengths > 0)
    split = units.reshape(count, pieces, DIMENSIONS)
    sample = random.permutation(count)[:_MOST_ROWS]
    codes = np.empty((count, pieces), dtype=np.uint8)
    centroids = np.empty((pieces, CENTROIDS, DIMENSIONS), dtype=np.float16)
    for piece in range(pieces):
        vectors = np.ascontiguousarray(split[:, piece])
        # Codes are those of the centroids as they're stored.
        centroids[piece] = fit_centroids(vectors[sample], random)
        codes[:, piece] = nearest(vectors, centroids[piece].astype(np.float32))
    norms = fit_centroids(lengths[sample], random)
    if (lengths == 0).any():
        norms[norms.argmin()] = 0
    return Product(
        codes, centroids, nearest(lengths, norms), norms[:, 0], np.array([width], dtype=np.int64)
    )


def fit_centroids(vectors: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Return 256 centroids by k-means (Lloyd's algorithm), `[256, dimensions]`.

    Args:
        vectors: `[N, dimensions]`, at least one.
        random: Draws the first centroids, and others in the place of those that no vector is nearest to.
    """
    count = len(vectors)
    centroids: NDArray[np.float32] = vectors[
        random.choice(count, CENTROIDS, replace=count < CENTROIDS)
    ].copy()
    for _ in range(_ITERATIONS):
        codes = nearest(vectors, centroids)
        sizes = np.bincount(codes, minlength=CENTROIDS)
        for dimension in range(vectors.shape[1]):
            sums = np.bincount(codes, weights=vectors[:, dimension], minlength=CENTROIDS)
            centroids[:, dimension] = sums / np.maximum(sizes, 1)
        empty = np.flatnonzero(sizes == 0)
        centroids[empty] = vectors[random.integers(count, size=len(empty))]
    return centroids


def nearest(vectors: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the number of the centroid that's nearest to each vector, `[N]`."""
    # The vector's own square is the same for all centroids.
    squares = np.square(centroids).sum(axis=1) / 2
    codes = np.empty(len(vectors), dtype=np.uint8)
    for first in range(0, len(vectors), _AT_ONCE):
        products = vectors[first : first + _AT_ONCE] @ centroids.T
        codes[first : first + _AT_ONCE] = (squares - products).argmin(axis=1)
    return codes
