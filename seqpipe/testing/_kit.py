"""All checks by kind, and the ways to run them."""

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final

from seqpipe.kinds import KINDS
from seqpipe.plugins import Part, find_part
from seqpipe.testing._check import Check, Factory, NotApplicable, Outcome


def checks(kind: str, *, skip: Mapping[str, str] = MappingProxyType({})) -> list[Check]:
    """Return the checks of a kind of part, each a sentence of its contract.

    Args:
        kind: One of `seqpipe.kinds.KINDS`.
        skip: Why a part can't keep a sentence of the contract, by the check's name. Those checks
            count as skipped, for that reason.

    Raises:
        ValueError: There's no such kind, or no check of a name in `skip`.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} isn't a kind of part: choose from {', '.join(KINDS)}")
    found = {check.name: check for check in _all(kind)}
    if strange := [name for name in skip if name not in found]:
        raise ValueError(f"{kind} have no check {strange[0]!r}; there are {', '.join(found)}")
    return _skipping(found, skip) if skip else list(found.values())


def _skipping(found: Mapping[str, Check], skip: Mapping[str, str]) -> list[Check]:
    """Return the checks, some of which are skipped and hold for those that need them."""
    made: dict[str, Check] = {}
    for name, check in found.items():
        needs = tuple(made[need.name] for need in check.needs)
        made[name] = check.skipped(skip[name]) if name in skip else check.with_needs(needs)
    return list(made.values())


# The same objects each time, so that what came of a check is known when another one needs it.
@lru_cache
def _all(kind: str) -> Sequence[Check]:
    found: Callable[[], list[Check]] = pkgutil.resolve_name(KINDS[kind].checks)
    return tuple(found())


def run_checks(kind: str, factory: Factory) -> Iterator[Outcome]:
    """Run all checks of a kind, one whenever the next outcome is asked for.

    Args:
        kind: One of `seqpipe.kinds.KINDS`.
        factory: Makes the part.
    """
    return (check.outcome(factory) for check in checks(kind))


def factory_of(part: Part) -> Factory:
    """Return a part's factory as checks call it: settings that take a part get the default one.

    Raises:
        PluginError: The part can't be had.
        NotApplicable: A setting has no default, and only the part's author knows what it may be.
    """
    nested = {}
    for name, setting in part.settings.items():
        if setting.default is not setting.empty:
            continue
        if name not in _NESTED:
            raise NotApplicable(
                f"its setting `{name}` has no default: try it by `seqpipe.testing.checks` with a "
                "functools.partial that gives one"
            )
        nested[name] = _make_nested(*_NESTED[name])
    return partial(part.factory, **nested) if nested else part.factory


#: The kind and the name of the part that a setting called like its kind gets.
_NESTED: Final = {kind.one: (kind.name, kind.default) for kind in KINDS.values()}


def _make_nested(kind: str, name: str) -> object:
    """Return what a setting takes: a factory where the host supplies sizes, else the part itself."""
    part = find_part(kind, name)
    factory = factory_of(part)
    return factory if part.takes_sizes else factory()
