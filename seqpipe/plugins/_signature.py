"""The signature and the documentation of a factory, which can be recorded without its code.

Signatures are written as JSON. Annotations are restored as far as a pipeline file can be checked against them:
numbers, strings, lists, choices and their bounds are the same, and a class whose objects only code can create
becomes a stand-in of the same name. Anything else isn't written at all. Docstrings are parsed into sections.
"""

import collections.abc
import enum
import inspect
import operator
import os
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

from seqpipe.plugins._reference import unwrap

_EMPTY: Final = inspect.Parameter.empty
_NAMED: Final[dict[str, Any]] = {
    **{"bool": bool, "int": int, "float": float, "str": str, "null": type(None), "any": Any},
    **{"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "dict": dict},
    "path": os.PathLike,
    **{
        f"abc.{name}": getattr(collections.abc, name)
        for name in (
            *("Sequence", "Iterable", "Collection", "Set", "MutableSequence"),
            *("Mapping", "MutableMapping"),
        )
    },
}
_NAMES: Final = {value: name for name, value in _NAMED.items()}
_BOUNDS: Final = ("gt", "ge", "lt", "le")
#: None of these is an object of a class whose objects only code can create.
_SAMPLES: Final[tuple[Any, ...]] = ("", "a", 0, 1, 1.5, True, None, [], {})


class CannotWriteError(Exception):
    """An annotation or a default can't be expressed in JSON."""


@dataclass(frozen=True)
class Bound:
    """The bounds of a number, which annotated-types has as separate objects."""

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None


class Shown:
    """A placeholder for a default of which only the `repr` is known."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def parameters_to_json(parameters: Mapping[str, inspect.Parameter]) -> list[Any]:
    """Write parameters, in their order.

    Raises:
        CannotWriteError: One can't be written.
    """
    return [
        [name, p.kind.name, annotation_to_json(p.annotation), _default_to_json(p.default)]
        for name, p in parameters.items()
    ]


def parameters_from_json(written: list[Any]) -> dict[str, inspect.Parameter]:
    """Read what `parameters_to_json` wrote."""
    return {
        name: inspect.Parameter(
            name,
            inspect._ParameterKind[kind],
            annotation=annotation_from_json(annotation),
            default=_default_from_json(default),
        )
        for name, kind, annotation, default in written
    }


def annotation_to_json(annotation: Any) -> Any:
    """Write an annotation.

    Raises:
        CannotWriteError: It can't be written.
    """
    if annotation in (object, _EMPTY) or isinstance(annotation, (str, ForwardRef)):
        return "any"
    if annotation is None:
        return "null"
    if isinstance(annotation, TypeVar):
        return annotation_to_json(annotation.__bound__ or Any)
    # A NewType, or a type alias of Python 3.12.
    for attribute in ("__supertype__", "__value__"):
        if hasattr(annotation, attribute):
            return annotation_to_json(getattr(annotation, attribute))
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is None:
        return _class_to_json(annotation)
    if origin is Annotated:
        return {"annotated": annotation_to_json(args[0]), "bounds": _bounds_to_json(args[1:])}
    if origin is Literal:
        return {"literal": [_choice_to_json(choice) for choice in args]}
    if origin in (Union, types.UnionType):
        return {"union": [annotation_to_json(branch) for branch in args]}
    if origin in _NAMES:
        items = ["..." if arg is Ellipsis else annotation_to_json(arg) for arg in args]
        return {"of": _NAMES[origin], "items": items}
    return _opaque_to_json(annotation)


def annotation_from_json(written: Any) -> Any:
    """Read what `annotation_to_json` wrote."""
    if isinstance(written, str):
        return _NAMED[written]
    if "annotated" in written:
        bounds = [Bound(**each) for each in written["bounds"]]
        inner = annotation_from_json(written["annotated"])
        return operator.getitem(Annotated, (inner, *bounds)) if bounds else inner
    if "literal" in written:
        return Literal[tuple(written["literal"])]
    if "union" in written:
        return Union[tuple(annotation_from_json(branch) for branch in written["union"])]  # noqa: UP007
    if "of" in written:
        items = [... if each == "..." else annotation_from_json(each) for each in written["items"]]
        return _NAMED[written["of"]][tuple(items)]
    if "choices" in written:
        members = {f"choice{i}": value for i, value in enumerate(written["choices"])}
        return enum.Enum(written["name"], members)
    # Formatted as by `inspect.formatannotation`.
    return type("StandIn", (), {"__module__": "builtins", "__qualname__": written["opaque"]})


def _class_to_json(annotation: Any) -> Any:
    if annotation in _NAMES:
        return _NAMES[annotation]
    if isinstance(annotation, type) and issubclass(annotation, os.PathLike):
        return "path"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        choices = [_choice_to_json(member.value) for member in annotation]
        return {"name": annotation.__name__, "choices": choices}
    return _opaque_to_json(annotation)


def _opaque_to_json(annotation: Any) -> Any:
    """Write an annotation that confection accepts no value of a file for."""
    from confection.validation import validate_type  # takes a quarter of a second

    try:
        fits = [value for value in _SAMPLES if validate_type(value, annotation) is None]
    except Exception as error:  # it may run the annotation's code
        raise CannotWriteError(f"{annotation!r} can't be checked") from error
    if fits:
        raise CannotWriteError(f"{annotation!r} takes {fits[0]!r}")
    return {"opaque": inspect.formatannotation(annotation)}


def _bounds_to_json(decorations: tuple[Any, ...]) -> list[dict[str, float]]:
    found = [
        {
            name: getattr(each, name)
            for name in _BOUNDS
            if isinstance(getattr(each, name, None), (int, float))
        }
        for each in decorations
    ]
    return [each for each in found if each]


def _choice_to_json(value: Any) -> Any:
    if value is not None and type(value) not in (bool, int, float, str):
        raise CannotWriteError(f"{value!r} can't be a choice in a file")
    return value


def _default_to_json(value: Any) -> Any:
    """Write a default: values that JSON lacks become mappings with one key."""
    if value is _EMPTY:
        return {"none": True}
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        return {type(value).__name__: [_default_to_json(each) for each in value]}
    if type(value) is dict and all(isinstance(key, str) for key in value):
        return {"dict": {key: _default_to_json(each) for key, each in value.items()}}
    if isinstance(value, Path):
        return {"path": os.fspath(value)}
    named = getattr(value, "__qualname__", None)
    try:
        return {"shown": named if isinstance(named, str) else repr(value)}
    except Exception as error:
        raise CannotWriteError("a default can't be shown") from error


def _default_from_json(written: Any) -> Any:
    if not isinstance(written, dict):
        return written
    ((kind, inner),) = written.items()
    readers: dict[str, Callable[[Any], Any]] = {
        "none": lambda _: _EMPTY,
        "list": lambda items: [_default_from_json(each) for each in items],
        "tuple": lambda items: tuple(_default_from_json(each) for each in items),
        "dict": lambda items: {key: _default_from_json(each) for key, each in items.items()},
        "path": Path,
        "shown": Shown,
    }
    return readers[kind](inner)


@dataclass(frozen=True)
class Documentation:
    """A part's documentation, parsed from docstrings.

    Attributes:
        summary: The first sentence or line; "" if there's none.
        text: What follows it, in paragraphs.
        arguments: The description of each argument by name; if the factory has none, that of its base
            classes.
        sections: The rest by its title, such as "Raises".
    """

    summary: str = ""
    text: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    sections: dict[str, list[str]] = field(default_factory=dict)


def document(factory: Callable[..., Any]) -> Documentation:
    """Return the documentation of a factory, from docstrings in any style and form.

    The styles of Google, numpy and Sphinx are recognised.
    """
    return read_docstrings(docstrings_of(factory))


def read_docstrings(docstrings: Iterable[str]) -> Documentation:
    """Return the documentation in docstrings: that of a factory, followed by those of its base classes."""
    found = [_parse(text) for text in docstrings]
    arguments: dict[str, str] = {}
    for documentation in reversed(found):
        arguments |= documentation.arguments
    own = found[0] if found else Documentation()
    return Documentation(own.summary, own.text, arguments, own.sections)


def docstrings_of(factory: Callable[..., Any]) -> list[str]:
    """Return the docstring of a factory, "" if it has none, followed by those of its classes."""
    return list(_docstrings(unwrap(factory)[0]))


def _docstrings(factory: Any) -> Iterator[str]:
    """Yield the factory's own docstring first; "" if it has none."""
    yield _docstring(factory)
    if inspect.isclass(factory):
        for each in factory.__mro__[:-1]:
            yield _docstring(vars(each).get("__init__"))
            yield _docstring(each)


def _docstring(thing: Any) -> str:
    # Not `inspect.getdoc`, which inherits the docstring of a base class.
    try:
        text = thing.__doc__
    except Exception:  # it may be computed
        return ""
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def _parse(text: str) -> Documentation:
    # It's large, and only needed when documentation is shown.
    from griffe import Docstring, infer_docstring_style

    try:
        style, _ = infer_docstring_style(Docstring(text), default="google")
        parsed = Docstring(text).parse(style or "google", warnings=False)
        return _from_sections(parsed)
    except Exception:  # show a malformed docstring as it is
        return _documentation([text], {}, {})


def _from_sections(parsed: Iterable[Any]) -> Documentation:
    texts: list[str] = []
    arguments: dict[str, str] = {}
    sections: dict[str, list[str]] = {}
    for section in parsed:
        kind = section.kind.value
        if kind == "text":
            texts.append(section.value)
        elif kind in ("parameters", "other parameters", "attributes"):
            for each in section.value:
                arguments.setdefault(each.name, each.description)
        else:
            title = section.title or kind.capitalize()
            sections.setdefault(title, []).extend(_entries(section.value))
    return _documentation(texts, arguments, sections)


def _documentation(
    texts: Iterable[str], arguments: dict[str, str], sections: dict[str, list[str]]
) -> Documentation:
    summary, _, text = "\n\n".join(texts).partition("\n\n")
    return Documentation(" ".join(summary.split()), text.strip("\n"), arguments, sections)


def _entries(value: Any) -> list[str]:
    """Return the entries of a section, such as exceptions, or examples with text between them."""
    if not isinstance(value, list):
        return [value.description]
    if value and isinstance(value[0], tuple):
        return ["\n\n".join(text for _, text in value)]
    named = [(getattr(each, "name", "") or each.annotation or "", each) for each in value]
    return [f"{name}: {each.description}" if name else each.description for name, each in named]
