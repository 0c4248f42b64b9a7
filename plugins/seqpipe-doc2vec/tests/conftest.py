"""What the tests share."""

import os
import random
from pathlib import Path

import pytest
from doc2vec_examples import GARDEN, MUSIC, work_here
from hypothesis import settings
from seqpipe.workers import _training

from seqpipe_doc2vec._bag import BagOfWords, BagOfWords2
from seqpipe_doc2vec._memory import DistributedMemory, DistributedMemory2

# No folder of examples beside the code, and no time limit on noisy machines.
settings.register_profile("seqpipe-doc2vec", database=None, deadline=None, max_examples=50)
settings.load_profile("seqpipe-doc2vec")

BY_GENSIM = [DistributedMemory, BagOfWords]
OWN = [DistributedMemory2, BagOfWords2]
COMMON = ["the", "a", "of", "and", "to"]


@pytest.fixture(scope="session")
def documents():
    """Documents of two topics, in turn."""
    draw = random.Random(5)
    topics = [GARDEN, MUSIC] * 60
    return [draw.sample([*draw.choices(topic, k=12), *COMMON, *COMMON], 22) for topic in topics]


@pytest.fixture
def in_this_process(monkeypatch):
    """Have trainings run in this process: to start one takes seconds, most of them for imports."""
    monkeypatch.setattr(_training, "run_module", work_here)


def fit_in_this_process(kind, documents):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_training, "run_module", work_here)
        embedder = kind(width=12, window=1, epochs=40, min_count=1, subsample=1.0)
        embedder.fit(documents, seed=1)
    return embedder


@pytest.fixture(scope="session", params=[*BY_GENSIM, *OWN])
def fitted(request, documents):
    """An embedder of each kind, fitted once."""
    return fit_in_this_process(request.param, documents)


@pytest.fixture(scope="session", params=BY_GENSIM)
def fitted_by_gensim(request, documents):
    """An embedder of each kind that gensim trains, fitted once."""
    return fit_in_this_process(request.param, documents)


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
