"""Moves the torch modules of a pipeline to a device; what spaCy and thinc see of them stays on the host, so CuPy isn't needed."""

from collections.abc import Iterator
from typing import Any

from spacy.language import Language
from thinc.api import Model

from seqpipe.adapters._input_shim import InputShim
from seqpipe.adapters._language_model_pipe import LanguageModelPipe
from seqpipe.adapters._shim import TorchShim
from seqpipe.devices import Placement


def move_pipeline(nlp: Language, placement: Placement) -> None:
    """Have the torch modules of a pipeline compute elsewhere: those that there are, and those that are made later on.

    Of each component, disabled ones too: the networks of encoders and heads, the language models that encoders read, and
    those of `[language_model]`. Embedders, classifiers and spaCy's own networks stay where they are. Saved
    files don't show where a pipeline was.

    Args:
        nlp: The pipeline.
        placement: Where to; see `seqpipe.devices.find_placement`.
    """
    for held in _movable(nlp):
        held.move(placement)


def placement_of(nlp: Language) -> Placement:
    """Return where `move_pipeline` has moved a pipeline; one that it hasn't, or that has nothing to move, is left where it is."""
    return next((held.placement for held in _movable(nlp)), Placement())


def device_of(nlp: Language) -> str:
    """Return the device that a pipeline's torch modules are on, as torch calls it; "cpu" if it has none."""
    return next((str(d) for held in _movable(nlp) if (d := held.found_on) is not None), "cpu")


def _movable(nlp: Language) -> Iterator[Any]:
    for _, component in nlp.components:
        if isinstance(component, LanguageModelPipe):
            yield component
        model = getattr(component, "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            yield from (shim for shim in node.shims if isinstance(shim, (TorchShim, InputShim)))
