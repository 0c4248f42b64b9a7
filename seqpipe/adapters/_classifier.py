"""A head on top of an encoder, as the model of a component."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from spacy.tokens import Doc
from thinc.api import Model, Ops, chain
from thinc.types import Floats2d
from thinc.util import torch2xp, xp2torch
from torch import Tensor

from seqpipe.adapters._contract import calling, check_finite, check_tensor, made_by
from seqpipe.adapters._encoder import flattened, make_encoder
from seqpipe.adapters._shim import TorchShim
from seqpipe.parts.heads import Head, HeadFactory, TextClassifier, has_loss, loss_gradient

_Vectors = list[Floats2d]


@dataclass
class Truths:
    """What a batch's loss is computed from, in the place of the gradient that spaCy's components hand back.

    Attributes:
        values: In the form that the head's task describes.
        loss: The batch's loss, once that's known.
    """

    values: Tensor
    loss: float = 0.0


def make_classifier(tok2vec: Model | None = None, head: HeadFactory | None = None) -> Model:
    """Make the model of a head; registered as the architectures "seqpipe.Classifier.v1" and "seqpipe.Head.v1".

    The first is what spaCy's text categorizers take.

    Args:
        tok2vec: Turns docs into vectors `[n, width]`, one for each token: our encoder, a listener
            to one, or any of spaCy's. By default an encoder with its default settings.
        head: Makes the head from the width of these vectors and the number of labels. By default a
            `TextClassifier` with its default settings; for labels that aren't exclusive, say so.
    """
    encoder, output = tok2vec or make_encoder(), make_head(head or TextClassifier)
    joined = _chain_with_words if _sees_words(head) else chain
    model = joined(encoder, output)
    # By these, `spacy pretrain` and `spacy debug model` find the layers.
    model.set_ref("tok2vec", encoder)
    model.set_ref("output_layer", output)
    return model


def _sees_words(head: HeadFactory | None) -> bool:
    while isinstance(head, functools.partial):
        head = head.func
    return bool(getattr(head, "sees_words", False))


def _chain_with_words(encoder: Model, output: Model) -> Model:
    """Chain two models, the second of which takes the words of docs beside their vectors.

    The layers are asked for at each call, as they may be copied or replaced (`nlp.replace_listeners`).
    """
    return Model(
        f"{encoder.name}>>{output.name}",
        _forward_with_words,
        init=_init_with_words,
        dims={"nO": None},
        layers=[encoder, output],
    )


def _forward_with_words(
    model: Model, X: list[Doc], is_train: bool
) -> tuple[Any, Callable[[Any], Any]]:
    encoder, output = model.layers
    vectors, backprop_encoder = encoder(X, is_train)
    words = [[token.text for token in doc] for doc in X]
    scores, backprop_head = output((vectors, words), is_train)
    return scores, lambda gradient: backprop_encoder(backprop_head(gradient))


def _init_with_words(model: Model, X: list[Doc] | None = None, Y: Floats2d | None = None) -> None:
    encoder, output = model.layers
    encoder.initialize(X=X)
    output.initialize(X=None if X is None else encoder.predict(X), Y=Y)
    model.set_dim("nO", output.get_dim("nO"))


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
    model: Model, X: _Vectors | tuple[_Vectors, list[list[str]]], is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d | Truths], _Vectors]]:
    shim = model.shims[0]
    head: Any = shim.module
    vectors, *words = X if isinstance(X, tuple) else (X,)
    lengths = torch.tensor([len(x) for x in vectors], dtype=torch.int64)
    # In training torch refuses to write into them; a prediction of the head's might.
    join = flattened if is_train else Ops.flatten
    flat = join(model.ops, vectors) if vectors else model.ops.alloc2f(0, model.get_dim("nI"))
    inputs = xp2torch(flat, requires_grad=is_train, device=shim.device)
    given = (inputs, lengths, *words)
    with calling(head, "head", f"was given {len(vectors)} texts"):
        logits, backprop_logits = (
            shim.begin_update(given) if is_train else (shim.predict(given), None)
        )
    of_words = getattr(head, "level", "text") == "word"
    shape = (len(inputs) if of_words else len(vectors), model.get_dim("nO"))
    named = "[words, classes]" if of_words else "[texts, classes]"
    check_tensor(head, "head", logits, inputs, shape, named)
    logits = logits.detach()
    with calling(head, "head", "made scores of its logits"):
        scores = head.scores(logits)
    check_tensor(head, "head", scores, logits, shape, f"the scores, {named}")
    if backprop_logits is None:
        check_finite(head, "head", scores, "scores")
        return torch2xp(scores), _no_gradient

    def backprop(of_scores: Floats2d | Truths) -> _Vectors:
        with calling(head, "head", "took the gradient of its loss"):
            d_logits = _gradient(head, logits, scores, lengths, of_scores, shim.device)
            check_tensor(head, "head", d_logits, logits, shape, "the gradient of its logits")
            backprop_logits(d_logits)
        # No text has a word, or the head looks at none: nothing depends on the inputs.
        d_inputs = torch.zeros_like(inputs) if inputs.grad is None else inputs.grad
        return list(model.ops.unflatten(torch2xp(d_inputs), lengths.numpy()))

    return torch2xp(scores), backprop


def _gradient(
    head: Head,
    logits: Tensor,
    scores: Tensor,
    lengths: Tensor,
    of_scores: Floats2d | Truths,
    device: torch.device,
) -> Tensor:
    """Return the gradient of the loss by the logits.

    spaCy's text categorizers hand back ``scores - truths``, and zeros for a text whose truth is unknown.
    """
    if isinstance(of_scores, Truths):
        truths = of_scores.values.to(device)
        if not has_loss(head):
            d_scores = (scores - truths).nan_to_num(0.0)
            # What it minimises isn't known; this is what spaCy's categorizers report.
            of_scores.loss = float(d_scores.square().mean())
            return head.grad_logits(scores, d_scores)
        loss, gradient = loss_gradient(head, logits, truths, lengths)
        of_scores.loss = float(loss)
        return gradient
    d_scores = xp2torch(of_scores, device=device)
    if not has_loss(head):
        return head.grad_logits(scores, d_scores)
    known = d_scores.ne(0).any(1, keepdim=True)
    truths = torch.where(known, scores - d_scores, torch.nan)
    return loss_gradient(head, logits, truths, lengths)[1]


def _no_gradient(d_scores: Floats2d | Truths) -> _Vectors:
    return []
