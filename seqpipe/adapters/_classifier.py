"""A head on top of an encoder, as the model of a component."""

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model, chain
from thinc.types import Floats2d
from thinc.util import xp2torch
from torch import Tensor

from seqpipe.adapters._contract import calling, check_finite, check_tensor, made_by, read_examples
from seqpipe.adapters._encoder import flattened, make_encoder
from seqpipe.adapters._ensemble import check_ensemble, head_factory
from seqpipe.adapters._pairs import first_of, is_pair
from seqpipe.adapters._shim import TorchShim, as_array
from seqpipe.errors import ConfigError, PluginError
from seqpipe.parts.class_weights import (
    ClassWeights,
    check_class_weights,
    count_labels,
    label_weights,
)
from seqpipe.parts.heads import (
    Head,
    HeadFactory,
    TextClassifier,
    has_loss,
    loss_gradient,
    sample_scores,
)
from seqpipe.plugins import describe_maker

#: An attribute of a head's model: the setting, if there's one.
_CLASS_WEIGHTS = "class_weights"
#: Another: the weight of each label, in their order, once that's computed. It's saved with the weights.
_LABEL_WEIGHTS = "label_weights"
#: Another: what its loss is multiplied by.
_WEIGHT = "weight"
#: Another: whether it compares the two texts of pairs.
_SEES_PAIRS = "sees_pairs"
#: What the model of a head is called.
_HEAD = "seqpipe-head"
_NO_PAIR = (
    "a head for pairs got a doc with one text, which there's nothing to compare with: make pairs by "
    "seqpipe.adapters.pair_of(nlp, first, second)"
)

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


def make_classifier(
    tok2vec: Model | None = None,
    head: HeadFactory | None = None,
    class_weights: ClassWeights | None = None,
    weight: float = 1.0,
    ensemble: int = 1,
) -> Model:
    """Make the model of a head for spaCy's text categorizers; registered as the architecture "seqpipe.Classifier.v1".

    Args:
        tok2vec: Turns docs into vectors `[n, width]`, one for each token: our encoder, a listener
            to one, or any of spaCy's. By default an encoder with its default settings.
        head: Makes the head from the width of these vectors and the number of labels. By default a
            `TextClassifier` with its default settings; for labels that aren't exclusive, say so.
        class_weights: A number for each label, 1 for those not given; "balanced" gives all labels the same total
            weight. The gradient of a text is multiplied by its weight: the mean of its labels' weights, or 1 if it has
            none. They're computed by the callback "seqpipe.WeighClasses.v1" in [initialize.after_init].
        weight: As `make_task_model` has it.
        ensemble: As `make_task_model` has it.

    Raises:
        ConfigError: The class weights, the weight or the size of the ensemble can't be used.
    """
    check_class_weights(class_weights)
    model = make_task_model(tok2vec, head, weight, ensemble)
    if class_weights is not None:
        given = class_weights if isinstance(class_weights, str) else dict(class_weights)
        model.get_ref("output_layer").attrs[_CLASS_WEIGHTS] = given
    return model


def make_task_model(
    tok2vec: Model | None = None,
    head: HeadFactory | None = None,
    weight: float = 1.0,
    ensemble: int = 1,
) -> Model:
    """Make the model of a head for any task; registered as the architecture "seqpipe.Head.v1".

    Args:
        tok2vec: As `make_classifier` has it.
        head: As `make_classifier` has it.
        weight: What the gradient of the loss is multiplied by: how much the head counts for an encoder that others are
            trained with too.
        ensemble: How many heads there are, one for each encoder of a `tok2vec` with the same `ensemble`. Each learns by a
            loss of its own; predictions are made of the mean of their logits.

    Raises:
        ConfigError: The weight is negative or isn't finite, or the ensemble has no member.
    """
    check_ensemble(ensemble)
    if not 0 <= weight < math.inf:
        raise ConfigError(
            f"the `weight` of a head is {weight}; it must be a number of at least 0",
            setting="weight",
        )
    encoder = tok2vec or make_encoder(ensemble=ensemble)
    output = make_head(head or TextClassifier, ensemble)
    model = _chain_with_docs(encoder, output) if _sees_docs(head) else chain(encoder, output)
    # By these, `spacy pretrain` and `spacy debug model` find the layers.
    model.set_ref("tok2vec", encoder)
    model.set_ref("output_layer", output)
    if weight != 1:
        output.attrs[_WEIGHT] = float(weight)
    if _attribute_of(head, "sees_pairs"):
        output.attrs[_SEES_PAIRS] = True
    return model


def _sees_docs(head: HeadFactory | None) -> bool:
    """Return whether a head looks at more of texts than their vectors."""
    return _attribute_of(head, "sees_words") or _attribute_of(head, "sees_pairs")


def _attribute_of(head: HeadFactory | None, attribute: str) -> bool:
    """Return an attribute of a head's class, False for none."""
    while isinstance(head, functools.partial):
        head = head.func
    return bool(getattr(head, attribute, False))


def compares_pairs(pipe: object) -> bool:
    """Return whether a component of spaCy's has a head for pairs of texts."""
    model = getattr(pipe, "model", None)
    layers = model.walk() if isinstance(model, Model) else ()
    return any(layer.attrs.get(_SEES_PAIRS) for layer in layers)


def _chain_with_docs(encoder: Model, output: Model) -> Model:
    """Chain two models, the second of which takes docs beside their vectors.

    The layers are asked for at each call, as they may be copied or replaced (`nlp.replace_listeners`).
    """
    return Model(
        f"{encoder.name}>>{output.name}",
        _forward_with_docs,
        init=_init_with_docs,
        dims={"nO": None},
        layers=[encoder, output],
    )


def _forward_with_docs(
    model: Model, X: list[Doc], is_train: bool
) -> tuple[Any, Callable[[Any], Any]]:
    encoder, output = model.layers
    vectors, backprop_encoder = encoder(X, is_train)
    scores, backprop_head = output((vectors, X), is_train)
    return scores, lambda gradient: backprop_encoder(backprop_head(gradient))


def _init_with_docs(model: Model, X: list[Doc] | None = None, Y: Floats2d | None = None) -> None:
    encoder, output = model.layers
    encoder.initialize(X=X)
    output.initialize(X=None if X is None else encoder.predict(X), Y=Y)
    model.set_dim("nO", output.get_dim("nO"))


def make_head(head: HeadFactory, ensemble: int = 1) -> Model:
    """Wrap a head, or an ensemble of them, as a thinc model, whose sizes are learnt at initialisation."""
    build = functools.partial(_build, head_factory(head, ensemble))
    return Model(
        _HEAD,
        _forward,
        init=_init,
        dims={"nI": None, "nO": None},
        shims=[TorchShim(build, sample_sizes=(ensemble, 2))],
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
    model: Model, X: _Vectors | tuple[_Vectors, list[Doc]], is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d | Truths], _Vectors]]:
    shim = model.shims[0]
    head: Any = shim.module
    weights = _weights_of(model) if is_train else None
    vectors, docs = X if isinstance(X, tuple) else (X, [])
    lengths = torch.tensor([len(x) for x in vectors], dtype=torch.int64)
    flat = flattened(model.ops, vectors) if vectors else model.ops.alloc2f(0, model.get_dim("nI"))
    inputs = xp2torch(flat, requires_grad=is_train, device=shim.device)
    with calling(head, "head", f"was given {len(vectors)} texts"):
        given = (inputs, lengths, *_more_of(docs, head, lengths))
        logits, backprop_logits = (
            shim.begin_update(given) if is_train else (shim.predict(given), None)
        )
    # In training torch refuses that by itself; in its inference mode it doesn't count changes.
    if not is_train and not inputs.is_inference() and inputs._version:
        raise PluginError(
            f"{describe_maker(head, 'head')} changed the vectors it was given, which are those of `doc.tensor`: let it "
            "compute in tensors of its own, as x * 2 does in the place of x.mul_(2)"
        )
    of_words = getattr(head, "level", "text") == "word"
    shape: tuple[int, ...] = (len(inputs) if of_words else len(vectors), model.get_dim("nO"))
    named = "[words, classes]" if of_words else "[texts, classes]"
    if is_train and isinstance(logits, Tensor) and logits.ndim > len(shape) and has_loss(head):
        shape, named = (max(1, len(logits)), *shape), f"[samples, {named[1:]}"
    check_tensor(head, "head", logits, inputs, shape, named)
    logits = logits.detach()
    if is_train and of_words and has_loss(head):
        # They're learnt from truths, and nobody looks at scores meanwhile; a CRF's take as long as its loss.
        scores = logits
    else:
        with calling(head, "head", "made scores of its logits"):
            scores = sample_scores(head, logits, lengths)
        check_tensor(head, "head", scores, logits, shape, f"the scores, {named}")
    if backprop_logits is None:
        check_finite(head, "head", scores, "scores")
        return as_array(scores), _no_gradient

    def backprop(of_scores: Floats2d | Truths) -> _Vectors:
        with calling(head, "head", "took the gradient of its loss"):
            d_logits = _gradient(head, logits, scores, lengths, of_scores, shim.device)
            check_tensor(head, "head", d_logits, logits, shape, "the gradient of its logits")
            if weights is not None and not isinstance(of_scores, Truths):
                truths = _mean(scores) - xp2torch(of_scores, device=shim.device)
                d_logits = d_logits * _text_weights(truths, weights)
            backprop_logits(d_logits * model.attrs.get(_WEIGHT, 1.0))
        # No text has a word, or the head looks at none: nothing depends on the inputs.
        d_inputs = torch.zeros_like(inputs) if inputs.grad is None else inputs.grad
        return list(model.ops.unflatten(as_array(d_inputs), lengths.numpy()))

    return as_array(_mean(scores)), backprop


def _more_of(docs: list[Doc], head: Any, lengths: Tensor) -> list[Any]:
    """Return what a head is given of docs beside their vectors."""
    found: list[Any] = []
    if getattr(head, "sees_words", False):
        found.append([[token.text for token in doc] for doc in docs])
    if getattr(head, "sees_pairs", False):
        if any(len(doc) and not is_pair(doc) for doc in docs):
            warnings.warn(_NO_PAIR, stacklevel=2)
        firsts = [first_of(doc) for doc in docs] if docs else lengths.tolist()
        found.append(torch.tensor(firsts, dtype=torch.int64))
    return found


def inputs_of_head(pipe: object, doc: Doc) -> tuple[Any, list[Any]]:
    """Return the head of a component of spaCy's, and what it's given of a doc beside vectors and lengths; None for no head."""
    model = getattr(pipe, "model", None)
    layers = model.walk() if isinstance(model, Model) else ()
    layer = next((each for each in layers if each.name == _HEAD), None)
    if layer is None:
        return None, []
    head = layer.shims[0].module
    return head, _more_of([doc], head, torch.tensor([len(doc)]))


def _mean(scores: Tensor) -> Tensor:
    """Return the mean of several samples of scores; what isn't samples stays as it is."""
    return scores.mean(0) if scores.ndim > 2 else scores


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
    # Where classes are exclusive, spaCy takes a text without any for one whose classes are all wrong.
    if getattr(head, "exclusive", False):
        has_none = (_mean(scores) - d_scores == 0).all(1, keepdim=True)
        d_scores = d_scores.masked_fill(has_none, 0.0)
    if not has_loss(head):
        return head.grad_logits(scores, d_scores)
    known = d_scores.ne(0)
    # A label that a text says nothing of has zeros too; whatever is scored for it, in each sample, is right.
    truths = torch.where(known, _mean(scores) - d_scores, scores)
    truths = torch.where(known.any(1, keepdim=True), truths, torch.nan)
    return loss_gradient(head, logits, truths, lengths)[1]


# The weights of classes.


def _weights_of(model: Model) -> list[float] | None:
    if model.attrs.get(_CLASS_WEIGHTS) is None:
        return None
    weights: list[float] | None = model.attrs.get(_LABEL_WEIGHTS)
    if weights is None or len(weights) != model.get_dim("nO"):
        raise ConfigError(
            "the head has `class_weights`, which nothing has computed yet: name the callback "
            '"seqpipe.WeighClasses.v1" in [initialize.after_init]',
            setting="class_weights",
        )
    return weights


def _text_weights(truths: Tensor, weights: Sequence[float]) -> Tensor:
    """Return the weight of each text, `[B, 1]`; see `seqpipe.parts.class_weights.weigh_texts`."""
    has = (truths > 0.5).to(truths.dtype)
    sums = has @ truths.new_tensor(weights)
    counts = has.sum(1)
    return torch.where(counts > 0, sums / counts.clamp(min=1), 1.0)[:, None]


def make_weigh_classes(corpus: Callable[[Language], Any]) -> Callable[[Language], Language]:
    """Make a callback that computes the class weights of heads; registered as "seqpipe.WeighClasses.v1".

    It belongs in [initialize.after_init], when the labels are known.

    Args:
        corpus: Reads the texts of the train part.
    """

    def weigh(nlp: Language) -> Language:
        heads = [(pipe, layer) for _, pipe in nlp.pipeline for layer in weighted_heads(pipe)]
        if heads:
            counts = count_labels(
                [label for label, value in example.reference.cats.items() if value >= 0.5]
                for example in read_examples(corpus, nlp)
            )
            for pipe, layer in heads:
                weights = label_weights(layer.attrs[_CLASS_WEIGHTS], counts)
                layer.attrs[_LABEL_WEIGHTS] = [weights.get(label, 1.0) for label in pipe.labels]
        return nlp

    return weigh


def weighted_heads(pipe: object) -> list[Model]:
    """Return the models of heads with class weights that a component of spaCy's has."""
    model = getattr(pipe, "model", None)
    layers = model.walk() if isinstance(model, Model) else ()
    return [layer for layer in layers if layer.attrs.get(_CLASS_WEIGHTS) is not None]


def _no_gradient(d_scores: Floats2d | Truths) -> _Vectors:
    return []
