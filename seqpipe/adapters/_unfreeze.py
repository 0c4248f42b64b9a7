"""Layers of an encoder that join the training one after another."""

import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import Any, cast

from spacy.language import Language
from torch import nn

from seqpipe.adapters._encoder import WordEncoder, encoders_in
from seqpipe.adapters._ensemble import members_of
from seqpipe.errors import ConfigError


def make_unfreeze(epochs: int = 1) -> Callable[[Language, dict[str, Any]], None]:
    """Make a callback that trains an encoder layer by layer (Howard & Ruder 2018); registered as "seqpipe.Unfreeze.v1".

    It belongs in [training.before_update]. At first the encoder's weights stay as they are, and only the rest of the pipeline
    learns; then the encoder's highest layer joins, then the one below it, and at last what's trained of its inputs. What an encoder
    doesn't train by itself stays frozen.

    Args:
        epochs: After how many epochs the next layer joins.

    Raises:
        ConfigError: `epochs` is less than 1; or, when the callback is called, the pipeline has no encoder of seqpipe's.
    """
    if epochs < 1:
        raise ConfigError(f"`epochs` is {epochs}; it must be at least 1", setting="epochs")

    #: The weights that each encoder trains.
    trained: weakref.WeakKeyDictionary[nn.Module, set[int]] = weakref.WeakKeyDictionary()

    def unfreeze(nlp: Language, progress: dict[str, Any]) -> None:
        shims = [shim for _, component in nlp.pipeline for shim in encoders_in(component)]
        if not shims:
            raise ConfigError(
                'seqpipe.Unfreeze.v1 needs a component with a model "seqpipe.Encoder.v1", and the pipeline has none'
            )
        joined = progress["epoch"] // epochs
        for shim in shims:
            module = cast(WordEncoder, shim.module)
            if module not in trained:
                trained[module] = {id(each) for each in module.parameters() if each.requires_grad}
            for number, layer in enumerate(_from_above(module)):
                for parameter in layer:
                    if id(parameter) in trained[module]:
                        parameter.requires_grad_(number < joined)

    return unfreeze


def _from_above(module: WordEncoder) -> Iterator[list[nn.Parameter]]:
    """Yield the weights of each layer of an encoder, the highest first, and at last those of its inputs.

    Layers are what `layers` lists, and of any other list, such as one of norms, the last ones belong to the last layers. An encoder without
    `layers` is one layer; what's in no list belongs to the highest. Those of an ensemble's members join together.
    """
    layered = [
        encoder
        for encoder in members_of(module.encoder)
        if isinstance(getattr(encoder, "layers", None), nn.ModuleList)
    ]
    children = itertools.chain.from_iterable(encoder.children() for encoder in layered)
    lists = [each for each in children if isinstance(each, nn.ModuleList)]
    columns = itertools.zip_longest(*(reversed(each) for each in lists))
    above = [[p for each in column if each for p in each.parameters()] for column in columns]
    listed = {id(parameter) for layer in above for parameter in layer}
    others = [each for each in module.encoder.parameters() if id(each) not in listed]
    yield [*(above[0] if above else []), *others]
    yield from above[1:]
    within = {id(parameter) for parameter in module.encoder.parameters()}
    yield [parameter for parameter in module.parameters() if id(parameter) not in within]
