"""What the tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from senses_examples import planted
from seqpipe.parts.embedders import Word2Vec2

from seqpipe_senses._embedder import MultiSense

# No folder of examples beside the code, and no time limit on noisy machines.
settings.register_profile("seqpipe-senses", database=None, deadline=None, max_examples=50)
settings.load_profile("seqpipe-senses")


def make(**given):
    """Return an embedder for small corpora, in which most words are frequent."""
    inner = Word2Vec2(width=16, epochs=5, min_count=1, subsample=1.0, threads=1)
    small = {"min_count": 50, "max_frequency": 1.0, "subsample": 1.0, "rarity": 0.01}
    return MultiSense(embedder=inner, **{"epochs": 3, **small, **given})


@pytest.fixture(scope="session")
def texts():
    """Texts, as they were and with the homonym."""
    return planted(400)


@pytest.fixture(scope="session")
def fitted(texts):
    """An embedder that's fitted once."""
    embedder = make()
    embedder.fit(texts[1], seed=1)
    return embedder


@pytest.fixture
def maker():
    """What makes an embedder for small corpora."""
    return make


@pytest.fixture
def data():
    """Return the path of a file below $SEQPIPE_DATA, or skip the test."""

    def find(name):
        folder = os.environ.get("SEQPIPE_DATA")
        if not folder:
            pytest.skip("SEQPIPE_DATA isn't set: it names the folder that holds the data sets")
        path = Path(folder) / name
        if not path.exists():
            pytest.skip(f"there's no {name} below SEQPIPE_DATA")
        return path

    return find
