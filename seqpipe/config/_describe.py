"""Describes values and annotations: in words for messages, and as types for documentation."""

import collections.abc
import enum
import inspect
import json
import math
import operator
import os
import types
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

from seqpipe.messages import as_json, one_of, quote

_LISTS = (
    *(list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable),
    *(collections.abc.Collection, collections.abc.Set, collections.abc.MutableSequence),
)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_WORDS = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
    **dict.fromkeys(("null", "none", "nil"), None),
}
_BOUNDS = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
_PLAIN: dict[Any, str] = {
    **{bool: "a boolean", int: "an integer", float: "a number", str: "a string"},
    **{type(None): "null", dict: "a mapping"},
}


def describe(value: Any) -> str:
    """Return a phrase such as ``the string "64"`` or ``the number 3.5``."""
    if value is None or isinstance(value, bool):
        return as_json(value)
    if isinstance(value, str):
        return f"the string {quote(value)}"
    if isinstance(value, (int, float)):
        return f"the number {as_json(value)}"
    kind = "mapping" if isinstance(value, dict) else "list"
    return f"the {kind} {as_json(value)}" if value else f"an empty {kind}"


def expects(annotation: Any) -> str:
    """Return a phrase such as ``an integer`` or ``a string or null``."""
    annotation, bounds = bare(annotation)
    if branches := union(annotation):
        words = list(dict.fromkeys(expects(branch) for branch in branches))
        implied = {_SECTION, *(["an integer"] if "a number" in words else [])}
        shown = [word for word in words if word not in implied] or words
        shown = _null_last(shown)
        return one_of(shown) if not any(" or " in word for word in shown) else "; or ".join(shown)
    if get_origin(annotation) is Literal:
        return one_of([as_json(choice) for choice in get_args(annotation)])
    origin = get_origin(annotation) or annotation
    if origin in _LISTS:
        inner = item(annotation)
        return "a list" if is_open(inner) else f"a list, each of its items {expects(inner)}"
    if origin in _MAPPINGS:
        inner = item(annotation)
        return "a mapping" if is_open(inner) else f"a mapping, each of its values {expects(inner)}"
    if is_path(annotation):
        return "a path in quotes"
    return _bounded(_PLAIN.get(annotation, _SECTION), bounds)


_SECTION = "a section of its own that names what to use"


def bare(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return an annotation without aliases and `Annotated`, and its `Annotated` metadata."""
    bounds: tuple[Any, ...] = ()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            bounds = (*bounds, *more)
        elif hasattr(annotation, "__supertype__"):  # a NewType
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__"):  # a type alias of Python 3.12
            annotation = annotation.__value__
        elif isinstance(annotation, TypeVar):
            annotation = annotation.__bound__ or Any
        else:
            return type(None) if annotation is None else annotation, bounds


def union(annotation: Any) -> tuple[Any, ...]:
    """Return what a union allows, flat; nothing for anything else."""
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return ()


def is_open(annotation: Any) -> bool:
    """Whether an annotation accepts anything, so that there's nothing to check."""
    return annotation in (Any, object, inspect.Parameter.empty) or isinstance(
        annotation, (str, ForwardRef)
    )


def is_list(annotation: Any) -> bool:
    """Whether a list in a file fits an annotation."""
    return (get_origin(annotation) or annotation) in _LISTS


def is_mapping(annotation: Any) -> bool:
    """Whether a mapping in a file fits an annotation."""
    return (get_origin(annotation) or annotation) in _MAPPINGS


def is_path(annotation: Any) -> bool:
    """Whether an annotation is of a path, which a file gives as a string."""
    return isinstance(annotation, type) and issubclass(annotation, os.PathLike)


def item(annotation: Any) -> Any:
    """Return the annotation of a list's items, or a mapping's values."""
    args = [arg for arg in get_args(annotation) if arg is not Ellipsis]
    if is_mapping(annotation):
        return args[1] if len(args) == 2 else Any
    return args[0] if len(set(args)) == 1 else (Union[tuple(args)] if args else Any)  # noqa: UP007


def out_of_bounds(value: Any, bounds: tuple[Any, ...]) -> bool:
    """Whether a number violates the bounds of its annotation, such as those of ``PositiveInt``."""
    for bound in bounds:
        for name, holds in _BOUNDS.items():
            limit = getattr(bound, name, None)
            if isinstance(limit, (int, float)) and not holds(value, limit):
                return True
    return False


def _bounded(words: str, bounds: tuple[Any, ...]) -> str:
    names = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}
    found = [
        f"{text} {getattr(bound, name)}"
        for bound in bounds
        for name, text in names.items()
        if isinstance(getattr(bound, name, None), (int, float))
    ]
    return f"{words} {' and '.join(found)}" if found else words


def _null_last(words: list[str]) -> list[str]:
    return sorted(words, key=lambda word: word == "null")


def corrected(value: Any, fits: "collections.abc.Callable[[Any], bool]") -> str | None:
    """Return as JSON what was probably meant by a value that doesn't fit, or None."""
    guesses: list[Any] = [[value]]
    if isinstance(value, str):
        guesses = [_WORDS.get(value.lower(), value)]
        try:
            guesses.append(json.loads(value))
        except (ValueError, RecursionError):
            guesses.append([value])
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        guesses = [round(value)] if math.isfinite(value) and round(value) == value else []
        guesses += [str(value), [value]]
    for guess in guesses:
        if (guess != value or type(guess) is not type(value)) and fits(guess):
            return as_json(guess)
    return None


def spell(annotation: Any) -> str:
    """Return an annotation as programmers write it: ``int``, ``float | None``, ``"last" | "mean"``."""
    annotation, _ = bare(annotation)
    if branches := union(annotation):
        words = dict.fromkeys(spell(branch) for branch in branches)
        return " | ".join(sorted(words, key="None".__eq__))
    if choices := _choices(annotation):
        return " | ".join(as_json(choice) for choice in choices)
    if is_open(annotation):
        return "anything"
    if is_list(annotation):
        return f"list[{spell(item(annotation))}]" if get_args(annotation) else "list"
    if is_mapping(annotation):
        return f"dict[str, {spell(item(annotation))}]" if get_args(annotation) else "dict"
    if is_path(annotation):
        return "path"
    return "None" if annotation is type(None) else inspect.formatannotation(annotation)


def _choices(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return [member.value for member in annotation]
    return []
