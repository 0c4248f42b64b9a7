"""Product quantisation, beside what can be said of it without one."""

import numpy as np
import pytest

from seqpipe.shrinking._product import fit_centroids, nearest, quantize


@pytest.fixture
def random():
    return np.random.default_rng(3)


def test_nearest_is_nearest(random):
    vectors = random.standard_normal((50, 3), dtype=np.float32)
    centroids = random.standard_normal((256, 3), dtype=np.float32)
    distances = np.linalg.norm(vectors[:, None] - centroids, axis=2)
    np.testing.assert_array_equal(nearest(vectors, centroids), distances.argmin(axis=1))


def test_points_in_few_places_are_found_exactly(random):
    places = random.standard_normal((20, 2), dtype=np.float32)
    vectors = places[random.integers(20, size=5000)]
    centroids = fit_centroids(vectors, random)
    np.testing.assert_allclose(centroids[nearest(vectors, centroids)], vectors, atol=1e-5)


def test_centroids_are_the_means_of_their_vectors(random):
    vectors = random.uniform(size=(4000, 1)).astype(np.float32)
    centroids = fit_centroids(vectors, random)
    error = np.abs(centroids[nearest(vectors, centroids)] - vectors).mean()
    # 256 even steps would be off by a 1024th.
    assert error < 1.3 / 1024


@pytest.mark.parametrize("width", [4, 5])
def test_rows_come_back_nearly(random, width):
    table = random.standard_normal((2000, width), dtype=np.float32)
    table *= random.uniform(0.1, 10, size=(2000, 1)).astype(np.float32)
    table[5] = 0
    quantized = quantize(table)
    found = quantized.unpack()
    assert found.shape == table.shape
    lengths = np.linalg.norm(table, axis=1)
    errors = np.linalg.norm(found - table, axis=1)
    np.testing.assert_array_equal(found[5], 0)
    lengths[5] = 1
    # At two dimensions a piece, 256 centroids are off by about 3 % of a row's length.
    assert 0.005 < np.median(errors / lengths) < 0.08
    assert quantized.size < table.nbytes / 2


def test_few_rows_and_one_row_are_quantised_too(random):
    table = random.standard_normal((3, 4), dtype=np.float32)
    np.testing.assert_allclose(quantize(table).unpack(), table, rtol=0.01, atol=0.01)
    np.testing.assert_allclose(quantize(table[:1]).unpack(), table[:1], rtol=0.01, atol=0.01)
