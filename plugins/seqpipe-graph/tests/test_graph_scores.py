"""Scores: the classes of nodes, and edges that were held out."""

import itertools

import networkx
import numpy as np
import pytest
from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation import Fitted
from seqpipe.parts.embedders import Embedder
from sklearn import linear_model

from seqpipe_graph import Graph
from seqpipe_graph._classification import NodeClassification
from seqpipe_graph._labels import most_likely, read_labels
from seqpipe_graph._pairs import PairSet
from seqpipe_graph._prediction import LinkPrediction


class Given(Embedder):
    """Vectors that are given."""

    vocabulary = ()

    def __init__(self, vectors):
        self.vocabulary = list(vectors)
        self.width = len(next(iter(vectors.values())))
        self._vectors = {name: np.asarray(vector, "float32") for name, vector in vectors.items()}

    def embed(self, words):
        return np.stack([self._vectors[word] for word in words])

    def fit(self, sequences, *, seed=0, on_progress=None):
        raise NotImplementedError

    def to_disk(self, path):
        raise NotImplementedError

    def from_disk(self, path):
        raise NotImplementedError


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "labels.txt"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def spread(count, *, noise, seed=0):
    """Vectors of two classes, each around a place of its own."""
    rng = np.random.default_rng(seed)
    return {str(n): rng.normal(size=4) * noise + (n % 2) * 4 for n in range(count)}


def test_classes_that_vectors_show_are_predicted(write):
    path = write("".join(f"{n} {'odd' if n % 2 else 'even'}\n" for n in range(60)))
    good = NodeClassification(path=path)(Fitted(Given(spread(60, noise=0.5))))
    bad = NodeClassification(path=path)(Fitted(Given(spread(60, noise=1000))))
    assert (good["nodes"], good["coverage"], good["classes"]) == (60, 1.0, 2)
    assert good["0.1"]["trained"] == 6
    half = good["0.5"]
    assert half["trained"] == 30
    assert half["accuracy"] == half["micro_f1"] == 1
    assert bad["0.5"]["accuracy"] < 0.75
    assert 0.3 < half["majority_micro_f1"] < 0.6
    assert half["neighbours_micro_f1"] is None


def test_node_without_an_edge_that_was_fitted_on_is_scored_too(write, karate):
    edges, clubs = karate
    path = write("".join(f"{node}\t{club}\n" for node, club in clubs.items()))
    score = NodeClassification(path=path, separator="\t", shares=[0.5], splits=2)
    vectors = {node: [0.0, 1.0] for node in clubs}
    found = score(Fitted(Given(vectors), train=lambda: list(edges)[:3]))["0.5"]
    assert 0 < found["neighbours_micro_f1"] < 1


def test_neighbours_are_a_baseline(write, karate):
    edges, clubs = karate
    path = write("".join(f"{node}\t{club}\n" for node, club in clubs.items()))
    score = NodeClassification(path=path, separator="\t", shares=[0.5], splits=20)
    vectors = {node: [0.0, 1.0] for node in clubs}
    found = score(Fitted(Given(vectors), train=lambda: edges))["0.5"]
    assert found["neighbours_micro_f1"] > 0.8 > found["majority_micro_f1"]
    assert found["micro_f1"] == pytest.approx(found["majority_micro_f1"], abs=0.02)


def test_nodes_with_several_labels_get_as_many(write):
    rng = np.random.default_rng(0)
    truth = rng.random((80, 3)) < 0.4
    truth[:, 0] |= ~truth.any(axis=1)
    lines = [f"n{n} {' '.join('abc'[c] for c in np.flatnonzero(truth[n]))}\n" for n in range(80)]
    vectors = {f"n{n}": truth[n] * 10.0 - 5 for n in range(80)}
    found = NodeClassification(path=write("".join(lines)), shares=[0.5])(Fitted(Given(vectors)))
    assert found["0.5"]["micro_f1"] > 0.98
    assert found["0.5"]["majority_micro_f1"] < 0.8


def test_as_many_of_the_likeliest_classes_are_chosen():
    scores = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.2], [0.0, 0.1, 1.0]])
    chosen = most_likely(scores, np.array([2, 1, 3]))
    assert chosen.tolist() == [[False, True, True], [True, False, False], [True] * 3]


def test_equally_likely_classes_are_chosen_as_by_the_usual_ranker():
    """DeepWalk's and OpenNE's scorers take the last of what `argsort` puts in order, node by node."""
    scores = np.random.default_rng(0).integers(0, 3, (200, 7)) / 2
    counts = np.random.default_rng(1).integers(1, 8, 200)
    chosen = most_likely(scores, counts)
    for row, count, found in zip(scores, counts, chosen, strict=True):
        assert set(np.flatnonzero(found)) == set(row.argsort(kind="stable")[-count:])


def test_the_seed_draws_the_splits(write):
    path = write("".join(f"{n} {n % 3}\n" for n in range(60)))
    score = NodeClassification(path=path, shares=[0.3], splits=2)
    embedder = Given(spread(60, noise=3))
    one, again, other = (score(Fitted(embedder, seed=seed)) for seed in (0, 0, 1))
    assert one == again != other


def test_scores_are_those_of_single_splits(write):
    """The mean over splits is what each split alone gives; micro-F1 of single labels is accuracy."""
    path = write("".join(f"{n} {n % 3}\n" for n in range(60)))
    found = NodeClassification(path=path, shares=[0.3], splits=3)(
        Fitted(Given(spread(60, noise=3)))
    )["0.3"]
    assert found["micro_f1"] == pytest.approx(found["accuracy"])
    assert 0 <= found["micro_f1_deviation"] < 0.2
    assert 0 < found["macro_f1"] <= 1


def test_nodes_without_a_vector_are_left_out_and_told(write):
    path = write("".join(f"{n} {n % 2}\n" for n in range(80)))
    found = NodeClassification(path=path)(Fitted(Given(spread(60, noise=1))))
    assert (found["nodes"], found["covered"], found["coverage"]) == (80, 60, 0.75)
    with pytest.raises(DataError, match=r"0 of the 80 nodes .* are they named as in the graph"):
        NodeClassification(path=path)(Fitted(Given({"x": [1.0]})))


def test_labels_are_read(write):
    labels = read_labels(write("# remark\nb x y\n\na  x\nb z\n"), separator=None, comment="#")
    assert (list(labels.nodes), list(labels.names)) == (["b", "a"], ["x", "y", "z"])
    assert labels.classes.tolist() == [[True] * 3, [True, False, False]]


@pytest.mark.parametrize("text", ["a\n", "a x\nb\n", "\n", "# only\n"])
def test_labels_that_cant_be_used_are_told(write, text):
    with pytest.raises(DataError, match=r"labels\.txt"):
        read_labels(write(text), separator=None, comment="#")


@pytest.mark.parametrize(
    "settings",
    [{"shares": []}, {"shares": [1.0]}, {"splits": 0}, {"strength": 0.0}, {"separator": ""}],
)
def test_settings_of_classification_are_checked(settings):
    with pytest.raises(ConfigError, match=f"`{next(iter(settings))}`"):
        NodeClassification(path="labels.txt", **settings)


def blocks(seed=0):
    """A graph of three groups, cut into edges to fit on and edges to hold out."""
    graph = networkx.stochastic_block_model(
        [30] * 3, [[0.4, 0.02, 0.02], [0.02, 0.4, 0.02], [0.02, 0.02, 0.4]], seed=seed
    )
    edges = [(str(a), str(b)) for a, b in graph.edges()]
    held = np.random.default_rng(seed).random(len(edges)) < 0.2
    train = [edge for edge, out in zip(edges, held, strict=True) if not out]
    return train, [edge for edge, out in zip(edges, held, strict=True) if out]


def group_vectors(nodes=90, *, seed=0):
    rng = np.random.default_rng(seed)
    return {str(n): np.eye(3)[n // 30] + 0.1 * rng.normal(size=3) for n in range(nodes)}


def test_edges_that_vectors_show_are_told_from_others():
    train, test = blocks()
    rng = np.random.default_rng(1)
    drawn = {str(n): rng.normal(size=3) for n in range(90)}
    good, bad = (
        LinkPrediction()(Fitted(Given(vectors), train=lambda: train, test=lambda: test))
        for vectors in (group_vectors(), drawn)
    )
    assert (good["edges"], good["in_train"]) == (len(test), 0)
    assert good["coverage"] == 1.0
    for way in ("cosine", "hadamard", "common_neighbours"):
        assert good[way]["auc"] > 0.75, way
        assert good[way]["average_precision"] > 0.7, way
    for way in ("cosine", "hadamard", "preferential_attachment"):
        assert 0.35 < bad[way]["auc"] < 0.65, way


def test_links_of_a_saved_embedding_are_told_to_need_its_edges():
    with pytest.raises(DataError, match="a saved embedding comes without them"):
        LinkPrediction()(Fitted(Given(group_vectors())))


def test_hadamard_learns_which_parts_matter():
    train, test = blocks()
    rng = np.random.default_rng(2)
    noisy = {name: [*vector, *rng.normal(size=8)] for name, vector in group_vectors().items()}
    found = LinkPrediction()(Fitted(Given(noisy), train=lambda: train, test=lambda: test))
    assert found["hadamard"]["auc"] > found["cosine"]["auc"] + 0.1


def test_held_out_edges_that_were_fitted_on_are_left_out():
    train, test = blocks()
    again = [(b, a) for a, b in train[:5]]
    new = [("0", "stranger"), ("stranger", "1")]
    found = LinkPrediction()(
        Fitted(Given(group_vectors()), train=lambda: train, test=lambda: [*test, *again, *new])
    )
    assert (found["edges"], found["in_train"]) == (len(test) + 7, 5)
    assert found["covered"] == len(test)
    assert found["coverage"] == pytest.approx(len(test) / (len(test) + 2))


def test_held_out_edges_change_nothing_that_is_learnt(monkeypatch):
    """What the classifier learns is the same whatever is held out."""
    train, test = blocks()
    seen = []

    class Spy(linear_model.LogisticRegression):
        def fit(self, features, true):
            seen.append((features.copy(), true.copy()))
            return super().fit(features, true)

    monkeypatch.setattr(linear_model, "LogisticRegression", Spy)
    for held in (test, test[:10]):
        LinkPrediction()(
            Fitted(Given(group_vectors()), train=lambda: train, test=lambda held=held: held)
        )
    assert (seen[0][0] == seen[1][0]).all() and (seen[0][1] == seen[1][1]).all()
    assert len(seen[0][0]) == 2 * len(train)


@pytest.mark.parametrize("directed", [False, True])
def test_baselines_are_those_of_networkx(directed):
    train, test = blocks(3)
    if directed:
        train += [(b, a) for a, b in train[::3]]
    graph = networkx.DiGraph(train) if directed else networkx.Graph(train)
    from seqpipe_graph._prediction import _attachment, _common_neighbours

    ours = Graph.from_edges(train, directed=directed)
    rows = {name: row for row, name in enumerate(ours.names)}
    pairs = np.array([(rows[a], rows[b]) for a, b in test])
    common = [len(set(graph[a]) & set(graph.pred[b] if directed else graph[b])) for a, b in test]
    assert _common_neighbours(ours, pairs).tolist() == common
    degrees = [
        graph.out_degree(a) * graph.in_degree(b) if directed else graph.degree(a) * graph.degree(b)
        for a, b in test
    ]
    assert _attachment(ours, pairs).tolist() == degrees


@pytest.mark.parametrize("directed", [False, True])
def test_drawn_pairs_are_no_edges_and_evenly_drawn(directed):
    edges = np.array([(a, b) for a, b in itertools.combinations(range(8), 2) if (a + b) % 3])
    pairs = PairSet(edges, 8, directed=directed)
    drawn = pairs.others(20_000, np.random.default_rng(0))
    assert not pairs.has(drawn).any()
    assert (drawn[:, 0] != drawn[:, 1]).all()
    keys = drawn if directed else np.sort(drawn, axis=1)
    found, counts = np.unique(keys, axis=0, return_counts=True)
    assert len(found) == (56 if directed else 28) - len(edges)
    assert counts.min() > 0.8 * counts.max()


def test_directed_pairs_have_an_order():
    pairs = np.array([(0, 1), (1, 2), (2, 2)])
    assert PairSet(pairs, 3, directed=True).has(pairs[:, ::-1]).tolist() == [False] * 3
    assert PairSet(pairs, 3, directed=False).has(pairs[:, ::-1]).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([("0", "1")], [], "0 were held out.* `split`"),
        ([], [("0", "1")], "1 were held out, 1 of them"),
        ([("0", "1")], [("1", "0")], "1 were fitted on too"),
        ([("0", "1"), ("1", "2")], [("0", "2")], "nearly all pairs"),
    ],
)
def test_nothing_to_predict_is_told(train, test, message):
    fitted = Fitted(Given(group_vectors()), train=lambda: train, test=lambda: test)
    with pytest.raises(DataError, match=message):
        LinkPrediction()(fitted)
