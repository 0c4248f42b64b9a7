"""Pipelines give encoders the vectors of senses."""

from pathlib import Path

import numpy as np
import pytest
import spacy
from seqpipe.run import run

PACKAGE = Path(__file__).parent.parent
CLASSIFIER = """
[data]
@readers = "seqpipe.LabelledLines.v1"
path = "labelled.txt"

[data.split]
train = 0.8
dev = 0.2

[tokenizer]
@seqpipe_tokenizers = "seqpipe.Whitespace.v1"

[embedder]
@seqpipe_embedders = "senses.MultiSense.v1"
min_count = 50
max_frequency = 0.2
subsample = 1.0
rarity = 0.01

[embedder.embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v2"
width = 16
min_count = 1

[encoder]
width = 8

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[wide]
weight = 0

[training]
max_steps = 2
"""
MONEY = "the bank lends money to its customers"
RIVER = "the bank slopes down to the river"


@pytest.fixture(scope="module")
def embedding(tmp_path_factory):
    """The pipeline of the example."""
    folder = tmp_path_factory.mktemp("example")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PACKAGE)
        result = run(Path("example/pipeline.cfg"), output=folder / "trained")
    assert "senses" in result.report["plugins"]
    return spacy.load(result.model)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A pipeline with an encoder, trained for two steps."""
    folder = tmp_path_factory.mktemp("classifier")
    lines = (PACKAGE / "example/texts.txt").read_text(encoding="utf-8").lower().splitlines()
    labelled = [f"__label__{('money', 'river')[n % 2]} {line}" for n, line in enumerate(lines)]
    (folder / "labelled.txt").write_text("\n".join(labelled), encoding="utf-8")
    (folder / "pipeline.cfg").write_text(CLASSIFIER, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = run(Path("pipeline.cfg"), output=folder / "trained")
    return spacy.load(result.model)


def test_the_example_finds_the_senses(embedding):
    embedder = embedding.vocab.vectors.embedder
    assert list(embedder.ambiguous) == ["bank"]
    chosen = [
        embedder.sense_of([token.text for token in embedding(text)], 1) for text in (MONEY, RIVER)
    ]
    assert sorted(chosen) == [0, 1]


def test_words_alone_have_the_mean_of_their_senses(embedding):
    embedder = embedding.vocab.vectors.embedder
    shares = np.array([sense.share for sense in embedder.senses("bank")])
    mean = shares @ embedder.vectors_of("bank")
    np.testing.assert_allclose(embedding("bank")[0].vector, mean, atol=1e-5)
    np.testing.assert_array_equal(embedding(MONEY)[1].vector, embedding(RIVER)[1].vector)


def test_encoders_are_given_the_sense(classifier, monkeypatch):
    embedder = classifier.vocab.vectors.embedder
    assert embedder.senses_of(MONEY.split())[1] != embedder.senses_of(RIVER.split())[1]
    before = next(iter(classifier.pipe([MONEY, RIVER]))).cats
    # The same pipeline is blind to senses where all words have their vectors alone.
    monkeypatch.setattr(type(embedder), "embed_in_context", type(embedder).embed)
    after = next(iter(classifier.pipe([MONEY, RIVER]))).cats
    assert before != after


def test_saved_again_it_predicts_the_same(classifier, tmp_path):
    classifier.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    for text in (MONEY, RIVER, "", "bank"):
        assert again(text).cats == classifier(text).cats


def test_it_predicts_in_several_processes(classifier):
    texts = [MONEY, RIVER] * 3
    alone = [doc.cats for doc in classifier.pipe(texts)]
    found = [doc.cats for doc in classifier.pipe(texts, n_process=2, batch_size=2)]
    for one, other in zip(alone, found, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
