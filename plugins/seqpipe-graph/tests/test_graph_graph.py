"""Graphs from edges, files, matrices and networkx."""

import gzip
import pickle

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from seqpipe.errors import DataError

from seqpipe_graph import Edge, Graph

NODES = st.sampled_from("abcdefgh")
WEIGHTS = st.sampled_from([0.5, 1.0, 2.0, 3.25])
EDGES = st.lists(st.builds(Edge, st.tuples(NODES, NODES), WEIGHTS), min_size=1, max_size=30)


def weights(graph):
    """The weight of each arc by the names of its nodes."""
    rows = np.repeat(np.arange(len(graph.names)), graph.degrees)
    arcs = zip(rows, graph.indices, graph.weights, strict=True)
    return {(graph.names[row], graph.names[column]): weight for row, column, weight in arcs}


def test_edges_lead_both_ways_unless_they_are_directed():
    edges = [("a", "b"), ("b", "c")]
    both = {("a", "b"): 1, ("b", "a"): 1, ("b", "c"): 1, ("c", "b"): 1}
    assert weights(Graph.from_edges(edges)) == both
    assert weights(Graph.from_edges(edges, directed=True)) == {("a", "b"): 1, ("b", "c"): 1}


def test_edges_that_are_given_again_weigh_more():
    edges = [("a", "b"), ("b", "a"), Edge(("a", "b"), 0.5), ("a", "c")]
    graph = Graph.from_edges(edges)
    assert weights(graph) == {("a", "b"): 2.5, ("b", "a"): 2.5, ("a", "c"): 1, ("c", "a"): 1}
    flat = Graph.from_edges(edges, weighted=False)
    assert set(weights(flat).values()) == {1.0}
    assert weights(flat).keys() == weights(graph).keys()


def test_a_loop_is_one_arc():
    graph = Graph.from_edges([("a", "a"), ("a", "b")])
    assert weights(graph) == {("a", "a"): 1, ("a", "b"): 1, ("b", "a"): 1}


def test_longer_paths_join_what_stands_side_by_side():
    graph = Graph.from_edges([Edge(("a", "b", "c"), 2), ()], directed=True)
    assert weights(graph) == {("a", "b"): 2, ("b", "c"): 2}


def test_nodes_may_have_no_edges():
    graph = Graph.from_edges([("a", "b"), ("alone",), Edge(("b", "far"), 0)])
    assert set(graph.names) == {"a", "b", "alone", "far"}
    assert weights(graph) == {("a", "b"): 1, ("b", "a"): 1}
    assert dict(zip(graph.names, graph.degrees.tolist(), strict=True))["alone"] == 0


def test_nodes_stand_by_how_often_they_are_given():
    graph = Graph.from_edges([("z", "b"), ("a", "b"), ("c", "b", "c")])
    assert graph.names == ("b", "c", "z", "a")


def test_arcs_of_each_node_are_ascending():
    graph = Graph.from_edges([("a", "c"), ("b", "a"), ("d", "a"), ("d", "c"), ("b", "d")])
    for begin, end in zip(graph.indptr[:-1], graph.indptr[1:], strict=True):
        assert (np.diff(graph.indices[begin:end]) > 0).all()


@given(EDGES, st.booleans())
def test_networkx_and_matrices_give_the_same_graph(edges, directed):
    graph = Graph.from_edges(edges, directed=directed)
    multigraph = networkx.MultiDiGraph() if directed else networkx.MultiGraph()
    multigraph.add_weighted_edges_from((*edge, edge.weight) for edge in edges)
    assert weights(Graph.from_networkx(multigraph)) == weights(graph)
    again = Graph.from_csr(graph.to_csr(), graph.names)
    assert again.names == graph.names
    assert weights(again) == weights(graph)


@given(EDGES, st.randoms())
def test_the_order_of_edges_changes_no_weight(edges, random):
    shuffled = random.sample(edges, len(edges))
    expected = pytest.approx(weights(Graph.from_edges(edges)))
    assert weights(Graph.from_edges(shuffled)) == expected


def test_nodes_of_networkx_are_named_by_their_texts():
    graph = networkx.Graph([(0, (1, "x"))])
    graph.add_node("alone")
    assert set(Graph.from_networkx(graph).names) == {"0", "(1, 'x')", "alone"}
    graph.add_node("0")
    with pytest.raises(DataError, match="the same text"):
        Graph.from_networkx(graph)


def test_a_weight_of_networkx_may_have_another_name():
    graph = networkx.Graph()
    graph.add_edge("a", "b", weight=3, times=5)
    assert set(weights(Graph.from_networkx(graph, weight="times")).values()) == {5}
    assert set(weights(Graph.from_networkx(graph, weight=None)).values()) == {1}


def test_matrices_may_be_of_any_format_and_stay_as_they_are():
    dense = np.array([[0, 2, 0], [0, 0, 1], [1, 0, 0]])
    for kind in (sparse.csr_matrix, sparse.csc_array, sparse.coo_array, sparse.lil_matrix):
        matrix = kind(dense)
        graph = Graph.from_csr(matrix, weighted=False)
        assert weights(graph) == {("0", "1"): 1, ("1", "2"): 1, ("2", "0"): 1}
        assert (matrix.toarray() == dense).all()


@pytest.mark.parametrize(
    ("matrix", "names", "message"),
    [
        (np.ones((2, 3)), None, "as many rows as columns"),
        (np.ones((2, 2)), ["a"], "1 names"),
        (np.ones((2, 2)), ["a", "a"], "1 of them different"),
        (-np.ones((2, 2)), None, "negative"),
        (np.full((2, 2), np.nan), None, "not a number"),
        (np.full((2, 2), np.inf), None, "not finite"),
    ],
)
def test_matrices_that_are_no_graph_are_refused(matrix, names, message):
    with pytest.raises(DataError, match=message):
        Graph.from_csr(sparse.csr_array(matrix), names)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (["ab"], "path 1 is a string, 'ab'"),
        ([("a", "b"), ("a", 5)], "5 is a int; a node is named by a text"),
        ([("a", "b"), Edge(("a", "c"), -1)], r"path 2, \['a', 'c'\], weighs -1"),
        ([Edge(("a", "c"), float("nan"))], "weighs nan"),
        ([Edge(("a", "b"), 1e308)] * 2, "not finite"),
    ],
)
def test_what_is_no_edge_is_refused(edges, message):
    with pytest.raises(DataError, match=message):
        Graph.from_edges(edges)


def test_no_edges_are_an_empty_graph():
    graph = Graph.from_edges([])
    assert (graph.names, len(graph.indices), graph.indptr.tolist()) == ((), 0, [0])


def test_files_are_read(tmp_path):
    path = tmp_path / "edges.txt.gz"
    path.write_bytes(gzip.compress(b"# from to\na b\n\nb c 7\n"))
    assert Graph.from_edges(path).names == ("b", "a", "c")
    assert weights(Graph.from_edges(str(path), directed=True)) == {("a", "b"): 1, ("b", "c"): 1}


def test_an_edge_is_a_tuple_with_a_weight():
    edge = Edge(["a", "b"], 2.5)
    again = pickle.loads(pickle.dumps(edge))
    assert edge == again == ("a", "b")
    assert (again.weight, type(again)) == (2.5, Edge)
