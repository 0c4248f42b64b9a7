"""Our models under spaCy's own components, in plain spaCy scripts."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import spacy
import torch
from adapter_examples import (
    NEGATIVE,
    POSITIVE,
    encoder_config,
    textcat_examples,
    update_until_learnt,
    vectors_nlp,
)
from spacy.training import Example
from spacy.util import load_model_from_config
from thinc.api import Adam, Config, fix_random_seed

from seqpipe.adapters import make_adamw
from seqpipe.errors import ConfigError, SavedModelError

SMALL = {
    "@seqpipe_encoders": "seqpipe.Recurrent.v1",
    "width": 16,
    "cell": {"@seqpipe_cells": "seqpipe.LSTM.v1"},
}
ENCODER = encoder_config(encoder=SMALL, trained_rows=500)
TAGS = {"the": "DET", "film": "NOUN", "was": "VERB"}
SENTENCE = ["the", "film", "was"]


def classifier_config(tok2vec=ENCODER, **head):
    config = {"@architectures": "seqpipe.Classifier.v1", "tok2vec": tok2vec}
    if head:
        config["head"] = {"@seqpipe_heads": "seqpipe.TextClassifier.v1", **head}
    return {"model": config}


def listener_config():
    return {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "tok2vec"}


def tagger_config(tok2vec=ENCODER):
    return {"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}}


def parser_config(tok2vec=ENCODER):
    return {
        "model": {
            "@architectures": "spacy.TransitionBasedParser.v2",
            "state_type": "ner",
            "extra_state_tokens": False,
            "hidden_width": 16,
            "maxout_pieces": 2,
            "use_upper": True,
            "tok2vec": tok2vec,
        }
    }


def examples_of(nlp):
    """Return texts with categories, tags, and an entity where the last word is a good one."""
    examples = []
    for word in [*POSITIVE, *NEGATIVE]:
        label = "pos" if word in POSITIVE else "neg"
        doc = nlp.make_doc(" ".join([*SENTENCE, word]))
        truth = {
            "cats": {name: float(name == label) for name in ("neg", "pos")},
            "tags": [*(TAGS[w] for w in SENTENCE), "ADJ"],
            "entities": ["O", "O", "O", "U-PRAISE" if label == "pos" else "O"],
        }
        examples.append(Example.from_dict(doc, truth))
    return examples


def train(nlp, is_learnt, optimizer=None):
    fix_random_seed(0)
    examples = examples_of(nlp)
    optimizer = optimizer or Adam(0.03)
    nlp.initialize(lambda: examples, sgd=optimizer)
    assert update_until_learnt(nlp, examples, optimizer, lambda: is_learnt(nlp))


def knows_categories(nlp):
    texts = {word: float(word in POSITIVE) for word in [*POSITIVE, *NEGATIVE]}
    docs = nlp.pipe(f"the film was {word}" for word in texts)
    return all(abs(doc.cats["pos"] - texts[doc[-1].text]) < 0.3 for doc in docs)


def knows_tags(nlp):
    return [token.tag_ for token in nlp("the film was good")] == ["DET", "NOUN", "VERB", "ADJ"]


def knows_entities(nlp):
    docs = list(nlp.pipe(f"the film was {word}" for word in [*POSITIVE, *NEGATIVE]))
    return [bool(doc.ents) for doc in docs] == [True] * 4 + [False] * 4


def textcat_nlp(name="textcat", **head):
    nlp = spacy.blank("en")
    nlp.add_pipe(name, config=classifier_config(**head))
    return nlp


@pytest.fixture(scope="module")
def textcat():
    nlp = textcat_nlp()
    train(nlp, knows_categories)
    return nlp


def test_settings_may_all_be_left_out():
    nlp = spacy.blank("en")
    model = {
        "@architectures": "seqpipe.Classifier.v1",
        "tok2vec": {"@architectures": "seqpipe.Encoder.v1", "trained_width": 16},
    }
    nlp.add_pipe("textcat", config={"model": model})
    examples = textcat_examples(nlp)
    nlp.initialize(lambda: examples)
    losses = [nlp.update(examples)["textcat"] for _ in range(10)]
    assert losses[-1] < losses[0]


def test_textcat_learns(textcat):
    assert knows_categories(textcat)
    assert textcat("").cats.keys() == {"neg", "pos"}


def test_textcat_learns_with_vectors_and_our_optimizer():
    nlp = vectors_nlp(width=16)
    nlp.add_pipe("textcat", config=classifier_config({**ENCODER, "trained_width": 0}))
    train(nlp, knows_categories, make_adamw(0.03))


def test_textcat_multilabel_learns():
    nlp = textcat_nlp("textcat_multilabel", exclusive=False)
    train(nlp, knows_categories)


def test_missing_labels_of_textcat_multilabel_are_no_truth():
    nlp = textcat_nlp("textcat_multilabel", exclusive=False)
    examples = examples_of(nlp)
    optimizer = nlp.initialize(lambda: examples, sgd=Adam(0.1))
    for example in examples:
        example.reference.cats = {"pos": 1.0}
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    cats = nlp("the film was good").cats
    assert cats["pos"] > 0.6 and cats["neg"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("component", "config", "is_learnt"),
    [("tagger", tagger_config, knows_tags), ("ner", parser_config, knows_entities)],
)
def test_components_of_spacy_learn_and_return(component, config, is_learnt, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe(component, config=config())
    train(nlp, is_learnt)
    nlp.to_disk(tmp_path)
    assert is_learnt(spacy.load(tmp_path))
    assert is_learnt(copy_of(nlp))


def shared_nlp():
    """Return a pipeline of two heads on one encoder."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": ENCODER})
    nlp.add_pipe("textcat", config=classifier_config(listener_config()))
    nlp.add_pipe("tagger", config=tagger_config(listener_config()))
    return nlp


@pytest.fixture(scope="module")
def shared():
    nlp = shared_nlp()
    train(nlp, lambda nlp: knows_categories(nlp) and knows_tags(nlp), make_adamw(0.03))
    return nlp


def test_heads_share_an_encoder(shared):
    doc = shared("the film was good")
    assert doc.tensor.shape == (4, 16)
    assert knows_tags(shared) and knows_categories(shared)


def gradients_of_shared_encoder(textcat_weight, tagger_weight):
    """Return them after one batch, where each head's output layer has the given weights only."""
    fix_random_seed(0)
    nlp = shared_nlp()
    examples = examples_of(nlp)
    nlp.initialize(lambda: examples)
    head = nlp.get_pipe("textcat").model.layers[1].shims[0].module
    torch.nn.init.constant_(head.output.weight[0], textcat_weight)
    softmax = next(n for n in nlp.get_pipe("tagger").model.walk() if n.name == "softmax")
    softmax.get_param("W")[0] = tagger_weight
    nlp.update(examples, sgd=False)
    module = nlp.get_pipe("tok2vec").model.shims[0].module
    return {name: parameter.grad for name, parameter in module.named_parameters()}


def test_gradients_of_all_heads_add_up_in_the_shared_encoder():
    textcat, tagger = gradients_of_shared_encoder(1.0, 0.0), gradients_of_shared_encoder(0.0, 1.0)
    both = gradients_of_shared_encoder(1.0, 1.0)
    assert all(textcat[name].any() and tagger[name].any() for name in both)
    torch.testing.assert_close(both, {name: textcat[name] + tagger[name] for name in both})


def weights_of(nlp, name):
    return [shim.to_bytes() for node in nlp.get_pipe(name).model.walk() for shim in node.shims]


def copy_of(nlp):
    """Return a copy; spaCy's listeners can't be pickled once they were updated."""
    return load_model_from_config(nlp.config, auto_fill=True).from_bytes(nlp.to_bytes())


def test_frozen_component_keeps_its_weights(shared):
    nlp = copy_of(shared)
    before = weights_of(nlp, "tok2vec"), weights_of(nlp, "textcat")
    nlp.update(examples_of(nlp), sgd=Adam(0.1), exclude=["tok2vec"], annotates=["tok2vec"])
    assert weights_of(nlp, "tok2vec") == before[0]
    assert weights_of(nlp, "textcat") != before[1]


def test_listener_can_be_replaced_by_a_copy_of_its_encoder(shared):
    nlp = copy_of(shared)
    nlp.replace_listeners("tok2vec", "textcat", ["model.tok2vec"])
    nlp.remove_pipe("tok2vec")
    nlp.remove_pipe("tagger")
    np.testing.assert_allclose(
        nlp("the film was good").cats["pos"], shared("the film was good").cats["pos"], atol=1e-6
    )


def test_component_can_be_sourced(textcat):
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat", source=textcat)
    assert nlp("the film was good").cats == textcat("the film was good").cats


def test_averages_of_spacys_optimizer_are_used(textcat):
    nlp = pickle.loads(pickle.dumps(textcat))
    optimizer = Adam(0.3)
    examples = examples_of(nlp)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    last = weights_of(nlp, "textcat")
    with nlp.use_params(optimizer.averages):
        averaged = weights_of(nlp, "textcat")
        scores = nlp("the film was good").cats
    assert averaged[0] != last[0] and averaged[1] != last[1]
    assert weights_of(nlp, "textcat") == last
    assert nlp("the film was good").cats != scores


def test_pickled_pipeline_predicts_the_same(textcat):
    other = pickle.loads(pickle.dumps(textcat))
    assert other("the film was nice").cats == textcat("the film was nice").cats


def test_two_processes_predict_the_same(textcat):
    texts = ["the film was good", "", "awful", "the was"]
    alone = [doc.cats for doc in textcat.pipe(texts, batch_size=2)]
    for cats, doc in zip(alone, textcat.pipe(texts, n_process=2, batch_size=2), strict=True):
        assert doc.cats == pytest.approx(cats, abs=1e-6)


def test_saved_pipeline_holds_no_pickle_and_no_code(textcat, tmp_path):
    textcat.to_disk(tmp_path)
    for file in tmp_path.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        for mark in (b"torch._utils", b"_rebuild", b"archive/data.pkl", b"PK\x03\x04"):
            assert mark not in content, file


def test_weights_of_another_configuration_are_refused(textcat):
    config = Config(textcat.config)
    deeper = {**SMALL, "depth": 2}
    config = config.merge(
        {"components": {"textcat": classifier_config({**ENCODER, "encoder": deeper})}}
    )
    other = load_model_from_config(config, auto_fill=True)
    with pytest.raises(SavedModelError, match="configuration"):
        other.from_bytes(textcat.to_bytes())


def test_pipeline_before_initialisation_says_so():
    nlp = textcat_nlp()
    nlp.get_pipe("textcat").add_label("pos")
    with pytest.raises(SavedModelError, match="initialize"):
        nlp("the film")


def test_saved_pipeline_loads_in_a_fresh_process_without_our_import(textcat, tmp_path):
    textcat.to_disk(tmp_path)
    code = (
        "import sys, spacy\n"
        "assert 'seqpipe' not in sys.modules\n"
        f"nlp = spacy.load({str(tmp_path)!r})\n"
        "print(nlp('the film was good').cats['pos'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(textcat("the film was good").cats["pos"], abs=1e-6)


def test_rehearsal_brings_predictions_back(textcat):
    nlp = pickle.loads(pickle.dumps(textcat))
    examples = examples_of(nlp)
    optimizer = nlp.resume_training(sgd=Adam(0.03))
    before = nlp("the film was good").cats["pos"]
    for example in examples:
        cats = example.reference.cats
        example.reference.cats = {"pos": cats["neg"], "neg": cats["pos"]}
    for _ in range(10):
        nlp.update(examples, sgd=optimizer)
    forgot = nlp("the film was good").cats["pos"]
    # Another, as the first one's momentum still goes the other way.
    optimizer = Adam(0.03)
    for _ in range(10):
        nlp.rehearse(examples, sgd=optimizer)
    assert abs(nlp("the film was good").cats["pos"] - before) < abs(forgot - before) / 2


def embedder_nlp(corpus=(("film", "was"),)):
    config = {
        "@vectors": "seqpipe.Vectors.v1",
        "embedder": {"@seqpipe_embedders": "seqpipe.Word2Vec.v1", "width": 4, "min_count": 1},
    }
    nlp = spacy.blank("en", config={"nlp": {"vectors": config}})
    nlp.vocab.vectors.embedder.fit(corpus)
    return nlp


@pytest.fixture(scope="module")
def embedded():
    nlp = embedder_nlp()
    nlp.add_pipe("textcat", config=classifier_config({**ENCODER, "trained_width": 0}))
    nlp.initialize(lambda: textcat_examples(nlp))
    return nlp


def test_source_with_the_same_vectors_is_taken_without_a_warning(embedded):
    nlp = copy_of(embedded)
    nlp.remove_pipe("textcat")
    nlp.add_pipe("textcat", source=embedded)
    assert nlp("the film").cats == embedded("the film").cats


def test_source_with_other_vectors_is_warned_of(embedded):
    other = embedder_nlp([("another", "corpus")])
    with pytest.warns(UserWarning, match="W113"):
        other.add_pipe("textcat", source=embedded)


def test_source_of_an_encoder_in_a_pipeline_without_vectors_is_named(embedded):
    nlp = spacy.blank("en")
    with pytest.warns(UserWarning, match="W113"):
        nlp.add_pipe("textcat", source=embedded)
    with pytest.raises(ConfigError, match=r"has no vectors, and .* on ones of width 4: "):
        nlp("the film")
    nlp.vocab.vectors = embedded.vocab.vectors
    assert nlp("the film").cats == embedded("the film").cats
