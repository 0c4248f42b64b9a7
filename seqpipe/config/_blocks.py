"""Checks blocks, sections that name a registered function and give its arguments, and looks up these functions.

What a block names must be of a kind that its slot takes. That's checked here, without calling it, as
confection would call whatever is named before it checks the result.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from seqpipe import plugins
from seqpipe.config._report import Path, Report, title
from seqpipe.config._schema import DEFAULT_PARTS, HARMFUL, KIND_SLOTS, NESTED_SLOTS, SLOTS, Slot
from seqpipe.config._spacy_facts import Function, NotRecordedError, SpacyFacts
from seqpipe.config._types import is_block
from seqpipe.errors import PluginError
from seqpipe.kinds import KINDS
from seqpipe.messages import did_you_mean, listed, nearest, one_of, quote
from seqpipe.plugins import PACKAGE

_PREFIX: Final = "seqpipe_"


class NotFoundError(Exception):
    """There's no such function, or it can't be loaded: a message, and what to do about it."""

    def __init__(self, message: str, label: str = "", *help: str) -> None:
        super().__init__(message)
        self.message = message
        self.label = label
        self.help = help


def registry_names(facts: SpacyFacts) -> list[str]:
    """Return the registries that a file may name, without the ``@``."""
    return [*(_PREFIX + kind for kind in KINDS), *facts.registries()]


def function_names(registry: str, facts: SpacyFacts) -> list[str]:
    """Return the functions of a registry; of parts, those of the plugins that are loaded, and our own."""
    kind = _kind_of(registry)
    return _part_names(kind) if kind else facts.names(registry)


def _kind_of(registry: str) -> str | None:
    """Return the kind of the parts that a registry has; None for one of spaCy's."""
    kind = registry.removeprefix(_PREFIX)
    return kind if kind in KINDS and registry.startswith(_PREFIX) else None


def find_function(
    registry: str, name: str, facts: SpacyFacts, *, package: object = None
) -> Function:
    """Return a function of a registry.

    Args:
        registry: Without the ``@``.
        name: As the file names it.
        facts: Describes spaCy's registries.
        package: The package that a part must come from, if the file gives one.

    Raises:
        NotFoundError: There's none of that name, or importing it failed.
        PluginError: The host is strict, and some plugins can't be used.
    """
    if kind := _kind_of(registry):
        plugins.host().check_strict()
        return _find_part(registry, kind, name, package if isinstance(package, str) else None)
    try:
        function = facts.function(registry, name)
    except NotRecordedError:
        raise
    except Exception as error:
        raise NotFoundError(
            f"{quote(name)} can't be loaded ({type(error).__name__}: {str(error)[:300]})",
            "reinstall or uninstall the package that provides it",
        ) from error
    if function is None:
        names = facts.names(registry)
        raise NotFoundError(
            f"there's no {quote(name)} in @{registry}",
            did_you_mean(nearest(name, names)),
            f"to choose from: {listed(names)}" if names else f"@{registry} is empty",
        )
    return function


def _find_part(registry: str, kind: str, name: str, package: str | None) -> Function:
    try:
        part = plugins.find_part(kind, name, package=package)
        return Function(registry, name, part.block_settings, owner=str(part.owner))
    except PluginError as error:
        raise _no_part(kind, name, error) from error


def _no_part(kind: str, name: str, error: PluginError) -> NotFoundError:
    host, names = plugins.host(), _part_names(kind)
    plugin, what = name.partition(".")[0], f"{KINDS[kind].one} {quote(name)}"
    is_loaded = plugin in [each.name for each in host.loaded]
    if name in names or (plugin in host.plugin_names and not is_loaded):
        return NotFoundError(f"the {what} can't be used", "", str(error))
    near = nearest(name, names)
    # A typo needs no explanation; a missing plugin does.
    reason = () if near and is_loaded else (str(error),)
    offered = (f"to choose from: {listed(names)}",) if names else ()
    return NotFoundError(f"there's no {what}", did_you_mean(near), *reason, *offered)


def _newer_with(function: Function, setting: str) -> str:
    """Say which newer version of a part has a setting; empty if none has it."""
    kind = _kind_of(function.registry)
    for part in plugins.host().newer(kind, function.name) if kind else ():
        # It's advice alone: a version that can't be loaded hasn't the setting.
        with contextlib.suppress(PluginError):
            if setting in part.settings:
                return f"{part.name} has it: name that in place of {function.name}"
    return ""


def _part_names(kind: str) -> list[str]:
    host = plugins.host()
    if "seqpipe" in host.plugin_names:
        try:
            host.load("seqpipe")
        except PluginError:
            return []
    return sorted(name for plugin in host.loaded for name in plugin.parts[kind])


#: Returns the default block that a partial one at a path is merged into, if there's one.
DefaultAt = Callable[[Path], Mapping[str, Any] | None]


class Blocks:
    """Checks the blocks of a file.

    Args:
        report: Collects the problems.
        facts: Describes spaCy's registries.
        default_at: Finds the default that a block without a name is merged into.
    """

    def __init__(self, report: Report, facts: SpacyFacts, default_at: DefaultAt) -> None:
        self._report = report
        self._facts = facts
        self._default_at = default_at

    def check(
        self,
        path: Path,
        block: dict[str, Any],
        slot: Slot,
        *,
        host: Mapping[str, Any] | None = None,
    ) -> None:
        """Check a block and everything in it.

        Args:
            path: Where it is.
            block: What it says.
            slot: What it may name.
            host: The annotations of the keys that are settings of the host rather than of the function.
        """
        function = self._function(path, block, slot)
        if function:
            self.check_arguments(path, block, function, host=host or {})
            return
        # The function is unknown, but the blocks inside can still be checked.
        unknown = Function((*slot.registries, "")[0], "", is_open=True)
        for key, value in block.items():
            if is_block(value):
                inner = (host or {}).get(key) or self._nested_slot(unknown, key)
                self.check((*path, key), value, inner if isinstance(inner, Slot) else Slot())

    def check_arguments(
        self,
        path: Path,
        block: dict[str, Any],
        function: Function,
        *,
        host: Mapping[str, Any],
        given: frozenset[str] = frozenset(),
    ) -> None:
        """Check the arguments of a block; those in `given` come from elsewhere."""
        owner = f" ({function.name})" if function.name else ""
        settings, meant = function.settings, set[str]()
        for key, value in block.items():
            if key.startswith("@"):
                continue
            at = (*path, key)
            if key in host:
                self._check_host(at, value, host[key])
            elif key in settings:
                self._check_value(
                    at, value, settings[key].annotation, self._nested_slot(function, key)
                )
            elif function.is_open or (key == "*" and function.is_variadic):
                self.check_nested(at, value)
            else:
                # `package` is for saved pipelines: nobody is advised to write it.
                known = [name for name in (*settings, *host) if name != PACKAGE]
                help = _newer_with(function, key)
                meant.update(self._report.unknown(at, known, owner=owner, help=help))
        there = {*block, *meant, *given, *self._default_keys(path, block)}
        for name in function.required:
            if name not in there and ".".join((*path, name)) not in DEFAULT_PARTS:
                self._report.missing(path, name, owner=owner)

    def check_nested(self, path: Path, value: Any, slot: Slot | None = None) -> None:
        """Check the blocks inside a value that may be anything else."""
        slot = slot or slot_at(path)
        if is_block(value):
            self.check(path, value, slot or Slot())
        elif isinstance(value, dict):
            for key, inner in value.items():
                self.check_nested((*path, key), inner)

    def _function(self, path: Path, block: dict[str, Any], slot: Slot) -> Function | None:
        named = self._named(path, block, slot)
        if named is None:
            return None
        try:
            return find_function(*named, self._facts, package=block.get(PACKAGE))
        except NotFoundError as error:
            at = (*path, f"@{named[0]}")
            self._report.add(at, error.message, error.label, value=True, help=error.help)
            return None

    def _named(self, path: Path, block: dict[str, Any], slot: Slot) -> tuple[str, str] | None:
        """Return the registry and the function that a block names, if its slot accepts that registry."""
        keys = [key for key in block if key.startswith("@")]
        if len(keys) > 1:
            message = f"{title(path)} names more than one function"
            self._report.add((*path, keys[1]), message, f"remove this, or {keys[0]}")
            return None
        if not keys:
            return self._default(path, slot)
        registry, name = keys[0][1:], block[keys[0]]
        if not self._check_registry((*path, keys[0]), registry, slot):
            return None
        return (registry, name) if self._report.check_plain((*path, keys[0]), name, str) else None

    def _default(self, path: Path, slot: Slot) -> tuple[str, str] | None:
        default = self._default_at(path) or {}
        for key, name in default.items():
            if key.startswith("@"):
                return key[1:], name
        if (part := DEFAULT_PARTS.get(".".join(path))) is not None:
            return part[0].removeprefix("@"), part[1]
        offered = [f"@{registry}" for registry in slot.registries]
        self._report.add(
            path,
            f"{title(path)} doesn't say what to use",
            f"add a line {one_of(offered)} = …" if offered else "add a line that begins with @",
            help=self._choices(slot),
        )
        return None

    def _default_keys(self, path: Path, block: dict[str, Any]) -> set[str]:
        """Return the arguments that a block gets from its default, which confection merges it into."""
        default = self._default_at(path) or {}
        same = all(block[key] == default.get(key) for key in block if key.startswith("@"))
        return set(default) if same else set()

    def _check_registry(self, path: Path, registry: str, slot: Slot) -> bool:
        known = registry_names(self._facts)
        allowed = slot.registries or tuple(name for name in known if name not in HARMFUL)
        if registry in allowed:
            return True
        offered = [f"@{name}" for name in slot.registries]
        near = nearest(registry, allowed) or nearest(registry, known)
        label = did_you_mean([f"@{name}" for name in near]).replace('"', "")
        if registry not in known:
            message = f"there's no registry {quote('@' + registry)}"
            takes = offered or [f"@{name}" for name in allowed]
            self._report.add(
                path, message, label, help=(f"{title(path[:-1])} takes {listed(takes)}",)
            )
        elif offered:
            message = f"{title(path[:-1])} takes what's in {one_of(offered)}, not in @{registry}"
            label = f"choose something from {one_of(offered)}"
            self._report.add(path, message, label, help=self._choices(slot))
        else:
            message = f"nothing from @{registry} may be used in {title(path[:-1])}"
            self._report.add(path, message, "remove this section")
        return False

    def _check_value(self, path: Path, value: Any, annotation: Any, slot: Slot) -> None:
        if is_block(value) or (isinstance(value, dict) and self._is_slot(path, slot)):
            self.check(path, value, slot)
            return
        label = ""
        if isinstance(value, str) and path[-1] in KIND_SLOTS:
            label = f"write a section {title(path)} with @{slot.registries[0]} = {quote(value)}"
        if self._report.check_type(path, value, annotation, label=label):
            self.check_nested(path, value)

    def _is_slot(self, path: Path, slot: Slot) -> bool:
        """Whether a mapping at a path is a block, although it names no function."""
        is_kind = slot in KIND_SLOTS.values()
        return is_kind or is_block(self._default_at(path))

    def _check_host(self, path: Path, value: Any, annotation: Any) -> None:
        if isinstance(annotation, Slot) and isinstance(value, dict):
            self.check(path, value, annotation)
        elif isinstance(annotation, Slot):
            self._report.add(path, f"{quote(path[-1])} is a section", f"write it as {title(path)}")
        else:
            self._report.check_plain(path, value, annotation)

    def _nested_slot(self, function: Function, key: str) -> Slot:
        nested = NESTED_SLOTS.get(function.registry, {})
        slot = nested.get(key) or nested.get("*") or Slot()
        if key not in KIND_SLOTS:
            return slot
        if function.registry.startswith("seqpipe_") or function.name.startswith("seqpipe."):
            return KIND_SLOTS[key]
        more = ("tokenizers",) if key == "tokenizer" else ("architectures", "layers")
        return Slot((*KIND_SLOTS[key].registries, *more))

    def _choices(self, slot: Slot) -> tuple[str, ...]:
        found = (function_names(registry, self._facts) for registry in slot.registries)
        names = [name for offered in found for name in offered]
        return (f"to choose from: {listed(names)}",) if names else ()


def slot_at(path: Path) -> Slot | None:
    """Return the slot at a path, or None if there's no specific one."""
    for pattern, slot in SLOTS.items():
        if len(pattern) == len(path) and all(
            wanted in ("*", part) for wanted, part in zip(pattern, path, strict=True)
        ):
            return slot
    return None
