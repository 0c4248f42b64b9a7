"""Checks values against annotations, and finds the innermost that doesn't fit."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from seqpipe.config._describe import (
    bare,
    corrected,
    describe,
    expects,
    is_list,
    is_mapping,
    is_open,
    is_path,
    item,
    out_of_bounds,
    union,
)
from seqpipe.messages import did_you_mean, nearest

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Misfit:
    """A value that doesn't fit.

    Attributes:
        path: Where it is in the value that was checked.
        message: Such as ``expected an integer, got the string "64"``.
        label: What to write instead, if that can be guessed.
    """

    path: Path
    message: str
    label: str


def misfit(value: Any, annotation: Any) -> Misfit | None:
    """Return the innermost value that doesn't fit its annotation, or None if all do."""
    found = _innermost(value, annotation, ())
    if found is None:
        return None
    path, got, wanted = found
    message = f"expected {expects(wanted)}, got {describe(got)}"
    return Misfit(path, message, _label(got, wanted))


def descend(tree: Any, path: Sequence[str], missing: Any = None) -> Any:
    """Return the value at a path of nested mappings."""
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return missing
        tree = tree[name]
    return tree


def is_block(value: Any) -> bool:
    """Whether a value names a registered function, and so means what that returns."""
    return isinstance(value, dict) and any(
        isinstance(key, str) and key.startswith("@") for key in value
    )


def _label(got: Any, wanted: Any) -> str:
    choices = [choice for branch in _branches(wanted) for choice in get_args(branch)]
    if isinstance(got, str) and choices and all(isinstance(choice, str) for choice in choices):
        near = nearest(got, choices)
        if near:
            return did_you_mean(near)
    meant = corrected(got, lambda guess: _innermost(guess, wanted, ()) is None)
    return f"did you mean {meant}?" if meant else ""


def _branches(annotation: Any) -> list[Any]:
    annotation, _ = bare(annotation)
    return [b for b in union(annotation) or (annotation,) if get_origin(b) is Literal]


def _innermost(value: Any, annotation: Any, path: Path) -> tuple[Path, Any, Any] | None:
    plain, bounds = bare(annotation)
    if is_open(plain) or is_block(value):
        return None
    if branches := union(plain):
        found = [_innermost(value, branch, path) for branch in branches]
        if None in found:
            return None
        # Where only one branch has the value's shape, the fault is inside it.
        inside = [one for one in found if one and len(one[0]) > len(path)]
        return inside[0] if len(inside) == 1 else (path, value, annotation)
    if (isinstance(value, list) and is_list(plain)) or (
        isinstance(value, dict) and is_mapping(plain)
    ):
        return _inside(value, item(plain), path)
    fits = _fits(value, plain) and not (_is_number(value) and out_of_bounds(value, bounds))
    return None if fits else (path, value, annotation)


def _inside(value: Any, annotation: Any, path: Path) -> tuple[Path, Any, Any] | None:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in pairs:
        found = _innermost(inner, annotation, (*path, step))
        if found:
            return found
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a plain value fits an annotation that's no union and no collection of its shape."""
    if get_origin(annotation) is Literal:
        return any(
            value == choice and type(value) is type(choice) for choice in get_args(annotation)
        )
    if annotation is float:
        return _is_number(value)
    if annotation in (int, bool, str, type(None)):
        return type(value) is annotation
    if is_list(annotation) or is_mapping(annotation):
        return False
    if is_path(annotation):
        return isinstance(value, str)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return any(value == member.value for member in annotation)
    from confection.validation import validate_type  # not before something is to be checked

    # confection decides about other classes, as it checks them when the pipeline is built.
    return validate_type(value, annotation) is None
