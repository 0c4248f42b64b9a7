"""From directions of any width to points in a plane."""

import warnings
from importlib.util import find_spec
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.pictures._problem import PictureError

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
