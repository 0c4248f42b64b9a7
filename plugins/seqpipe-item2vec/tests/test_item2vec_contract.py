"""The embedder does what every embedder has to do."""

from functools import partial

import pytest
from seqpipe.testing import checks

from seqpipe_item2vec._item2vec import Item2Vec

SMALL = partial(Item2Vec, width=8, epochs=2)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("check", checks("embedders"), ids=str)
def test_embedder_keeps_the_contract(check):
    check(SMALL)
