"""What a run chooses by its data, where the file names neither embedder nor encoder; see docs/defaults.md."""

import dataclasses
import math
from typing import Any, Final, cast

from spacy.language import Language

from seqpipe.config import Makes, PipelineFile
from seqpipe.training import Training

#: So many words are trained on, if that's neither too many nor too few passes.
_WORDS: Final = 8_000_000
_MIN_EPOCHS: Final = 3
_MAX_EPOCHS: Final = 10
#: A small set is gone through more often, up to so many updates.
_MIN_STEPS: Final = 400
#: The settings of [training] that are chosen; with any of them given, none is.
_CHOSEN: Final = ("max_epochs", "max_steps", "patience", "eval_frequency")


def leaves_training_to_us(file: PipelineFile) -> bool:
    """Whether the length of the training is chosen: the file names neither embedder nor encoder, and says nothing of it."""
    given = file.sections.get("training", {})
    return (
        file.makes is Makes.HEAD
        and not {"embedder", "encoder"} & file.written
        and not any(name in given for name in _CHOSEN)
    )


def training_settings(texts: int, words: int, batch: int = 32) -> dict[str, int]:
    """Return settings of [training] for a train part of so many texts and words, in batches of so many texts.

    Raises:
        ValueError: There are no texts.
    """
    if texts < 1:
        raise ValueError("there are no texts")
    steps = math.ceil(texts / batch)
    epochs = min(_MAX_EPOCHS, max(_MIN_EPOCHS, round(_WORDS / max(1, words))))
    epochs = max(epochs, math.ceil(_MIN_STEPS / steps))
    return {"max_epochs": epochs, "eval_frequency": max(25, math.ceil(steps / 2))}


def choose_training(
    nlp: Language, training: Training, texts: int, words: int
) -> tuple[Training, dict[str, Any]]:
    """Return a training of a length that suits the data, and the settings that were chosen.

    They're written into the pipeline's config too.
    """
    size = nlp.config["training"]["batcher"].get("size")
    chosen = training_settings(texts, words, size if isinstance(size, int) and size > 0 else 32)
    nlp.config["training"].update(chosen)
    return dataclasses.replace(training, **cast(Any, chosen)), chosen
