"""Pipelines give docs their vectors."""

from pathlib import Path

import numpy as np
import pytest
import spacy
from seqpipe.run import run

PACKAGE = Path(__file__).parent.parent
SIF = """
[data]
@readers = "seqpipe.Lines.v1"
path = "example/texts.txt"

[embedder]
@seqpipe_embedders = "doc2vec.Sif.v1"

[embedder.embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 8
min_count = 1
"""
TEXTS = ["Water the beans and the roses.", "The choir sang with the band.", "", " \n", "Zebra"]


@pytest.fixture(scope="module")
def nlp(tmp_path_factory):
    """The pipeline of the example."""
    folder = tmp_path_factory.mktemp("example")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PACKAGE)
        result = run(Path("example/pipeline.cfg"), output=folder / "trained")
    assert "doc2vec" in result.report["plugins"]
    return spacy.load(result.model)


def test_docs_have_the_vectors_that_are_inferred(nlp):
    embedder = nlp.vocab.vectors.embedder
    for doc in nlp.pipe(TEXTS):
        words = [token.text for token in doc if not token.is_space]
        assert np.array_equal(doc.vector, embedder.embed_document(words))
    assert nlp(TEXTS[0]).vector.any() and not nlp("Zebra").vector.any()
    assert np.array_equal(nlp(TEXTS[0]).vector, nlp(TEXTS[0]).vector)


def test_docs_of_a_topic_are_more_alike(nlp):
    rose, bean, choir = nlp.pipe(
        ["Water the roses.", "The beans need water and soil.", "The choir and the band sing."]
    )
    assert rose.similarity(bean) > rose.similarity(choir)


def test_saved_again_it_gives_the_same(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert np.array_equal(again(TEXTS[0]).vector, nlp(TEXTS[0]).vector)
    assert np.array_equal(again.vocab["roses"].vector, nlp.vocab["roses"].vector)


def test_sif_stands_on_another_embedder(tmp_path, monkeypatch):
    monkeypatch.chdir(PACKAGE)
    (tmp_path / "pipeline.cfg").write_text(SIF, encoding="utf-8")
    result = run(tmp_path / "pipeline.cfg", output=tmp_path / "trained")
    nlp = spacy.load(result.model)
    assert nlp(TEXTS[0]).vector.shape == (8,)
    words = [token.text for token in nlp(TEXTS[0])]
    assert np.array_equal(nlp(TEXTS[0]).vector, nlp.vocab.vectors.embedder.embed_document(words))
