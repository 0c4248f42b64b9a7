"""Which engines run the recurrent encoders of a pipeline."""

from spacy.language import Language

from seqpipe.adapters._shim import torch_shims
from seqpipe.parts.encoders import Recurrent


def recurrent_engines(nlp: Language) -> dict[str, str]:
    """Return the engine of each cell in a pipeline, by component and place, such as "tok2vec.layers.0.0"."""
    found: dict[str, str] = {}
    for name, component in nlp.pipeline:
        for shim in torch_shims(component):
            for place, module in shim.module.named_modules():
                if isinstance(module, Recurrent):
                    like = next(module.parameters()).new_zeros(1, 1)
                    named = module.engines(like)
                    found |= {f"{name}.{_join(place, cell)}": e for cell, e in named.items()}
    return found


def _join(*places: str) -> str:
    return ".".join(place for place in places if place)
