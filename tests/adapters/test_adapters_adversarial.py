"""The inputs of encoders are moved as the paper's formula has it, and nothing is left of that afterwards."""

import pytest
import spacy
import torch
from adapter_examples import encoder_config, textcat_examples, vectors_nlp
from torch import nn

from seqpipe.adapters import encoders_in, perturbing
from seqpipe.adapters._adversarial import perturbations
from seqpipe.adapters._offsets import signed
from seqpipe.adapters._tokens import hashes_of, read_tokens, vectors_of_tokens

SIZE = 0.25


def by_hand(gradient, lengths, size):
    """Return the perturbations as the formula is written, text by text."""
    moved = []
    for g in gradient.split(lengths.tolist()):
        epsilon = size * len(g) ** 0.5
        moved.append(epsilon * g / g.norm())
    return torch.cat(moved)


def test_perturbation_is_the_gradient_scaled_by_text():
    gradient, lengths = torch.randn(9, 3), torch.tensor([4, 1, 4])
    moved = perturbations(gradient, lengths, SIZE)
    torch.testing.assert_close(moved, by_hand(gradient, lengths, SIZE))
    of_words = moved.square().sum(1)
    for each in of_words.split([4, 1, 4]):
        assert each.mean().sqrt().item() == pytest.approx(SIZE)


def test_scale_of_the_gradient_makes_no_difference():
    gradient, lengths = torch.randn(5, 3), torch.tensor([2, 3])
    expected = perturbations(gradient, lengths, SIZE)
    torch.testing.assert_close(perturbations(gradient * 1e-30, lengths, SIZE), expected)


def test_texts_without_a_direction_stay_where_they_are():
    gradient = torch.tensor([[0.0, 0.0], [torch.nan, 1.0], [torch.inf, 1.0], [3.0, 4.0]])
    moved = perturbations(gradient, torch.tensor([1, 0, 1, 1, 1]), 1.0)
    torch.testing.assert_close(moved, torch.tensor([[0.0, 0.0]] * 3 + [[0.6, 0.8]]))
    assert perturbations(torch.zeros(0, 2), torch.tensor([0, 0]), 1.0).shape == (0, 2)


def pipeline(**settings):
    """Return a pipeline with an encoder and a head, and examples."""
    nlp = vectors_nlp()
    cell = {"@seqpipe_cells": "seqpipe.GRU.v1"}
    recurrent = {"@seqpipe_encoders": "seqpipe.Recurrent.v1", "width": 6, "engine": "plain"}
    encoder = encoder_config(
        **{"trained_width": 4, "encoder": {**recurrent, "cell": cell}, **settings}
    )
    nlp.add_pipe("tok2vec", config={"model": encoder})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 6, "upstream": "tok2vec"}
    head = {"@seqpipe_heads": "seqpipe.TextClassifier.v1"}
    model = {"@architectures": "seqpipe.Classifier.v1", "tok2vec": listener, "head": head}
    nlp.add_pipe("textcat", config={"model": model})
    examples = textcat_examples(nlp)[::3]
    torch.manual_seed(1)
    nlp.initialize(lambda: examples)
    # Heads begin at zero, where no loss depends on the inputs.
    for parameter in modules(nlp)[1].parameters():
        nn.init.normal_(parameter)
    return nlp, examples


def modules(nlp):
    (word_encoder,) = (shim.module for shim in encoders_in(nlp.get_pipe("tok2vec")))
    head = nlp.get_pipe("textcat").model.get_ref("output_layer").shims[0].module
    return word_encoder, head


def gradients(nlp):
    named = [pair for module in modules(nlp) for pair in module.named_parameters()]
    return {name: p.grad.clone() for name, p in named}


class Seen(nn.Module):
    """Passes on what goes into an encoder, so that its gradient can be looked at."""

    def __init__(self, encoder, moved):
        super().__init__()
        self.encoder = encoder
        self.moved = moved

    def forward(self, vectors, lengths):
        self.inputs = vectors.detach().requires_grad_() if self.moved is None else vectors
        return self.encoder(self.inputs if self.moved is None else vectors + self.moved, lengths)


def loss_by_hand(nlp, examples, moved=None):
    """Return the loss of a batch and what went into the encoder, moved or not."""
    word_encoder, head = modules(nlp)
    docs = [example.reference for example in examples]
    lengths = torch.tensor([len(doc) for doc in docs])
    tokens = read_tokens(docs)
    arrays = vectors_of_tokens(tokens, width=6), *map(signed, hashes_of(tokens))
    tables = map(torch.from_numpy, arrays)
    seen = Seen(word_encoder.encoder, moved)
    word_encoder.encoder = seen
    try:
        logits = head(word_encoder(*tables, lengths), lengths)
    finally:
        word_encoder.encoder = seen.encoder
    labels = nlp.get_pipe("textcat").labels
    truths = torch.tensor([[doc.cats[label] for label in labels] for doc in docs])
    return head.loss(logits, truths, lengths), seen.inputs, lengths


@pytest.mark.parametrize("tune", [False, True])
def test_gradient_is_the_sum_of_both_passes(tune):
    nlp, examples = pipeline(tune=tune)
    with perturbing(nlp) as perturb:
        nlp.update(examples, sgd=False)
        perturb(SIZE)
        nlp.update(examples, sgd=False)
    found = gradients(nlp)

    parameters = [p for module in modules(nlp) for p in module.parameters()]
    loss, inputs, lengths = loss_by_hand(nlp, examples)
    (gradient,) = torch.autograd.grad(loss, inputs)
    moved = by_hand(gradient, lengths, SIZE)
    moved_loss, *_ = loss_by_hand(nlp, examples, moved)
    assert moved_loss > loss
    first, *_ = loss_by_hand(nlp, examples, torch.zeros_like(moved))
    expected = torch.autograd.grad(first + moved_loss, parameters)
    for (name, grad), wanted in zip(found.items(), expected, strict=True):
        torch.testing.assert_close(grad, wanted, rtol=1e-5, atol=1e-5, msg=name)


def test_vectors_that_are_not_trained_are_moved_too():
    nlp, examples = pipeline(trained_width=0)
    with perturbing(nlp) as perturb:
        nlp.update(examples, sgd=False)
        once = gradients(nlp)
        perturb(SIZE)
        nlp.update(examples, sgd=False)
    again = gradients(nlp)
    assert all(not torch.allclose(2 * once[name], again[name]) for name in once)


def test_texts_of_unknown_truth_or_without_words_are_no_trouble():
    nlp, examples = pipeline()
    unknown = spacy.training.Example.from_dict(nlp.make_doc("the film"), {})
    empty = spacy.training.Example.from_dict(nlp.make_doc(""), {"cats": {"pos": 1.0, "neg": 0.0}})
    for batch in ([empty, *examples, unknown], [unknown], [empty]):
        with perturbing(nlp) as perturb:
            nlp.update(batch, sgd=False)
            perturb(SIZE)
            nlp.update(batch, sgd=False)
    assert all(grad.isfinite().all() for grad in gradients(nlp).values())


def test_nothing_is_left_afterwards_and_predictions_are_not_moved():
    nlp, examples = pipeline()
    saved, scores = nlp.to_bytes(), nlp("the film was good").cats
    with pytest.raises(KeyError), perturbing(nlp) as perturb:
        nlp.update(examples, sgd=False)
        perturb(100.0)
        assert nlp("the film was good").cats == scores
        assert nlp.to_bytes() == saved
        raise KeyError
    assert all(not module._forward_pre_hooks for m in modules(nlp) for module in m.modules())
    assert nlp.to_bytes() == saved


def test_each_call_of_an_encoder_has_moves_of_its_own():
    nlp, examples = pipeline()
    with perturbing(nlp) as perturb:
        for part in (examples[:2], examples[2:]):
            nlp.update(part, sgd=False)
        perturb(SIZE)
        for part in (examples[:2], examples[2:]):
            nlp.update(part, sgd=False)
    in_parts = gradients(nlp)
    for module in modules(nlp):
        module.zero_grad()
    for part in (examples[:2], examples[2:]):
        with perturbing(nlp) as perturb:
            nlp.update(part, sgd=False)
            perturb(SIZE)
            nlp.update(part, sgd=False)
    torch.testing.assert_close(in_parts, gradients(nlp))


def test_pipeline_without_an_encoder_of_ours_is_left_alone():
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("textcat")
    assert not any(encoders_in(pipe) for _, pipe in nlp.pipeline)
    with perturbing(nlp) as perturb:
        perturb(SIZE)
