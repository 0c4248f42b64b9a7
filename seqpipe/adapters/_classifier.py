"""A head on top of an encoder, as the model of spaCy's text categorizers."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from thinc.api import Model, chain
from thinc.types import Floats2d
from thinc.util import torch2xp, xp2torch

from seqpipe.adapters._contract import calling, check_finite, check_tensor, made_by
from seqpipe.adapters._encoder import make_encoder
from seqpipe.adapters._shim import TorchShim
from seqpipe.parts.heads import Head, HeadFactory, TextClassifier

_Vectors = list[Floats2d]


def make_classifier(tok2vec: Model | None = None, head: HeadFactory | None = None) -> Model:
    """Make the model of a text categorizer; registered as the architecture "seqpipe.Classifier.v1".

    Args:
        tok2vec: Turns docs into vectors `[n, width]`, one for each token: our encoder, a listener
            to one, or any of spaCy's. By default an encoder with its default settings.
        head: Makes the head from the width of these vectors and the number of labels. By default a
            `TextClassifier` with its default settings; for labels that aren't exclusive, say so.
    """
    encoder, output = tok2vec or make_encoder(), make_head(head or TextClassifier)
    model = chain(encoder, output)
    # By these, `spacy pretrain` and `spacy debug model` find the layers.
    model.set_ref("tok2vec", encoder)
    model.set_ref("output_layer", output)
    return model


def make_head(head: HeadFactory) -> Model:
    """Wrap a head as a thinc model, whose sizes are learnt at initialisation."""
    return Model(
        "seqpipe-head",
        _forward,
        init=_init,
        dims={"nI": None, "nO": None},
        shims=[TorchShim(functools.partial(_build, head), sample_sizes=(1, 2))],
    )


def _build(head: HeadFactory, input_width: int, output_width: int) -> Head:
    made = head(input_width, output_width)
    made_by(made, head)
    return made


def _init(model: Model, X: _Vectors | None = None, Y: Floats2d | None = None) -> None:
    if X is not None and X[0] is not None:
        model.set_dim("nI", X[0].shape[1])
    if Y is not None:
        model.set_dim("nO", Y.shape[1])
    model.shims[0].build(model.get_dim("nI"), model.get_dim("nO"))


def _forward(
    model: Model, X: _Vectors, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], _Vectors]]:
    shim = model.shims[0]
    head: Any = shim.module
    lengths = torch.tensor([len(x) for x in X], dtype=torch.int64)
    flat = model.ops.flatten(X) if X else model.ops.alloc2f(0, model.get_dim("nI"))
    inputs = xp2torch(flat, requires_grad=is_train, device=shim.device)
    with calling(head, "head", f"was given {len(X)} texts"):
        logits, backprop_logits = (
            shim.begin_update((inputs, lengths))
            if is_train
            else (shim.predict((inputs, lengths)), None)
        )
    shape = (len(X), model.get_dim("nO"))
    check_tensor(head, "head", logits, inputs, shape, "[texts, classes]")
    logits = logits.detach()
    with calling(head, "head", "made scores of its logits"):
        scores = head.scores(logits)
    check_tensor(head, "head", scores, logits, shape, "the scores, [texts, classes]")
    if backprop_logits is None:
        check_finite(head, "head", scores, "scores")
        return torch2xp(scores), _no_gradient

    def backprop(d_scores: Floats2d) -> _Vectors:
        with calling(head, "head", "took the gradient of its scores"):
            d_logits = head.grad_logits(scores, xp2torch(d_scores, device=shim.device))
            check_tensor(head, "head", d_logits, logits, shape, "the gradient of its logits")
            backprop_logits(d_logits)
        # No text has a word, or the head looks at none: nothing depends on the inputs.
        d_inputs = torch.zeros_like(inputs) if inputs.grad is None else inputs.grad
        return list(model.ops.unflatten(torch2xp(d_inputs), lengths.numpy()))

    return torch2xp(scores), backprop


def _no_gradient(d_scores: Floats2d) -> _Vectors:
    return []
