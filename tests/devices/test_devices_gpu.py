"""Pipelines on a GPU of CUDA's, where there is one: `pytest -m cuda tests/devices`."""

import json

import pytest
import spacy
import torch

import seqpipe
from seqpipe.adapters import device_of
from seqpipe.run import run

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there's no GPU of CUDA's"),
]

FILE = """
[pipeline]
device = "cuda"

[data]
@readers = "seqpipe.Jsonl.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 16
min_count = 1
trained_width = 8
characters = 8

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 32

[head]
@seqpipe_heads = "seqpipe.{head}"

[training]
max_epochs = 8
adversarial = 0.1

[training.optimizer]
@optimizers = "{optimizer}"
learn_rate = 0.01
"""
LANGUAGE_MODEL = """
[pipeline]
device = "cuda"

[data]
@readers = "seqpipe.Jsonl.v1"
path = "{path}"

[language_model]
width = 32
epochs = 2
sequence_length = 16
batch_size = 4
"""


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    file = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    rows = [
        {"text": f"{w} number {i} of them", "label": w} for w in ("one", "two") for i in range(40)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize("optimizer", ["seqpipe.AdamW.v1", "Adam.v1"])
@pytest.mark.parametrize("head", ["TextClassifier.v1", "TextClassifier.v2"])
def test_trained_on_a_gpu_predicts_there_and_on_the_cpu(texts, tmp_path, head, optimizer):
    file = tmp_path / "pipeline.cfg"
    file.write_text(FILE.format(path=texts.as_posix(), head=head, optimizer=optimizer))
    result = run(file, output=tmp_path / "run")
    assert result.report["machine"]["device"].startswith("cuda:0 (")
    given = [f"{w} number {i}" for w in ("one", "two") for i in range(50)]
    here = seqpipe.Predictor(result.model)
    there = seqpipe.Predictor(result.model, device="cuda")
    rough = seqpipe.Predictor(result.model, device="cuda", precision="bfloat16")
    assert [device_of(each.nlp) for each in (here, there)] == ["cpu", "cuda:0"]
    own, found, less = (each.predict(given) for each in (here, there, rough))
    assert not own.failures and not found.failures and not less.failures
    for one, other, close in zip(own, found, less, strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=1e-4)
        assert one["score"] == pytest.approx(close["score"], abs=2e-2)
    assert result.report["test"]["accuracy"] > 0.9


def test_language_model_trained_on_a_gpu_loads_on_the_cpu(texts, tmp_path):
    file = tmp_path / "characters.cfg"
    file.write_text(LANGUAGE_MODEL.format(path=texts.as_posix()))
    result = run(file, output=tmp_path / "run")
    assert result.report["machine"]["device"].startswith("cuda:0 (")
    here = spacy.load(result.model)
    there = seqpipe.Predictor(result.model, device="cuda").nlp
    assert (device_of(here), device_of(there)) == ("cpu", "cuda:0")
    assert here("one number")._.perplexity == pytest.approx(
        there("one number")._.perplexity, rel=1e-4
    )
