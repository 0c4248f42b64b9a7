"""What functions read beside their arguments: globals, closures, and attributes of what they reach that way."""

import functools
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple

import numpy as np
from torch import Tensor, nn

#: Packages whose functions and settings no step expects to change.
_FIXED: Final = frozenset({*sys.stdlib_module_names, "torch", "numpy"})
_LEAVES: Final = (Tensor, np.ndarray, nn.Module, str, bytes, int, float)
_GONE: Final = object()


class Read(NamedTuple):
    """A place where functions read something, and what stood there.

    Attributes:
        space: What maps names to values; or a closure's cell; or an object with slots.
        name: The name, empty for a cell.
        value: What it was.
    """

    space: Any
    name: str
    value: Any

    def now(self) -> Any:
        """Return what stands there now."""
        if isinstance(self.space, Mapping):
            return self.space.get(self.name, _GONE)
        if isinstance(self.space, CellType):
            return _contents(self.space)
        return _attribute(self.space, self.name)


def find_reads(values: Iterable[Any]) -> list[Read]:
    """Return what functions may read, as far as their code's names tell.

    Args:
        values: Functions, classes, and objects whose attributes the functions may read.
    """
    values = list(values)
    names: frozenset[str] = frozenset()
    while True:
        search = _Search(names)
        for each in values:
            search.enter(each)
        if search.names == names:
            return search.reads
        # A function found late may read an attribute of an object found before.
        names = search.names


class _Search:
    """Follows functions to what they read, and that to further functions."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        self.reads: list[Read] = []
        self._known = names
        self._seen: set[int] = set()

    def enter(self, value: Any) -> None:
        """Go on from a value."""
        if isinstance(value, _LEAVES) or id(value) in self._seen or _is_fixed(value):
            return
        self._seen.add(id(value))
        inner = list(_within(value))
        for each in inner:
            self.enter(each)
        if isinstance(value, FunctionType):
            self._follow(value)
        elif not inner:
            self._look_into(value)

    def _follow(self, function: FunctionType) -> None:
        self.names |= frozenset(_names(function.__code__))
        self._note(function.__globals__, frozenset(_names(function.__code__)))
        for cell in function.__closure__ or ():
            self._found(Read(cell, "", _contents(cell)))

    def _look_into(self, value: Any) -> None:
        space = _attribute(value, "__dict__")
        if isinstance(space, Mapping):
            self._note(space, self._known)
        for kind in () if isinstance(value, type | ModuleType) else type(value).__mro__:
            slots = vars(kind).get("__slots__", ())
            for name in {slots} if isinstance(slots, str) else set(slots):
                if name in self._known:
                    self._found(Read(value, name, _attribute(value, name)))
            self.enter(kind)

    def _note(self, space: Mapping[str, Any], names: frozenset[str]) -> None:
        for name in sorted(names & space.keys()):
            self._found(Read(space, name, space[name]))

    def _found(self, read: Read) -> None:
        self.reads.append(read)
        self.enter(read.value)


def _attribute(value: Any, name: str) -> Any:
    """Return an attribute of an object without calling the object's own `__getattr__`."""
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return _GONE


def _within(value: Any) -> Iterator[Any]:
    """Yield what a wrapper or a collection holds."""
    if isinstance(value, property):
        yield from (value.fget,)
    elif isinstance(value, MethodType | staticmethod | classmethod):
        yield value.__func__
        yield getattr(value, "__self__", None)
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif not isinstance(value, FunctionType):
        wrapped = inspect.getattr_static(value, "__wrapped__", None)
        if wrapped is not None:
            yield wrapped


def _is_fixed(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, ModuleType):
        home = value.__name__
    elif isinstance(value, type | FunctionType):
        home = value.__module__ or ""
    else:
        return callable(value) and type(value).__name__ == "builtin_function_or_method"
    return home.partition(".")[0] in _FIXED


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names of globals and attributes in a function, and in functions within it."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)


def _contents(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _GONE
