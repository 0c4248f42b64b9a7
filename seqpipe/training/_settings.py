"""What [training] says, resolved."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import spacy
from pydantic import StrictFloat, StrictInt
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.util import resolve_dot_names
from thinc.api import Config, Optimizer

from seqpipe.adapters import encoders_in, has_word_head
from seqpipe.errors import ConfigError

CorpusOf = Callable[[Language], Iterable[Example]]

#: The least that each number may be.
_LEAST: Final = {
    **{"max_epochs": -1, "max_steps": 0, "patience": 0},
    **{"eval_frequency": 1, "accumulate_gradient": 1},
}


class _Schema(ConfigSchemaTraining):  # type: ignore[misc]
    """spaCy's, and what only seqpipe's loop knows."""

    adversarial: StrictFloat | StrictInt = 0.0


#: The settings that only seqpipe's loop knows. As spaCy fills in a config, it drops or refuses them, by its version.
OWN_SETTINGS: Final = tuple(
    name for name in _Schema.model_fields if name not in ConfigSchemaTraining.model_fields
)


@dataclass(frozen=True)
class Training:
    """The settings of the [training] section, spaCy's and ours, and the corpora that it names.

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
        adversarial: How far the words of each batch are moved for a second pass (see `seqpipe.adapters.perturbing`);
            0 for no such pass.
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
    adversarial: float = 0.0


def resolve_training(config: Config) -> Training:
    """Build what the [training] section of a complete, interpolated configuration names.

    Raises:
        ConfigError: Training would never end, or a number is too small to mean anything.
    """
    section = spacy.registry.resolve(config["training"], schema=_Schema)
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
        adversarial=section.get("adversarial", 0.0),
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
    if not 0 <= training.adversarial < math.inf:
        raise ConfigError(
            f"`adversarial` is {training.adversarial}; it must be a number of at least 0",
            setting="adversarial",
        )


def check_encoder(nlp: Language, training: Training) -> None:
    """Raise a `ConfigError` if inputs are to be moved, and the pipeline trains no encoder that takes them."""
    trained = [pipe for name, pipe in nlp.pipeline if name not in training.frozen]
    if training.adversarial and not any(map(encoders_in, trained)):
        raise ConfigError(
            f"`adversarial` is {training.adversarial}, and no component that's trained has an encoder of "
            'seqpipe\'s whose inputs could be moved: set it to 0, or train a "seqpipe.Encoder.v1"',
            setting="adversarial",
        )


# The length of a training that a file says nothing of; docs/defaults.md describes the choice.

#: So many words are trained on, if that's neither too many nor too few passes.
_WORDS: Final = 8_000_000
_MIN_EPOCHS: Final = 3
_MAX_EPOCHS: Final = 10
#: A small set is gone through more often, up to so many updates.
_MIN_STEPS: Final = 400
#: Labels of words take longer to learn than classes of texts: most of them are rare.
_MIN_STEPS_OF_WORDS: Final = 1000


def training_settings(
    texts: int, words: int, batch: int = 32, *, labels_words: bool = False
) -> dict[str, int]:
    """Return settings of [training] for a train part of so many texts and words, in batches of so many texts.

    Args:
        texts: How many texts.
        words: How many words they have.
        batch: How many texts a batch has.
        labels_words: Whether words are labelled, rather than texts.

    Raises:
        ValueError: There are no texts.
    """
    if texts < 1:
        raise ValueError("there are no texts")
    steps = math.ceil(texts / batch)
    least = _MIN_STEPS_OF_WORDS if labels_words else _MIN_STEPS
    epochs = min(_MAX_EPOCHS, max(_MIN_EPOCHS, round(_WORDS / max(1, words))))
    epochs = max(epochs, math.ceil(least / steps))
    return {"max_epochs": epochs, "eval_frequency": max(25, math.ceil(steps / 2))}


def choose_training(
    nlp: Language, training: Training, texts: int, words: int
) -> tuple[Training, dict[str, Any]]:
    """Return a training of a length that suits the data, and the settings that were chosen.

    They're written into the pipeline's config too.
    """
    size = nlp.config["training"]["batcher"].get("size")
    batch = size if isinstance(size, int) and size > 0 else 32
    chosen = training_settings(texts, words, batch, labels_words=has_word_head(nlp))
    nlp.config["training"].update(chosen)
    return replace(training, **cast(Any, chosen)), chosen
