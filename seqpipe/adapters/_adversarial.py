"""Adversarial training (Miyato, Dai & Goodfellow 2017): the inputs of encoders are moved to where the loss is higher."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from spacy.language import Language
from torch import Tensor

from seqpipe.adapters._encoder import encoders_in
from seqpipe.devices import in_double


@contextlib.contextmanager
def perturbing(nlp: Language) -> Iterator[Callable[[float], None]]:
    """Watch what goes into a pipeline's encoders while they're trained, and move it when told to.

    A pass forward and back takes note of the gradient of the loss by the encoders' inputs. The function that's
    yielded has the inputs of the next pass, which must be of the same texts, moved along that gradient by
    `perturbations`; it's given their `size`. Predictions are left alone, and nothing is set afterwards::

        with perturbing(nlp) as perturb:
            nlp.update(examples, sgd=False)
            perturb(0.1)
            nlp.update(examples, sgd=False)

    The inputs are everything that the encoder of "seqpipe.Encoder.v1" is called with: the vocabulary's vectors with
    their tuned offsets, and the trained vectors beside them.
    """
    watched = []
    with contextlib.ExitStack() as stack:
        shims = {id(shim): shim for _, pipe in nlp.pipeline for shim in encoders_in(pipe)}
        for shim in shims.values():
            # A frozen part of a pipeline may have no weights yet.
            if shim.built is not None:
                inputs = _Inputs()
                watched.append(inputs)
                encoder: Any = shim.module.encoder
                stack.callback(encoder.register_forward_pre_hook(inputs).remove)

        def perturb(size: float) -> None:
            for inputs in watched:
                inputs.move(size)

        yield perturb


class _Inputs:
    """The inputs of an encoder: a hook that's called before it, first to see them and then to move them."""

    def __init__(self) -> None:
        self._lengths: list[Tensor] = []
        #: By the number of the call; an input that the loss doesn't depend on has none.
        self._gradients: dict[int, Tensor] = {}
        self._moves: Iterator[Tensor | float] | None = None

    def __call__(self, encoder: Any, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor] | None:
        if not torch.is_grad_enabled():
            return None
        vectors, lengths = inputs
        if self._moves is not None:
            return vectors + next(self._moves, 0.0), lengths
        if not vectors.requires_grad:
            vectors = vectors.detach().requires_grad_()
        call = len(self._lengths)
        self._lengths.append(lengths)
        take_note = functools.partial(self._gradients.__setitem__, call)
        vectors.register_hook(take_note)  # type: ignore[no-untyped-call]
        return vectors, lengths

    def move(self, size: float) -> None:
        """Move the inputs of the calls that follow, in the order of those that were seen."""
        self._moves = iter(
            [
                perturbations(self._gradients[call], lengths, size)
                if call in self._gradients
                else 0.0
                for call, lengths in enumerate(self._lengths)
            ]
        )


def perturbations(gradient: Tensor, lengths: Tensor, size: float) -> Tensor:
    """Return by how much the inputs of each text are moved, `[N, D]`: ``ε g / ‖g‖₂``, where ``ε = size sqrt(words)``.

    The norm is over all words of a text, and so is ε: the root mean square of the norms of its words'
    perturbations is `size`, however long it is. A text whose gradient is zero or isn't finite stays where it is.

    Args:
        gradient: g, of the loss by the inputs, `[N, D]`.
        lengths: How many words each text has, `[B]`; their sum is N.
        size: How far a word is moved.
    """
    # Squares of small numbers would be zero in single precision.
    exact = in_double(gradient)
    squares = torch.split(exact.square().sum(1), lengths.tolist())
    norms = torch.stack([each.sum() for each in squares]).sqrt()
    words = lengths.to(norms.device)
    scales = torch.where((norms > 0) & norms.isfinite(), size * words.sqrt() / norms, 0.0)
    moved: Tensor = exact.nan_to_num() * scales.repeat_interleave(words)[:, None]
    return moved.to(gradient.dtype).to(gradient.device)
