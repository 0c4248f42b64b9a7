"""Which part created an object, for messages about what the object does later."""

import functools
import importlib.metadata
import sys
from typing import Any

from seqpipe.plugins._host import host
from seqpipe.plugins._part import Part, noted_maker
from seqpipe.plugins._reference import unwrap


def part_of(made: Any) -> Part | None:
    """Return the part that created an object, or that a factory belongs to; None if that's unknown.

    Objects that weren't created from a section of a pipeline file are recognised by their class, if that's
    the factory of an imported part.
    """
    if noted := noted_maker(made):
        return noted
    maker = unwrap(made)[0] if isinstance(made, type | functools.partial) else type(made)
    parts = (part for plugin in host().loaded for part in plugin.all_parts)
    return next((part for part in parts if _imported(part) is maker), None)


def _imported(part: Part) -> Any:
    """Return the class or function that creates a part, if it was imported."""
    if not isinstance(part.offer, str):
        return unwrap(part.offer)[0]
    module, _, name = part.offer.partition(":")
    found: Any = sys.modules.get(module)
    for piece in name.split("."):
        found = getattr(found, piece, None)
    return None if found is None else unwrap(found)[0]


def describe_maker(made: Any, kind: str) -> str:
    """Return how messages refer to an object: "my.Cell.v1 of my-cells 1.0", if a part created it.

    Otherwise by its class, or by its name if it's a function, with its distribution.

    Args:
        made: The object.
        kind: What it is: "cell".
    """
    if part := part_of(made):
        return f"{part.name} of {part.owner}"
    named = made if hasattr(made, "__qualname__") else type(made)
    module = str(getattr(named, "__module__", "") or "")
    return f"the {kind} {module}.{named.__qualname__}{_distribution(module.partition('.')[0])}"


@functools.cache
def _distribution(module: str) -> str:
    try:
        names = importlib.metadata.packages_distributions().get(module, [])
        return f" of {names[0]} {importlib.metadata.version(names[0])}" if names else ""
    except Exception:  # damaged metadata of any distribution
        return ""
