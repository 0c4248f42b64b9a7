"""What a pipeline file makes, told by its sections."""

from collections.abc import Mapping
from typing import Any, Final

from seqpipe.config._types import is_block

#: Each of these asks for a pipeline that's trained to do something.
_TRAINED: Final = ("encoder", "head", "classifier", "nlp", "components")

#: What a classifier stands in the place of, and the scores of an embedder that it therefore lacks.
REPLACED: Final = ("embedder", "encoder", "head", "evaluation")


def makes_embedding(sections: Mapping[str, Any]) -> bool:
    """Whether a file with these sections makes an embedding, and no more."""
    return "embedder" in sections and not any(name in sections for name in _TRAINED)


def makes_classifier(sections: Mapping[str, Any]) -> bool:
    """Whether a file with these sections has a whole model in the place of an embedder, an encoder and a head."""
    return "classifier" in sections


def embedders_in(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the embedders of [embedder] by name, where it holds several: [embedder.a], [embedder.b]."""
    if any(key.startswith("@") for key in section):
        return {}
    return {name: block for name, block in section.items() if is_block(block)}
