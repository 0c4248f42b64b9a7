"""Walks: where they lead, how often, and that they're the same ones each time."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2
from seqpipe.errors import ConfigError

from seqpipe_graph import Edge, Graph, _steps, _walks, walks

TRIANGLES = [
    *("ab", "bc", "ca", "cd", "de", "ec", "ef", "fg", "gh", "he"),
    *("ah", "dd", "bf"),
]
WEIGHTS = [3, 1, 0.5, 2, 7, 1, 1, 0.25, 4, 1, 2, 5, 1e-6]


def small(*, directed, weighted=True):
    """A graph with triangles, squares, a loop, and, if directed, edges that lead one way."""
    edges = [Edge(nodes, weight) for nodes, weight in zip(TRIANGLES, WEIGHTS, strict=True)]
    if directed:
        edges += [
            Edge(nodes, 2) for nodes in ("ba", "cb", "fe", "ga", "db", "hf", "ge", "ac", "eb")
        ]
    return Graph.from_edges(edges, directed=directed, weighted=weighted)


def exact(graph, p, q):
    """The chance of each next node by the last two, as the paper has it."""
    dense = graph.to_csr().toarray()
    chances = {}
    for before, here in zip(*dense.nonzero(), strict=True):
        bias = np.where(dense[before] > 0, 1.0, 1 / q)
        bias[before] = 1 / p
        row = dense[here] * bias
        chances[before, here] = row / row.sum() if row.sum() else row
    return chances


def count_steps(graph, **settings):
    """How often each node comes after two others, as arrays by the two."""
    size = len(graph.names)
    counts = np.zeros(size**3)
    for batch in walks(graph, **settings):
        before, here, after = batch[:, :-2], batch[:, 1:-1], batch[:, 2:]
        keys = (before * size + here) * size + after
        counts += np.bincount(keys[after >= 0], minlength=size**3)
    cube = counts.reshape(size, size, size)
    return {last: cube[last] for last in zip(*cube.any(axis=2).nonzero(), strict=True)}


def assert_same_distribution(counts, chances):
    """Pearson's test over all pairs of last nodes together."""
    statistic = freedom = 0
    for last, seen in counts.items():
        expected = chances[last] * seen.sum()
        assert not seen[expected == 0].any(), "a step that can't be"
        enough = expected >= 5
        statistic += ((seen - expected)[enough] ** 2 / expected[enough]).sum()
        freedom += max(enough.sum() - 1, 0)
    assert freedom > 20
    assert chi2.sf(statistic, freedom) > 1e-3, (statistic, freedom)


BIASES = [(1, 0.5), (0.25, 4), (4, 0.25), (0.2, 0.1), (3, 5), (1, 1)]


@pytest.mark.parametrize("directed", [False, True], ids=["both ways", "directed"])
@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize(("p", "q"), BIASES)
def test_steps_are_as_likely_as_the_paper_says(p, q, weighted, directed):
    graph = small(directed=directed, weighted=weighted)
    counts = count_steps(graph, walks=700, length=20, p=p, q=q, seed=1)
    assert_same_distribution(counts, exact(graph, p, q))


@pytest.mark.parametrize("tries", [0, 1])
@pytest.mark.parametrize(("p", "q"), BIASES[:4])
def test_steps_are_as_likely_when_arcs_are_weighed(monkeypatch, p, q, tries):
    monkeypatch.setattr(_steps, "_TRIES", tries)
    monkeypatch.setattr(_steps, "_MAX_ARCS", 50)
    graph = small(directed=True)
    counts = count_steps(graph, walks=700, length=20, p=p, q=q, seed=2)
    assert_same_distribution(counts, exact(graph, p, q))


def test_first_steps_are_by_weight_alone():
    graph = small(directed=False)
    counts = np.zeros((len(graph.names),) * 2)
    for batch in walks(graph, walks=3000, length=2, p=0.1, q=10):
        np.add.at(counts, (batch[:, 0], batch[:, 1]), 1)
    dense = graph.to_csr().toarray()
    expected = 3000 * dense / dense.sum(axis=1, keepdims=True)
    enough = expected >= 5
    statistic = ((counts - expected)[enough] ** 2 / expected[enough]).sum()
    assert chi2.sf(statistic, enough.sum() - len(dense)) > 1e-3
    assert not counts[dense == 0].any()


@pytest.mark.parametrize("looks", [0, 1])
def test_few_arcs_of_many_are_found_by_weight(monkeypatch, looks):
    """Of 400 arcs that weigh from 1 to 1e-6, each is as likely as its weight."""
    monkeypatch.setattr(_steps, "_LOOKS", looks)
    weights = np.random.default_rng(0).permutation(np.geomspace(1, 1e-6, 400))
    edges = [Edge((f"n{n}", "hub"), weight) for n, weight in enumerate(weights)]
    graph = Graph.from_edges([Edge(("first", "hub"), 1e-9), *edges])
    hub, shares = graph.names.index("hub"), np.zeros(402)
    here = np.full(200_000, hub, dtype=np.int32)
    drawn = _steps.FirstOrder(graph).draw(here, np.random.default_rng(1))
    shares[graph.indices[graph.indptr[hub] : graph.indptr[hub + 1]]] = graph.weights[
        graph.indptr[hub] : graph.indptr[hub + 1]
    ] / (weights.sum() + 1e-9)
    counts, expected = np.bincount(drawn, minlength=402), shares * len(here)
    enough = expected >= 5
    statistic = ((counts - expected)[enough] ** 2 / expected[enough]).sum()
    assert 150 < enough.sum() < 400
    assert chi2.sf(statistic, enough.sum() - 1) > 1e-3
    assert not counts[expected == 0].any()


def test_extreme_biases_end():
    graph = small(directed=False)
    for p, q in [(1e-9, 1e9), (1e9, 1e-9), (1e9, 1e9), (1e-300, 1e300), (1e300, 1e-300)]:
        counts = count_steps(graph, walks=20, length=20, p=p, q=q)
        assert sum(steps.sum() for steps in counts.values()) == 20 * 18 * len(graph.names)


def test_one_node_more_likely_than_all_others_is_not_missed():
    edges = [Edge(("hub", f"leaf {n}"), 1.0) for n in range(500)]
    graph = Graph.from_edges([*edges, Edge(("hub", "heavy"), 1e6)])
    heavy, leaf = graph.names.index("heavy"), graph.names.index("leaf 3")
    ends = np.concatenate([batch[:, 2] for batch in walks(graph, walks=20, length=3, q=0.5)])
    assert (ends == heavy).sum() > 9900
    assert leaf in np.concatenate([batch[:, 0] for batch in walks(graph, walks=1, length=3)])


NODES = st.sampled_from([f"n{number}" for number in range(12)])
GRAPHS = st.builds(
    Graph.from_edges,
    st.lists(st.builds(Edge, st.tuples(NODES, NODES), st.floats(1e-3, 1e3)), max_size=30),
    directed=st.booleans(),
)


@given(GRAPHS, st.sampled_from(BIASES), st.integers(1, 12))
def test_walks_go_along_arcs_until_there_are_none(graph, biases, length):
    p, q = biases
    dense = graph.to_csr().toarray() > 0
    batches = list(walks(graph, walks=2, length=length, p=p, q=q))
    begun = [node for batch in batches for node in batch[:, 0].tolist()]
    assert sorted(begun) == sorted(2 * list(range(len(graph.names))))
    for walk in (walk for batch in batches for walk in batch.tolist()):
        assert len(walk) == length
        path = walk[: walk.index(-1)] if -1 in walk else walk
        assert set(walk[len(path) :]) <= {-1}
        assert all(dense[here, after] for here, after in itertools.pairwise(path))
        assert len(path) == length or not dense[path[-1]].any()


@pytest.mark.parametrize(("p", "q"), [(1, 1), (0.25, 4)])
def test_any_number_of_threads_walks_the_same(monkeypatch, p, q):
    monkeypatch.setattr(_walks, "BATCH", 7)
    graph = small(directed=True)
    runs = [
        np.concatenate(list(walks(graph, walks=9, p=p, q=q, seed=5, threads=threads)))
        for threads in (1, 2, 5)
    ]
    assert (runs[0] == runs[1]).all() and (runs[0] == runs[2]).all()


def test_seeds_and_turns_give_other_walks():
    graph = small(directed=False)
    one, other = (np.concatenate(list(walks(graph, seed=seed))) for seed in (0, 1))
    assert (one != other).any()
    assert len({tuple(walk) for walk in one.tolist()}) == len(one)


def test_whoever_stops_listening_stops_the_walks(monkeypatch):
    monkeypatch.setattr(_walks, "BATCH", 1)
    walked = Counter()
    walk = _walks.Walker._walk
    monkeypatch.setattr(
        _walks.Walker, "_walk", lambda *given: walked.update(["one"]) or walk(*given)
    )
    stream = walks(small(directed=False), walks=1000, threads=2)
    next(stream)
    stream.close()
    assert walked["one"] <= 5


def test_an_error_in_a_thread_is_raised(monkeypatch):
    def fail(*given):
        raise MemoryError("no room")

    monkeypatch.setattr(_walks.Walker, "_walk", fail)
    with pytest.raises(MemoryError, match="no room"):
        list(walks(small(directed=False), threads=2))


def test_an_empty_graph_has_no_walks():
    assert list(walks(Graph.from_edges([]))) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"walks": 0}, "`walks` is 0; it must be at least 1"),
        ({"length": 0}, "`length` is 0"),
        ({"threads": -1}, "`threads` is -1"),
        ({"p": 0}, "`p` is 0; it must be above 0"),
        ({"q": float("nan")}, "`q` is nan"),
        ({"q": float("inf")}, "`q` is inf"),
        ({"seed": -1}, "`seed` is -1"),
    ],
)
def test_settings_are_checked_at_once(settings, message):
    with pytest.raises(ConfigError, match=message):
        walks(small(directed=False), **settings)
