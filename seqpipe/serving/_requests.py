"""The bodies of requests, which may be anything, as records and as what's to be explained."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.explanation import METHODS
from seqpipe.inference import Predictor
from seqpipe.messages import listed, one_of, quote
from seqpipe.serving._problems import RequestError
from seqpipe.serving._settings import Limits

_BAD: Final = 400
_UNUSABLE: Final = 422
_UNSUPPORTED: Final = 415
#: So many labels are explained at once; each takes as long as one alone.
_MOST_LABELS: Final = 20


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse bodies that aren't plain JSON.

    A browser sends other pages' requests of the type JSON only if it's allowed to, which it isn't.

    Raises:
        RequestError: It's of another type, or compressed.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise RequestError(
            _UNSUPPORTED,
            f'the body is of the type "{kind}", and should be JSON: send "Content-Type: application/json"',
        )
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestError(_UNSUPPORTED, "the body is compressed, and should be plain JSON")


def parse(body: bytes) -> Any:
    """Return what a body holds.

    Raises:
        RequestError: It isn't JSON.
    """
    if not body.strip():
        raise RequestError(_BAD, 'the body is empty: send JSON, such as {"text": "…"}')
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise RequestError(_BAD, f"the body isn't UTF-8: {error.reason}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RequestError(_BAD, f"the body isn't JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise RequestError(_BAD, "the body is nested too deeply") from None
    # A constant, or a number of thousands of digits.
    except ValueError as error:
        raise RequestError(_BAD, f"the body isn't JSON: {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"it holds {name}")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"it holds {digits:.20}, which is too large for a number")
    return number


def records_of(value: Any, predictor: Predictor, limits: Limits) -> list[Any]:
    """Return the records of a request: one text or object, or a list of them, without the values that nobody needs.

    What's wrong with a single one isn't looked for, as the predictor does that.

    Raises:
        RequestError: There are none, or too many, or one is too long.
    """
    records = list(value) if isinstance(value, list) else [value]
    if not isinstance(value, str | Mapping | list):
        raise RequestError(
            _UNUSABLE,
            "the body should be a text, an object with one, or a list of these",
        )
    if not records:
        raise RequestError(_UNUSABLE, "the list of records is empty")
    if len(records) > limits.records:
        raise RequestError(
            _UNUSABLE,
            f"{len(records):,} records are too many for one request: send {limits.records:,} at most",
        )
    for number, record in enumerate(records, start=1):
        length = _characters(record, predictor)
        if length > limits.characters:
            raise RequestError(
                _UNUSABLE,
                f"the text of record {number:,} has {length:,} characters, and may have {limits.characters:,} at most",
            )
    return [_needed(record, predictor) for record in records]


def _needed(record: Any, predictor: Predictor) -> Any:
    """Return a record whose other values are None, so that they take no memory while it waits."""
    if not isinstance(record, Mapping):
        return record
    columns = predictor.columns
    names = [*columns.text, "text", columns.pair or "text"]
    kept = {predictor.id, *names, *(name.partition(".")[0] for name in names)}
    # The names stay, as errors list them.
    return {name: value if name in kept else None for name, value in record.items()}


def _characters(record: Any, predictor: Predictor) -> int:
    """Return the length of a record's text, or of what may be its text."""
    if isinstance(record, str):
        return len(record)
    if not isinstance(record, Mapping):
        return 0
    columns = predictor.columns
    names = {*columns.text, "text", columns.pair or "text"}
    return sum(_length(_value(record, name)) for name in names)


def _value(record: Mapping[str, Any], name: str) -> Any:
    value: Any = record
    for key in (name,) if name in record else name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _length(value: Any) -> int:
    if isinstance(value, list):
        return sum(len(each) for each in value if isinstance(each, str)) + len(value)
    return len(value) if isinstance(value, str) else 0


@dataclass(frozen=True)
class Question:
    """What's to be explained.

    Attributes:
        text: The text.
        labels: The labels; None for the best one.
        method: One of `seqpipe.explanation.METHODS`.
        component: The component; None for the first one.
        seed: Decides which random words the text is compared with.
    """

    text: str
    labels: Sequence[str] | None = None
    method: str = METHODS[0]
    component: str | None = None
    seed: int = 0


def question_of(value: Any, limits: Limits) -> Question:
    """Return what a request wants explained.

    Raises:
        RequestError: It's nothing of the kind, or the text is too long, or there are too many labels.
    """
    given = {"text": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping):
        raise RequestError(_UNUSABLE, 'the body should be a text, or an object with "text"')
    known = tuple(Question.__dataclass_fields__)
    if unknown := [name for name in given if name not in known]:
        raise RequestError(_UNUSABLE, f"there's no {quote(unknown[0])}, only {listed(known)}")
    _check(given)
    text = given["text"]
    if not text.strip():
        raise RequestError(_UNUSABLE, "the text is empty, or only white space")
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in text):
        raise RequestError(_UNUSABLE, "the text holds NUL, or half of a surrogate pair")
    if len(text) > limits.explained:
        raise RequestError(
            _UNUSABLE,
            f"the text has {len(text):,} characters, and {limits.explained:,} can be explained at most",
        )
    return Question(**{**given, "labels": _labels(given.get("labels"))})


def _labels(given: Sequence[str] | None) -> Sequence[str] | None:
    """Return the labels that are named, each once.

    Raises:
        RequestError: They're too many.
    """
    labels = None if given is None else list(dict.fromkeys(given))
    if labels is not None and len(labels) > _MOST_LABELS:
        raise RequestError(
            _UNUSABLE,
            f"{len(labels):,} labels are too many for one request: name {_MOST_LABELS} at most",
        )
    return labels


def _check(given: Mapping[str, Any]) -> None:
    """Check the types of a question's values."""
    labels, seed = given.get("labels"), given.get("seed", 0)
    problems = {
        '"text" should be a string': not isinstance(given.get("text"), str),
        '"labels" should be a list of strings': labels is not None
        and not (isinstance(labels, list) and all(isinstance(each, str) for each in labels)),
        f'"method" should be {one_of(METHODS)}': given.get("method", METHODS[0]) not in METHODS,
        '"component" should be a string': not isinstance(given.get("component"), str | None),
        '"seed" should be an integer from 0 on': type(seed) is not int or not 0 <= seed < 2**32,
    }
    for message, is_so in problems.items():
        if is_so:
            raise RequestError(_UNUSABLE, message)
