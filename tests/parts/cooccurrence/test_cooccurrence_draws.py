"""What chance decides: against the probabilities, and against gensim's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqpipe.errors import EmbedderError
from seqpipe.parts.cooccurrence import huffman_paths, keep_probabilities, negatives

REASON = "gensim isn't installed; it comes with the packages in plugins/"
COUNTS = np.array([900, 400, 120, 60, 7, 5, 5, 1])


@given(arrays(np.int64, st.integers(2, 40), elements=st.integers(0, 10**9)).filter(np.any))
def test_words_are_drawn_by_the_power_of_their_counts(counts: np.ndarray) -> None:
    drawn = negatives(counts, 5, 10)
    probability = drawn.share.astype(np.float64)
    np.add.at(probability, drawn.alias, 1 - drawn.share.astype(np.float64))
    weights = counts.astype(np.float64) ** 0.75
    np.testing.assert_allclose(
        probability / len(counts), weights / weights.sum(), atol=1e-6 * len(counts)
    )


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 30.0])
def test_the_exponent_is_that_of_the_counts(exponent: float) -> None:
    counts = np.array([900, 400, 0, 60, 7, 5, 1])
    drawn = negatives(counts, 5, 10, exponent)
    probability = drawn.share.astype(np.float64)
    np.add.at(probability, drawn.alias, 1 - drawn.share.astype(np.float64))
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** exponent, 0)
    np.testing.assert_allclose(probability / len(counts), weights / weights.sum(), atol=1e-6)


@pytest.mark.parametrize("exponent", [500.0, -1e9])
def test_an_exponent_that_cant_be_computed_with_is_told(exponent: float) -> None:
    with pytest.raises(EmbedderError, match="`negative_exponent` is"):
        negatives(COUNTS[:-1], 5, 10, exponent)


def test_more_negatives_are_drawn_than_are_meant_for_a_pair() -> None:
    drawn = negatives(COUNTS, 5, 10)
    assert (drawn.per_pair, drawn.drawn, drawn.pool) == (5, 7, 10)


@pytest.mark.parametrize("threshold", [1e-3, 1e-2, 0.3])
def test_occurrences_are_kept_as_by_gensim(threshold: float) -> None:
    models = pytest.importorskip("gensim.models", reason=REASON)

    words = [f"w{number}" for number in range(len(COUNTS))]
    model = models.Word2Vec(vector_size=2, sample=threshold, min_count=1)
    model.build_vocab_from_freq(dict(zip(words, COUNTS.tolist(), strict=True)))
    theirs = [model.wv.get_vecattr(word, "sample_int") / 2**32 for word in words]
    ours = keep_probabilities(COUNTS, threshold)
    np.testing.assert_allclose(ours, np.minimum(1, theirs), rtol=1e-5)


def test_a_threshold_of_one_keeps_all() -> None:
    assert (keep_probabilities(COUNTS, 1.0) == 1).all()


def test_paths_are_as_long_as_by_gensim_and_no_path_begins_another() -> None:
    models = pytest.importorskip("gensim.models", reason=REASON)

    words = [f"w{number}" for number in range(len(COUNTS))]
    model = models.Word2Vec(vector_size=2, hs=1, negative=0, min_count=1)
    model.build_vocab_from_freq(dict(zip(words, COUNTS.tolist(), strict=True)))
    paths = huffman_paths(COUNTS)
    lengths = np.diff(paths.starts)
    theirs = [len(model.wv.get_vecattr(word, "code")) for word in words]
    assert int(lengths @ COUNTS) == int(np.array(theirs) @ COUNTS)
    assert set(paths.nodes.tolist()) == set(range(len(COUNTS) - 1))
    turns = [
        tuple(paths.signs[first:last])
        for first, last in zip(paths.starts, paths.starts[1:], strict=False)
    ]
    assert len(set(turns)) == len(turns)
    assert not any(a != b and b[: len(a)] == a for a in turns for b in turns)
    # All begin at the root.
    assert len(set(paths.nodes[paths.starts[:-1]].tolist())) == 1


def test_two_words_have_a_path_of_one_turn_each() -> None:
    paths = huffman_paths(np.array([3, 1]))
    assert paths.nodes.tolist() == [0, 0]
    assert sorted(paths.signs.tolist()) == [0, 1]
