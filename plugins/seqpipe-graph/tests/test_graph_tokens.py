"""Walks as what the trainer reads."""

import numpy as np
import pytest
from seqpipe.parts.cooccurrence import END

from seqpipe_graph import Graph, _tokens, _walks
from seqpipe_graph._tokens import WalkTokens
from seqpipe_graph._walks import Plan, Walker

#: "d" ends walks, "e" has no edges.
EDGES = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e",)]


@pytest.fixture
def walker(monkeypatch):
    monkeypatch.setattr(_walks, "BATCH", 7)
    graph = Graph.from_edges(EDGES, directed=True)
    return Walker(graph, Plan(walks=6, length=5, p=1.0, q=0.5, threads=2), seed=1)


def read(walker):
    tokens = WalkTokens(walker)
    for batch in walker.all_batches():
        tokens.add(batch)
    return tokens


def test_tokens_are_the_walks_of_two_nodes_or_more(walker):
    tokens = read(walker)
    rows = [row[row >= 0].tolist() for batch in walker.all_batches() for row in batch]
    kept = [row for row in rows if len(row) > 1]
    assert 0 < len(kept) < len(rows)
    flat = [number for row in kept for number in (*row, END)]
    found = tokens.numbers(0, tokens.size)
    assert found.dtype == np.int32
    assert found.tolist() == flat
    assert tokens.ends.tolist() == np.cumsum([len(row) + 1 for row in kept]).tolist()
    assert tokens.counts.tolist() == [flat.count(node) for node in range(5)]
    assert not tokens.counts[4]


@pytest.mark.parametrize("kept", [0, 30, 1000])
def test_what_is_not_kept_is_walked_again(walker, monkeypatch, kept):
    size = read(walker).size
    whole = read(walker).numbers(0, size)
    monkeypatch.setattr(_tokens, "_KEPT", kept)
    tokens = read(walker)
    for first, last in [(0, size), (3, 4), (20, 61), (size - 1, size), (0, 8)]:
        assert tokens.numbers(first, last).tolist() == whole[first:last].tolist()
    assert sum(map(len, tokens._kept.values())) <= kept


def test_a_batch_is_the_same_by_its_number(walker):
    for number, batch in enumerate(walker.all_batches()):
        assert (walker.batch(number) == batch).all()
    assert number == 4
