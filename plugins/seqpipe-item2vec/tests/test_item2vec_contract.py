"""The embedder does what every embedder has to do."""

from functools import partial

import pytest
from seqpipe.testing import checks

from seqpipe_item2vec._item2vec import Item2Vec
from seqpipe_item2vec._item2vec2 import Item2Vec2

SMALL = {"width": 8, "epochs": 2}


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("check", checks("embedders"), ids=str)
@pytest.mark.parametrize("cls", [Item2Vec, Item2Vec2])
def test_embedder_keeps_the_contract(check, cls):
    check(partial(cls, **SMALL))
