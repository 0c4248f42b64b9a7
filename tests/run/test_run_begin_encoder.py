"""Runs of files whose encoder begins as a language model."""

import random
import shutil
from pathlib import Path

import pytest
import spacy

from seqpipe.adapters import encoders_in
from seqpipe.config import PipelineFileError
from seqpipe.run import run

LANGUAGE_MODEL = """
[data]
@readers = "seqpipe.Lines.v1"
path = "texts.txt"

[language_model]
unit = "word"
width = 8
epochs = 2
batch_size = 4
"""
FILE = """
[data]
@readers = "seqpipe.LabelledLines.v1"
path = "labelled.txt"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 8
epochs = 1
min_count = 1
tune = true

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = {width}

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[training]
max_epochs = 1

[initialize.after_init]
@callbacks = "seqpipe.BeginEncoder.v1"
path = "{path}"
embeddings = true
"""


PLACES = ('path = "lm/missing"', 'path = "lm/model-best"')


@pytest.fixture(autouse=True)
def _there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    texts = [
        " ".join(draw.choices(["good", "bad", "film", "story", "the", "was"], k=7))
        for _ in range(80)
    ]
    Path("texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    rows = [f"__label__{'yes' if 'good' in text else 'no'} {text}" for text in texts]
    Path("labelled.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    Path("lm.cfg").write_text(LANGUAGE_MODEL, encoding="utf-8")


def trained(file=FILE, **settings):
    run(Path("lm.cfg"), output=Path("lm"))
    text = file.format(**{"width": 16, "path": "lm/model-best", **settings})
    Path("pipeline.cfg").write_text(text, encoding="utf-8")
    return run(Path("pipeline.cfg"), output=Path("out"))


def test_pipeline_needs_the_language_model_no_more():
    model = trained().model
    shutil.rmtree("lm")
    assert set(spacy.load(model)("good film").cats) == {"yes", "no"}


def test_layers_that_have_not_joined_the_training_are_the_language_models():
    text = FILE + '[training.before_update]\n@callbacks = "seqpipe.Unfreeze.v1"\n'
    nlp = spacy.load(trained(text).model)
    (encoder,) = encoders_in(nlp.get_pipe("tok2vec"))
    model = spacy.load("lm/model-best").get_pipe("language_model").trained.model
    cell, source = encoder.module.encoder.layers[0][0], model.layers[0]
    for name, weight in source.state_dict().items():
        assert weight.equal(cell.state_dict()[name])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"path": "lm/missing"}, "`path` names lm/missing, which isn't there"),
        ({"width": 20}, "its layer 1 is LSTM from width 8 to 8"),
    ],
)
def test_mistakes_have_a_place(settings, said):
    with pytest.raises(PipelineFileError) as caught:
        trained(**settings)
    (problem,) = caught.value.diagnostics
    assert said in problem.message
    assert problem.place.text.strip() in PLACES, str(caught.value)
