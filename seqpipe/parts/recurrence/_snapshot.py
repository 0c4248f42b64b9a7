"""What a cell's step reads beside its arguments, and whether that has changed since it was traced.

That's globals, closures, and attributes of objects that are reached through them.
"""

import functools
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from operator import is_
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from seqpipe.parts.cells import GatedCell

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
    """Return what functions may read, as far as the names in their code show.

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
    """Follows functions to what they read, and from there to further functions."""

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


# What a trace of a cell depends on, apart from the values of tensors.

#: Types of values that `==` may compare.
_PLAIN: Final = (str, bytes, int, float, complex, torch.dtype, torch.device)
_OF_ANY_MODULE: Final = frozenset(vars(nn.Module())) - {"training"}


def settings(cell: GatedCell) -> list[Any]:
    """Return a key that's equal for cells that can share a trace.

    That's the attributes of the cell, of its class up to `GatedCell`, and of the modules in it.
    """
    own = [
        (
            None if module is cell else type(module),
            {n: _fixed(v) for n, v in vars(module).items() if n not in _OF_ANY_MODULE},
        )
        for module in cell.modules()
    ]
    shared = [{n: _fixed(vars(each)[n]) for n in _own_names(each)} for each in _classes(cell)]
    return [*own, *shared, [(read.name, _fixed(read.value)) for read in _reads(cell)]]


def _reads(cell: GatedCell) -> list[Read]:
    """Return what the cell's own functions, and those of the modules in it, may read elsewhere."""
    modules = list(cell.modules())
    kinds = [kind for module in modules[1:] for kind in type(module).__mro__]
    values = [vars(kind)[n] for kind in (*_classes(cell), *kinds) for n in _own_names(kind)]
    settings = [vars(each)[n] for each in modules for n in vars(each).keys() - _OF_ANY_MODULE]
    # torch's own modules have functions too.
    return find_reads(each for each in (*values, *settings) if each is not None)


def _own_names(kind: type) -> list[str]:
    """Return the names of a class's attributes but for those that Python adds."""
    return [n for n in vars(kind) if not n.startswith("__") and n != "_abc_impl"]


def _classes(cell: GatedCell) -> tuple[type, ...]:
    order = type(cell).__mro__
    return order[: order.index(GatedCell)]


def _fixed(value: Any) -> Any:
    """Return something that doesn't change when a value is changed in place, and compares by value."""
    if isinstance(value, Tensor):
        # Only a single number can be a part of a trace.
        return value.item() if value.numel() == 1 else tuple(value.shape)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, Mapping):
        return tuple((_fixed(key), _fixed(each)) for key, each in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(_fixed(each) for each in value)
    return value if isinstance(value, _PLAIN) else _Object(value)


class _Object:
    """An object compared by identity, whatever its own `==` does; attributes that are read are compared separately."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Object) and self._value is other._value

    __hash__ = None  # type: ignore[assignment]


class Snapshot:
    """A cell's settings, parameters and buffers, and what else its step reads.

    A quick check that none has changed or been replaced, and that no hook has been registered on the cell.

    Objects are compared by identity, and by value where they can change in place. So it may report an
    equal value as a change, after which `settings` decides. The values of tensors aren't compared.

    Args:
        cell: The cell.
    """

    def __init__(self, cell: GatedCell) -> None:
        self._spaces: list[tuple[Mapping[str, Any], list[Any]]] = []
        self._mutable: list[tuple[Any, Any]] = []
        for each in _classes(cell):
            self._watch(vars(each), names=_own_names(each))
        for module in cell.modules():
            self._watch(vars(module), names=vars(module).keys() - _OF_ANY_MODULE)
            for within in (module._parameters, module._buffers, module._modules):
                self._watch(within)
        self._hooks = [hooks for module in cell.modules() for hooks in _hooks(module)]
        self._reads = _reads(cell)
        self._mutable += [
            (each.value, _fixed(each.value)) for each in self._reads if _is_mutable(each.value)
        ]

    def _watch(self, space: Mapping[str, Any], names: Iterable[str] = ()) -> None:
        """Remember the names and values of a space; those named may change in place."""
        self._spaces.append((space, [*space, *space.values()]))
        self._mutable += [(space[n], _fixed(space[n])) for n in names if _is_mutable(space[n])]

    def holds(self) -> bool:
        """Say whether nothing has changed and there are no hooks."""
        if (
            any(self._hooks)
            or _hooks_anywhere()
            or any(each.now() is not each.value for each in self._reads)
        ):
            return False
        for space, before in self._spaces:
            now = [*space, *space.values()]
            if len(now) != len(before) or not all(map(is_, now, before)):
                return False
        return all(_fixed(value) == fixed for value, fixed in self._mutable)


def has_hooks(cell: nn.Module) -> bool:
    """Say whether a hook is registered on a cell, on a module in it, or globally."""
    return _hooks_anywhere() or any(any(_hooks(each)) for each in cell.modules())


def _hooks_anywhere() -> bool:
    """Say whether a hook is registered globally."""
    return bool(_has_any_global_hook())  # type: ignore[no-untyped-call]


def _hooks(module: nn.Module) -> tuple[Mapping[int, Any], ...]:
    return (
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
        module._backward_pre_hooks,
    )


def _is_mutable(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_mutable, value))
    return isinstance(value, Tensor | np.ndarray | Mapping | list | set)
