"""What spaCy and its registries contain: found by importing them, or read from a record of an earlier import.

Importing spaCy takes seconds, since torch comes with it. What a check needs is recorded once for an
environment, so that mistakes in later files are reported without it.
"""

import contextlib
import functools
import importlib
import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, get_type_hints

from seqpipe import plugins
from seqpipe.config._schema import NESTED_SLOTS, SLOTS
from seqpipe.errors import PluginError
from seqpipe.plugins import CannotWriteError

_KEYWORDS: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_RECORD: Final = "spacy"


@dataclass(frozen=True)
class Function:
    """A registered function.

    Attributes:
        registry: Without the ``@``.
        name: As the file names it.
        settings: Its arguments by name, their annotations resolved where that's possible.
        is_open: Whether it accepts any other argument too.
        is_variadic: Whether it takes a list of arguments, which files write as ``[x.*.name]``.
        owner: The distribution that provides it, if that's known.
    """

    registry: str
    name: str
    settings: Mapping[str, inspect.Parameter] = field(default_factory=dict)
    is_open: bool = False
    is_variadic: bool = False
    owner: str = ""

    @property
    def required(self) -> list[str]:
        """The arguments without a default."""
        empty = inspect.Parameter.empty
        return [name for name, parameter in self.settings.items() if parameter.default is empty]


#: A component's factory, and the defaults of its arguments.
Factory = tuple[Function, Mapping[str, Any]]


class NotRecordedError(Exception):
    """The record lacks something, so spaCy has to be imported."""


class SpacyFacts(ABC):
    """What a check needs to know of spaCy."""

    @abstractmethod
    def registries(self) -> list[str]:
        """Return the names of spaCy's registries."""

    @abstractmethod
    def names(self, registry: str) -> list[str]:
        """Return the names in a registry, sorted; none if they can't be listed."""

    @abstractmethod
    def function(self, registry: str, name: str) -> Function | None:
        """Return a function of a registry, or None if there's none of that name.

        Raises:
            Exception: Importing it failed.
        """

    @abstractmethod
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the annotations of the settings of spaCy's sections."""

    @abstractmethod
    def languages(self) -> list[str]:
        """Return the codes of the registered languages beside those that spaCy has a folder for."""

    @abstractmethod
    def factory(self, lang: str, name: str) -> Factory | None:
        """Return a component's factory, or None if there's none of that name."""

    @abstractmethod
    def factories(self, lang: str) -> list[str]:
        """Return the factories of a language, and those of every language."""


class ImportedFacts(SpacyFacts):
    """Imports spaCy to find out."""

    def registries(self) -> list[str]:
        return list(_registry().get_registry_names())

    def names(self, registry: str) -> list[str]:
        # Listing imports every installed package that registers something; any may be broken.
        return _listed(registry) or []

    def function(self, registry: str, name: str) -> Function | None:
        if not _registry().has(registry, name):
            return None
        return of_callable(registry, name, _registry().get(registry, name))

    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        schemas = importlib.import_module("spacy.schemas").CONFIG_SCHEMAS
        return {
            name: {key: field.rebuild_annotation() for key, field in schema.model_fields.items()}
            for name, schema in schemas.items()
        }

    def languages(self) -> list[str]:
        return _listed("languages") or []

    def factory(self, lang: str, name: str) -> Factory | None:
        language = _language(lang)
        if not language.has_factory(name):
            return None
        try:
            meta = language.get_factory_meta(name)
            function = _registry().get("factories", meta.factory)
        except Exception:
            # A factory of a broken package, or an incompletely registered one: nothing to check against.
            return Function("factories", name, is_open=True), {}
        known = of_callable("factories", name, function)
        settings = {key: p for key, p in known.settings.items() if key not in ("nlp", "name")}
        return Function("factories", name, settings, is_open=known.is_open), meta.default_config

    def factories(self, lang: str) -> list[str]:
        prefix = f"{_language(lang).lang}."
        names = _registry().factories.get_all()
        own = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
        return sorted(own | {name for name in names if "." not in name})


class RecordedFacts(SpacyFacts):
    """Reads what was recorded, without importing spaCy.

    Args:
        record: What `record_facts` wrote.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._record = record

    def registries(self) -> list[str]:
        return list(self._record["registries"])

    def names(self, registry: str) -> list[str]:
        return list(self._recorded(self._record["names"], registry))

    def function(self, registry: str, name: str) -> Function | None:
        if name not in self.names(registry):
            return None
        written = self._recorded(self._record["functions"], f"{registry} {name}")
        return _function_from_json(registry, name, written)

    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        return {name: _Fields(fields) for name, fields in self._record["schemas"].items()}

    def languages(self) -> list[str]:
        return list(self._record["languages"])

    def factory(self, lang: str, name: str) -> Factory | None:
        if name not in self.factories(lang):
            return None
        written, default = self._recorded(self._record["factories"][lang], name)
        return _function_from_json("factories", name, written), default

    def factories(self, lang: str) -> list[str]:
        return list(self._recorded(self._record["factories"], lang))

    def _recorded(self, records: Mapping[str, Any], key: str) -> Any:
        if records.get(key) is None:
            raise NotRecordedError(key)
        return records[key]


class _Fields(Mapping[str, Any]):
    """The annotations of a section's settings, each read on access."""

    def __init__(self, written: Mapping[str, Any]) -> None:
        self._written = written

    def __getitem__(self, key: str) -> Any:
        if self._written[key] is None:
            raise NotRecordedError(key)
        return plugins.annotation_from_json(self._written[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)


def recorded_facts() -> RecordedFacts | None:
    """Return the record of this environment, if there's one."""
    record = plugins.read_record("spacy", plugins.environment_stamp(), _RECORD)
    return RecordedFacts(record) if _is_whole(record) else None


def _is_whole(record: Any) -> bool:
    """Return whether something has the structure of `_make_record`'s result."""
    if not isinstance(record, dict):
        return False
    lists, mappings = ("registries", "languages"), ("names", "functions", "schemas", "factories")
    return all(isinstance(record.get(key), list) for key in lists) and all(
        isinstance(record.get(key), dict) for key in mappings
    )


def record_facts(lang: str) -> None:
    """Record what spaCy and seqpipe's own parts take in this environment, if that hasn't been done.

    Call it before a user's code has registered anything: the record is for later processes.

    Args:
        lang: The language whose components are recorded.
    """
    owner = plugins.environment_stamp()
    known = plugins.read_record("spacy", owner, _RECORD)
    factories = known["factories"] if _is_whole(known) else {}
    if lang in factories or not plugins.keeps_records():
        return
    record = _make_record(lang)
    record["factories"] |= factories
    plugins.write_record("spacy", owner, _RECORD, record)
    # A part is recorded when it's imported.
    with contextlib.suppress(PluginError):
        for part in plugins.host().load("seqpipe").all_parts:
            part.find_trouble(imports=True)


def of_callable(registry: str, name: str, function: Callable[..., Any]) -> Function:
    """Return the description of a function that was looked up."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return Function(registry, name, is_open=True)
    hints = _hints(function)
    kinds = {parameter.kind for parameter in parameters}
    return Function(
        registry,
        name,
        {
            p.name: p.replace(annotation=hints.get(p.name, Any))
            for p in parameters
            if p.kind in _KEYWORDS
        },
        is_open=inspect.Parameter.VAR_KEYWORD in kinds,
        is_variadic=inspect.Parameter.VAR_POSITIONAL in kinds,
    )


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    annotated = function.__init__ if inspect.isclass(function) else function
    hints: dict[str, Any] = {}
    for name, annotation in getattr(annotated, "__annotations__", {}).items():
        # One by one: many of spaCy's are strings with names that aren't imported.
        alone = SimpleNamespace(__annotations__={name: annotation})
        with contextlib.suppress(Exception):
            names = getattr(annotated, "__globals__", {})
            hints |= get_type_hints(alone, globalns=names, include_extras=True)
    return hints


def _make_record(lang: str) -> dict[str, Any]:
    """Return everything that a check may need to know of spaCy; what can't be written is None."""
    facts = ImportedFacts()
    registries = {name for slot in _slots() for name in slot} & set(facts.registries())
    names = {registry: _listed(registry) for registry in sorted(registries)}
    return {
        "registries": facts.registries(),
        "languages": facts.languages(),
        "names": names,
        "functions": {
            f"{registry} {name}": _written(facts, registry, name)
            for registry, offered in names.items()
            for name in offered or ()
        },
        "schemas": _written_schemas(facts),
        "factories": {
            lang: {name: _written_factory(facts, lang, name) for name in facts.factories(lang)}
        },
    }


def _listed(registry: str) -> list[str] | None:
    """Return the names in a registry; None if a broken package prevents listing it."""
    try:
        return sorted(getattr(_registry(), registry).get_all())
    except Exception:  # whatever the package's import raises
        return None


def _slots() -> list[tuple[str, ...]]:
    nested = [slot for slots in NESTED_SLOTS.values() for slot in slots.values()]
    return [slot.registries for slot in [*SLOTS.values(), *nested]]


def _written(facts: SpacyFacts, registry: str, name: str) -> Any:
    try:
        function = facts.function(registry, name)
        return function and _function_to_json(function)
    except Exception:
        # If importing a package's function fails, the others are still recorded.
        return None


def _written_factory(facts: SpacyFacts, lang: str, name: str) -> Any:
    found = facts.factory(lang, name)
    try:
        return found and [_function_to_json(found[0]), json.loads(json.dumps(found[1]))]
    except (CannotWriteError, TypeError, ValueError):
        return None


def _written_schemas(facts: SpacyFacts) -> dict[str, dict[str, Any]]:
    written: dict[str, dict[str, Any]] = {}
    for name, fields in facts.schemas().items():
        for key, annotation in fields.items():
            try:
                written.setdefault(name, {})[key] = plugins.annotation_to_json(annotation)
            except CannotWriteError:
                written.setdefault(name, {})[key] = None
    return written


def _function_to_json(function: Function) -> dict[str, Any]:
    return {
        "settings": plugins.parameters_to_json(function.settings),
        "is_open": function.is_open,
        "is_variadic": function.is_variadic,
    }


def _function_from_json(registry: str, name: str, written: Mapping[str, Any]) -> Function:
    settings = plugins.parameters_from_json(written["settings"])
    return Function(
        registry, name, settings, is_open=written["is_open"], is_variadic=written["is_variadic"]
    )


def _language(lang: str) -> Any:
    spacy = _spacy_with_factories()
    try:
        return spacy.util.get_lang_class(lang)
    except Exception:
        # A language that spaCy doesn't know is reported at [pipeline] or [nlp].
        return spacy.language.Language


@functools.cache
def _spacy_with_factories() -> Any:
    spacy = importlib.import_module("spacy")
    # spaCy registers its factories when the first pipeline is made. "xx" needs no further package.
    spacy.blank("xx")
    return spacy


def _registry() -> Any:
    registry = importlib.import_module("spacy").registry
    registry.ensure_populated()
    return registry
