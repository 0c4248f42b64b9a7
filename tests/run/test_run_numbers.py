"""A pipeline that predicts numbers, from a file to a saved model."""

import json
import random

import spacy

from seqpipe.run import run

FILE = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "{path}"
label = "price"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 16
epochs = 5
min_count = 1

[encoder]
width = 32

[head]
@seqpipe_heads = "seqpipe.Regressor.v1"
dropout = 0.0

[training]
max_epochs = 15
eval_frequency = 50

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.01

[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 8
"""
PRICES = {"bread": 2.5, "cheese": 8.25, "wine": 15.5, "salt": 0.75}


def test_numbers_are_learnt_on_their_own_scale(tmp_path):
    draw, rows = random.Random(0), []
    for _ in range(200):
        words = draw.choices([*PRICES], k=draw.randint(1, 4))
        rows.append(
            {"text": " and ".join(words), "price": 1000 * sum(map(PRICES.get, words)) + 0.5}
        )
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    file = tmp_path / "pipeline.cfg"
    file.write_text(FILE.format(path=texts.as_posix()), encoding="utf-8")
    result = run(file, output=tmp_path / "out")
    test = result.report["test"]
    assert test["r2"] > 0.8
    assert test["numbers"]["number"]["pearson"] > 0.9
    nlp = spacy.load(result.model)
    cheap, dear = nlp("salt")._.numbers["number"], nlp("wine and wine and wine")._.numbers["number"]
    assert -5000 < cheap < 6000 < 25_000 < dear < 60_000
