"""Real vectors before and after, by seqpipe's own lists of synonyms and antonyms."""

import os
from pathlib import Path

import pytest

from seqpipe.evaluation.embeddings import (
    ANTONYMS,
    SYNONYMS,
    Words,
    read_pairs,
    read_rated_pairs,
    score_opposites,
    score_pairs,
)
from seqpipe.parts.embedders import CounterFitted, Pretrained, Retrofitted

VECTORS = "glove_6b_50d_top50k/glove.6B.50d.top50k.txt.gz"
RATED = {"SimLex": "EN-SIMLEX-999.txt", "MEN": "EN-MEN-TR-3k.txt"}

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not (Path(os.environ.get("SEQPIPE_DATA", "/nowhere")) / VECTORS).is_file(),
        reason="GloVe's vectors aren't below $SEQPIPE_DATA",
    ),
]


def glove():
    return Pretrained(path=f"data:{VECTORS}", most_words=20_000)


def scores(embedder):
    embedder.fit([])
    words = Words(embedder)
    found = {
        name: score_pairs(read_rated_pairs(f"data:wordsim/{file}"), words)["spearman"]
        for name, file in RATED.items()
    }
    opposites = score_opposites(read_pairs(SYNONYMS), read_pairs(ANTONYMS), words)
    return found | {"told apart": opposites["told_apart"]}


@pytest.fixture(scope="module")
def before():
    return scores(glove())


def test_antonyms_are_as_near_as_synonyms_before(before):
    assert before["SimLex"] == pytest.approx(0.26, abs=0.02)
    assert before["told apart"] < 0.5


def test_retrofitting_raises_similarity_and_keeps_relatedness(before):
    after = scores(Retrofitted(embedder=glove(), synonyms=SYNONYMS))
    assert after["SimLex"] > before["SimLex"] + 0.005
    assert after["MEN"] > before["MEN"] - 0.01
    assert after["told apart"] > 0.8


def test_counter_fitting_separates_antonyms_from_synonyms(before):
    after = scores(CounterFitted(embedder=glove(), synonyms=SYNONYMS, antonyms=ANTONYMS))
    assert after["SimLex"] > before["SimLex"] + 0.02
    assert after["told apart"] > 0.95
