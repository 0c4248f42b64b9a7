"""Several heads on one encoder: [heads.intent], [heads.names]."""

import contextlib
import functools
import json
import random

import numpy as np
import pytest
import spacy
import torch
from confection import Config
from thinc.api import Model, fix_random_seed

from seqpipe.adapters import has_word_head, make_task_model, tasks_of
from seqpipe.adapters._classifier import Truths
from seqpipe.config import compile_file, read
from seqpipe.errors import ConfigError
from seqpipe.messages import PipelineFileError
from seqpipe.parts.heads import TextClassifier
from seqpipe.reporting import Silent
from seqpipe.run import run, run_seeds

PLACES = ["Bath", "York", "New York", "Kew"]
FILE = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "{path}"
spans = "entities"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 16
epochs = 5
min_count = 1
standardize = true

[encoder]
width = 32

[heads.intent]
@seqpipe_heads = "seqpipe.TextClassifier.v2"
{intent}

[heads.places]
@seqpipe_heads = "seqpipe.Crf.v1"
weight = 2.0

[heads.places.task]
@seqpipe_tasks = "seqpipe.Entities.v1"

[training]
max_epochs = 10
eval_frequency = 100

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.01

[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 8
"""


MORE_ENTITIES = '[heads.more.task]\n@seqpipe_tasks = "seqpipe.Entities.v1"\n'
OWN_ROWS = '[heads.{}.data]\n@readers = "seqpipe.Jsonl.v1"\npath = "there.jsonl"\n'


def row(draw):
    """Return a text whose intent its first word tells, and which names a place."""
    intent = draw.choice(["fly", "stay"])
    place = draw.choice(PLACES)
    # Equal texts fall to the same part of the data, so there are many different ones.
    beside = f"{draw.choice(['soon', 'today', 'never'])} with {draw.randint(2, 60)} friends"
    text = f"{'fly to' if intent == 'fly' else 'stay in'} {place} {beside}"
    start = text.index(place)
    return {"text": text, "label": intent, "entities": [[start, start + len(place), "PLACE"]]}


@pytest.fixture
def texts(tmp_path):
    draw = random.Random(0)
    path = tmp_path / "rows.jsonl"
    rows = [row(draw) for _ in range(200)]
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


def write(texts, change=lambda text: text, intent=""):
    file = texts.with_name("pipeline.cfg")
    text = FILE.format(path=texts.as_posix(), intent=intent)
    file.write_text(change(text), encoding="utf-8")
    return file


def test_heads_are_trained_together_and_each_is_reported(tmp_path, texts):
    result = run(write(texts), output=tmp_path / "out")
    heads = result.report["test"]["heads"]
    assert heads["intent"]["accuracy"] > 0.95
    assert heads["places"]["f"] > 0.9
    dev = result.report["dev"]["score"]
    assert 0.9 < dev <= 1
    nlp = spacy.load(result.model)
    assert nlp.pipe_names == ["tok2vec", "intent", "places"]
    doc = nlp("stay in New York soon")
    assert max(doc.cats, key=doc.cats.get) == "stay"
    assert [(e.text, e.label_) for e in doc.ents] == [("New York", "PLACE")]
    assert doc.tensor.shape == (5, 32)
    assert list(tasks_of(nlp)) == ["intent", "places"]
    nlp.rename_pipe("places", "slots")
    assert list(tasks_of(nlp)) == ["intent", "slots"]
    nlp.rename_pipe("slots", "places")
    # One of them can be left out, and the other says what it did.
    with nlp.select_pipes(disable=["places"]):
        assert nlp("stay in New York soon").cats == doc.cats


def test_pipeline_of_several_heads_can_be_trained_again_by_its_saved_config(tmp_path, texts):
    first = run(write(texts), output=tmp_path / "out")
    again = run(tmp_path / "out" / "config.cfg", output=tmp_path / "again")
    assert again.report["test"] == first.report["test"]


def test_figures_of_each_head_are_in_the_summary_of_several_runs(tmp_path, texts):
    file = write(texts, lambda text: text.replace("max_epochs = 10", "max_epochs = 1"))
    summary = run_seeds(
        read(file, []),
        overrides=[],
        output=tmp_path / "out",
        count=2,
        make_reporter=lambda _: contextlib.nullcontext(Silent()),
    )
    assert {"test intent accuracy", "test places f"} <= summary["figures"].keys()


def encoder_gradient(weights):
    """Return the gradient of an encoder's output that heads of these weights come to, all of the same truths."""
    head = functools.partial(TextClassifier, pool="mean", dropout=0.0)
    nlp, total = spacy.blank("en"), 0
    for weight in weights:
        fix_random_seed(0)
        model = make_task_model(Letters(), head, weight)
        docs = [nlp.make_doc("ab c"), nlp.make_doc("d")]
        model.initialize(X=docs, Y=np.zeros((2, 2), dtype="float32"))
        torch.manual_seed(0)
        model.layers[1].shims[0].module.output.weight.data.normal_()
        _, backprop = model.begin_update(docs)
        backprop(Truths(torch.eye(2)))
        total = total + np.concatenate(model.layers[0].attrs["gradients"])
    return total


def Letters():
    """Make a layer that takes note of the gradients that it's given."""

    def forward(model, docs, is_train):
        vectors = [np.ones((len(doc), 3), dtype="float32") for doc in docs]
        return vectors, lambda gradients: model.attrs.update(gradients=gradients) or docs

    return Model("letters", forward, dims={"nO": 3})


def test_weight_of_a_head_scales_what_the_encoder_learns_from_it(texts):
    once = encoder_gradient([1.0])
    assert abs(once).max() > 0
    np.testing.assert_allclose(encoder_gradient([0.5]), once / 2)
    np.testing.assert_allclose(encoder_gradient([2.0, 1.0]), 3 * once, rtol=1e-6)
    with pytest.raises(ConfigError, match="the `weight` of a head is -1"):
        overrides = ["--heads.places.weight", "-1.0"]
        run(write(texts), overrides=overrides, output=texts.parent / "out")


def test_classifier_stands_beside_the_head_that_puts_texts_into_classes(texts):
    def leave_out(text):
        start, end = text.index("[embedder]"), text.index("[heads.intent]")
        return text[:start] + text[end:]

    config = compile_file(write(texts, leave_out))
    assert config["nlp"]["pipeline"] == ["tok2vec", "intent", "places", "wide"]
    assert config["training"]["score_weights"] == {
        "cats_micro_f": 0.5,
        "cats_score": 0.0,
        "task_score": 0.0,
        "places_score": 0.5,
    }


def test_classes_of_one_of_several_heads_can_be_weighted(tmp_path, texts):
    file = write(texts, lambda text: text.replace("= 10", "= 1"), 'class_weights = "balanced"')
    result = run(file, output=tmp_path / "out")
    config = Config().from_disk(tmp_path / "out" / "config.cfg")
    assert config["components"]["intent"]["model"]["class_weights"] == "balanced"
    assert result.report["test"]["heads"].keys() == {"intent", "places"}
    nlp = spacy.load(result.model)
    assert has_word_head(nlp)
    nlp.remove_pipe("places")
    assert not has_word_head(nlp)


def test_heads_may_learn_from_rows_of_their_own(tmp_path, texts):
    rows = [json.loads(line) for line in texts.read_text("utf-8").splitlines()]
    for name, keys in (("labelled", ("text", "label")), ("marked", ("text", "entities"))):
        kept = [json.dumps({key: row[key] for key in keys}) + "\n" for row in rows]
        half = kept[:100] if name == "labelled" else kept[100:]
        (tmp_path / f"{name}.jsonl").write_text("".join(half), encoding="utf-8")

    def change(text):
        start, end = text.index("[data]"), text.index("[embedder]")
        reader = '@readers = "seqpipe.Jsonl.v1"\npath = "{}"\n'
        intent = "[heads.intent.data]\n" + reader.format((tmp_path / "labelled.jsonl").as_posix())
        marked = (tmp_path / "marked.jsonl").as_posix()
        places = "[heads.places.data]\n" + reader.format(marked) + 'spans = "entities"\n'
        text = text[:start] + intent + places + text[end:]
        return text.replace("max_epochs = 10", "max_epochs = 20")

    result = run(write(texts, change), output=tmp_path / "out")
    test = result.report["test"]["heads"]
    assert result.report["data"]["rows"] == {"train": 160, "dev": 20, "test": 20}
    assert sum(each["texts"] for each in test["intent"]["classes"].values()) == 10
    assert test["intent"]["accuracy"] > 0.9
    assert test["places"]["labels"]["PLACE"]["count"] == 10
    assert test["places"]["f"] > 0.8
    # The rows of one head don't count in the scores of another.
    assert result.report["dev"]["score"] > 0.9
    assert test["intent"]["calibration_error"] < 0.05
    again = run(tmp_path / "out" / "config.cfg", output=tmp_path / "again")
    assert again.report["test"] == result.report["test"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t + "[head]\n", r"\[head\] can't be combined with \[heads\]"),
        (
            lambda t: t + '[task]\n@seqpipe_tasks = "seqpipe.Entities.v1"\n',
            r"\[task\] can't be combined with \[heads\]",
        ),
        (
            lambda t: t.replace("heads.intent", "heads.tok2vec"),
            'a head can\'t be called "tok2vec"',
        ),
        (
            lambda t: t + '[heads.more]\n@seqpipe_heads = "seqpipe.TextClassifier.v2"\n',
            r"\[heads.more\] and \[heads.intent\] both write to doc.cats",
        ),
        (
            lambda t: t + '[heads.more]\n@seqpipe_heads = "seqpipe.OrdinalClassifier.v1"\n',
            r"\[heads.more\] and \[heads.intent\] both write to doc.cats",
        ),
        (
            lambda t: t + f'[heads.more]\n@seqpipe_heads = "seqpipe.Crf.v1"\n{MORE_ENTITIES}',
            r"\[heads.more\] and \[heads.places\] both write to doc.ents",
        ),
        (
            lambda t: t.replace("heads.places", "heads.cats"),
            'a head can\'t be called "cats"',
        ),
        (
            lambda t: t.replace("[heads.intent]", "[heads]"),
            r"\[heads\] holds heads by name, and names none itself",
        ),
        (
            lambda t: t + OWN_ROWS.format("intent") + OWN_ROWS.format("places"),
            r"every head has rows of its own, and \[data\] has some that none learns from",
        ),
        (
            lambda t: t + OWN_ROWS.format("places"),
            r"\[heads.places.data\] \(seqpipe.Jsonl.v1\): there.jsonl isn't there",
        ),
        (
            lambda t: t.replace("weight = 2.0", "wieght = 2.0"),
            'has no key "wieght"',
        ),
        (
            lambda t: t.replace("weight = 2.0", 'class_weights = "balanced"'),
            "`class_weights` are for heads that put texts into classes",
        ),
    ],
)
def test_heads_that_cannot_be_combined_are_refused(tmp_path, texts, change, message):
    with pytest.raises(PipelineFileError, match=message):
        run(write(texts, change), output=tmp_path / "out")
