"""The embedders: what every one has to do, and whether neighbours get near each other."""

import functools
import itertools
import json

import numpy as np
import pytest
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.testing import checks

from seqpipe_graph import Edge
from seqpipe_graph._embedders import DeepWalk, Node2Vec
from seqpipe_graph._embedders2 import DeepWalk2, Node2Vec2

QUICK = {"width": 8, "walks": 2, "length": 10, "window": 2}
FACTORIES = {
    "DeepWalk": functools.partial(DeepWalk, **QUICK),
    "Node2Vec": functools.partial(Node2Vec, p=0.5, q=2.0, **QUICK),
    "DeepWalk2": functools.partial(DeepWalk2, **QUICK),
    "Node2Vec2": functools.partial(Node2Vec2, p=0.5, q=2.0, **QUICK),
}


@pytest.fixture(scope="module", params=FACTORIES.values(), ids=FACTORIES.keys())
def factory(request):
    return request.param


@pytest.mark.parametrize("check", checks("embedders"), ids=str)
def test_embedder_keeps_the_contract(check, factory):
    check(factory)


def cosines(embedder):
    vectors = embedder.embed(embedder.vocabulary)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units @ units.T


@pytest.mark.parametrize("cls", [DeepWalk, DeepWalk2])
@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical"])
def test_members_of_a_club_are_near_each_other(karate, cls, loss):
    edges, clubs = karate
    embedder = cls(width=16, length=40, epochs=10, loss=loss)
    embedder.fit(edges)
    near = cosines(embedder) - 2 * np.eye(34)
    names = embedder.vocabulary
    same = [clubs[names[row]] == clubs[names[near[row].argmax()]] for row in range(34)]
    assert np.mean(same) >= 0.85


def chain(names):
    return list(itertools.pairwise(names))


@pytest.mark.parametrize("cls", [Node2Vec, Node2Vec2])
def test_q_decides_whether_walks_stay_near(cls):
    """On a ring of cliques, walks that lead outwards see more of the ring."""
    cliques = [[f"{clique} {node}" for node in range(8)] for clique in range(10)]
    edges = [edge for clique in cliques for edge in itertools.combinations(clique, 2)]
    edges += [
        (one[0], other[1]) for one, other in zip(cliques, cliques[1:] + cliques[:1], strict=True)
    ]

    def inside(q):
        embedder = cls(width=16, length=20, window=5, q=q, epochs=3)
        embedder.fit(edges)
        near = cosines(embedder)
        cliques = np.array([name.split()[0] for name in embedder.vocabulary])
        together = cliques[:, None] == cliques
        return near[together].mean() - near[~together].mean()

    assert inside(20.0) > inside(0.05) > 0


def test_directed_walks_go_one_way():
    sentences = []
    embedder = DeepWalk(directed=True, **QUICK)
    embedder._skip_gram.fit = lambda walks, **_: sentences.extend(walks)
    with pytest.raises(EmbedderError):
        embedder.fit(chain("abcdefgh"))
    # "b" and what follows it occur twice, and "a" and "h" once: "a" is the seventh.
    assert sorted(sentences) == sorted(2 * [[*map(str, [6, *range(6), 7])][n:] for n in range(7)])


@pytest.mark.parametrize("cls", [DeepWalk, DeepWalk2])
def test_weights_reach_the_walks(cls):
    """Between two cliques there are as many edges as within, but they weigh next to nothing."""
    names = [f"{side}{node}" for side in "ab" for node in range(6)]
    edges = [
        Edge(pair, 1.0 if pair[0][0] == pair[1][0] else 0.001)
        for pair in itertools.combinations(names, 2)
    ]

    def gap(weighted):
        embedder = cls(width=8, length=40, window=3, epochs=5, weighted=weighted)
        embedder.fit(edges)
        sides = np.array([name[0] for name in embedder.vocabulary])
        same = sides[:, None] == sides
        near = cosines(embedder)
        return near[same].mean() - near[~same].mean()

    assert gap(True) > gap(False) + 0.2


def test_nodes_without_edges_have_the_zero_vector(factory):
    embedder = factory()
    embedder.fit([("a", "b"), ("alone",), ("b", "c")])
    assert set(embedder.vocabulary) == {"a", "b", "c", "alone"}
    vectors = embedder.embed(["alone", "unknown", "a"])
    assert not vectors[:2].any()
    assert vectors[2].any()


@pytest.mark.parametrize("paths", [[("a",), ("b",)], [("a", "a")], [Edge(("a", "b"), 0)]])
def test_what_gives_no_walks_is_refused(factory, paths):
    with pytest.raises(EmbedderError):
        factory().fit(paths)


def test_progress_tells_of_walking_and_training(factory):
    told = []
    factory().fit([("a", "b"), ("b", "c")] * 40, on_progress=told.append)
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] <= 0.1 and fractions[-1] == 1


def test_threads_change_no_walk(karate):
    edges, _ = karate
    sentences = []
    for threads in (1, 3):
        embedder = DeepWalk(threads=threads, **QUICK)
        embedder._skip_gram.fit = lambda walks, **_: sentences.append(list(walks))
        with pytest.raises(EmbedderError):
            embedder.fit(edges)
    assert sentences[0] == sentences[1]
    assert len(sentences[0]) == 2 * 34


@pytest.mark.parametrize("cls", [DeepWalk, Node2Vec, DeepWalk2, Node2Vec2])
@pytest.mark.parametrize(
    "setting",
    [{"walks": 0}, {"length": 0}, {"length": 1}, {"width": 0}, {"epochs": 0}, {"threads": 0}],
)
def test_settings_are_checked(cls, setting):
    with pytest.raises(ConfigError, match=f"`{next(iter(setting))}`"):
        cls(**setting)


@pytest.mark.parametrize("cls", [DeepWalk2, Node2Vec2])
@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical"])
def test_vectors_are_the_same_for_any_number_of_threads(karate, cls, loss):
    vectors = []
    for threads in (1, 3, None):
        embedder = cls(threads=threads, loss=loss, **QUICK)
        embedder.fit(karate[0], seed=3)
        vectors.append(embedder.embed(embedder.vocabulary).tobytes())
    assert vectors[0] == vectors[1] == vectors[2]


@pytest.mark.parametrize("setting", [{"negatives": 62}, {"window": 10**7}, {"loss": "softmax"}])
def test_what_only_the_library_can_do_is_refused(setting):
    with pytest.raises(ConfigError, match=f"`{next(iter(setting))}`"):
        DeepWalk2(**setting)


def test_a_high_learning_rate_is_told(karate):
    with pytest.warns(UserWarning, match="`learning_rate`, 50.0, is too high"):
        DeepWalk2(learning_rate=50.0, width=8, epochs=3, loss="negative-sampling").fit(karate[0])


@pytest.mark.parametrize("setting", [{"p": 0.0}, {"q": -1.0}])
def test_biases_are_checked(setting):
    with pytest.raises(ConfigError, match="must be above 0"):
        Node2Vec(**setting)


def test_files_of_another_embedder_are_refused(tmp_path):
    embedder = FACTORIES["DeepWalk"]()
    embedder.fit([("a", "b"), ("b", "c")])
    embedder.to_disk(tmp_path)
    with pytest.raises(SavedModelError, match="of the embedder DeepWalk, not of Node2Vec"):
        FACTORIES["Node2Vec"]().from_disk(tmp_path)
    with pytest.raises(SavedModelError, match="the embedder's width, 9"):
        DeepWalk(width=9).from_disk(tmp_path)
    nodes = tmp_path / "nodes.json"
    saved = json.loads(nodes.read_text())
    nodes.write_text(json.dumps({**saved, "nodes": ["a", "b", "a"]}))
    with pytest.raises(SavedModelError, match="a node is there twice"):
        FACTORIES["DeepWalk"]().from_disk(tmp_path)
