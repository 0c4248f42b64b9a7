"""The embedder does what every embedder has to do."""

import pytest
from seqpipe.parts.embedders import ContextualEmbedder, FastText2, Word2Vec2
from seqpipe.testing import checks

from seqpipe_senses._embedder import MultiSense


def make_small(*, width: int = 8):
    """Senses of words that are as rare as those of the checks."""
    inner = Word2Vec2(width=width, min_count=1, epochs=1)
    return MultiSense(
        embedder=inner, min_count=2, max_frequency=1.0, distance=0.1, context=2, epochs=1
    )


def make_over_ngrams(*, width: int = 8):
    """Senses that begin with vectors of n-grams."""
    return MultiSense(embedder=FastText2(width=width, min_count=1, epochs=1), lower=True, epochs=1)


@pytest.mark.parametrize("factory", [make_small, make_over_ngrams])
@pytest.mark.parametrize("check", checks("embedders"), ids=str)
def test_embedder_keeps_the_contract(check, factory):
    check(factory)


def test_it_looks_at_the_words_around():
    assert isinstance(make_small(), ContextualEmbedder)
