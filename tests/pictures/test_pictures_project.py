"""Words are placed near to what they're like."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures.picture_examples import Drawn, crowds

from seqpipe.pictures import PictureError, Projection, _project, project
from seqpipe.pictures._project import pca


def is_there(package):
    return _project.find_spec(package) is not None


METHODS = [
    "pca",
    "tsne",
    pytest.param(
        "umap", marks=pytest.mark.skipif(not is_there("umap"), reason="umap-learn isn't installed")
    ),
]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_word_whose_numbers_are_not_finite_is_named(number):
    embedder = Drawn(width=2, cat=[1.0, 2.0], dog=[number, 1.0])
    with pytest.raises(PictureError, match="the vector of 'dog' isn't finite"):
        project(embedder, ["cat", "dog", "mouse"], method="pca")
    points = np.array([[0.0, 0.0], [1.0, number]])
    rows, cosines = np.array([[1], [0]]), np.ones((2, 1), dtype=np.float32)
    with pytest.raises(PictureError, match="the point of 'dog' isn't finite"):
        Projection(("cat", "dog"), points, rows, cosines, "umap", ())
    with pytest.raises(PictureError, match="the cosines with others of 'cat'"):
        Projection(("cat", "dog"), rows * 1.0 @ [[1, 0]], rows, cosines * number, "umap", ())


def scatter(points, groups):
    """Return how far points lie from their group's middle, and the middles from each other."""
    middles = {group: points[groups == group].mean(axis=0) for group in set(groups)}
    within = np.mean([np.linalg.norm(p - middles[g]) for p, g in zip(points, groups, strict=True)])
    names = list(middles)
    between = [np.linalg.norm(middles[a] - middles[b]) for a in names for b in names if a < b]
    return within, min(between)


@pytest.mark.parametrize("method", METHODS)
def test_crowds_stay_together(method):
    embedder, groups = crowds()
    projection = project(embedder, groups, method=method)
    within, between = scatter(projection.points, np.array(list(groups.values())))
    assert projection.method == method
    assert projection.words == tuple(groups)
    assert within < 0.5 * between
    assert np.abs(projection.points).max() == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_gives_the_same_points(method):
    embedder, groups = crowds(5)
    first, again = (project(embedder, groups, method=method, seed=3) for _ in range(2))
    assert np.array_equal(first.points, again.points)


def test_seed_matters_to_methods_that_use_chance():
    # All alike: where they end up is chance alone.
    alike = Drawn(width=2, **{str(number): [1.0, 0.0] for number in range(12)})
    one, other = (project(alike, alike.vocabulary, method="tsne", seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.points, other.points)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [4, 5, 17])
def test_few_and_equal_vectors_can_be_placed(method, count):
    alike = Drawn(width=1, **{str(number): [2.0] for number in range(count)})
    projection = project(alike, alike.vocabulary, method=method)
    assert projection.points.shape == (count, 2)
    assert np.isfinite(projection.points).all()
    assert projection.cosines == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 20), st.integers(2, 6), st.integers(0, 99))
def test_pca_is_the_singular_vectors(words, width, seed):
    vectors = np.random.default_rng(seed).normal(size=(words, width))
    centred = vectors - vectors.mean(axis=0)
    left, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((words, 2))
    points[:, : len(sizes)] = (left * sizes)[:, :2]
    for column, axis in enumerate(axes[:2]):
        points[:, column] *= np.sign(axis[np.abs(axis).argmax()])
    np.testing.assert_allclose(pca(vectors), points, atol=1e-6)


@pytest.mark.parametrize("rows", [3, 512])
def test_neighbours_are_the_nearest_by_cosine(rows, monkeypatch):
    monkeypatch.setattr(_project, "_ROWS", rows)
    embedder = Drawn()
    words = [f"word{number}" for number in range(40)]
    projection = project(embedder, words, method="pca", neighbours=5)
    units = embedder.embed(words)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -2)
    assert projection.neighbours.tolist() == np.argsort(-cosines, axis=1)[:, :5].tolist()
    np.testing.assert_allclose(
        projection.cosines, -np.sort(-cosines, axis=1)[:, :5], rtol=0, atol=1e-6
    )


def test_lengths_of_vectors_do_not_matter():
    embedder = Drawn(width=2, a=[1.0, 0.0], b=[0.0, 2.0], c=[-1.0, -1.0])
    longer = Drawn(width=2, a=[9.0, 0.0], b=[0.0, 0.1], c=[-3.0, -3.0])
    one, other = (project(each, "abc", method="pca").points for each in (embedder, longer))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_words_without_a_vector_are_left_out_and_reported():
    embedder = Drawn(width=2, unknown=[0.0, 0.0])
    projection = project(embedder, ["a", "unknown", "b", "a", "", " "], method="pca")
    assert projection.words == ("a", "b")
    assert projection.left_out == ("unknown", "", " ")
    assert projection.neighbours.tolist() == [[1], [0]]


@pytest.mark.parametrize("words", [[], ["a"], ["a", "a", ""]])
def test_picture_of_fewer_than_two_words_is_refused(words):
    with pytest.raises(PictureError, match="a picture needs 2"):
        project(Drawn(), words)


def test_auto_is_tsne_where_it_is_installed_and_takes_so_few(monkeypatch):
    assert project(Drawn(), "abcd").method == "tsne"
    assert project(Drawn(), "abc").method == "pca"
    monkeypatch.setattr(_project, "find_spec", lambda name: None)
    assert project(Drawn(), "abcd").method == "pca"


def test_pca_needs_no_other_package(monkeypatch):
    for package in ("sklearn", "umap"):
        monkeypatch.setitem(sys.modules, package, None)
    assert project(Drawn(), "abcd", method="pca").points.shape == (4, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "mds"}, "no method 'mds'; choose from auto, pca, tsne, umap"),
        ({"method": "tsne"}, "tsne needs 4 points and there are 3"),
        ({"seed": -1}, "the seed is -1"),
        ({"seed": 2**32}, "the seed is 4294967296"),
    ],
)
def test_what_cannot_be_done_is_refused(settings, message):
    with pytest.raises(PictureError, match=message):
        project(Drawn(), "abc", **settings)


@pytest.mark.parametrize(("method", "extra"), [("tsne", "projection"), ("umap", "umap")])
def test_method_that_is_not_installed_is_refused_with_what_to_install(method, extra, monkeypatch):
    monkeypatch.setattr(_project, "find_spec", lambda name: None)
    with pytest.raises(PictureError, match=rf'pip install "seqpipe\[{extra}\]"'):
        project(Drawn(), "abcd", method=method)
