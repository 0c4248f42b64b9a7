"""Real graphs: as good as the programs of others say that DeepWalk is."""

from pathlib import Path

import pytest
from seqpipe.evaluation import Fitted
from seqpipe.run import run

from seqpipe_graph import Graph
from seqpipe_graph._classification import NodeClassification
from seqpipe_graph._edges import Edges
from seqpipe_graph._embedders import DeepWalk
from seqpipe_graph._prediction import LinkPrediction

pytestmark = pytest.mark.data


RECIPE = Path(__file__).parents[3] / "pipelines/cora-nodes/pipeline.cfg"


# OpenNE reports an accuracy of 0.713.
@pytest.mark.slow
@pytest.mark.skipif(not RECIPE.exists(), reason="the recipes aren't here, only the package")
def test_papers_of_cora_are_told_by_a_tenth_of_the_labels(data, tmp_path):
    data("net_cora/cora_edgelist.txt")
    found = run(RECIPE, output=tmp_path).report["embedding"]["classes"]
    assert (found["nodes"], found["coverage"], found["classes"]) == (2708, 1.0, 7)
    assert found["0.1"]["accuracy"] >= 0.71 > found["0.1"]["neighbours_micro_f1"]
    assert found["0.5"]["accuracy"] >= 0.79 > found["0.5"]["neighbours_micro_f1"]


# OpenNE reports a micro-F1 of 0.669.
@pytest.mark.slow
def test_pages_of_wikipedia_are_told_by_half_of_the_labels(data):
    edges = Edges(str(data("net_wiki2405/Wiki_edgelist.txt")))
    embedder = DeepWalk()
    embedder.fit(edges.stream())
    score = NodeClassification(path=str(data("net_wiki2405/wiki_labels.txt")), shares=[0.5])
    found = score(Fitted(embedder, train=edges.stream))
    assert (found["nodes"], found["coverage"], found["classes"]) == (2405, 1.0, 17)
    assert found["0.5"]["micro_f1"] >= 0.66 > found["0.5"]["neighbours_micro_f1"]


def test_weights_of_les_miserables_are_read(data):
    path = data("net_karate_lesmis/lesmis.edgelist")
    graph = Graph.from_edges(Edges(str(path), separator="\t", weighted=True).stream())
    assert (len(graph.names), len(graph.indices)) == (77, 2 * 254)
    assert graph.weights.max() == 31


def test_held_out_edges_of_cora_are_told(data):
    edges = list(Edges(str(data("net_cora/cora_edgelist.txt"))).stream())
    embedder = DeepWalk(width=32, walks=5, length=20)
    train, test = [e for i, e in enumerate(edges) if i % 10], edges[::10]
    embedder.fit(train)
    found = LinkPrediction()(Fitted(embedder, train=lambda: train, test=lambda: test))
    assert found["cosine"]["auc"] > 0.85
    assert found["cosine"]["auc"] > found["common_neighbours"]["auc"] + 0.05
    assert found["cosine"]["auc"] > found["preferential_attachment"]["auc"] + 0.1
