"""Chosen words as points in a plane."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.embedders import Embedder
from seqpipe.pictures._text import PictureError

# Dimensionality reduction.

#: "auto" is t-SNE where scikit-learn is installed, else PCA.
Method: TypeAlias = Literal["auto", "pca", "tsne", "umap"]

METHODS: Final[tuple[Method, ...]] = ("auto", "pca", "tsne", "umap")

#: For each of the others the module, the least number of points, and what to install.
_NEEDS: Final = {
    "tsne": ("sklearn", 4, '"seqpipe[projection]"'),
    "umap": ("umap", 4, '"seqpipe[umap]"'),
}

#: Of t-SNE: how many neighbours a point has; of few points, a third of them.
_PERPLEXITY: Final = 30.0

#: Of UMAP, its own default.
_NEIGHBOURS: Final = 15


def choose_method(method: Method, points: int) -> Method:
    """Return the method that's meant, which is installed and takes so many points.

    Raises:
        PictureError: There's no such method, it isn't installed, or the points are too few for it.
    """
    if method not in METHODS:
        raise PictureError(f"there is no method {method!r}; choose from {', '.join(METHODS)}")
    if method == "auto":
        module, least, _ = _NEEDS["tsne"]
        return "tsne" if find_spec(module) and points >= least else "pca"
    if method in _NEEDS:
        module, least, install = _NEEDS[method]
        if not find_spec(module):
            raise PictureError(
                f"the method {method} isn't installed: pip install {install}, or take pca"
            )
        if points < least:
            raise PictureError(f"{method} needs {least} points and there are {points}; take pca")
    return method


def place(units: NDArray[np.float32], method: Method, *, seed: int) -> NDArray[np.float64]:
    """Return points in a plane, `[N, 2]`, from vectors of length 1, `[N, width]`.

    Between those, distances go as cosines do.
    """
    start = pca(units)
    if method == "tsne":
        return _tsne(units, start, seed)
    if method == "umap":
        return _umap(units, start, seed)
    return start


def pca(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the two principal components of vectors, `[N, 2]`; of one dimension the second is 0.

    A component's sign is such that its largest entry is positive.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :2]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    points = centred @ axes
    return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))


def _tsne(units: NDArray[np.float32], start: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Place by t-SNE (van der Maaten & Hinton 2008), from where PCA leaves off."""
    from sklearn.manifold import TSNE

    placed = TSNE(
        perplexity=min(_PERPLEXITY, (len(units) - 1) / 3),
        init=_spread(start, 1e-4, seed).astype(np.float32),
        random_state=seed,
        n_jobs=1,
    ).fit_transform(units)
    return np.asarray(placed, dtype=np.float64)


def _umap(units: NDArray[np.float32], start: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Place by UMAP (McInnes et al. 2018), from where PCA leaves off."""
    with warnings.catch_warnings():
        # It says at its import that TensorFlow isn't there.
        warnings.simplefilter("ignore", ImportWarning)
        from umap import UMAP

    placed = UMAP(
        n_neighbors=min(_NEIGHBOURS, len(units) - 1),
        init=_spread(start, 1.0, seed).astype(np.float32),
        random_state=seed,
        n_jobs=1,
    ).fit_transform(units)
    return np.asarray(placed, dtype=np.float64)


def _spread(points: NDArray[np.float64], size: float, seed: int) -> NDArray[np.float64]:
    """Return points scaled to a standard deviation; where all lie in one place, random ones."""
    deviation = points[:, 0].std()
    if deviation < 1e-6:
        points, deviation = np.random.default_rng(seed).normal(size=points.shape), 1.0
    spread: NDArray[np.float64] = points * (size / deviation)
    return spread


#: numpy and scikit-learn accept no larger one.
_MAX_SEED: Final = 2**32 - 1

#: Rows whose cosines with all others are computed at once.
_ROWS: Final = 512


@dataclass(frozen=True, eq=False)
class Projection:
    """Words as points in a plane.

    Attributes:
        words: Those that are shown, `[N]`.
        points: Where, `[N, 2]`, from -1 to 1; both axes have the same scale.
        neighbours: For each word the places in `words` of those that are most like it by the cosine of
            their vectors, the nearest first, `[N, K]`. In the plane they needn't be the nearest.
        cosines: Of each word with its neighbours, `[N, K]`.
        method: What placed them: "pca", "tsne" or "umap".
        left_out: Words that were asked for and have no vector, or the zero vector.
    """

    words: tuple[str, ...]
    points: NDArray[np.float64]
    neighbours: NDArray[np.int64]
    cosines: NDArray[np.float32]
    method: str
    left_out: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_finite(self.points, self.words, "point")
        _check_finite(self.cosines, self.words, "cosines with others")


def project(
    embedder: Embedder,
    words: Iterable[str],
    *,
    method: Method = "auto",
    seed: int = 0,
    neighbours: int = 8,
) -> Projection:
    """Place words in a plane, near to those with vectors of similar direction.

    Args:
        embedder: Fitted.
        words: Words, items or nodes, the most important first; one that's named again is shown once.
        method: "pca" is quick, needs no other package and shows the two directions in which the
            vectors differ most. "tsne" and "umap" keep neighbours together, and what's far apart in them
            means little. t-SNE needs scikit-learn, UMAP umap-learn. "auto" is t-SNE where scikit-learn is
            installed, else PCA.
        seed: Where t-SNE and UMAP use chance. The same seed gives the same points, with the same
            versions of packages on the same machine.
        neighbours: How many of the others to list for each word.

    Raises:
        EmbedderError: The embedder hasn't been fitted.
        PictureError: Fewer than two words have vectors, one isn't finite, or the method can't be had.
    """
    if not 0 <= seed <= _MAX_SEED:
        raise PictureError(f"the seed is {seed}; it must lie between 0 and 2**32 - 1")
    asked = tuple(dict.fromkeys(words))
    vectors = embedder.embed(asked) if asked else np.zeros((0, embedder.width), dtype=np.float32)
    _check_finite(vectors, asked, "vector")
    lengths = np.linalg.norm(vectors, axis=1)
    shown = (lengths > 0) & np.array([bool(word.strip()) for word in asked], dtype=bool)
    if shown.sum() < 2:
        raise PictureError(
            f"{shown.sum()} of {len(asked)} words have vectors that can be placed, and a picture needs "
            "2; are they written as in the embedder's vocabulary?"
        )
    units = vectors[shown] / lengths[shown, None]
    method = choose_method(method, len(units))
    found, cosines = _nearest(units, min(neighbours, len(units) - 1))
    return Projection(
        tuple(word for word, is_shown in zip(asked, shown, strict=True) if is_shown),
        _fitted(place(units, method, seed=seed)),
        found,
        cosines,
        method,
        tuple(word for word, is_shown in zip(asked, shown, strict=True) if not is_shown),
    )


def _check_finite(rows: NDArray[np.floating], words: Sequence[str], what: str) -> None:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        word = words[int(finite.argmin())]
        raise PictureError(
            f"the {what} of {word[:40]!r} isn't finite, so it has no place in a picture: leave the word out"
        )


def _fitted(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points moved and scaled such that they fill the square from -1 to 1 in one direction."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = (high - low).max() / 2
    fitted: NDArray[np.float64] = (points - (low + high) / 2) / (half or 1.0)
    return fitted


def _nearest(
    units: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return for each row the nearest others and the cosines with them, `[N, count]` each."""
    blocks = [
        _nearest_of(units, start, min(start + _ROWS, len(units)), count)
        for start in range(0, len(units), _ROWS)
    ]
    found = np.concatenate([rows for rows, _ in blocks])
    return found, np.concatenate([cosines for _, cosines in blocks])


def _nearest_of(
    units: NDArray[np.float32], start: int, end: int, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    cosines = units[start:end] @ units.T
    cosines[np.arange(end - start), np.arange(start, end)] = -2  # none is its own neighbour
    some = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(cosines, some, axis=1)
    order = np.lexsort((some, -values), axis=1)
    found = np.take_along_axis(some, order, axis=1)
    return found, np.take_along_axis(values, order, axis=1).clip(-1, 1)
