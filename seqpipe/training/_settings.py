"""What [training] says, resolved."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import spacy
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.util import resolve_dot_names
from thinc.api import Config, Optimizer

from seqpipe.errors import ConfigError

CorpusOf = Callable[[Language], Iterable[Example]]

#: The least that each number may be.
_LEAST: Final = {
    **{"max_epochs": -1, "max_steps": 0, "patience": 0},
    **{"eval_frequency": 1, "accumulate_gradient": 1},
}


@dataclass(frozen=True)
class Training:
    """The settings of spaCy's [training] section, and the corpora that it names.

    Attributes:
        optimizer: Changes the weights.
        batcher: Cuts a stream of examples into batches.
        train: Yields the examples to train on.
        dev: Yields the examples that the best model is chosen by.
        dropout: The rate that's passed to spaCy's components, for each step.
        max_epochs: The number of passes over the data; 0 for no limit.
        max_steps: The number of updates; 0 for no limit.
        patience: How many updates without a better score end the training; 0 for no such end.
        eval_frequency: How many updates lie between two evaluations.
        accumulate_gradient: Into how many smaller ones each batch is cut.
        score_weights: The weight of each of spaCy's scores in the score.
        frozen: The components that aren't updated.
        annotating: The components that annotate during training.
        before_update: Called before each update.
        before_to_disk: Called before the pipeline is saved.
    """

    optimizer: Optimizer
    batcher: Callable[[Iterable[Example]], Iterable[list[Example]]]
    train: CorpusOf
    dev: CorpusOf
    dropout: float | Iterator[float]
    max_epochs: int
    max_steps: int
    patience: int
    eval_frequency: int
    accumulate_gradient: int
    score_weights: dict[str, float]
    frozen: Sequence[str]
    annotating: Sequence[str]
    before_update: Callable[[Language, dict[str, Any]], None] | None
    before_to_disk: Callable[[Language], Language] | None


def resolve_training(config: Config) -> Training:
    """Build what the [training] section of a complete, interpolated configuration names.

    Raises:
        ConfigError: Training would never end, or a number is too small to mean anything.
    """
    section = spacy.registry.resolve(config["training"], schema=ConfigSchemaTraining)
    train, dev = resolve_dot_names(config, [section["train_corpus"], section["dev_corpus"]])
    training = Training(
        optimizer=section["optimizer"],
        batcher=section["batcher"],
        train=train,
        dev=dev,
        dropout=section["dropout"],
        max_epochs=section["max_epochs"],
        max_steps=section["max_steps"],
        patience=section["patience"],
        eval_frequency=section["eval_frequency"],
        accumulate_gradient=section["accumulate_gradient"],
        score_weights={k: w for k, w in section["score_weights"].items() if w},
        frozen=section["frozen_components"],
        annotating=section["annotating_components"],
        before_update=section["before_update"],
        before_to_disk=section["before_to_disk"],
    )
    check_training(training)
    return training


def check_training(training: Training) -> None:
    """Raise a `ConfigError` if training would never end, or a number is too small to mean anything."""
    for name, least in _LEAST.items():
        if (value := getattr(training, name)) < least:
            raise ConfigError(
                f"`{name}` is {value}; {least} is the least that makes sense", setting=name
            )
    if not (training.max_epochs > 0 or training.max_steps or training.patience):
        raise ConfigError(
            "the training never ends: set `max_epochs`, `max_steps` or `patience` to more than 0"
        )


# The length of a training that a file says nothing of; docs/defaults.md describes the choice.

#: So many words are trained on, if that's neither too many nor too few passes.
_WORDS: Final = 8_000_000
_MIN_EPOCHS: Final = 3
_MAX_EPOCHS: Final = 10
#: A small set is gone through more often, up to so many updates.
_MIN_STEPS: Final = 400


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
    return replace(training, **cast(Any, chosen)), chosen
