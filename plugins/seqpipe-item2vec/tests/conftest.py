"""What the tests share."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import settings
from item2vec_examples import GROUPS, work_here
from seqpipe.workers import _training

from seqpipe_item2vec._item2vec import Item2Vec

# No folder of examples beside the code, and no time limit on noisy machines.
settings.register_profile("seqpipe-item2vec", database=None, deadline=None, max_examples=50)
settings.load_profile("seqpipe-item2vec")


@pytest.fixture(scope="session")
def baskets():
    """Baskets of items of one group, and bread in half of them."""
    draw = random.Random(5)
    made = [draw.sample(GROUPS[n % 2], k=draw.randint(2, 4)) for n in range(400)]
    return [basket + ["bread"] * (draw.random() < 0.5) for basket in made]


@pytest.fixture
def in_this_process(monkeypatch):
    """Have trainings run in this process: to start one takes seconds, most of them for imports."""
    monkeypatch.setattr(_training, "run_module", work_here)


@pytest.fixture(scope="session")
def fitted(baskets):
    """An embedder, fitted once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_training, "run_module", work_here)
        embedder = Item2Vec(width=8, epochs=40, min_count=1)
        embedder.fit(baskets, seed=1)
    return embedder


@pytest.fixture
def data(monkeypatch):
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
