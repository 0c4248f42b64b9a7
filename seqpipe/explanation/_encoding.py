"""The recurrent layers behind a component of a pipeline, and what they're given of docs."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model
from torch import Tensor, nn

from seqpipe.adapters import encoders_in
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import Cell
from seqpipe.parts.encoders import Recurrent


class Given(NamedTuple):
    """What an encoder is given.

    Attributes:
        inputs: `[N, input_width]`, the words of all texts concatenated.
        lengths: `[B]`
    """

    inputs: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class Place:
    """Where a cell stands.

    Attributes:
        layer: The number of its layer, from 1; an ensemble's members are counted on.
        direction: "forward" or "backward".
    """

    layer: int
    direction: str

    def __str__(self) -> str:
        return f"{self.layer}.{self.direction}"


def find_encoder(nlp: Language, component: str) -> tuple[Model, nn.Module] | None:
    """Return the model of docs to vectors that a component is on, and the torch module of the encoder in it."""
    before = nlp.pipe_names[: nlp.pipe_names.index(component)]
    # Its own, or that of the component whose vectors it's given, the nearest one before it.
    for name in [component, *reversed(before)]:
        pipe: Any = nlp.get_pipe(name)
        for shim in encoders_in(pipe):
            module: Any = shim.module
            model = pipe.model.maybe_get_ref("tok2vec") or pipe.model
            return model, module.encoder
    return None


def given_to(model: Model, modules: Sequence[nn.Module], docs: Sequence[Doc]) -> list[Given]:
    """Return what each of some modules in a model is given of docs."""
    found: dict[nn.Module, Given] = {}

    def keep(module: nn.Module, arguments: Any) -> None:
        inputs, lengths, *places = arguments
        # A word that occurs again may be given once, with its places.
        given = inputs[places[0]] if places else inputs
        # Whoever looks at it computes in float32, whatever the pipeline does.
        found[module] = Given(given.float() if given.dtype == torch.bfloat16 else given, lengths)

    with ExitStack() as hooks:
        for module in modules:
            hooks.callback(module.register_forward_pre_hook(keep).remove)
        model.predict(list(docs))
    return [found[module] for module in modules]


class RecurrentLayers:
    """The recurrent layers of a pipeline in evaluation mode.

    Args:
        nlp: The pipeline.
        component: The component that reads their output; None for the last one that reads any.

    Attributes:
        places: Where each cell stands, in the order of the columns of `hidden_states`.
        widths: How many units each has.

    Raises:
        ConfigError: There's no such component, or there are no recurrent layers behind it.
    """

    def __init__(self, nlp: Language, component: str | None = None) -> None:
        if component is not None and component not in nlp.pipe_names:
            known = ", ".join(nlp.pipe_names)
            raise ConfigError(
                f"there's no component {component!r}, only {known}", setting="component"
            )
        name = component or (nlp.pipe_names[-1] if nlp.pipe_names else "")
        found = find_encoder(nlp, name) if name else None
        modules = list(found[1].modules()) if found else []
        self._recurrent = [module for module in modules if isinstance(module, Recurrent)]
        if not found or not self._recurrent:
            raise ConfigError(
                "the pipeline has no recurrent encoder of seqpipe's, so there are no units to look at"
            )
        self._model = found[0]
        layers = [cast(nn.ModuleList, layer) for each in self._recurrent for layer in each.layers]
        cells = [
            (number, i, cell)
            for number, layer in enumerate(layers, 1)
            for i, cell in enumerate(layer)
        ]
        self.places = [Place(number, ("forward", "backward")[i]) for number, i, _ in cells]
        self.widths = [cast(Cell, cell).width for _, _, cell in cells]

    def units(self) -> list[str]:
        """Return the name of each unit, such as "1.forward.17": layer, direction, and number from 0."""
        pairs = zip(self.places, self.widths, strict=True)
        return [f"{place}.{number}" for place, width in pairs for number in range(width)]

    def hidden_states(self, docs: Sequence[Doc]) -> Tensor:
        """Return the hidden state of each unit after each word, by the fastest engine there is: `[N, units]`."""
        with torch.no_grad():
            return torch.cat(
                [
                    states
                    for module, given in self.given(docs)
                    for states in module.eval().hidden_states(*given)
                ],
                dim=1,
            )

    def given(self, docs: Sequence[Doc]) -> list[tuple[Recurrent, Given]]:
        """Return the recurrent encoders with what they're given of docs."""
        return list(zip(self._recurrent, given_to(self._model, self._recurrent, docs), strict=True))
