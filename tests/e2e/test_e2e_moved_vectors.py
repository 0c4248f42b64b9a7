"""Vectors are moved as part of a run, saved with the pipeline, and drawn."""

import json

import numpy as np
import pytest
import spacy

from seqpipe.cli import main
from seqpipe.run import run

PIPELINE = """
[data]
@readers = "seqpipe.Lines.v1"
path = "{folder}/corpus.txt"

[embedder]
@seqpipe_embedders = "seqpipe.CounterFitted.v1"
antonyms = "{folder}/antonyms.txt"
synonyms = ["{folder}/synonyms.txt"]
neighbour_weight = 0.0

[embedder.embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 8
min_count = 1
subsample = 1.0
"""


def test_counter_fitted_vectors_are_trained_saved_and_drawn(tmp_path, monkeypatch, capsys):
    texts = ["the soup is hot", "the soup is cold", "the soup is warm", "a stone lay there"] * 30
    (tmp_path / "corpus.txt").write_text("\n".join(texts), encoding="utf-8")
    (tmp_path / "antonyms.txt").write_text("hot cold\n", encoding="utf-8")
    (tmp_path / "synonyms.txt").write_text("hot warm\n", encoding="utf-8")
    file = tmp_path / "pipeline.cfg"
    file.write_text(PIPELINE.format(folder=tmp_path.as_posix()), encoding="utf-8")
    model = run(file, output=tmp_path / "run").model
    for name in ("antonyms.txt", "synonyms.txt"):
        (tmp_path / name).unlink()
    vectors = spacy.load(model).vocab.vectors
    hot, cold, warm = (
        vectors[word] / np.linalg.norm(vectors[word]) for word in ("hot", "cold", "warm")
    )
    # Without the lists all three are alike: their contexts are the same.
    assert hot @ warm > 0.9 > 0.8 > hot @ cold

    page = tmp_path / "page.html"
    command = ["embeddings", "picture", str(model), "--method", "pca", "-o", str(page)]
    monkeypatch.setattr("sys.argv", ["seqpipe", *command])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code, capsys.readouterr().err
    text = page.read_text(encoding="utf-8")
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    near = dict(zip(data["words"], data["near"], strict=True))
    assert data["words"][near["hot"][0]] == "warm"
