"""What's predicted of a text as plain values, for files, tables and services: the fields, and what they may hold."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from spacy.tokens import Doc

#: What a field holds. "strings" and "numbers" are lists; "scores" a number for each of several names; "spans" a list of
#: objects with "start", "end", "text", "label" and "confidence"; "json" anything that JSON has.
FieldType: TypeAlias = Literal["string", "number", "strings", "numbers", "scores", "spans", "json"]

FIELD_TYPES: Final[tuple[str, ...]] = get_args(FieldType)
#: The digits of a score after the point: single precision has about seven in all.
_DIGITS: Final = 6


@dataclass(frozen=True)
class Field:
    """One value of what's predicted of each text.

    Attributes:
        name: What it's called, such as "label".
        type: What it holds. Any value may also be None, where nothing is predicted.
        meaning: What it is, in a few words.
    """

    name: str
    type: FieldType
    meaning: str


@dataclass(frozen=True)
class Judgement:
    """A prediction beside its truth.

    Attributes:
        truth: What's true, as JSON can hold it.
        prediction: What was predicted.
        error: How wrong that is: 0 if it's right, and the more, the worse.
    """

    truth: Any
    prediction: Any
    error: float


@dataclass(frozen=True)
class Wanted:
    """What's asked for beyond the usual.

    Attributes:
        top: So many labels of the highest scores, in the place of those that are predicted; None for these.
        probabilities: Whether the score of each label is wanted too.
        threshold: From which score on a label, or an entity, is predicted; None for what the model has.
    """

    top: int | None = None
    probabilities: bool = False
    threshold: float | None = None

    def named(self) -> Collection[str]:
        """Return the names of what's asked for."""
        asked = {
            "top": self.top is not None,
            "probabilities": self.probabilities,
            "threshold": self.threshold is not None,
        }
        return [name for name, is_asked in asked.items() if is_asked]


def written_on(doc: Doc, labels: Sequence[str]) -> dict[str, Any]:
    """Return what's set on a doc: the score of each label, and the attributes of its own (``doc._.name``)."""
    scores = {label: rounded(doc.cats[label]) for label in labels if label in doc.cats}
    own = {
        key[1]: value
        for key, value in doc.user_data.items()
        # As spaCy keeps them; those of tokens and spans have a place.
        if isinstance(key, tuple) and key[0] == "._." and key[2] is None
    }
    return {**scores, **own}


def rounded(score: float) -> float:
    """Return a score with as many digits as single precision has."""
    return round(float(score), _DIGITS)


# What tasks with a score for each label have in common.


def label_fields(wanted: Wanted, *, exclusive: bool) -> list[Field]:
    """Return the fields of labels with scores: one label where a text has exactly one and no more are wanted."""
    several = [
        Field("labels", "strings", "the labels, the highest score first"),
        Field("scores", "numbers", "their scores, from 0 to 1"),
    ]
    one = [
        Field("label", "string", "the label; null for none"),
        Field("score", "number", "its score, from 0 to 1"),
    ]
    fields = one if exclusive and wanted.top is None else several
    if wanted.probabilities:
        fields = [*fields, Field("probabilities", "scores", "the score of each label")]
    return fields


def label_values(
    scores: Mapping[str, float], chosen: Sequence[str], wanted: Wanted, *, exclusive: bool
) -> dict[str, Any]:
    """Return the values of `label_fields`.

    Args:
        scores: The score of each label.
        chosen: The labels that are predicted, the highest score first.
        wanted: What's asked for.
        exclusive: Whether a text has exactly one label.
    """
    shown = {label: rounded(score) for label, score in scores.items()}
    ranked = sorted(scores, key=lambda label: -scores[label])
    found: dict[str, Any]
    if wanted.top is not None or not exclusive:
        least = wanted.threshold or 0.0
        ranked = [label for label in ranked if scores[label] >= least]
        labels = list(chosen) if wanted.top is None else ranked[: wanted.top]
        found = {"labels": labels, "scores": [shown[label] for label in labels]}
    else:
        # A label that's not sure enough is none, and its score says by how much.
        best = next(iter(chosen or ranked), None)
        found = {
            "label": next(iter(chosen), None),
            "score": None if best is None else shown[best],
        }
    return {**found, "probabilities": shown} if wanted.probabilities else found
