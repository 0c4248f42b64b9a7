"""Real pipelines are trained as their [training] section says, and the same way every time."""

import dataclasses
import json

import pytest
import spacy
from spacy.training import Example
from spacy.util import load_model_from_config
from thinc.api import Config, fix_random_seed

from seqpipe.adapters import AdamW, Corpus
from seqpipe.training import resolve_training, train

CONFIG = """
[nlp]
lang = "en"
pipeline = ["tok2vec", "textcat"]

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "seqpipe.Encoder.v1"
trained_width = 8
trained_rows = 50

[components.tok2vec.model.encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 8
dropout = 0.2
word_dropout = 0.1

[components.tok2vec.model.encoder.cell]
@seqpipe_cells = "seqpipe.GRU.v1"

[components.textcat]
factory = "textcat"

[components.textcat.model]
@architectures = "seqpipe.Classifier.v1"

[components.textcat.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 8
upstream = "tok2vec"

[components.textcat.model.head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"
dropout = 0.1

[corpora]

[corpora.train]
@readers = "seqpipe.Corpus.v1"
part = "train"
split = {"train": 0.8, "dev": 0.2}

[corpora.train.data]
@readers = "seqpipe.Jsonl.v1"
path = "@rows"

[corpora.dev]
@readers = "seqpipe.Corpus.v1"
part = "dev"
split = {"train": 0.8, "dev": 0.2}

[corpora.dev.data]
@readers = "seqpipe.Jsonl.v1"
path = "@rows"

[training]
max_epochs = 6
max_steps = 0
patience = 0
eval_frequency = 4
dropout = 0.0
score_weights = {"cats_micro_f": 1.0, "cats_score": 0.0}

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.05

[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 8
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    rows = tmp_path_factory.mktemp("data") / "rows.jsonl"
    texts = [
        {"text": f"the film number {number} was {word}", "label": label}
        for number in range(10)
        for word, label in (("good", "pos"), ("nice", "pos"), ("bad", "neg"), ("awful", "neg"))
    ]
    rows.write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")
    return Config().from_str(CONFIG.replace("@rows", rows.as_posix()))


def initialized(config, seed=0):
    fix_random_seed(seed)
    nlp = load_model_from_config(config, auto_fill=True)
    training = resolve_training(nlp.config.interpolate())
    nlp.initialize(lambda: training.train(nlp), sgd=training.optimizer)
    return nlp, training


def outcome(config, seed=0):
    nlp, training = initialized(config, seed)
    steps = [(step.number, step.loss, step.score) for step in train(nlp, training)]
    return steps, weights_of(nlp, "tok2vec"), weights_of(nlp, "textcat")


def weights_of(nlp, name):
    return [shim.to_bytes() for node in nlp.get_pipe(name).model.walk() for shim in node.shims]


def test_pipeline_learns(config):
    nlp, training = initialized(config)
    *_, last = train(nlp, training)
    assert last.fraction == 1.0 and last.score == 1.0 and last.is_best
    assert nlp("the film number 3 was bad").cats["neg"] > 0.8


def test_same_seed_gives_the_same_weights_to_the_bit(config):
    first = outcome(config)
    assert outcome(config) == first
    assert outcome(config, seed=1) != first


def test_frozen_component_keeps_its_weights(config):
    frozen = {"training": {"frozen_components": ["tok2vec"], "annotating_components": ["tok2vec"]}}
    nlp, training = initialized(config.merge(frozen))
    before = weights_of(nlp, "tok2vec"), weights_of(nlp, "textcat")
    for _ in train(nlp, training):
        pass
    assert weights_of(nlp, "tok2vec") == before[0]
    assert weights_of(nlp, "textcat") != before[1]


def test_settings_come_from_the_configuration(config):
    nlp, training = initialized(config)
    assert isinstance(training.optimizer, AdamW)
    assert (training.max_epochs, training.eval_frequency, training.dropout) == (6, 4, 0.0)
    assert training.score_weights == {"cats_micro_f": 1.0}
    assert len(list(training.train(nlp))) == 32 and len(list(training.dev(nlp))) == 8
    assert all(isinstance(eg, Example) for eg in training.dev(nlp))


def test_train_and_dev_share_what_was_read(config):
    nlp, training = initialized(config)
    assert training.train.read(nlp) is training.dev.read(nlp)


def test_whole_number_is_a_dropout_too(config):
    nlp, training = initialized(config.merge({"training": {"dropout": 0, "max_epochs": 1}}))
    assert [step.epoch for step in train(nlp, training)]


def test_saved_pipeline_scores_as_it_did_in_training(config, tmp_path):
    nlp, training = initialized(config)
    *_, last = train(nlp, training)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    scores = loaded.evaluate(list(training.dev(loaded)))
    assert scores["cats_micro_f"] == last.score
    assert loaded("the film was good").cats == pytest.approx(nlp("the film was good").cats)


@pytest.mark.parametrize("asked", [False, True])
def test_tokens_are_compared_only_if_their_score_is_asked_for(config, asked):
    weights = {"cats_micro_f": 1.0, **({"token_acc": 0.5} if asked else {})}
    nlp, training = initialized(config.merge({"training": {"max_epochs": 1}}))
    training = dataclasses.replace(training, score_weights=weights)
    *_, last = train(nlp, training)
    assert ("token_acc" in last.scores) == asked
    expected = nlp.evaluate(list(training.dev(nlp)))
    # The other scores are spaCy's; the speed differs each time.
    assert {k: v for k, v in last.scores.items() if k != "speed"} == {
        k: v for k, v in expected.items() if k != "speed" and (asked or not k.startswith("token_"))
    }


def test_docs_that_are_not_copied_train_the_same_weights(config, monkeypatch):
    def trained():
        nlp, training = initialized(config)
        losses = [step.loss for step in train(nlp, training)]
        return losses, [pipe.to_bytes() for _, pipe in nlp.pipeline]

    losses, weights = trained()
    monkeypatch.setattr("seqpipe.adapters._tune._CATEGORIZING", ())
    of_copies, expected = trained()
    # The encoder's, a sum of squares, is rounded otherwise.
    assert losses == [pytest.approx(each, rel=1e-5) for each in of_copies]
    assert weights == expected


def test_dev_examples_are_made_once_and_keep_no_predictions(config, monkeypatch):
    made = []

    def read(corpus, nlp, read=Corpus.__call__):
        made.append((corpus, list(read(corpus, nlp))))
        return iter(made[-1][1])

    nlp, training = initialized(config)
    monkeypatch.setattr(Corpus, "__call__", read)
    steps = [step for step in train(nlp, training) if step.scores]
    (examples,) = [found for corpus, found in made if corpus is training.dev]
    assert len(steps) > 1
    assert not any(eg.predicted.cats or eg.predicted.tensor.size for eg in examples)
