"""Layers of an encoder that join the training one after another."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from spacy.language import Language
from torch import nn

from seqpipe.adapters._encoder import WordEncoder, encoders_in
from seqpipe.errors import ConfigError


def make_unfreeze(epochs: int = 1) -> Callable[[Language, dict[str, Any]], None]:
    """Make a callback that trains an encoder layer by layer (Howard & Ruder 2018); registered as "seqpipe.Unfreeze.v1".

    It belongs in [training.before_update]. At first the encoder's weights stay as they are, and only the rest of the pipeline
    learns; then the encoder's highest layer joins, then the one below it, and at last what's trained of its inputs.

    Args:
        epochs: After how many epochs the next layer joins.

    Raises:
        ConfigError: `epochs` is less than 1; or, when the callback is called, the pipeline has no encoder of seqpipe's.
    """
    if epochs < 1:
        raise ConfigError(f"`epochs` is {epochs}; it must be at least 1", setting="epochs")

    def unfreeze(nlp: Language, progress: dict[str, Any]) -> None:
        shims = [shim for _, component in nlp.pipeline for shim in encoders_in(component)]
        if not shims:
            raise ConfigError(
                'seqpipe.Unfreeze.v1 needs a component with a model "seqpipe.Encoder.v1", and the pipeline has none'
            )
        trained = progress["epoch"] // epochs
        for shim in shims:
            for number, layer in enumerate(_from_above(cast(WordEncoder, shim.module))):
                for parameter in layer:
                    parameter.requires_grad_(number < trained)

    return unfreeze


def _from_above(module: WordEncoder) -> Iterator[list[nn.Parameter]]:
    """Yield the weights of each layer of an encoder, the highest first, and at last those of its inputs.

    An encoder without a list of `layers` is one layer; what's in none of its layers belongs to the highest.
    """
    encoder = module.encoder
    layers = getattr(encoder, "layers", None)
    above = (
        [list(layer.parameters()) for layer in reversed(layers)]
        if isinstance(layers, nn.ModuleList)
        else []
    )
    listed = {id(parameter) for layer in above for parameter in layer}
    others = [parameter for parameter in encoder.parameters() if id(parameter) not in listed]
    yield [*(above[0] if above else []), *others]
    yield from above[1:]
    within = {id(parameter) for parameter in encoder.parameters()}
    yield [parameter for parameter in module.parameters() if id(parameter) not in within]
