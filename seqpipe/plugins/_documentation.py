"""What the docstrings of a part say, for whoever uses it in a pipeline file."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from seqpipe.plugins._factory import unwrap


@dataclass(frozen=True)
class Documentation:
    """A part's documentation, taken apart.

    Attributes:
        summary: The first sentence or line; "" if there's none.
        text: What follows it, in paragraphs.
        arguments: What's said of each argument, by its name. For those that the factory says nothing of,
            what its base classes say.
        sections: The rest by its title, such as "Raises".
    """

    summary: str = ""
    text: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    sections: dict[str, list[str]] = field(default_factory=dict)


def document(factory: Callable[..., Any]) -> Documentation:
    """Return what the docstrings of a factory say, whatever their style; they may say anything.

    Google's style, numpy's and Sphinx's are known.
    """
    return read_docstrings(docstrings_of(factory))


def read_docstrings(docstrings: Iterable[str]) -> Documentation:
    """Return what docstrings say: that of a factory, and then those of what it's derived from."""
    found = [_parse(text) for text in docstrings]
    arguments: dict[str, str] = {}
    for documentation in reversed(found):
        arguments |= documentation.arguments
    own = found[0] if found else Documentation()
    return Documentation(own.summary, own.text, arguments, own.sections)


def docstrings_of(factory: Callable[..., Any]) -> list[str]:
    """Return the docstring of a factory, "" if it has none, and then those of its classes."""
    return list(_docstrings(unwrap(factory)[0]))


def _docstrings(factory: Any) -> Iterator[str]:
    """Yield the factory's own docstring first; "" if it has none."""
    yield _docstring(factory)
    if inspect.isclass(factory):
        for each in factory.__mro__[:-1]:
            yield _docstring(vars(each).get("__init__"))
            yield _docstring(each)


def _docstring(thing: Any) -> str:
    # Not `inspect.getdoc`, which takes a base class's for the class's own.
    try:
        text = thing.__doc__
    except Exception:  # it may be computed
        return ""
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def _parse(text: str) -> Documentation:
    # It's large, and only wanted when somebody reads.
    from griffe import Docstring, infer_docstring_style

    try:
        style, _ = infer_docstring_style(Docstring(text), default="google")
        parsed = Docstring(text).parse(style or "google", warnings=False)
        return _taken_apart(parsed)
    except Exception:  # whatever is wrong with a docstring, it's there to be read
        return _documentation([text], {}, {})


def _taken_apart(parsed: Iterable[Any]) -> Documentation:
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
    """Return the entries of a section: what's raised, say, or examples with texts between them."""
    if not isinstance(value, list):
        return [value.description]
    if value and isinstance(value[0], tuple):
        return ["\n\n".join(text for _, text in value)]
    named = [(getattr(each, "name", "") or each.annotation or "", each) for each in value]
    return [f"{name}: {each.description}" if name else each.description for name, each in named]
