"""Class weights of heads: each text counts as its labels do, whatever the head, and saved models remember."""

import functools
import json
import types

import numpy as np
import pytest
import spacy
import torch
from adapter_examples import docs_of, vectors_nlp
from spacy.pipeline.textcat import TextCategorizer
from spacy.pipeline.textcat_multilabel import MultiLabel_TextCategorizer
from spacy.training import Example
from spacy.util import load_model_from_config
from thinc.api import Adam, Model, fix_random_seed
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from seqpipe.adapters import make_classifier, make_encoder, make_task_pipe, make_weigh_classes
from seqpipe.config import PipelineFileError, compile_read, read_text
from seqpipe.errors import ClassifierError, ConfigError
from seqpipe.parts.cells import LSTM
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.heads import TextClassifier
from seqpipe.run import run
from seqpipe.tasks.text_classes import TextClasses

TEXTS = ["good film", "", "the film was bad bad bad", "nice"]
WEIGHTS = [0.5, 3.0, 2.0]


class Older(TextClassifier):
    """The same head as one that was written before heads had a loss."""

    def grad_logits(self, scores, grad_scores):
        return grad_scores / max(1, len(scores))


def weighted(nlp, head=TextClassifier, **settings):
    torch.manual_seed(0)
    encoder = make_encoder(functools.partial(Recurrent, cell=LSTM, width=8), trained_width=3)
    model = make_classifier(encoder, functools.partial(head, **settings), {"a": 0.5})
    model.initialize(X=docs_of(nlp, TEXTS), Y=np.zeros((len(TEXTS), 3), dtype="f"))
    torch.nn.init.normal_(model.layers[1].shims[0].module.output.weight)
    model.layers[1].attrs["label_weights"] = WEIGHTS
    return model


def gradients(model):
    return {
        f"{number}.{name}": p.grad
        for number, layer in enumerate(model.layers)
        for name, p in layer.shims[0].module.named_parameters()
    }


def logits_of(model, docs):
    encoder, head = (layer.shims[0].module for layer in model.layers)
    tokens = [token for doc in docs for token in doc]
    fixed = torch.from_numpy(np.array([token.vector for token in tokens]))
    hashes = torch.tensor([token.lower // 2 for token in tokens])
    lengths = torch.tensor([len(doc) for doc in docs])
    return head(encoder(fixed, hashes, hashes, lengths), lengths)


def loss_in_torch(logits, truths, exclusive):
    """Return the mean over texts of their weights times their losses."""
    truths = torch.from_numpy(truths)
    if exclusive:
        chosen = truths.argmax(1)
        return cross_entropy(logits, chosen, torch.tensor(WEIGHTS), reduction="sum") / len(truths)
    losses = binary_cross_entropy_with_logits(logits, truths, reduction="none").sum(1)
    # A text of the first two labels, one of none, of the last, of all three.
    return (torch.tensor([1.75, 1.0, 2.0, 5.5 / 3]) * losses).mean()


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize(
    ("head", "samples"), [(TextClassifier, 1), (TextClassifier, 4), (Older, 1)]
)
def test_gradients_are_those_of_the_weighted_loss(head, exclusive, samples):
    dropout = {"dropout": 0.5, "dropout_samples": samples} if samples > 1 else {}
    nlp = vectors_nlp()
    model = weighted(nlp, head, exclusive=exclusive, **dropout)
    docs = docs_of(nlp, TEXTS)
    truths = np.eye(3, dtype="f")[[0, 1, 2, 0]]
    if not exclusive:
        truths = np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 1, 1]], dtype="f")
    torch.manual_seed(1)
    scores, backprop = model.begin_update(docs)
    assert scores.shape == (4, 3)
    backprop(scores - truths)
    found = {name: gradient.clone() for name, gradient in gradients(model).items()}
    for layer in model.layers:
        layer.shims[0].module.zero_grad()
    torch.manual_seed(1)
    logits = logits_of(model, docs)
    several = logits if samples > 1 else logits[None]
    torch.stack([loss_in_torch(each, truths, exclusive) for each in several]).mean().backward()
    torch.testing.assert_close(found, gradients(model))


def test_label_that_a_text_does_not_tell_teaches_nothing():
    nlp = vectors_nlp()
    settings = {"exclusive": False, "dropout": 0.5, "dropout_samples": 4}
    model = weighted(nlp, **settings)
    scores, backprop = model.begin_update(docs_of(nlp, TEXTS))
    d_scores = scores - np.ones_like(scores)
    d_scores[:, 1] = 0
    backprop(d_scores)
    gradient = model.layers[1].shims[0].module.output.weight.grad
    assert gradient[1].abs().max() < 1e-6 < 1e-3 < gradient[[0, 2]].abs().amax(1).min()


def rare_and_frequent(nlp):
    """Return texts of which one word says something: 4 in 14 of those that have it are rare."""
    texts = [("bad", "rare")] * 4 + [("bad", "frequent")] * 10 + [("good", "frequent")] * 26
    for word, label in texts:
        cats = {each: float(each == label) for each in ("frequent", "rare")}
        yield Example.from_dict(docs_of(nlp, [f"the film was {word}"])[0], {"cats": cats})


def recall_of_the_rare(class_weights, exclusive):
    fix_random_seed(0)
    nlp = vectors_nlp()
    fixed = Model("fixed", lambda model, docs, is_train: ([_vectors(doc) for doc in docs], list))
    head = functools.partial(TextClassifier, exclusive=exclusive)
    kind = TextCategorizer if exclusive else MultiLabel_TextCategorizer
    pipe = kind(nlp.vocab, make_classifier(fixed, head, class_weights), threshold=0.5)
    examples = list(rare_and_frequent(nlp))
    pipe.initialize(lambda: examples)
    make_weigh_classes(rare_and_frequent)(
        types.SimpleNamespace(pipeline=[("x", pipe)], vocab=nlp.vocab)
    )
    optimizer = Adam(0.1)
    for _ in range(25):
        pipe.update(examples, sgd=optimizer)
    rare = pipe.labels.index("rare")
    scores = pipe.predict([e.predicted for e in examples if e.reference.cats["rare"]])
    return np.mean(scores[:, rare] > 0.5)


def _vectors(doc):
    return np.array([token.vector for token in doc])


@pytest.mark.parametrize("exclusive", [True, False])
def test_balanced_weights_raise_the_recall_of_a_rare_class(exclusive):
    assert recall_of_the_rare(None, exclusive) == 0
    assert recall_of_the_rare("balanced", exclusive) == 1
    assert recall_of_the_rare({"rare": 10.0}, exclusive) == 1


# From a pipeline file.

FILE = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 4
epochs = 1
min_count = 1

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 4

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"
class_weights = {weights}

[training]
max_epochs = 1
"""


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Write texts, half of which are about the sea; return the pipeline file's text."""
    path = tmp_path_factory.mktemp("data") / "texts.jsonl"
    rows = [
        {"text": f"{word} {number}", "label": label}
        for number in range(10)
        for word, label in (("wave", "sea"), ("tide", "sea"), ("oak", "wood"), ("sun", "sky"))
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    def text(weights, more=""):
        return FILE.format(path=path.as_posix(), weights=json.dumps(weights)) + more

    return text


@pytest.mark.parametrize("weights", ["balanced", {"sky": 3, "wood": 0.5}])
def test_file_expands_to_the_weights_and_what_computes_them(write, weights):
    config = compile_read(read_text(write(weights)))
    model = config["components"]["textcat"]["model"]
    assert model["class_weights"] == weights and "class_weights" not in model["head"]
    again = compile_read(read_text(config.to_str()))
    assert again["components"]["textcat"]["model"] == model
    assert again["initialize"]["after_init"] == config.interpolate()["initialize"]["after_init"]
    callback = config["initialize"]["after_init"]
    assert callback["@callbacks"] == "seqpipe.WeighClasses.v1"
    assert callback["corpus"] == config["initialize"]["before_init"]["corpus"]
    plain = compile_read(read_text(write(None)))
    assert plain["initialize"].get("after_init") is None
    assert "class_weights" not in plain["components"]["textcat"]["model"]


@pytest.fixture(scope="module")
def trained(write, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "pipeline.cfg").write_text(write("balanced"), encoding="utf-8")
    return run(folder / "pipeline.cfg", output=folder / "out").model


def test_saved_model_goes_on_learning_with_its_weights(trained):
    nlp = spacy.load(trained)
    pipe = nlp.get_pipe("textcat")
    found = dict(
        zip(pipe.labels, pipe.model.get_ref("output_layer").attrs["label_weights"], strict=True)
    )
    # Of 32 texts in the train part, 16 are about the sea.
    assert found == pytest.approx({"sea": 32 / 3 / 16, "wood": 32 / 3 / 8, "sky": 32 / 3 / 8})
    example = Example.from_dict(nlp.make_doc("wave 3"), {"cats": {"sea": 1.0}})
    before = nlp("wave 3").cats
    losses = nlp.update([example], sgd=nlp.resume_training())
    assert losses["textcat"] > 0 and nlp("wave 3").cats != before


def test_weight_of_an_unknown_label_is_marked_in_the_file(write, tmp_path):
    file = tmp_path / "pipeline.cfg"
    file.write_text(write({"wod": 2.0}), encoding="utf-8")
    with pytest.raises(PipelineFileError) as caught:
        run(file, output=tmp_path / "out")
    (problem,) = caught.value.diagnostics
    assert "`class_weights` has a weight for 'wod'" in problem.message
    assert 'did you mean "wood"?' in problem.message
    assert problem.place.text.startswith("class_weights")
    assert isinstance(caught.value, ClassifierError)


def test_weight_of_an_unknown_label_is_marked_in_the_section_that_has_it(write, tmp_path):
    file, wide = tmp_path / "pipeline.cfg", '[wide]\nclass_weights = {"wod": 2.0}\n'
    file.write_text(write({"wood": 2.0}, wide), encoding="utf-8")
    with pytest.raises(PipelineFileError) as caught:
        run(file, output=tmp_path / "out")
    (problem,) = caught.value.diagnostics
    assert problem.place.text == 'class_weights = {"wod": 2.0}'


@pytest.mark.parametrize(
    ("weights", "more", "message"),
    [
        ("equal", "", '"balanced"'),
        ({"sea": "much"}, "", "expected a number"),
        ({"sea": -1.0}, "", 'the weight of "sea" has to be at least 0'),
        ("balanced", '[initialize.after_init]\n@callbacks = "x"\n', "this replaces the callback"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(write, weights, more, message):
    with pytest.raises(PipelineFileError) as caught:
        compile_read(read_text(write(weights, more)))
    assert any(message in problem.message for problem in caught.value.diagnostics)


def test_setting_is_checked_where_there_is_no_file():
    with pytest.raises(ConfigError, match="`class_weights` is 'equal'"):
        make_classifier(class_weights="equal")
    nlp = vectors_nlp()
    model = weighted(nlp)
    del model.layers[1].attrs["label_weights"]
    model.predict(docs_of(nlp, TEXTS))
    with pytest.raises(ConfigError, match=r"seqpipe.WeighClasses.v1.*after_init"):
        model.begin_update(docs_of(nlp, TEXTS))
    with pytest.raises(ConfigError, match="`class_weights`, which are for classes"):
        make_task_pipe(nlp, "task", model, TextClasses())


def test_nothing_is_read_for_heads_without_weights(write):
    nlp = load_model_from_config(compile_read(read_text(write(None))))
    assert make_weigh_classes(lambda nlp: pytest.fail("read"))(nlp) is nlp
    assert make_weigh_classes(lambda nlp: [])(types.SimpleNamespace(pipeline=[("x", 1)]))
