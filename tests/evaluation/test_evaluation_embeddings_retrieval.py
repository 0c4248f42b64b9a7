"""Retrieval by class: are the nearest texts about the same thing?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation import Fitted
from seqpipe.evaluation.embeddings import ClassRetrieval, score_retrieval
from seqpipe.parts.embedders import Word2Vec2
from seqpipe.parts.readers import LabelledLines

TEXTS = [
    "garden\trose bean soil",
    "music\tsong drum choir",
    "garden\tbean rose rose",
    "music\tchoir song song",
    "garden\tsoil soil bean",
]


def reader(tmp_path, lines):
    path = tmp_path / "texts.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return LabelledLines(path=str(path), prefix=None)


def by_hand(vectors, labels, count):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    precisions, averages = [], []
    for row, label in enumerate(labels):
        others = [other for other in range(len(labels)) if other != row]
        right = np.array([labels[other] == label for other in others])
        if right.any():
            cosines = units[others] @ units[row]
            precisions.append(right[np.argsort(-cosines)][:count].mean())
            averages.append(average_precision_score(right, cosines))
    return np.mean(precisions), np.mean(averages)


@given(st.lists(st.sampled_from("abc"), min_size=4, max_size=30), st.integers(1, 40))
def test_scores_are_those_of_each_search(labels, count):
    vectors = np.random.default_rng(len(labels)).normal(size=(len(labels), 5))
    score = score_retrieval(vectors, labels, count=count)
    expected = by_hand(vectors, labels, count)
    assert (score["precision"], score["average_precision"]) == pytest.approx(expected)
    assert score["coverage"] == 1.0


def test_blocks_of_any_size_give_the_same(monkeypatch):
    vectors = np.random.default_rng(1).normal(size=(50, 5))
    labels = [str(number % 4) for number in range(50)]
    whole = score_retrieval(vectors, labels)
    monkeypatch.setattr("seqpipe.evaluation.embeddings._retrieval._AT_ONCE", 170)
    assert score_retrieval(vectors, labels) == pytest.approx(whole)


def test_texts_without_a_vector_are_found_by_chance_however_they_are_sorted():
    labels = ["a"] * 300 + ["b"] * 300
    score = score_retrieval(np.zeros((600, 3)), labels)
    assert score["precision"] == pytest.approx(0.5, abs=0.15)
    assert score["coverage"] == 0.0


def test_a_scorer_reads_texts_and_scores_each_way(tmp_path):
    draw = np.random.default_rng(0)
    topics = [["rose", "bean", "soil"], ["song", "drum", "choir"]]
    embedder = Word2Vec2(width=8, min_count=1, epochs=5)
    embedder.fit([draw.choice(topics[number % 2], 6).tolist() for number in range(300)], seed=1)
    score = ClassRetrieval(reader=reader(tmp_path, TEXTS), count=1)(Fitted(embedder))
    assert set(score) == {"texts", "chance", "mean", "sif"}
    assert score["texts"] == 5
    assert score["chance"] == pytest.approx((3 * 2 + 2 * 1) / 5 / 4)
    assert score["mean"]["precision"] == 1.0


def test_texts_of_no_use_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="count"):
        ClassRetrieval(reader=reader(tmp_path, TEXTS), count=0)
    with pytest.raises(DataError, match="no two of the 2 texts"):
        ClassRetrieval(reader=reader(tmp_path, TEXTS[:2]))
