"""Real baskets: what's read, and that vectors know more than popularity."""

import pytest
from seqpipe.evaluation import Fitted

from seqpipe_item2vec._baskets import Baskets
from seqpipe_item2vec._item2vec import Item2Vec
from seqpipe_item2vec._next_items import make_next_items

pytestmark = [pytest.mark.data, pytest.mark.usefixtures("in_this_process")]


@pytest.fixture
def groceries(data):
    data("groceries/groceries.csv")
    return list(Baskets("data:groceries/groceries.csv").stream())


def test_baskets_are_those_that_are_described(groceries):
    assert len(groceries) == 9835
    assert sum(map(len, groceries)) == 43_367
    assert len({item for basket in groceries for item in basket}) == 169


def test_predictions_beat_popularity(groceries):
    train, test = groceries[:8500], groceries[8500:]
    embedder = Item2Vec(width=32, epochs=10, min_count=1)
    embedder.fit(train)
    score = make_next_items(most=2000)
    told = score(Fitted(embedder, train=lambda: train, test=lambda: test))
    assert told["coverage"] > 0.99
    assert told["predicted"]["mrr"] > told["popularity"]["mrr"] + 0.004
    assert told["predicted"]["hit_rate"] > told["popularity"]["hit_rate"] + 0.01
