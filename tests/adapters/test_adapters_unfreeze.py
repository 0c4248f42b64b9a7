"""An encoder's layers join the training one after another."""

import functools

import pytest
import spacy
from adapter_examples import encoder_config, textcat_examples, vectors_nlp

from seqpipe.adapters import encoders_in, make_unfreeze
from seqpipe.errors import ConfigError

ENCODER = {"@seqpipe_encoders": "seqpipe.Recurrent.v1", "width": 8, "depth": 2, "residual": True}


@functools.cache
def changed_by_epoch(epochs=1, encoder="recurrent", ensemble=1):
    """Return which weights of the encoder, and whether those of the head, each of four epochs changes."""
    encoders = {
        "recurrent": ENCODER,
        "convolution": {"@seqpipe_encoders": "seqpipe.Convolutional.v1", "width": 8, "depth": 2},
        "attention": {"@seqpipe_encoders": "seqpipe.SelfAttention.v1", "width": 8},
    }
    nlp = vectors_nlp()
    model = encoder_config(encoder=encoders[encoder], tune=True, ensemble=ensemble)
    nlp.add_pipe("tok2vec", config={"model": model})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 8 * ensemble}
    classifier = {"@architectures": "seqpipe.Classifier.v1", "tok2vec": listener}
    nlp.add_pipe("textcat", config={"model": {**classifier, "ensemble": ensemble}})
    examples = textcat_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    unfreeze = make_unfreeze(epochs)
    (shim,) = encoders_in(nlp.get_pipe("tok2vec"))
    head = nlp.get_pipe("textcat").model
    found = []
    for epoch in range(4):
        before = {name: weight.detach().clone() for name, weight in shim.module.named_parameters()}
        head_before = head.to_bytes()
        unfreeze(nlp, {"step": epoch, "epoch": epoch})
        # `nlp.update` would have the encoder step before the head has given it a gradient.
        nlp.update(examples, sgd=False)
        for _, component in nlp.pipeline:
            component.finish_update(optimizer)
        changed = {n for n, w in shim.module.named_parameters() if not w.equal(before[n])}
        found.append((changed, head.to_bytes() != head_before))
    return found


def test_highest_layer_joins_first_and_the_inputs_last():
    found = changed_by_epoch()
    assert all(head for _, head in found)
    names = [{name.replace("encoder.", "") for name in changed} for changed, _ in found]
    assert names[0] == set()
    assert {name.split(".")[0] for name in names[1]} == {"layers", "shortcut"}
    assert not any(name.startswith("layers.0") for name in names[1])
    assert any(name.startswith("layers.0") for name in names[2])
    assert not any(name.startswith(("offsets", "trained")) for name in names[2])
    assert {"offsets.weight", "trained.weight"} <= names[3] and names[2] < names[3]


def test_layers_of_an_ensemble_join_together():
    alone, found = changed_by_epoch(), changed_by_epoch(ensemble=2)
    for (names, _), (of_members, _) in zip(alone, found, strict=True):
        inside = {name.removeprefix("encoder.") for name in names if name.startswith("encoder.")}
        expected = {f"encoder.members.{number}.{name}" for number in (0, 1) for name in inside}
        assert of_members == expected | {name for name in names if "encoder." not in name}


def test_norms_of_layers_join_with_them():
    names = [
        {n.replace("encoder.", "") for n in changed}
        for changed, _ in changed_by_epoch(encoder="convolution")
    ]
    assert names[0] == set()
    assert {n.rsplit(".", 1)[0] for n in names[1] if n.startswith(("layers", "norms"))} == {
        "layers.1",
        "norms.1",
    }
    assert {n.rsplit(".", 1)[0] for n in names[2] if n.startswith("norms")} == {
        "norms.0",
        "norms.1",
    }


def test_what_an_encoder_freezes_itself_stays_frozen():
    nlp = vectors_nlp()
    nlp.add_pipe("tok2vec", config={"model": encoder_config(encoder=ENCODER)})
    nlp.initialize()
    (shim,) = encoders_in(nlp.get_pipe("tok2vec"))
    frozen = shim.module.encoder.layers[0][0].bias.requires_grad_(False)
    unfreeze = make_unfreeze()
    for epoch in range(5):
        unfreeze(nlp, {"step": epoch, "epoch": epoch})
    assert not frozen.requires_grad
    assert all(p.requires_grad for p in shim.module.parameters() if p is not frozen)


def test_layers_join_after_as_many_epochs_as_asked():
    found = [changed for changed, _ in changed_by_epoch(epochs=2)]
    assert found[0] == found[1] == set()
    assert found[2] == found[3] == changed_by_epoch()[1][0]


def test_encoder_without_a_list_of_layers_is_one():
    found = [changed for changed, _ in changed_by_epoch(encoder="attention")]
    assert found[0] == set()
    assert found[1] and all(name.startswith("encoder.") for name in found[1])
    assert {"offsets.weight", "trained.weight"} <= found[2]


def test_mistakes_are_refused():
    with pytest.raises(ConfigError, match="`epochs` is 0; it must be at least 1"):
        make_unfreeze(0)
    with pytest.raises(ConfigError, match="the pipeline has none"):
        make_unfreeze()(spacy.blank("en"), {"step": 0, "epoch": 0})
