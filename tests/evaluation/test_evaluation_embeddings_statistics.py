"""Correlations, ranks and clusters, beside those of scipy and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.evaluation.embeddings import cluster, pearson, purity, ranks, spearman, unit
from seqpipe.evaluation.embeddings._similarity import share_above
from seqpipe.evaluation.embeddings._statistics import purity_by_chance

# scikit-learn, which the tests of benchmarks need, brings scipy.
stats = pytest.importorskip("scipy.stats")

numbers = st.lists(st.integers(-5, 5), min_size=3, max_size=30)


@given(numbers, st.randoms(use_true_random=False))
def test_correlations_are_those_of_scipy_ties_too(first, chance):
    second = [value + chance.randint(-3, 3) for value in first]
    if len(set(first)) < 2 or len(set(second)) < 2:
        assert spearman(first, second) is None
        assert pearson(first, second) is None
    else:
        assert spearman(first, second) == pytest.approx(stats.spearmanr(first, second)[0])
        assert pearson(first, second) == pytest.approx(stats.pearsonr(first, second)[0])


@given(numbers)
def test_ranks_are_those_of_scipy(values):
    assert ranks(values).tolist() == stats.rankdata(values).tolist()


@pytest.mark.parametrize("values", [([], []), ([1], [2]), ([1, 2], [3, 3])])
def test_where_there_is_no_correlation_there_is_none(values):
    assert spearman(*values) is None and pearson(*values) is None


def test_share_above_is_the_area_under_the_curve():
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(0)
    first, second = draw.integers(0, 9, 40).astype(float), draw.integers(2, 7, 30).astype(float)
    truth = [1] * 40 + [0] * 30
    expected = metrics.roc_auc_score(truth, np.concatenate([first, second]))
    assert share_above(first, second) == pytest.approx(expected)
    assert share_above(first, np.array([])) is None


def blobs(groups, each, spread, seed=0):
    draw = np.random.default_rng(seed)
    centres = unit(draw.normal(size=(groups, 12)))
    labels = np.repeat(np.arange(groups), each)
    points = centres[labels] + spread * draw.normal(size=(len(labels), 12))
    return unit(points), labels.tolist()


def test_separate_groups_are_found():
    units, labels = blobs(5, 20, 0.05)
    assert purity(labels, cluster(units, 5).tolist()) == 1.0


def test_groups_are_as_good_as_those_of_scikit_learn():
    sklearn_cluster = pytest.importorskip("sklearn.cluster")
    units, labels = blobs(6, 30, 0.35, seed=3)
    theirs = sklearn_cluster.KMeans(6, n_init=10, random_state=0).fit_predict(units)
    ours = cluster(units, 6)

    def within(groups):
        sums = [units[groups == group].sum(axis=0) for group in range(6)]
        return sum(np.linalg.norm(each) for each in sums)

    assert within(ours) >= within(theirs) * 0.995
    assert purity(labels, ours.tolist()) >= purity(labels, theirs.tolist()) - 0.03


def test_same_seed_makes_the_same_groups():
    units, _ = blobs(4, 25, 0.5)
    assert (cluster(units, 4, seed=7) == cluster(units, 4, seed=7)).all()


@pytest.mark.parametrize("groups", [1, 3, 9])
def test_points_that_are_all_the_same_can_be_grouped(groups):
    units = np.ones((5, 3), dtype="float32") / np.sqrt(3).astype("float32")
    assert set(cluster(units, groups).tolist()) <= set(range(groups))


def test_purity_counts_the_most_frequent_label_of_each_group():
    # Manning, Raghavan & Schütze, Introduction to Information Retrieval, figure 16.4: 0.71.
    labels = [*"xxxxxo", *"xooood", *"xxddd"]
    clusters = [*[1] * 6, *[2] * 6, *[3] * 5]
    assert purity(labels, clusters) == pytest.approx(12 / 17)
    assert purity([], []) == 0.0


def test_purity_by_chance_is_below_that_of_good_groups_and_at_least_the_largest_share():
    labels = ["a"] * 30 + ["b"] * 30
    by_chance = purity_by_chance(labels, labels)
    assert 0.5 <= by_chance < 0.7
